"""Houses: connected, furnished within reach, and nothing novel in training."""

from collections import Counter
from functools import cache

import numpy as np
import pytest
from helpers.instruction_reader import AHEAD, OPEN, facing, find

from vln.envs.rooms.building import build
from vln.envs.rooms.held_out import NOVEL_PAIRS
from vln.envs.rooms.house import House
from vln.envs.rooms.things import COLOURS, HOUSE_KINDS, ROOM_FLOORS, THRESHOLD, Colour, Kind

SIZES = {
    "one small room": {"rooms": (1, 1), "side": (7, 7), "objects": (3, 4)},
    "up to four rooms": {"rooms": (1, 4), "side": (7, 13), "objects": (4, 6)},
    "nine tight rooms": {"rooms": (9, 9), "side": (13, 13), "objects": (6, 10)},
    "up to nine rooms": {"rooms": (4, 9), "side": (13, 25), "objects": (6, 10)},
}


def house(number: int, size: str = "up to four rooms", split: str = "train", **more: float) -> House:
    return build(np.random.default_rng([7, number]), split, **SIZES[size], **more)  # type: ignore[arg-type]  # a table


@cache
def houses(size: str, split: str = "train") -> tuple[House, ...]:
    return tuple(house(number, size, split) for number in range(60))


def objects(place: House) -> list[tuple[int, int, int, int]]:
    rows, columns = place.shape
    cells = [(row, column, *place.cells[row, column].tolist()) for row in range(rows) for column in range(columns)]
    return [(row, column, kind, colour) for row, column, kind, colour, _ in cells if kind in HOUSE_KINDS]


def pairs(place: House) -> list[tuple[int, int]]:
    return [(kind, colour) for _, _, kind, colour in objects(place)]


@pytest.mark.parametrize("size", SIZES)
def test_one_can_walk_from_any_free_cell_to_any_other(size: str) -> None:
    for place in houses(size):
        free = {(int(row), int(column)) for row, column in np.argwhere(~place.solid)}
        found = {min(free)}
        while near := {(r + down, c + right) for r, c in found for down, right in AHEAD} & free - found:
            found |= near
        assert found == free


@pytest.mark.parametrize("size", SIZES)
def test_every_object_can_be_faced_and_none_stands_before_a_door(size: str) -> None:
    for place in houses(size):
        assert all(facing(place, (row, column)) for row, column, *_ in objects(place))
        doors = find(place, Kind.DOOR, None) + find(place, Kind.DOORWAY, None)
        ahead = Counter(place.cells[r + down, c + right][0] in OPEN for r, c in doors for down, right in AHEAD)
        assert ahead[True] == ahead[False] == 2 * len(doors)


@pytest.mark.parametrize("size", SIZES)
def test_a_floor_names_a_room(size: str) -> None:
    for place in houses(size):
        floors = set(place.cells[..., 2].ravel().tolist()) - {THRESHOLD}
        least, most = SIZES[size]["rooms"]
        assert least <= len(floors) <= most
        assert floors <= set(ROOM_FLOORS)
        for floor in floors:
            cells = np.argwhere(place.cells[..., 2] == floor)
            height, width = cells.max(axis=0) - cells.min(axis=0) + 1
            assert len(cells) == height * width
            assert min(height, width) >= 3


def test_houses_of_one_size_stack() -> None:
    assert {place.shape for place in houses("up to nine rooms")} == {(25, 25)}


def test_walking_is_barred_by_walls_and_objects_only() -> None:
    for place in houses("up to four rooms"):
        assert np.array_equal(place.solid, ~np.isin(place.cells[..., 0], OPEN))


def test_the_kinds_of_ways_between_rooms_can_be_chosen() -> None:
    assert all(not find(house(n, "nine tight rooms", doors=0.0), Kind.DOOR, None) for n in range(5))
    assert all(not find(house(n, "nine tight rooms", doors=1.0), Kind.DOORWAY, None) for n in range(5))


def test_only_doors_and_objects_have_a_colour() -> None:
    for place in houses("up to nine rooms"):
        coloured = place.cells[..., 1] != Colour.NONE
        assert np.array_equal(coloured, np.isin(place.cells[..., 0], (*HOUSE_KINDS, Kind.DOOR)))


def test_no_two_objects_are_the_same_unless_twins_are_asked_for() -> None:
    assert all(len(set(pairs(place))) == len(pairs(place)) for place in houses("up to nine rooms"))
    assert all(max(Counter(pairs(house(number, twins=1))).values()) == 2 for number in range(20))


def test_most_objects_need_both_their_words() -> None:
    shared = []
    for place in houses("up to four rooms"):
        kinds, colours = Counter(kind for kind, _ in pairs(place)), Counter(colour for _, colour in pairs(place))
        shared += [kinds[kind] > 1 or colours[colour] > 1 for kind, colour in pairs(place)]
    assert np.mean(shared) > 0.5


def test_novel_pairs_hold_every_kind_once_and_every_colour() -> None:
    assert sorted(kind for kind, _ in NOVEL_PAIRS) == sorted(HOUSE_KINDS)
    assert {colour for _, colour in NOVEL_PAIRS} == set(COLOURS)


@pytest.mark.parametrize("split", ["train", "val_seen", "val_unseen"])
def test_no_novel_pair_is_seen_in_training(split: str) -> None:
    assert not any(set(pairs(place)) & set(NOVEL_PAIRS) for place in houses("up to nine rooms", split))


def test_every_house_of_the_novel_split_holds_a_novel_pair() -> None:
    assert all(set(pairs(place)) & set(NOVEL_PAIRS) for place in houses("one small room", "val_novel"))


def test_every_pair_that_is_not_novel_is_trained() -> None:
    found = {pair for number in range(300) for pair in pairs(house(number))}
    assert len(found) == len(HOUSE_KINDS) * len(COLOURS) - len(NOVEL_PAIRS)


def test_the_same_seed_builds_the_same_house_and_another_seed_another() -> None:
    assert house(3).identity == house(3).identity
    assert len({place.identity for place in houses("up to four rooms")}) == 60


def test_more_rooms_than_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="9 rooms need 13 cells a side, not 12"):
        build(np.random.default_rng(0), "train", rooms=(9, 9), side=(7, 12))
