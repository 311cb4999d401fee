"""Baselines that can be believed: only where they tell something, and trained as long as the agent unless said."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers.commands import FEW, run, standing_in
from helpers.corridor import Corridor, corridor_episodes
from helpers.glimpse_worlds import glimpses

from vln.agents.scripted import FixedPolicy, scripted_for
from vln.evaluation.evaluate import evaluate
from vln.evaluation.tables import Entry, table_of
from vln.language import Vocabulary
from vln.learning.checkpoints import load_checkpoint
from vln.learning.learner import TrainConfig
from vln.learning.rollouts import sample
from vln.learning.training import CHECKPOINT
from vln.runs.plan import Plan
from vln.runs.results import scripted_in
from vln.runs.run import begin_run
from vln.runs.trained import train_task
from vln.tasks import Baseline, Task

DEAF, BLIND = Baseline(without=("instruction",)), Baseline(without=("view",))


def test_a_baseline_that_would_lack_nothing_is_left_out_with_a_word_why() -> None:
    world = Corridor()
    assert not DEAF.why_not(world)
    assert not BLIND.why_not(world)
    alike = Corridor([replace(episode, instruction="go") for episode in corridor_episodes()])
    assert "every episode has the same instruction" in DEAF.why_not(alike)
    assert not BLIND.why_not(alike)
    del world.spaces["view"]
    assert "view is not observed there" in BLIND.why_not(world)


MINE = """
from dataclasses import replace
from vln.envs import make_task

ours = make_task("goto", {"difficulty": 1})


def alike(split):
    return [replace(episode, instruction="go") for episode in ours.source(split)[:64]]


TASK = replace(ours, source=alike)
"""


def test_the_console_trains_baselines_as_long_as_the_agent_and_no_deaf_one_of_one_instruction(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with standing_in(tmp_path):
        Path("mine.py").write_text(MINE)
        assert run("train", "mine.py:TASK", "--view", "symbols", *FEW)
        assert "no baseline 'deaf': every episode has the same instruction" in capsys.readouterr().out
        assert not Path("runs/mine/deaf").exists()
        plan = load_checkpoint(Path("runs/mine/blind") / CHECKPOINT).facts["plan"]
    assert plan["config"]["updates"] == 4


def task_of_looks(options: Any = None) -> Task:
    world = glimpses()
    return Task("looks", lambda split: world.scenes, lambda episodes, words: glimpses(), ("train",), Vocabulary(()))


def test_an_agent_that_gives_no_answers_is_refused_where_they_are_scored(tmp_path: Path) -> None:
    world = glimpses()
    silent = FixedPolicy([1.0] * len(world.action_names))
    with pytest.raises(ValueError, match="FixedPolicy gives no answers"):
        evaluate(world, silent, [0])
    with pytest.raises(ValueError, match="FixedPolicy gives no answers"):
        train_task(task_of_looks(), silent, TrainConfig(updates=1), tmp_path)
    plan = Plan("looks", TrainConfig(updates=1, num_envs=2, unroll_length=2))
    with pytest.raises(ValueError, match="FixedPolicy gives no answers"):
        begin_run(tmp_path, plan, lambda name, options: task_of_looks(), lambda *about: silent)


def test_a_task_names_scripted_rows_of_its_own() -> None:
    task = Task(
        "corridor",
        lambda split: corridor_episodes(),
        lambda episodes, words: Corridor(episodes),
        ("val",),
        Vocabulary(("go",)),
        scripted={"right away": lambda world: Entry(FixedPolicy([0.0, 1.0, 0.0]), sample)},
    )
    world = task.open("val")
    table = table_of(world, scripted_for(world) | scripted_in(task, world))
    assert list(table.facts["rows"]) == ["random", "stop", "expert", "right away"]
    assert table.facts["rows"]["right away"]["success"]["mean"] == 0


def test_a_world_declares_which_scripted_rows_mean_something() -> None:
    class Unknown(Corridor):
        scripted = ("random",)

    assert set(scripted_for(Unknown())) == {"random"}
    wrong = type("Wrong", (Corridor,), {"scripted": ("random", "straight")})
    with pytest.raises(ValueError, match="'straight' means nothing among the moves left, right, stop"):
        scripted_for(wrong())
    wrong = type("Wrong", (Corridor,), {"scripted": ("oracle",)})
    with pytest.raises(ValueError, match="no scripted agent is called 'oracle'"):
        scripted_for(wrong())
