"""What pictures of rooms promise: what is in sight is shown, what is hidden is not, and no two things look alike."""

import numpy as np
import pytest

from vln.envs.rooms.first_person import SERIAL_BELOW, first_person
from vln.envs.rooms.house import House
from vln.envs.rooms.map_view import draw_map
from vln.envs.rooms.sprites import OBJECTS
from vln.envs.rooms.textures import doors, floors, pictures
from vln.envs.rooms.things import COLOURS, HOUSE_KINDS, PICTURES, Colour, Floor, Kind
from vln.envs.rooms.top_down import tiles, top_down

HERE = (7, 4, 0)  # row, column, heading: at the south wall, looking north


def hall(*things: tuple[int, int, int, int], floor: int = Floor.CONCRETE) -> House:
    """A room of 9x9 cells with these things in it: row, column, kind, colour."""
    cells = np.full((9, 9, 3), (Kind.NOTHING, 0, floor), dtype=np.uint8)
    cells[[0, -1]] = cells[:, [0, -1]] = (Kind.WALL, 0, 0)
    for row, column, kind, colour in things:
        cells[row, column, :2] = kind, colour
    return House(cells, cells[..., 0] == Kind.WALL)


def seen(house: House, pose: tuple[int, int, int] = HERE, size: int = 64, field_of_view: float = 90.0) -> np.ndarray:
    place, poses = np.zeros(1, dtype=np.int32), np.array([pose], dtype=np.int16)
    return first_person(house.cells[None].copy(), house.opaque[None].copy(), place, poses, size, field_of_view)[0]


def far_apart(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(int) - other).mean())


def redness(frame: np.ndarray) -> np.ndarray:
    red, green, blue = np.moveaxis(frame.astype(int), -1, 0)
    return (red > 140) & (green < 90) & (blue < 90)


@pytest.mark.parametrize("kind", OBJECTS)
def test_what_one_faces_fills_the_middle_of_the_frame(kind):
    changed = (seen(hall((6, 4, kind, Colour.RED))) != seen(hall())).any(axis=-1)
    assert changed.sum() > 100
    assert abs(np.argwhere(changed)[:, 1].mean() - 31.5) < 3


def test_a_wall_hides_what_is_behind_it():
    wall = [(4, column, Kind.WALL, 0) for column in range(1, 8)]
    ball = (3, 4, Kind.BALL, Colour.RED)
    assert redness(seen(hall(ball))).any()
    assert (seen(hall(ball, *wall)) == seen(hall(*wall))).all()


def test_a_door_hides_what_is_behind_it_and_a_doorway_does_not():
    wall = [(4, column, Kind.WALL, 0) for column in range(1, 8) if column != 4]
    ball = (3, 4, Kind.BALL, Colour.RED)
    door, doorway = (4, 4, Kind.DOOR, Colour.BLUE), (4, 4, Kind.DOORWAY, 0)
    assert (seen(hall(*wall, door, ball)) == seen(hall(*wall, door))).all()
    assert redness(seen(hall(*wall, doorway, ball))).any()


def test_a_door_is_open_to_whoever_stands_in_it():
    house = hall((6, 4, Kind.DOOR, Colour.BLUE), (3, 4, Kind.BALL, Colour.RED))
    assert redness(seen(house, (6, 4, 0))).any()


def test_the_nearer_of_two_things_covers_the_farther():
    ball, easel = (4, 4, Kind.BALL, Colour.RED), (6, 4, Kind.EASEL, Colour.BLUE)
    assert redness(seen(hall(easel, ball))).sum() < redness(seen(hall(ball))).sum() / 2


@pytest.mark.parametrize("heading", range(4))
def test_left_is_left_in_every_heading(heading):
    down, right = ((-1, 0), (0, 1), (1, 0), (0, -1))[heading]
    ahead_left = 4 + 2 * down - right, 4 + 2 * right + down
    assert ahead_left == {0: (2, 3), 1: (3, 6), 2: (6, 5), 3: (5, 2)}[heading]
    red = redness(seen(hall((*ahead_left, Kind.BOX, Colour.RED)), (4, 4, heading)))
    assert red[:, :32].sum() > 40
    assert not red[:, 32:].any()


def test_the_floor_shown_is_the_floor_of_the_cell():
    cells = hall().cells.copy()
    cells[6, 5, 2] = Floor.GRASS
    changed = seen(House(cells, cells[..., 0] == Kind.WALL)) != seen(hall())
    assert changed[32:, 32:].any()
    assert not changed[:, :32].any()


def test_a_wall_carries_the_picture_of_the_cell_it_is_seen_from():
    frames = [seen(hall((1, 4, kind, 0)), (1, 4, 0)) for kind in (Kind.NOTHING, *PICTURES)]
    assert min(far_apart(one, other) for i, one in enumerate(frames) for other in frames[:i]) > 10


def test_one_sees_what_one_stands_on():
    assert redness(seen(hall((*HERE[:2], Kind.SOFA, Colour.RED))))[48:].any()


@pytest.mark.parametrize("size", [64, 32])
def test_two_kinds_are_told_apart_from_three_cells_away(size):
    frames = [seen(hall((4, 4, kind, Colour.RED)), size=size) for kind in OBJECTS]
    differing = [(one != other).any(-1).sum() for i, one in enumerate(frames) for other in frames[:i]]
    assert min(differing) >= 8


def test_two_colours_are_told_apart_from_four_cells_away():
    for kind in HOUSE_KINDS:
        frames = [seen(hall((3, 4, kind, colour)), size=32) for colour in COLOURS]
        largest = [np.abs(one.astype(int) - other).max() for i, one in enumerate(frames) for other in frames[:i]]
        assert min(largest) > 40, Kind(kind).name


def test_floors_doors_and_pictures_are_told_apart():
    for surfaces in (floors(), doors(), pictures()):
        assert min(far_apart(one, other) for i, one in enumerate(surfaces) for other in surfaces[:i]) > 10


def test_many_frames_at_once_are_the_frames_one_by_one():
    houses = [hall((3, 3, Kind.LAMP, Colour.GREEN)), hall((5, 5, Kind.BED, Colour.WHITE), floor=Floor.WOOD)]
    cells, opaque = np.stack([h.cells for h in houses]), np.stack([h.opaque for h in houses])
    pose = np.array([(4, column, heading) for column in range(1, 8) for heading in range(4)], dtype=np.int16)
    place = (np.arange(len(pose)) % 2).astype(np.int32)
    assert len(pose) >= SERIAL_BELOW
    together = first_person(cells, opaque, place, pose)
    for number, frame in enumerate(together):
        assert (frame == seen(houses[place[number]], tuple(pose[number]))).all()


def test_every_frame_is_a_new_array():
    assert not np.shares_memory(seen(hall()), seen(hall()))
    assert (seen(hall()) == seen(hall())).all()


def test_size_and_field_of_view_are_arguments():
    box = hall((5, 4, Kind.BOX, Colour.RED))
    assert seen(box, size=48).shape == (48, 48, 3)
    assert redness(seen(box, field_of_view=60)).sum() > 2 * redness(seen(box)).sum()
    for size, field in ((4, 90.0), (64, 5.0), (64, 180.0)):
        with pytest.raises(ValueError, match=r"pixels|degrees"):
            seen(box, size=size, field_of_view=field)


def test_a_map_that_is_open_at_its_edge_ends_in_a_wall():
    cells = np.full((1, 3, 3, 3), (Kind.NOTHING, 0, Floor.WOOD), dtype=np.uint8)
    poses = np.array([(1, 1, heading) for heading in range(4)], dtype=np.int16)
    frames = first_person(cells, np.zeros((1, 3, 3), dtype=bool), np.zeros(4, dtype=np.int32), poses)
    assert frames.std(axis=(1, 2)).min() > 5


def test_top_down_shows_each_cell_in_its_place_and_the_unseen_black():
    symbols = np.zeros((1, 7, 7, 3), dtype=np.uint8)
    symbols[0, 2, 5] = Kind.BALL, Colour.RED, Floor.MARBLE
    picture = top_down(symbols, 56)[0]
    assert (picture[16:24, 40:48] == tiles(8)[Kind.BALL, Colour.RED, Floor.MARBLE]).all()
    assert picture.any(axis=-1).sum() == 64


def test_top_down_many_at_once_are_the_same_one_by_one():
    symbols = np.random.default_rng(0).integers(0, (21, 7, 13), (40, 7, 7, 3)).astype(np.uint8)
    together = top_down(symbols)
    assert all((top_down(one[None])[0] == picture).all() for one, picture in zip(symbols, together, strict=True))


def test_tiles_of_two_things_are_told_apart():
    for kinds in (OBJECTS, (Kind.NOTHING, Kind.WALL, Kind.DOOR, Kind.DOORWAY, *PICTURES)):
        drawn = tiles(8)[list(kinds), Colour.GREEN, Floor.CONCRETE]
        assert min(far_apart(one, other) for i, one in enumerate(drawn) for other in drawn[:i]) > 4


def test_a_size_that_the_cells_do_not_divide_is_refused():
    with pytest.raises(ValueError, match="multiple of 7"):
        top_down(np.zeros((1, 7, 7, 3), dtype=np.uint8), 64)


def test_portraits_of_one_episode_have_one_even_size():
    house, goal = hall((3, 3, Kind.LAMP, Colour.GREEN)), np.zeros((9, 9), dtype=bool)
    goal[3, 4] = True
    words = "walk past the lamp and keep going until you can go no farther " * 3
    trails = [np.array([(7 - step, 4) for step in range(length)], dtype=np.int16).reshape(-1, 2) for length in range(5)]
    drawn = [draw_map(house, path, (4, 4, 1), seen(house), words, goal) for path in trails]
    assert {picture.shape for picture in drawn} == {drawn[0].shape}
    assert [length % 2 for length in drawn[0].shape[:2]] == [0, 0]
    assert not (drawn[0] == drawn[4]).all()


def test_a_portrait_needs_no_view_and_no_goal_and_outlines_the_goal_it_is_given():
    house, path, goal = hall(), np.zeros((0, 2), dtype=np.int16), np.zeros((9, 9), dtype=bool)
    goal[2, 2] = True
    plain = draw_map(house, path, HERE, None, "stop")
    assert not (plain == draw_map(house, path, HERE, None, "stop", goal)).all()
    assert plain.shape[1] < draw_map(house, path, HERE, seen(house), "stop").shape[1]
