"""Ready-made worlds of pictures: a few functions make a task, and what does not fit in them is named."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env
from helpers import painted_tasks as painted
from helpers.painted_tasks import QUESTIONS, SENTENCES, SIZES, ask, judge, paint, scene, sentences

from vln.agents.config import AgentConfig
from vln.agents.recurrent_agent import RecurrentAgent
from vln.agents.scripted import UniformPolicy
from vln.envs.pictures import PictureSentences, picture_questions, picture_sentences
from vln.envs.registry import make_task
from vln.evaluation.evaluate import evaluate
from vln.gym.env import TaskEnv
from vln.gym.env_checker import check_vector_env
from vln.gym.vector_env import TaskVectorEnv
from vln.learning.config import TrainConfig
from vln.learning.rollouts import Act, follow_teacher, greedy
from vln.learning.training import train
from vln.tasks import Task
from vln.world_checker import check_world

TASKS = {"sentences": (SENTENCES, 6, 260), "questions": (QUESTIONS, 1, 80)}  # with a window and updates to learn in
LINES = {"sentences": (scene, paint, sentences, judge), "questions": (scene, paint, ask)}


@pytest.fixture(params=TASKS)
def task(request: pytest.FixtureRequest) -> Task:
    return TASKS[request.param][0]


def say(world: PictureSentences, sentence: str) -> Any:
    """The final state of saying this of the first picture."""
    state = world.begin(np.array([0]))
    for word in [*sentence.split(), "stop"]:
        state = world.step(state, np.array([world.action_names.index(word)]))
    return state


def accuracy(task: Task, agent: Any, act: Act = greedy) -> float:
    world = task.open("test")
    outcomes = evaluate(world, agent, act=act, label=world.expert if act is follow_teacher else None)
    return fmean(outcome.metrics()["accuracy"] for outcome in outcomes)


@pytest.mark.parametrize(("what", "most"), [("sentences", 20), ("questions", 15)])
def test_a_task_is_made_of_so_few_lines(what: str, most: int) -> None:
    lines = [line for part in LINES[what] for line in inspect.getsource(part).splitlines() if line.strip()]
    assert len(lines) + 1 <= most  # one more makes the task


def test_the_worlds_keep_the_contract(task: Task) -> None:
    for seed in range(3):
        check_world(task.open("train"), seed)


def test_they_are_environments(task: Task) -> None:
    world = task.open("val")
    check_env(TaskEnv(world), skip_render_check=True)
    check_vector_env(lambda slots, mode: TaskVectorEnv(world, slots, mode), lambda: TaskEnv(world), steps=60)


def test_a_file_gives_them_to_the_command_line() -> None:
    assert make_task(f"{Path(painted.__file__)}:SENTENCES").name == "squares"


def test_splits_have_pictures_of_their_own_and_are_the_same_every_time(task: Task) -> None:
    again = make_task(f"{Path(painted.__file__)}:{'SENTENCES' if task is SENTENCES else 'QUESTIONS'}")
    for split, count in SIZES.items():
        one, other = task.open(split), again.open(split)
        assert len(one.episodes) == count
        np.testing.assert_array_equal(one.pictures, other.pictures)  # type: ignore[attr-defined]


@pytest.mark.parametrize("what", TASKS)
def test_an_agent_learns_what_a_blind_one_and_chance_do_not(what: str, tmp_path: Path) -> None:
    task, window, updates = TASKS[what]
    world, reached = task.open("train"), {}
    for name, senses in (("agent", ("view", "previous", "instruction")), ("blind", ("previous", "instruction"))):
        torch.manual_seed(0)
        spaces = {name: space for name, space in world.spaces.items() if name in senses}
        agent = RecurrentAgent(spaces, world.action_space, 0, AgentConfig(hidden=64, word_dim=32, view_dim=64))
        train(world, agent, TrainConfig(updates=updates, num_envs=16, unroll_length=window), tmp_path / name)
        reached[name] = accuracy(task, agent)
    by_chance = UniformPolicy(world.action_space, world.num_answers)
    assert accuracy(task, by_chance, follow_teacher) == 1  # the oracle
    assert reached["agent"] >= 0.9
    assert reached["agent"] > max(reached["blind"], accuracy(task, by_chance)) + 0.2


# Sentences


def test_a_true_sentence_is_a_success_and_others_are_not() -> None:
    world = SENTENCES.open("train")
    assert isinstance(world, PictureSentences)
    colour, half, _ = world.episodes[0].place.scene
    other = "blue" if colour == "red" else "red"
    for sentence, true in (
        (f"it is {colour}", True),
        (f"the {colour} square is {half}", True),
        (f"it is {other}", False),
    ):
        final = say(world, sentence)
        assert world.success(final).tolist() == [true]
        assert world.measure(final)["words"].tolist() == [len(sentence.split())]
        assert world.measure(final)["truth"].tolist() == [float(true)]
    assert not world.success(say(world, "")).any()


def test_the_expert_offers_every_way_to_go_on() -> None:
    world = SENTENCES.open("train")
    best = world.expert(world.begin(np.array([0])))
    assert {world.action_names[move] for move in np.flatnonzero(best[0])} == {"it", "the"}


def test_a_sentence_may_be_partly_true() -> None:
    halves = picture_sentences("half", scene, paint, lambda seen: ["it is"], lambda seen, said: len(said) / 5, SIZES)
    world = halves.open("train", tolerance=0.7)
    final = say(world, "it")  # type: ignore[arg-type]
    np.testing.assert_allclose(world.error(final), [0.6], rtol=1e-6)
    assert world.success(final).all()


Make = Callable[..., Any]


@pytest.mark.parametrize(
    ("others", "fault"),
    [
        ({"sentences": lambda seen: ["it is green"]}, "sentences gives 'it is green' for .* but judge says 0"),
        ({"sentences": lambda seen: []}, "sentences gives none"),
        ({"judge": lambda seen, said: 7}, "judge gives 7.0 for 'it is .*'; how true a sentence is goes from 0 to 1"),
        ({"paint": lambda seen: np.zeros((16, 16))}, r"paint gives float64 \[16, 16\], but a picture is uint8"),
        ({"paint": lambda seen: np.zeros((16, seen[2] + 1), np.uint8)}, "pictures of several sizes"),
    ],
)
def test_functions_that_do_not_fit_are_named(others: Mapping[str, Any], fault: str) -> None:
    functions: dict[str, Any] = {"scene": scene, "paint": paint, "sentences": sentences, "judge": judge, **others}
    with pytest.raises(ValueError, match=fault):
        picture_sentences("wrong", **functions, sizes=SIZES).open("train")


def test_sentences_that_are_too_long_are_left_out_until_there_are_none() -> None:
    world = SENTENCES.open("train", max_steps=4)
    assert [world.action_names[move] for move in np.flatnonzero(world.expert(world.begin(np.array([0])))[0])] == ["it"]
    with pytest.raises(ValueError, match=r"no true sentence of train/0/0 can be said in 2 words"):
        SENTENCES.open("train", max_steps=3)


# Questions


def test_an_answer_that_is_not_among_those_named_is_refused() -> None:
    answers: Sequence[str] = ("red", "left", "right")
    with pytest.raises(ValueError, match="blue is right, but no answer; there are red, left, right"):
        picture_questions("few", scene, paint, ask, answers, SIZES).open("train")


def test_an_answer_may_be_called_stop() -> None:
    task = picture_questions("signs", scene, paint, lambda seen, rng: ("what now?", "stop"), ("go", "stop"), SIZES)
    check_world(task.open("train"))
