"""Who wanders through graphs by rote: as often, as far and as straight as the papers say."""

from typing import Any

import numpy as np
import pytest
import torch
from helpers.graph_worlds import asked as ask
from helpers.graph_worlds import hall_world, line, world
from torch import Tensor

from vln.agents.scripted import HOPS, MOST_MOVES, MOST_TURNS, RandomDrive, RandomWalk, scripted_for
from vln.evaluation.evaluate import evaluate
from vln.evaluation.play import play
from vln.learning.rollouts import sample

FORWARD, RIGHT, STOP = 0, 2, 5


def drift(straight: bool, possible: Tensor) -> np.ndarray[Any, Any]:
    """The moves [T, B] of agents for whom `forward` is possible where this [T] says so."""
    slots, agent, rng = 6000, RandomDrive(6, straight), torch.Generator().manual_seed(0)
    memory, previous, moves = agent.initial(slots), torch.full((slots,), 6), []
    for time, ahead in enumerate(possible):
        observation = {"previous": previous, "possible": ahead.expand(slots, 6)}
        decision, memory = agent.step(observation, memory, torch.full((slots,), time == 0))
        previous = sample(decision, None, rng)
        moves.append(previous.numpy())
    return np.stack(moves)


def test_a_drifter_turns_up_to_eleven_times_each_as_often_then_goes_five_times_and_stops() -> None:
    moves = drift(False, torch.ones(MOST_TURNS + HOPS + 1))
    turns = (moves == RIGHT).sum(axis=0)
    assert np.bincount(turns).min() / len(turns) == pytest.approx(1 / 12, abs=0.012)
    assert np.bincount(turns).max() / len(turns) == pytest.approx(1 / 12, abs=0.012)
    for slot in range(200):
        expected = [RIGHT] * turns[slot] + [FORWARD] * HOPS + [STOP]
        assert moves[: len(expected), slot].tolist() == expected


def test_where_no_way_leads_on_a_drifter_turns_right_and_that_is_no_choice_of_its() -> None:
    blocked = torch.ones(8)
    blocked[:3] = 0
    moves = drift(False, blocked)
    assert (moves[:3] == RIGHT).all()
    # Whoever was to turn at most three times goes on at once: 4 of 12.
    assert (moves[3] == FORWARD).mean() == pytest.approx(4 / 12, abs=0.02)
    assert (drift(True, blocked)[3] == FORWARD).all()


def test_a_drifter_ends_after_thirty_moves_wherever_it_is() -> None:
    blocked = torch.zeros(MOST_MOVES + 1)
    assert (drift(False, blocked)[:MOST_MOVES] == RIGHT).all()
    assert (drift(False, blocked)[MOST_MOVES] == STOP).all()
    blocked[MOST_MOVES - 1] = 1
    moves = drift(False, blocked)
    assert (moves[MOST_MOVES - 1] == FORWARD).all()
    assert (moves[MOST_MOVES] == STOP).all()


def test_a_rambler_hops_five_times_and_stops_also_where_there_is_nowhere_to_go() -> None:
    place = line(0, 2, 4, 6, 8, 10, 12)
    long, alone = world([ask(place, "abcdefg")]), world([ask(line(0), "a")])
    for straight in (False, True):
        (walk,) = evaluate(long, RandomWalk(straight), act=sample)
        assert walk.metrics()["trajectory_length"] == 2 * HOPS
        (stay,) = evaluate(alone, RandomWalk(straight), act=sample)
        assert stay.metrics()["trajectory_length"] == 0


def test_a_straight_rambler_goes_on_as_it_has_come() -> None:
    place = line(0, 2, 4, 6, 8, 10, 12)
    (walk,) = evaluate(world([ask(place, "abcdefg")]), RandomWalk(straight=True), act=sample)
    assert walk.metrics()["navigation_error"] == pytest.approx(2)


@pytest.mark.parametrize("actions", ["panoramic", "low_level"])
def test_nobody_by_rote_tries_what_is_not_possible(actions: str) -> None:
    there = hall_world(actions=actions)
    rows = scripted_for(there)
    assert set(rows) == {"stop", "expert", "random", "straight"}
    begun = there.begin(np.arange(len(there.episodes)))
    for row in ("random", "straight"):
        for step in play(there, rows[row].agent, begun, sample, torch.Generator().manual_seed(0)):
            possible = there.observe(step.state)["possible"]
            assert possible[np.arange(len(possible)), step.actions].all()
