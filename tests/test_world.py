"""States begin in a line, and a world says no more than it has to."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from helpers.corridor import CorridorState
from numpy.typing import NDArray

from vln.episode import Episode
from vln.language import Vocabulary
from vln.state import State
from vln.world import World

GOAL = 3


@dataclass(frozen=True)
class RowState(State):
    """A State, and how far along the row: int64 [B]."""

    place: NDArray[np.int64]


class Row(World[RowState]):
    """The least that a world has to say: go on until the third place, then stop."""

    action_names = ("on", "stop")
    max_steps = 6
    vocabulary = Vocabulary(())

    def __init__(self) -> None:
        self.episodes = [Episode("", None, (), (), "row", str(number)) for number in range(3)]
        self.spaces = {}

    def begin(self, episode: NDArray[np.int64]) -> RowState:
        place = episode % GOAL
        return RowState.fresh(episode, previous=2, least_error=(GOAL - place).astype(np.float32), place=place)

    def observe(self, state: RowState) -> dict[str, NDArray[Any]]:
        return {}

    def step(self, state: RowState, move: NDArray[np.int64]) -> RowState:
        after = replace(state, place=state.place + (move == 0), stopped=move == 1, steps=state.steps + np.int32(1))
        return replace(after, previous=move, least_error=np.minimum(state.least_error, self.error(after)))

    def error(self, state: RowState) -> NDArray[np.float32]:
        return np.where(state.place > GOAL, np.inf, GOAL - state.place).astype(np.float32)

    def expert(self, state: RowState) -> NDArray[np.bool_]:
        return np.stack([state.place < GOAL, state.place >= GOAL], axis=1)

    def draw(self, state: RowState, slot: int, path: Any, colours: Any = None) -> NDArray[np.uint8]:
        return np.full((8, 8, 3), 40 * int(state.place[slot]), dtype=np.uint8)


def test_a_fresh_state_has_done_nothing() -> None:
    state = State.fresh(3, previous=2)
    assert len(state) == 3
    assert state.episode.tolist() == [0, 1, 2]
    assert state.previous.tolist() == [2, 2, 2]
    for nothing in (state.steps, state.length, state.least_error, state.stopped, state.failed):
        assert not nothing.any()
    dtypes = [getattr(state, name).dtype.name for name in ("steps", "previous", "length", "least_error", "stopped")]
    assert dtypes == ["int32", "int64", "float32", "float32", "bool"]


def test_a_fresh_state_is_of_the_episodes_that_are_asked_for() -> None:
    cell = np.array([4, 5], dtype=np.int16)
    state = CorridorState.fresh(np.array([7, 2]), least_error=np.array([1, 2], dtype=np.float32), cell=cell)
    assert state.episode.tolist() == [7, 2]
    assert state.cell is cell
    assert state.least_error.tolist() == [1, 2]


def test_fields_that_do_not_fit_a_fresh_state_are_named() -> None:
    with pytest.raises(ValueError, match="CorridorState needs a value for cell"):
        CorridorState.fresh(2)
    with pytest.raises(ValueError, match="State has no field cell; it has episode, steps"):
        State.fresh(2, cell=np.zeros(2))
    with pytest.raises(ValueError, match=r"cell must have 2 rows, one for each episode; its shape is \(3,\)"):
        CorridorState.fresh(2, cell=np.zeros(3))
    with pytest.raises(ValueError, match=r"cell must have 2 rows, one for each episode; its shape is \(\)"):
        CorridorState.fresh(2, cell=1)


def test_where_nobody_walks_there_is_one_place() -> None:
    world = Row()
    state = world.begin(np.arange(3))
    np.testing.assert_array_equal(world.position(state), world.position(world.step(state, np.zeros(3, dtype=int))))
