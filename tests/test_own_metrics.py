"""A metric is declared once, on a task or a world, and is in tables, JSON, pages and the infos of environments."""

import re
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import FEW, run, standing_in
from gymnasium.vector import AutoresetMode
from pens import Pens
from tiny import tiny
from toy import LEFT, Corridor

from vln.agents.scripted import Habit, scripted_for
from vln.checking import check_vector_env
from vln.env import TaskEnv
from vln.evaluation import evaluate
from vln.histories import History
from vln.judging import Contender, judge, make_table, show_table
from vln.rollouts import sample
from vln.tasks import Task
from vln.units import Metric
from vln.vector_env import TaskVectorEnv


def turned_back(history: History) -> int:
    """How often the last move was taken back."""
    return sum({one, other} == {0, 1} for one, other in pairwise(history.actions))


TURNS = Metric("turns", of=turned_back, unit="moves", better="less", meaning="moves that take the last one back")
WENT_LEFT = Metric("went_left", of=lambda history: float(history.actions[0] == LEFT), unit="%", better="more")


class Measured(Corridor):
    """A corridor that has numbers of its own, though it is walked."""

    metrics = (TURNS, WENT_LEFT, Metric("cell", unit="cells", better="more"))

    def measure(self, final: Any) -> dict[str, Any]:
        return {"cell": final.cell.astype(np.float64)}


WANDERER = Contender(Habit([0.45, 0.45, 0.1]), sample)


def by_hand(world: Corridor, seed: int) -> list[int]:
    """How often the last move was taken back in episodes of an environment, which tells the same."""
    env, rng = TaskEnv(world), np.random.default_rng(seed)
    numbers = []
    for episode in range(12):
        _, info = env.reset(options={"episode": episode})
        moves: list[int] = []
        over = False
        while not over:
            moves.append(int(rng.choice(3, p=[0.45, 0.45, 0.1])))
            _, _, terminated, truncated, info = env.step(moves[-1])
            over = terminated or truncated
        backs = sum({one, other} == {0, 1} for one, other in pairwise(moves))
        assert (info["turns"], info["went_left"]) == (backs, float(moves[0] == LEFT))
        numbers.append(backs)
    return numbers


def test_an_environment_tells_them_at_the_end_of_an_episode() -> None:
    numbers = by_hand(Measured(), seed=0)
    assert len(set(numbers)) > 2
    env = TaskEnv(Measured(), path_metrics=False)
    env.reset(options={"episode": 3})
    _, _, _, _, info = env.step(2)
    assert (info["turns"], info["went_left"], info["cell"]) == (0, 0, 1)
    assert {"success", "spl"} <= set(info)


@pytest.mark.parametrize("paths", [True, False])
def test_many_environments_tell_what_one_tells(paths: bool) -> None:
    world = Measured(max_steps=7)
    check_vector_env(
        lambda count, mode: TaskVectorEnv(world, count, mode, path_metrics=paths),
        partial(TaskEnv, world, path_metrics=paths),
        steps=60,
    )
    vector = TaskVectorEnv(world, 3, AutoresetMode.SAME_STEP)
    vector.reset(seed=0)
    vector.step(np.array([0, 1, 0]))
    infos = vector.step(np.array([2, 2, 2]))[-1]
    assert infos["final_info"]["went_left"][infos["_final_info"]].tolist() in ([1, 0, 1], [0, 1], [0], [0, 1, 1])


def test_they_are_in_the_table_with_their_unit_and_none_is_left_out() -> None:
    world = Measured()
    rows = judge(world, {"random": WANDERER} | scripted_for(world))
    table = make_table("corridor", "all", 0, rows, world)
    assert {"turns", "went_left", "cell", "success", "ndtw"} <= set(table["rows"]["random"])
    assert table["rows"]["expert"]["turns"]["mean"] == 0
    assert table["metrics"]["turns"] | {"unit": "moves", "better": "less"} == table["metrics"]["turns"]
    heads = [str(column.header) for column in show_table(table).columns]
    assert {"turns moves", "went left %", "cell cells"} <= set(heads)


def test_of_two_ways_to_act_the_better_is_told_by_a_headline_of_ones_own() -> None:
    class Steady(Measured):
        headline = "turns"

    world = Steady()
    (row,) = judge(world, {"agent": replace(WANDERER, other=None)}).values()
    assert np.mean([outcome.metrics()["turns"] for outcome in row.outcomes]) > 0


def test_a_task_gives_its_metrics_to_its_worlds() -> None:
    task = replace(tiny("GoTo"), metrics=(Metric("bumps", of=bumps, unit="moves", better="less"),))
    world = task.open("val_seen", max_steps=9)
    outcomes = evaluate(world, Habit([1.0, 0.0, 0.0, 0.0]))
    assert max(outcome.metrics()["bumps"] for outcome in outcomes) > 0
    assert not tiny("GoTo").open("val_seen").metrics


def bumps(history: History) -> int:
    """Steps forward after which the agent stands where it stood."""
    places = [history.world.position(state)[0] for state in history.states]
    pairs = zip(history.actions, places, places[1:], strict=False)
    return sum(action == 0 and np.array_equal(here, there) for action, here, there in pairs)


def test_what_was_done_in_several_parts_can_be_measured() -> None:
    class Drawing(Pens):
        metrics = (Metric("lifted", of=lambda history: sum(action["pen"] for action in history.actions)),)

    world = Drawing()
    outcomes = evaluate(world, *_expert(world))
    lifted = [outcome.metrics()["lifted"] for outcome in outcomes]
    assert lifted == [float((~world.down[number, :3]).sum()) for number in range(len(outcomes))]


def _expert(world: Any) -> Any:
    from pens import PenAgent

    from vln.rollouts import follow_teacher

    return PenAgent(), None, follow_teacher, world.expert


@pytest.mark.parametrize(
    ("metric", "complaint"),
    [
        (Metric("success", of=lambda history: 1), "there is a metric called 'success' already"),
        (
            Metric("turns", of=lambda history: "many"),  # type: ignore[arg-type,return-value]
            "metric 'turns' of episode '.*' is no number: 'many'",
        ),
    ],
)
def test_a_metric_with_a_name_that_is_taken_or_that_is_no_number_is_refused(metric: Metric, complaint: str) -> None:
    task: Task = replace(tiny("GoTo"), metrics=(metric,))
    with pytest.raises(ValueError, match=complaint):
        evaluate(task.open("val_seen"), Habit([0.0, 0.0, 0.0, 1.0]), range(1))
    with pytest.raises(ValueError, match="what is better of metric 'turns' is one of more, less, neither, not 'low'"):
        Metric("turns", better="low")  # type: ignore[arg-type]


FILE = """
import re
from dataclasses import replace
from vln.envs import make_task
from vln.units import Metric

def hesitant():
    task = make_task("goto", {"difficulty": 1, "houses": 512})
    turns = Metric("turns", of=lambda history: sum(move in (1, 2) for move in history.actions), unit="moves")
    return replace(task, metrics=(turns,))
"""


def test_from_the_command_line_they_are_in_table_json_and_page(tmp_path: Path) -> None:
    with standing_in(tmp_path):
        (tmp_path / "mine.py").write_text(FILE)
        assert run("train", "mine.py:hesitant", "--floors", "0", *FEW)
        page = tmp_path / "page.html"
        judged = ("--trust-code", "--episodes", "3", "--threads", "1", "--report", str(page))
        table = run("evaluate", str(tmp_path / "runs" / "mine"), *judged)
        assert table["metrics"]["turns"]["unit"] == "moves"
        assert table["rows"]["random"]["turns"]["mean"] >= 0
        assert re.search(r"turns\W+(<[^>]*>\W*)*moves", page.read_text())
