"""The checker for worlds passes those that keep the contract, and names every promise that is broken."""

import re
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
from gymnasium.spaces import Discrete
from helpers.corridor import LEFT, Corridor, CorridorState
from helpers.glimpse_worlds import glimpses
from helpers.pen_world import Pens
from test_world import Row

from vln.world_checker import check_world


class Other(Corridor):
    """A corridor with some of its functions and facts written otherwise."""

    action_space: Any = Discrete(3)

    def __init__(self, **others: Any) -> None:
        super().__init__()
        for name, value in others.items():
            setattr(self, name, partial(value, self) if callable(value) else value)


def was(name: str) -> Any:
    return getattr(Corridor, name)


def shared_tokens(world: Corridor, state: CorridorState) -> Any:
    return was("observe")(world, state) | {"instruction": np.broadcast_to(world._tokens[0], (len(state), 4))}


def shared_previous(world: Corridor, state: CorridorState) -> Any:
    return was("observe")(world, state) | {"previous": state.previous}


def step_in_place(world: Corridor, state: CorridorState, move: Any) -> CorridorState:
    after = was("step")(world, state, move)
    state.cell[:] = after.cell
    return after


def spoils_moves(world: Corridor, state: CorridorState, move: Any) -> CorridorState:
    after = was("step")(world, state, move.copy())
    move[:] = LEFT
    return after


def steps(**changes: Any) -> Any:
    """A step after which some fields are others."""

    def step(world: Corridor, state: CorridorState, move: Any) -> CorridorState:
        after = was("step")(world, state, move)
        return replace(after, **{name: change(after) for name, change in changes.items()})

    return step


def begins(**changes: Any) -> Any:
    def begin(world: Corridor, episode: Any) -> CorridorState:
        state = was("begin")(world, episode)
        return replace(state, **{name: change(state) for name, change in changes.items()})

    return begin


def moved_by_neighbours(world: Corridor, state: CorridorState, move: Any) -> CorridorState:
    return was("step")(world, state, np.roll(move, 1) if len(move) > 1 else move)


class Counting:
    """An error that is larger whenever it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, world: Corridor, state: CorridorState) -> Any:
        self.asked += 1
        return was("error")(world, state) + np.float32(self.asked)


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "moves without a name": ({"action_space": Discrete(4)}, "moves are 3 names, but action_space needs 4"),
    "no episodes": ({"episodes": []}, "declared: episodes are none"),
    "begins elsewhere": ({"begin": begins(episode=lambda s: s.episode * 0)}, "episode is not what was asked for"),
    "wrong dtype": ({"begin": begins(steps=lambda s: s.steps.astype(np.int64))}, r"steps is not int32 \[B\]: int64"),
    "list in a state": ({"begin": begins(cell=lambda s: [1] * len(s))}, "cell is no array of 5 rows"),
    "a previous at once": ({"begin": begins(previous=lambda s: s.previous * 0)}, "previous is not 3: .0 0"),
    "least error": ({"begin": begins(least_error=lambda s: s.least_error + 1)}, "least_error is not the error where"),
    "missing name": ({"observe": lambda w, s: {"view": was("observe")(w, s)["view"]}}, "other names than spaces"),
    "shared memory": ({"observe": shared_previous}, "'previous' shares its memory with the world or state"),
    "read-only": ({"observe": shared_tokens}, "can't be written"),
    "other form": (
        {"observe": lambda w, s: was("observe")(w, s) | {"view": s.cell}},
        "not as its space says",
    ),
    "outside": (
        {"observe": lambda w, s: {k: v + np.array(9, v.dtype) for k, v in was("observe")(w, s).items()}},
        "'view' is outside its space: from 9",
    ),
    "error of ints": ({"error": lambda w, s: was("error")(w, s).astype(int)}, r"error is not float32 \[5\]"),
    "error below 0": ({"error": lambda w, s: was("error")(w, s) - 1}, "error is NaN or below 0"),
    "remembers": ({"error": Counting()}, "error has changed"),
    "no best move": ({"expert": lambda w, s: was("expert")(w, s) & False}, "expert has no optimal move"),
    "wrong expert": (
        {"expert": lambda w, s: was("expert")(w, s)[:, [1, 0, 2]]},
        "not succeed when it is followed",
    ),
    "stops late": ({"expert": lambda w, s: was("expert")(w, s)[:, [2, 1, 0]]}, "does not say stop where error is 0"),
    "cut off": ({"max_steps": 2}, "expert: is cut off by max_steps"),
    "always right": ({"success": lambda w, s: s.stopped}, "stop is a success elsewhere than within tolerance"),
    "never stops": ({"step": steps(stopped=lambda s: s.stopped & False)}, "stop does not end an episode"),
    "both ends": ({"truncated": lambda w, s: s.stopped}, "both terminated and truncated"),
    "never over": (
        {"terminated": lambda w, s: s.failed & False, "truncated": lambda w, s: s.failed & False},
        "goes on after max_steps",
    ),
    "writes a state": ({"step": step_in_place}, "cell is written into by step"),
    "writes moves": ({"step": spoils_moves}, "moves: are written into by step"),
    "no count": ({"step": steps(steps=lambda s: s.steps * 0)}, "does not add 1 to steps"),
    "forgets the move": ({"step": steps(previous=lambda s: s.previous * 0 + 1)}, "previous is not the last move"),
    "new dtype": ({"step": steps(cell=lambda s: s.cell.astype(int))}, "form of field cell: int16 .* to int64"),
    "rows mixed": ({"step": moved_by_neighbours}, "is stepped otherwise alone than in a batch"),
    "worse least": ({"step": steps(least_error=lambda s: s.least_error + 1)}, "least_error grows"),
    "wrong labels": ({"labels": lambda w, s: {"far": np.zeros(1)}}, "label 'far' is no array of"),
    "wrong measure": ({"measure": lambda w, s: {"far": s.length}}, "measure 'far' is not float64"),
    "grey picture": ({"draw": lambda w, *_: np.zeros((2, 2), np.uint8)}, "draw gives no uint8"),
    "sizes": (
        {"draw": lambda w, s, *_: np.zeros((2, 2 + s.steps[0], 3), np.uint8)},
        "differ in size without a picture_size",
    ),
    "raises": ({"labels": lambda w, s: dict[str, Any]()["far"]}, "random walk: KeyError was raised in <lambda>, line"),
    "texts": ({"instructions": lambda w, e: [None] * len(e)}, "are not 5 texts"),
    "teacher": ({"teacher": lambda w, s: was("expert")(w, s).astype(int)}, "teacher is not bool"),
    "answers": (
        {"num_answers": 2, "correct_answer": lambda w, s: s.previous + 7},
        "answer is not int64 .* from 0 to 1",
    ),
}


@pytest.mark.parametrize("make", [Corridor, Pens, partial(Pens, pen=False), glimpses, Row])
def test_a_world_that_keeps_the_contract_passes(make: Any) -> None:
    for seed in range(3):
        check_world(make(), seed)


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_promise_is_named(broken: str) -> None:
    functions, fault = BROKEN[broken]
    with pytest.raises(AssertionError, match=fault):
        check_world(Other(**functions))


def test_all_faults_are_listed_at_once() -> None:
    world = Other(measure=lambda w, s: {"far": s.length}, draw=lambda w, *_: np.zeros((2, 2), np.uint8))
    with pytest.raises(AssertionError) as told:
        check_world(world)
    listed = r"Other breaks 2 promises:\n- step 0: measure 'far' .*\n- step 0: draw gives .*"
    assert re.fullmatch(listed, str(told.value))


def test_a_world_in_tensors_is_not_checked() -> None:
    with pytest.raises(ValueError, match="check the world in arrays"):
        check_world(glimpses().differentiable("cpu"))
