"""A trained agent does what it is told in a house of one's own, without a goal, step by step."""

import warnings
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from helpers import graph_worlds as graphs
from helpers.corridor import Corridor

import vln
from vln.agents.registry import make_agent
from vln.envs.registry import make_task
from vln.envs.rooms import Goal, House, Rooms
from vln.envs.rooms.world import VIEWS
from vln.learning.config import TrainConfig
from vln.learning.rollouts import sample
from vln.runs.plan import Plan
from vln.runs.run import Run, begin_run
from vln.tasks import Task

HOUSE = House.of_text("#########/#...#...#/#.r.+..b#/#########", r="red chair", b="blue table")
START = (1, 1, "east")
SMALL = {"hidden": 8, "word_dim": 8, "view_dim": 8}


def trained(folder: Path, view: str = "symbols") -> Run:
    config = TrainConfig(updates=1, num_envs=2, unroll_length=4)
    world = {"view": view} | ({"size": 28} if "_" in view else {})
    agent = {name: size for name, size in SMALL.items() if name != "view_dim" or view != "none"}
    plan = Plan("goto", config, {"difficulty": 1}, world, agent)
    assert begin_run(folder, plan, make_task, make_agent)
    return vln.open_run(folder)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return trained(tmp_path_factory.mktemp("runs"))


def test_each_step_tells_action_probabilities_attention_and_pose(run: Run) -> None:
    steps = list(run.ask("go to the blue table", HOUSE, START, max_steps=5))
    assert steps[0].pose == START
    for step, after in pairwise(steps):
        assert not step.ended
        assert step.next_pose == after.pose
    assert steps[-1].ended
    assert len(steps) == 5 or steps[-1].stopped
    for step in steps:
        assert list(step.probabilities) == ["forward", "turn left", "turn right", "stop"]
        assert step.action == max(step.probabilities, key=lambda name: step.probabilities[name])
        assert sum(step.probabilities.values()) == pytest.approx(1)
        assert [word for word, _ in step.attention] == ["go", "to", "the", "blue", "table"]
        assert sum(share for _, share in step.attention) == pytest.approx(1)


def test_pictures_are_those_before_and_after_the_action(run: Run) -> None:
    first, second, *_ = run.ask("go to the blue table", HOUSE, START, act=sample, seed=1, max_steps=20)
    assert first.picture.dtype == np.uint8
    assert first.picture.shape[2] == 3
    np.testing.assert_array_equal(first.next_picture, second.picture)
    assert (first.picture != second.picture).any()


@pytest.mark.parametrize("view", VIEWS)
def test_it_can_be_asked_in_every_view(view: str, tmp_path: Path) -> None:
    steps = list(trained(tmp_path, view).ask("go to the blue table", HOUSE, START, max_steps=3))
    assert steps[-1].ended
    assert steps[-1].next_picture.ndim == 3


def test_to_go_through_a_trace_again_is_to_live_the_same_episode(run: Run) -> None:
    trace = run.ask("go to the blue table", HOUSE, START, act=sample, seed=3, max_steps=8)
    one, other = ([(step.action, step.pose) for step in trace] for _ in range(2))
    assert one == other


def test_unknown_words_are_told_and_known_ones_are_not(run: Run) -> None:
    with pytest.warns(UserWarning, match=r"does not know 'teapot', 'tabel' \(it knows 'table'\)"):
        trace = run.ask("go to the teapot tabel", HOUSE, START)
    assert trace.unknown_words == ("teapot", "tabel")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert run.ask("go to the blue table", HOUSE, START).unknown_words == ()


@pytest.mark.parametrize(
    ("start", "complaint"),
    [
        ((1, 1), "a start is row, column and heading"),
        ((1, 1, "up"), "no heading is called 'up'; there are north, east, south, west"),
        ((9, 1, "east"), "row 9, column 1 is outside of a house of 4 rows and 9 columns"),
        ((0, 0, "east"), "row 0, column 0 holds a wall"),
        ((2, 2, "east"), "row 2, column 2 holds a chair"),
    ],
)
def test_where_nobody_can_stand_nobody_starts(run: Run, start: tuple[object, ...], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        run.ask("go to the blue table", HOUSE, start)


def test_what_is_no_instruction_or_no_house_is_refused(run: Run) -> None:
    with pytest.raises(ValueError, match="at least one word"):
        run.ask("  ", HOUSE, START)
    with pytest.raises(ValueError, match=r"not in a str: House\.of_text draws one"):
        run.ask("go to the blue table", "#####/#...#/#####", START)
    with pytest.raises(ValueError, match="takes no option 'max_step'"):
        run.ask("go to the blue table", HOUSE, START, max_step=3)


def test_an_episode_without_a_goal_has_no_error_no_success_and_no_reference() -> None:
    world = Rooms([Rooms.episode_of("go", HOUSE, START)], make_task("goto").vocabulary, track_sight=True)
    state = world.begin(np.zeros(1, dtype=np.int64))
    after = world.step(state, np.array([len(world.action_names) - 1]))
    assert world.error(after)[0] == np.inf
    assert not world.success(after)[0]
    assert world.terminated(after)[0]
    with pytest.raises(ValueError, match="no path to compare with"):
        world.reference(0)


def test_a_lost_goal_beside_an_episode_without_one_is_still_refused() -> None:
    free = Rooms.episode_of("go", HOUSE, START)
    closed = House.of_text("#######/#.#..b#/#######", b="blue table")
    built = make_task("goto", {"difficulty": 1}).episodes("val_seen")[0]
    lost = replace(built, place=closed, start=(1, 1, 0), goals=(Goal(closed.facing(1, 5)),))
    with pytest.raises(ValueError, match="no way leads"):
        Rooms([free, lost], make_task("goto").vocabulary)


def test_a_building_is_asked_from_a_viewpoint_and_others_say_that_they_can_not_be() -> None:
    hall = graphs.graph()
    first = hall.viewpoints[0]
    world = graphs.world([graphs.Graphs.episode_of("go to the hall", hall, (first, 90))])
    state = world.begin(np.zeros(1, dtype=np.int64))
    assert world.pose(state, 0) == (first, 90.0)
    assert world.draw(state, 0, world.position(state)).ndim == 3
    with pytest.raises(ValueError, match="has no viewpoint 'nowhere'"):
        graphs.Graphs.episode_of("go", hall, ("nowhere", 0))
    task = Task("corridor", lambda split: [], lambda episodes, vocabulary: Corridor(list(episodes)))
    with pytest.raises(ValueError, match="its world is opened by a function"):
        task.episode_of("go to three", None, 1)
    with pytest.raises(ValueError, match="Corridor can't be asked in a place of your own"):
        replace(task, world=Corridor).episode_of("go to three", None, 1)
