"""Typed spaces are ordinary Gymnasium spaces that say what they are, and plain ones are read by stated rules."""

import pickle
from copy import deepcopy
from typing import Any

import numpy as np
import pytest
from gymnasium import Space
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary
from gymnasium.vector.utils import batch_space, create_empty_array, iterate

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
    typed,
)

TYPED: list[Space[Any]] = [
    Picture(16, 20),
    Picture(16, 20, 1, 0, 1, np.float32),
    Glimpse(4, 4),
    Location(),
    Codes(5, 4, (3, 7)),
    Words(6, 20),
    Words(6, 20, changes=True),
    Path(4, 3, bound=9),
    Candidates(4, 3, bound=9),
    Candidates(4, 3, bound=9, actions=True),
    Pose(3, bound=9),
    LastAction(3),
    Possible(3),
]


@pytest.mark.parametrize("space", TYPED, ids=str)
def test_a_typed_space_does_what_gymnasium_asks_of_a_space(space: Space[Any]) -> None:
    for same in (deepcopy(space), pickle.loads(pickle.dumps(space))):
        assert same == space
        assert type(same) is type(space)
    space.seed(0)
    assert space.contains(space.sample())
    batched = batch_space(space, 3)
    rows = list(iterate(batched, batched.sample()))
    assert len(rows) == 3
    assert all(space.contains(row) for row in rows)
    empty: Any = create_empty_array(space, 3)
    assert empty.shape == batched.shape
    assert Dict({"a": space})["a"] == space
    assert typed(space) is space


def test_spaces_that_say_different_things_are_not_equal() -> None:
    assert [[one == other for one in TYPED] for other in TYPED] == np.eye(len(TYPED), dtype=bool).tolist()
    box, words = Box(0, 19, (6,), np.int32), Words(6, 20)
    assert box != words
    assert words != box
    assert Discrete(4) != LastAction(3)
    assert MultiBinary(3) != Possible(3)


@pytest.mark.parametrize(
    ("plain", "read"),
    [
        (Box(0, 255, (16, 20, 3), np.uint8), Picture(16, 20)),
        (Box(0, 1, (16, 20, 1), np.float32), Picture(16, 20, 1, 0, 1, np.float32)),
        (Box(0, np.tile(np.array([2, 6], np.uint8), (5, 4, 1)), dtype=np.uint8), Codes(5, 4, (3, 7))),
        (Box(0, 6, (5, 4, 1), np.int64), Codes(5, 4, (7,))),
        (Box(-1, 1, (3,), np.float32), Box(-1, 1, (3,), np.float32)),
        (Discrete(4), Discrete(4)),
    ],
    ids=str,
)
def test_a_plain_space_is_read_by_what_it_is(plain: Space[Any], read: Space[Any]) -> None:
    assert typed(plain) == read


@pytest.mark.parametrize("counts", [(), (0,), (300,)])
def test_codes_of_no_kind_or_of_as_many_as_a_picture_are_refused(counts: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="a layer of codes has from 1 to 255 kinds"):
        Codes(3, 3, counts)
