"""The symbols view: what is in sight, and nothing else."""

import numpy as np
import pytest
from numpy.typing import NDArray

from vln.envs.rooms.building import build
from vln.envs.rooms.house import COLOUR, FLOOR, HEADINGS, KIND, House
from vln.envs.rooms.symbols import symbols
from vln.envs.rooms.things import Colour, Floor, Kind


def room(*drawn: str) -> House:
    """A house drawn with # for walls, + for doors and . for grass."""
    kinds = {"#": Kind.WALL, "+": Kind.DOOR, ".": Kind.NOTHING}
    cells = np.zeros((len(drawn), len(drawn[0]), 3), dtype=np.uint8)
    for row, line in enumerate(drawn):
        cells[row, :, KIND] = [kinds[letter] for letter in line]
    cells[..., COLOUR][cells[..., KIND] == Kind.DOOR] = Colour.RED
    cells[..., FLOOR] = Floor.GRASS
    return House(cells, cells[..., KIND] == Kind.WALL)


def sees(house: House, row: int, column: int, heading: int, side: int = 7) -> NDArray[np.uint8]:
    pose = np.array([[row, column, heading]], dtype=np.int16)
    return symbols(house.cells[None], house.opaque[None], np.zeros(1, dtype=np.int32), pose, side)[0]


def poses(house: House) -> NDArray[np.int16]:
    return np.array([(*cell, heading) for cell in np.argwhere(~house.solid) for heading in range(4)], dtype=np.int16)


def slow_view(house: House, pose: NDArray[np.int16], side: int) -> NDArray[np.uint8]:
    """MiniGrid's process_vis, cell by cell: light spreads along a row, both ways, and on to the three in front."""
    ahead, aside = HEADINGS[pose[2]], HEADINGS[(pose[2] + 1) % 4]
    cells = np.zeros((side, side, 3), dtype=np.uint8)
    clear, lit = np.zeros((side, side), dtype=bool), np.zeros((side, side), dtype=bool)
    for line in range(side):
        for place in range(side):
            row, column = pose[:2] + ahead * (side - 1 - line) + aside * (place - side // 2)
            if 0 <= row < house.shape[0] and 0 <= column < house.shape[1]:
                cells[line, place], clear[line, place] = house.cells[row, column], not house.opaque[row, column]
    lit[side - 1, side // 2] = clear[side - 1, side // 2] = True
    for line in reversed(range(side)):
        for places, step in ((range(side), 1), (reversed(range(side)), -1)):
            for place in places:
                if lit[line, place] and clear[line, place]:
                    lit[line, max(0, min(side - 1, place + step))] = True
                    lit[max(0, line - 1), max(0, place - 1) : place + 2] |= line > 0
    return cells * lit[..., None]


@pytest.mark.parametrize("side", [1, 3, 7, 8, 15])
def test_every_pose_sees_what_the_slow_way_finds(side: int) -> None:
    house = build(np.random.default_rng(3), "train", rooms=(4, 4))
    where = poses(house)
    place = np.zeros(len(where), dtype=np.int32)
    seen = symbols(house.cells[None], house.opaque[None], place, where, side)
    for pose, view in zip(where, seen, strict=True):
        np.testing.assert_array_equal(view, slow_view(house, pose, side))


def test_a_wall_hides_what_is_behind_it() -> None:
    house = room("#####", "#...#", "#####", "#...#", "#####")
    assert (sees(house, 3, 2, heading=0)[-2, 2:5, KIND] == Kind.WALL).all()
    assert not sees(house, 3, 2, heading=0)[:-2].any()


def test_a_door_is_open_to_whoever_stands_in_it() -> None:
    house = room("#####", "#...#", "##+##", "#...#", "#####")
    assert not sees(house, 3, 2, heading=0)[-3].any()
    assert sees(house, 2, 2, heading=0)[-2, 3].tolist() == [Kind.NOTHING, Colour.NONE, Floor.GRASS]


def test_a_few_slots_see_what_many_see(monkeypatch: pytest.MonkeyPatch) -> None:
    house = build(np.random.default_rng(4), "train")
    where = poses(house)
    few = [sees(house, *pose.tolist()) for pose in where]
    monkeypatch.setattr("vln.envs.rooms.symbols.SERIAL_BELOW", len(where))  # of whom there are as many
    many = symbols(house.cells[None], house.opaque[None], np.zeros(len(where), dtype=np.int32), where)
    np.testing.assert_array_equal(few, many)
