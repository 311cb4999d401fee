"""A metric of one's own: declared once, on a task or a world, it is wherever the numbers of an episode are."""

import json
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.corridor import LEFT, LENGTH, RIGHT, STOP, Corridor, CorridorState, corridor_episodes
from helpers.glimpse_worlds import glimpses
from helpers.tiny_worlds import PLACES, dweller, place
from numpy.typing import NDArray
from rich.console import Console

from vln.agents.scripted import FixedPolicy, UniformPolicy
from vln.evaluation.evaluate import evaluate
from vln.evaluation.finished import FinishedEpisode
from vln.evaluation.tables import Entry, table_of
from vln.gym.env import TaskEnv
from vln.gym.vector_env import TaskVectorEnv
from vln.language import Vocabulary
from vln.learning.logs import METRICS_FILE
from vln.learning.rollouts import sample
from vln.metrics import Metric
from vln.pages.report import curves_of, write_page
from vln.runs.run import probe_of
from vln.tasks import Task


def bumps(episode: FinishedEpisode) -> float:
    """How often it walked on at the right end of the corridor."""
    at_end = [state.cell[0] == LENGTH - 1 for state in episode.states[:-1]]
    return sum(bool(end) and move == RIGHT for end, move in zip(at_end, episode.actions, strict=True))


BUMPS = Metric("bumps", of=bumps, unit="moves", better="less")
HASTY = FixedPolicy([0.2, 0.6, 0.2])


class Muddy(Corridor):
    """A corridor that is walked, and measures something itself."""

    metrics = (Metric("mud", unit="g", better="less"),)

    def measure(self, final: CorridorState) -> dict[str, NDArray[np.float64]]:
        return {"mud": 2 * final.length.astype(np.float64)}


def task(*metrics: Metric, world: Any = Corridor) -> Task:
    return Task(
        "corridor",
        lambda split: corridor_episodes(),
        lambda episodes, vocabulary: world(episodes),
        ("train", "val"),
        Vocabulary(("go", "to")),
        metrics=metrics,
    )


def walk_right(env: TaskEnv) -> dict[str, Any]:
    """From cell 6, the last: two moves that lead nowhere, one to the left, and a stop."""
    env.reset(options={"episode": len(env.world.episodes) - 1})
    return [env.step(move)[4] for move in (RIGHT, RIGHT, LEFT, STOP)][-1]


@pytest.mark.parametrize("path_metrics", [True, False])
def test_a_metric_of_a_task_is_in_the_info_of_its_environment_at_an_episodes_end(path_metrics: bool) -> None:
    info = walk_right(TaskEnv(task(BUMPS).open("val"), path_metrics=path_metrics))
    assert info["bumps"] == 2
    assert info["trajectory_length"] == 3
    assert ("ndtw" in info) == path_metrics


@pytest.mark.parametrize("mode", ["SameStep", "NextStep"])
def test_the_vector_environment_tells_the_same_of_every_slot(mode: str) -> None:
    world = task(BUMPS).open("val")
    env, rng = TaskVectorEnv(world, 3, mode), np.random.default_rng(0)
    env.reset(seed=5)
    moves: list[list[int]] = [[] for _ in range(3)]
    one, ended, over = TaskEnv(world), 0, np.zeros(3, bool)
    episode = env._slots.state.episode.copy()
    for _ in range(80):
        action = rng.choice(3, size=3, p=[0.2, 0.6, 0.2])
        _, _, terminated, truncated, infos = env.step(action)
        for slot in np.flatnonzero(~over):
            moves[slot].append(int(action[slot]))
        over = terminated | truncated
        told = infos.get("final_info", infos)
        for slot in np.flatnonzero(over):
            one.reset(options={"episode": int(episode[slot])})
            expected = [one.step(move)[4] for move in moves[slot]][-1]
            assert told["bumps"][slot] == expected["bumps"]
            moves[slot], ended = [], ended + 1
        if mode == "SameStep":
            over = np.zeros(3, bool)
        now = env._slots.state.episode
        episode = np.where([not len(done) for done in moves], now, episode)
    assert ended > 10


def test_it_is_told_of_slots_that_are_reset_by_a_mask_while_others_go_on() -> None:
    env = TaskVectorEnv(task(BUMPS).open("val"), 2, "Disabled", max_episode_steps=6)
    env.reset(options={"episode": 30})  # both begin in the last cell
    env.step(np.array([RIGHT, LEFT]))
    *_, infos = env.step(np.array([STOP, RIGHT]))
    assert (infos["bumps"].tolist(), infos["_bumps"].tolist()) == ([1, 0], [True, False])
    env.reset(options={"reset_mask": np.array([True, False]), "episode": 30})
    for moves in ((RIGHT, RIGHT), (RIGHT, RIGHT), (LEFT, RIGHT)):
        env.step(np.array(moves))
    *_, truncated, infos = env.step(np.array([STOP, RIGHT]))
    assert truncated[1]  # after six moves, four of them into the wall
    assert infos["bumps"].tolist() == [2, 4]


def test_it_is_in_table_json_and_page_in_its_own_unit(tmp_path: Path) -> None:
    world = task(BUMPS).open("val")
    table = table_of(world, {"agent": Entry(HASTY, sample)}, "corridor", "val")
    expected = np.mean([outcome.metrics()["bumps"] for outcome in evaluate(world, HASTY, act=sample)])
    assert expected > 0
    assert table.facts["rows"]["agent"]["bumps"]["mean"] == pytest.approx(expected)
    assert (table.facts["metrics"]["bumps"]["unit"], table.facts["metrics"]["bumps"]["better"]) == ("moves", "less")
    console = Console(width=200, record=True, file=(tmp_path / "console").open("w"))
    table.show(console)
    shown = console.export_text()
    assert " bumps moves " in shown
    assert f" {expected:.3g} " in shown
    write_page(tmp_path / "page.html", table, replays=2)
    page = (tmp_path / "page.html").read_text()
    assert "bumps</abbr> moves</th>" in page
    assert f"<td>{expected:.3g}<small>" in page


def test_a_metric_sees_every_state_action_and_position_of_its_episode() -> None:
    seen: list[FinishedEpisode] = []

    def steps(episode: FinishedEpisode) -> int:
        seen.append(episode)
        return len(episode.actions)

    world = task(Metric("steps", of=steps)).open("val")
    outcomes = evaluate(world, HASTY, [7, 3, 20], act=sample)
    for episode, outcome, number in zip(sorted(seen, key=lambda one: one.slot), outcomes, (7, 3, 20), strict=True):
        assert episode.episode is world.episodes[number]
        assert episode.outcome.name == outcome.name
        state = world.begin(np.array([number]))
        for action, lived in zip(episode.actions, episode.states, strict=False):
            assert lived.cell == state.cell
            state = world.step(state, np.array([action]))
        assert episode.states[-1].cell == state.cell
        assert episode.success == bool(world.success(state)[0])
        assert episode.positions[:, 1].tolist() == [int(one.cell[0]) for one in episode.states]
        assert outcome.metrics()["steps"] == len(episode.actions) == len(episode.states) - 1


@pytest.mark.parametrize("name", PLACES)
def test_in_every_world_the_states_are_those_of_the_positions(name: str) -> None:
    seen: list[FinishedEpisode] = []

    def steps(episode: FinishedEpisode) -> int:
        seen.append(episode)
        return len(episode.actions)

    world = copy(place(name))
    world.metrics = (*world.metrics, Metric("steps_made", of=steps))
    outcomes = evaluate(world, dweller(place(name)), range(3), sample)
    assert sorted(outcome.metrics()["steps_made"] for outcome in outcomes) == sorted(len(one.actions) for one in seen)
    for one in seen:
        assert [int(state.steps[0]) for state in one.states] == list(range(len(one.actions) + 1))
        positions = np.concatenate([world.position(state) for state in one.states])
        assert np.array_equal(positions, one.positions, equal_nan=positions.dtype.kind == "f")


def test_where_episodes_have_no_verdict_the_page_draws_the_curve_of_a_headline_of_ones_own(tmp_path: Path) -> None:
    class Unjudged(Corridor):
        headline = "bumps"
        verdicts = None

    there = replace(task(BUMPS, world=Unjudged), validation_split="val")
    probe = probe_of(there, {})
    assert probe is not None
    lines = [{"update": update, **probe(HASTY)} for update in (1, 2)]
    (tmp_path / METRICS_FILE).write_text("".join(json.dumps(line) + "\n" for line in lines))
    curves = curves_of(tmp_path, there.open("val"))
    assert curves["bumps"] == [(line["update"], line["bumps"]) for line in lines]
    write_page(tmp_path / "page.html", table_of(there.open("val"), {"agent": Entry(HASTY, sample)}), tmp_path)
    assert "<figcaption>bumps " in (tmp_path / "page.html").read_text()


def test_what_a_walked_world_measures_is_in_table_and_info_too() -> None:
    world = task(world=Muddy).open("val")
    assert walk_right(TaskEnv(world, path_metrics=False))["mud"] == walk_right(TaskEnv(world))["mud"] == 6
    table = table_of(world, {"agent": Entry(HASTY, sample)})
    assert table.facts["metrics"]["mud"]["unit"] == "g"
    assert table.facts["rows"]["agent"]["mud"]["mean"] > 0


def test_a_metric_of_looks_is_told_where_answers_are_scored() -> None:
    world = glimpses()
    world.metrics = (Metric("last_x", of=lambda episode: episode.final.where[0, 0]),)
    agent = UniformPolicy(world.action_space, world.num_answers)
    facts = table_of(world, {"chance": Entry(agent, sample)}, episodes=4).facts
    assert "last_x" in facts["rows"]["chance"]


def test_a_metric_that_may_be_misread_is_refused() -> None:
    for metrics, reason in (
        ((Metric("spl", of=bumps),), "'spl', which there is already"),
        ((BUMPS, replace(BUMPS, unit="times")), "'bumps', which there is already"),
    ):
        with pytest.raises(ValueError, match=reason):
            task(*metrics).open("val")
    with pytest.raises(ValueError, match="better"):
        Metric("bumps", better="lower")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="letters"):
        Metric("bumps per move")
    agent, missing = HASTY, task(Metric("mud")).open("val")
    with pytest.raises(ValueError, match="nobody measures 'mud'"):
        evaluate(missing, agent, [0])
    with pytest.raises(ValueError, match="measures 'mud' already"):
        evaluate(
            task(Metric("mud_", of=bumps), world=type("M", (Muddy,), {"metrics": (replace(BUMPS, name="mud"),)})).open(
                "val"
            ),
            agent,
            [0],
        )
    with pytest.raises(ValueError, match=r"metric 'odd' is not a number in episode '1 to 1'"):
        evaluate(task(Metric("odd", of=lambda episode: float("nan"))).open("val"), agent, [0])


def test_a_share_is_shown_as_a_percentage_and_a_number_in_three_digits() -> None:
    share, plain = Metric("wet", unit="%"), Metric("depth", unit="mm")
    assert (share.written(0.256), share.with_unit(0.256)) == ("25.6", "wet 25.6 %")
    assert (plain.written(0.256), plain.with_unit(0.2561)) == ("0.256", "0.256 mm")
