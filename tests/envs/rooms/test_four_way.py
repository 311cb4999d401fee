"""The lanes view: what is straight ahead, right, behind and left, and what lines the way there."""

import numpy as np
import pytest
from helpers.tiny import tiny_world
from numpy.typing import NDArray
from test_symbols import poses, room

from vln.envs.rooms.building import build
from vln.envs.rooms.four_way import lanes
from vln.envs.rooms.house import HEADINGS, KIND, House
from vln.envs.rooms.paths import RIGHT
from vln.envs.rooms.things import Colour, Floor, Kind


def sees(house: House, where: NDArray[np.int16], length: int = 7) -> NDArray[np.uint8]:
    view = lanes(house.cells[None], house.opaque[None], np.zeros(len(where), dtype=np.int32), where, length)
    return view.reshape(len(where), length, 4, 3, 3)


def slow_view(house: House, pose: NDArray[np.int16], length: int) -> NDArray[np.uint8]:
    view = np.zeros((length, 4, 3, 3), dtype=np.uint8)
    for turn in range(4):
        onward, aside = HEADINGS[(pose[2] + turn) % 4], HEADINGS[(pose[2] + turn + 1) % 4]
        for ahead in range(length):
            middle = pose[:2] + ahead * onward
            blocked = ahead > 0 and house.opaque[tuple(middle)]
            for place in (0,) if blocked else (-1, 0, 1):
                row, column = middle + place * aside
                if 0 <= row < house.shape[0] and 0 <= column < house.shape[1]:
                    view[ahead, turn, place + 1] = house.cells[row, column]
            if blocked:
                break
    return view


@pytest.mark.parametrize("length", [1, 2, 7, 30])
def test_every_pose_sees_what_the_slow_way_finds(length: int) -> None:
    house = build(np.random.default_rng(3), "train", rooms=(4, 4))
    where = poses(house)
    for pose, view in zip(where, sees(house, where, length), strict=True):
        np.testing.assert_array_equal(view, slow_view(house, pose, length))


def test_nothing_is_seen_round_a_corner_but_where_the_way_turns_off() -> None:
    house = room("######", "#...##", "#.#.##", "######")
    view = sees(house, np.array([[1, 1, 1]], dtype=np.int16))[0]
    ahead, right, behind, left = (view[:, turn] for turn in range(4))
    assert ahead[:, 1, KIND].tolist() == [Kind.NOTHING, Kind.NOTHING, Kind.NOTHING, Kind.WALL, 0, 0, 0]
    assert ahead[2, 2].tolist() == [Kind.NOTHING, Colour.NONE, Floor.GRASS]
    assert not ahead[3, [0, 2]].any()
    assert right[:, 1, KIND].tolist() == [Kind.NOTHING, Kind.NOTHING, Kind.WALL, 0, 0, 0, 0]
    assert behind[:, 1, KIND].tolist() == left[:, 1, KIND].tolist() == [Kind.NOTHING, Kind.WALL, 0, 0, 0, 0, 0]


def test_who_turns_sees_the_same_lanes_in_another_order() -> None:
    world = tiny_world("four_way")
    state = world.begin(np.arange(4))
    seen = world.observe(state)["view"]
    turned = world.observe(world.step(state, np.full(4, RIGHT)))["view"]
    assert world.spaces["view"].contains(seen[0])
    assert np.array_equal(np.roll(seen, -1, axis=2), turned)
