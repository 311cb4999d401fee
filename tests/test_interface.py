"""An interface survives being written as JSON, and says what does not fit."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from gymnasium import Space
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Text, Tuple
from helpers.tiny import AGENTS, tiny, tiny_world

from vln.interface import Interface
from vln.space_facts import space_facts, space_of
from vln.spaces import (
    Candidates,
    Codes,
    Glimpse,
    LastAction,
    Location,
    Path,
    Picture,
    Pose,
    Possible,
    Words,
)

SPACES: list[Space[Any]] = [
    Box(-1, 1, (2,), np.float32),
    Box(-np.inf, np.inf, (), np.float64),
    Box(np.array([0, -5], np.int16), np.array([3, 9], np.int16), dtype=np.int16),
    Box(np.array([0.1, -np.inf], np.float32), np.float32(np.inf), dtype=np.float32),
    Box(0, 255, (3, 4, 1), np.uint8),
    Discrete(5, start=-2),
    Picture(3, 4),
    Picture(3, 4, 1, -1, 1, np.float32),
    Glimpse(3, 4, 2, -9, 9),
    Location(),
    Codes(2, 3, (4, 5)),
    Words(7, 30),
    Words(7, 30, changes=True),
    Path(3, 5),
    Candidates(4, 5, 9.0),
    Candidates(4, 5, actions=True),
    Pose(3),
    LastAction(4),
    Possible(5),
    MultiBinary(3),
    MultiBinary([2, 3]),
    MultiDiscrete([3, 4], start=[1, 0]),
    Dict({"move": Discrete(4), "answer": Tuple((Box(0, 1, (1,)), MultiBinary(2)))}),
]


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_a_space_survives_being_written_as_json(space: Space[Any]) -> None:
    again = space_of(json.loads(json.dumps(space_facts(space), allow_nan=False)))
    assert again == space
    assert again.dtype == space.dtype
    assert type(again) is type(space)


def test_a_space_that_can_not_be_kept_is_named() -> None:
    with pytest.raises(ValueError, match="can't keep the space Text"):
        space_facts(Text(3))


@pytest.mark.parametrize("view", sorted({kind.view for kind in AGENTS.values()}))
def test_what_every_world_shows_survives_being_written_as_json(view: str) -> None:
    interface = Interface.of(tiny("GoTo"), tiny_world(view))
    again = Interface.from_facts(json.loads(json.dumps(interface.facts(), allow_nan=False)))
    assert again == interface
    assert not interface.difference(again)


def test_what_does_not_fit_is_named_and_a_longer_instruction_fits() -> None:
    own = Interface.of(tiny("GoTo"), tiny_world())
    words = len(own.words) + 2
    longer = {**own.spaces, "instruction": Words(999, words)}
    assert not own.difference(replace(own, spaces=longer))
    path = {hops: replace(own, spaces={"path": Path(hops, 5)}) for hops in (3, 99)}
    assert not path[3].difference(path[99])
    assert path[3].difference(replace(own, spaces={"path": Path(3, 6)}))
    for other, complaint in (
        ({**own.spaces, "instruction": Words(48, words + 1)}, "instruction is Words"),
        ({**own.spaces, "instruction": Box(0, words - 1, (48,), np.int32)}, "instruction is Words"),
        ({**own.spaces, "view": Box(0, 1, (2, 2, 3), np.int32)}, "view is Codes"),
        ({"instruction": own.spaces["instruction"]}, "not shown there"),
    ):
        assert complaint in own.difference(replace(own, spaces=other))
    assert (
        own.difference(replace(own, scores_answers=True)) == "the gradings of answers differ: False of it, True there"
    )
    assert own.difference(replace(own, action_space=Discrete(9))).startswith("the moves differ: Discrete(4) of it")
