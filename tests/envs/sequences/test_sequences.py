"""Sequences: what is asked is what a slow second opinion says, answers are counted, and agents learn to remember."""

import warnings
from dataclasses import replace
from itertools import product
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode
from helpers.short_sequences import SHORT, short

from vln.agents.handwritten import repeated_ones_by_hand
from vln.agents.recurrent.core import CELLS
from vln.agents.recurrent_agent import RecurrentAgent
from vln.agents.registry import make_agent
from vln.agents.scripted import scripted_for
from vln.envs.registry import make_task
from vln.envs.sequences.bits import SampledSequences
from vln.envs.sequences.world import CLOSE, NOTHING, Sequences
from vln.evaluation.evaluate import evaluate
from vln.evaluation.intervals import summary
from vln.evaluation.tables import evaluate_entries
from vln.gym.env_checker import check_vector_env
from vln.gym.vector_env import TaskVectorEnv
from vln.learning.config import TrainConfig
from vln.learning.learner import Learner

NAMES = ("repeatones", "parity", "repeatprevious", "copy", "adding")


def by_definition(name: str, inputs: list[Any]) -> list[Any]:
    """What is to be answered at every step, None where nothing is asked."""
    if name == "repeatones":
        return [int("".join(map(str, inputs[: n + 1])).endswith("11")) for n in range(len(inputs))]
    if name == "parity":
        return [inputs[: n + 1].count(1) % 2 for n in range(len(inputs))]
    if name == "repeatprevious":
        return [None, None, None, *inputs[:-3]]
    if name == "copy":
        blank, sign = 8, 9
        assert inputs[3:] == [blank] * 3 + [sign] + [blank] * 3
        return [None] * 7 + inputs[:3]
    marked = [value for value, mark in inputs if mark]
    assert len(marked) == 2
    assert sum(mark for _, mark in inputs[:3]) == 1
    return [None] * 6 + [sum(marked)]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_asked_is_what_its_definition_says(name: str) -> None:
    world = short(name).open("val")
    for episode in world.episodes:
        line = episode.place
        expected = by_definition(name, line.inputs.tolist())
        nothing = [np.isnan(targets) if name == "adding" else targets == NOTHING for targets in line.targets]
        assert nothing == [answer is None for answer in expected]
        for targets, answer in zip(line.targets.tolist(), expected, strict=True):
            assert answer is None or targets == pytest.approx(answer)


@pytest.mark.parametrize("name", NAMES)
def test_lines_of_another_split_are_others_and_longer_ones_are_longer(name: str) -> None:
    task = short(name)
    train, val, longer = (task.episodes(split)[0].place for split in task.splits)
    assert train.inputs.shape == val.inputs.shape
    assert train.inputs.tolist() != val.inputs.tolist()
    assert len(longer.inputs) > 4 * len(val.inputs)


@pytest.mark.parametrize("name", NAMES)
def test_the_expert_is_right_and_chance_is_not(name: str) -> None:
    world = short(name).open("val")
    rows = {row: summary(one.outcomes) for row, one in evaluate_entries(world, scripted_for(world), 100).items()}
    assert set(rows) == {"random", "expert"}
    assert rows["expert"]["accuracy"].mean == rows["expert"]["average_accuracy"].mean == 1
    assert rows["random"]["average_accuracy"].mean < 0.7
    if not world.numbers:  # type: ignore[attr-defined]
        assert rows["random"]["nll"].mean == pytest.approx(np.log(len(world.action_names)))


def test_answers_are_counted_where_they_were_asked_for() -> None:
    task = make_task("repeatprevious", {"length": 5, "lag": 2, "symbols": 3})
    source = SampledSequences("val", "repeatprevious", np.array([[0, 1, 2, 0, 1]]), np.array([[-1, -1, 0, 1, 2]]))
    world = replace(task, source=lambda split: source).open("val")
    state = world.begin(np.zeros(1, dtype=np.int64))
    errors = [world.error(state).item()]
    for move in (2, 2, 0, 2, 2):  # the first two do not matter, the fourth is wrong
        assert not world.terminated(state)
        state = world.step(state, np.array([move]))
        errors.append(world.error(state).item())
    assert errors == [3, 3, 3, 2, 2, 1]
    assert world.terminated(state)
    assert not world.success(state)
    assert world.measure(state)["average_accuracy"].item() == pytest.approx(2 / 3)


@pytest.mark.parametrize(("off", "right"), [(0.0, True), (0.9 * CLOSE, True), (-1.1 * CLOSE, False), (np.nan, False)])
def test_a_number_is_right_when_it_is_close(off: float, right: bool) -> None:
    world = make_task("adding", {"length": 2}).open("val")
    state = world.begin(np.arange(4))
    assert np.isnan(world.expert(state)).all()
    state = world.step(state, np.full((4, 1), 99, dtype=np.float32))
    state = world.step(state, world.expert(state) + np.float32(off))
    assert (world.success(state) == right).all()
    if np.isfinite(off):
        assert world.measure(state)["squared_error"] == pytest.approx(off**2, abs=1e-6)


def test_lines_of_several_lengths_end_each_by_itself() -> None:
    task = make_task("parity", {"length": 3})
    lines = [replace(task.episodes("val")[0]), task.episodes("val_longer")[0]]
    world = Sequences(lines, task.vocabulary, symbols=2, answers_named=("0", "1"))
    # Before every answer and after the last.
    assert [len(outcome.positions) for outcome in evaluate(world, repeated_ones_by_hand())] == [4, 31]


def test_the_network_by_hand_is_right_on_every_line_and_at_every_length() -> None:
    network, lengths = repeated_ones_by_hand(), range(1, 13)
    for length in lengths:
        lines = np.array(list(product((0, 1), repeat=length)))
        assert (answers(network, lines) == ones(lines)).all()
    long = np.random.default_rng(0).integers(2, size=(4, 20_000))
    assert (answers(network, long) == ones(long)).all()
    world = make_task("repeatones", {"length": 20}).open("val_longer")
    assert all(outcome.success for outcome in evaluate(world, network))


def test_the_states_of_the_network_by_hand_are_the_current_bit_the_previous_one_and_one() -> None:
    network, bits = repeated_ones_by_hand(), torch.tensor([[1], [0], [1], [1]])
    _, memory = network({"input": bits[:3]}, network.initial(1), torch.zeros(3, 1, dtype=torch.bool))
    assert memory["core"].tolist() == [[1, 0, 1]]
    _, memory = network({"input": bits[3:]}, memory, torch.zeros(1, 1, dtype=torch.bool))
    assert memory["core"].tolist() == [[1, 1, 1]]


def test_a_trained_network_finds_the_same_function_and_a_blind_one_does_not() -> None:
    trained, blind = (learned("repeatones", 150, blind=blind) for blind in (False, True))
    lines = np.array(list(product((0, 1), repeat=12)))
    assert (answers(trained, lines) == answers(repeated_ones_by_hand(), lines)).all()
    longer = make_task("repeatones").open("val_longer")
    assert all(outcome.success for outcome in evaluate(longer, trained))
    assert summary(evaluate(longer, blind))["average_accuracy"].mean < 0.8  # three answers in four are 0
    assert not any(outcome.success for outcome in evaluate(longer, blind))


def learned(name: str, updates: int, blind: bool) -> RecurrentAgent:
    torch.manual_seed(0)
    world = make_task(name).open("train")
    spaces = {} if blind else world.spaces
    agent = make_agent(spaces, world.action_space, 0, {"memory": "lstm", "hidden": 16, "word_dim": 0})
    config = TrainConfig(
        updates=updates,
        unroll_length=20,
        learning_rate=0.02,
        teacher_share_end=1.0,
        progress_weight=0,
        warmup_updates=10,
    )
    learner = Learner.begin(world, agent, config)
    for _ in range(updates):
        learner.learn()
    assert isinstance(agent, RecurrentAgent)
    return agent


def answers(network: RecurrentAgent, lines: Any) -> Any:
    inputs = torch.from_numpy(lines.T.copy())
    decision, _ = network({"input": inputs}, network.initial(len(lines)), torch.zeros(inputs.shape, dtype=torch.bool))
    return decision.policy.logits.argmax(dim=-1).T.numpy()


def ones(lines: Any) -> Any:
    return lines & np.pad(lines, ((0, 0), (1, 0)))[:, :-1]


@pytest.mark.parametrize("words", [0, 5])
def test_a_symbol_is_one_of_many_or_a_learned_vector(words: int) -> None:
    world = short("copy").open("val")
    agent = make_agent(world.spaces, world.action_space, 0, {"word_dim": words})
    assert isinstance(agent, RecurrentAgent)
    assert agent.core.inputs == (words or 10)


def test_what_is_not_asked_teaches_nothing() -> None:
    for name in ("repeatprevious", "adding"):
        world = short(name).open("train")
        agent = make_agent(world.spaces, world.action_space, 0, {"hidden": 8})
        config = TrainConfig(num_envs=4, unroll_length=2, teacher_share_end=1.0, progress_weight=0)
        assert Learner.begin(world, agent, config).learn()["norm"] < 1e-6


@pytest.mark.parametrize(
    ("name", "options", "complaint"),
    [
        ("adding", {"length": 1}, "a line of adding has at least 2 steps, not 1"),
        ("repeatprevious", {"length": 4, "lag": 4}, "at least 5 steps, not 4"),
        ("copy", {"symbols": 0}, "symbols must be at least 1, not 0"),
        ("parity", {"eval_factor": 0}, "at least as long as the others, not 0 times"),
        ("parity", {"lag": 3}, "takes no option"),
    ],
)
def test_lengths_that_can_not_be_are_refused(name: str, options: dict[str, int], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        make_task(name, options)


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_is_of_one_size_at_every_step(name: str) -> None:
    world = short(name).open("val")
    state, sizes, path = world.begin(np.zeros(1, dtype=np.int64)), set(), []
    while True:
        path.append(world.position(state)[0])
        sizes.add(world.draw(state, 0, np.array(path)).shape)
        if world.terminated(state)[0]:
            break
        best = world.expert(state)
        state = world.step(state, best if best.dtype.kind == "f" else best.argmax(axis=1))
    assert len(sizes) == 1


@pytest.mark.parametrize("name", ["RepeatOnes", "Parity", "RepeatPrevious", "Copy", "Adding"])
def test_gymnasium_makes_one_and_many_that_keep_their_promises(name: str) -> None:
    place: Any = {"split": "val", **SHORT.get(name.lower(), {"length": 6})}

    def many(slots: int, mode: AutoresetMode) -> TaskVectorEnv:
        made: Any = gymnasium.make_vec(f"vln/{name}-v0", slots, autoreset_mode=mode, **place)
        return made

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*Box action space|.*shape of render frames|.*not within the")
        gymnasium.utils.env_checker.check_env(gymnasium.make(f"vln/{name}-v0", **place).unwrapped)
    check_vector_env(many, lambda: gymnasium.make(f"vln/{name}-v0", **place), steps=40)


@pytest.mark.parametrize("memory", CELLS)
def test_every_memory_learns_to_answer(memory: str) -> None:
    torch.manual_seed(0)
    world = short("repeatones").open("train")
    agent = make_agent(
        world.spaces, world.action_space, 0, {"memory": memory, "hidden": 16, "layers": 2, "word_dim": 0}
    )
    config = TrainConfig(
        num_envs=32, unroll_length=6, teacher_share_end=1.0, progress_weight=0, updates=150, learning_rate=0.01
    )
    learner = Learner.begin(world, agent, config)
    losses = [learner.learn()["loss"] for _ in range(150)]
    assert np.mean(losses[-5:]) < 0.1 < losses[0]
