"""Ways through a house: how many moves are left, the moves that are best, and lengths of paths."""

from itertools import pairwise

import numpy as np
import pytest

from vln.envs.rooms.building import build
from vln.envs.rooms.house import Goal, House, Pose
from vln.envs.rooms.paths import FAR, moves_left, neighbours, shortest_path, walking_distances, walking_length
from vln.envs.rooms.things import Kind
from vln.envs.rooms.world import Rooms
from vln.episode import Episode
from vln.language import Vocabulary


@pytest.fixture(scope="module")
def house() -> House:
    return build(np.random.default_rng(5), "train", rooms=(3, 3))


@pytest.fixture(scope="module")
def goals(house: House) -> tuple[Goal, ...]:
    first, second = house.things[0], house.things[-1]
    return Goal(house.facing(*first[:2])), Goal(house.facing(*second[:2]))


def poses(house: House) -> list[Pose]:
    return [(int(row), int(column), heading) for row, column in np.argwhere(~house.solid) for heading in range(4)]


def corridors(stride: int) -> House:
    """Two corridors that do not meet, of seven cells each."""
    cells = np.zeros((5, 9, 3), dtype=np.uint8)
    cells[..., 0] = Kind.WALL
    cells[1::2, 1:-1, 0] = Kind.NOTHING
    return House(cells, cells[..., 0] == Kind.WALL, stride)


def test_a_shortest_path_passes_the_stages_in_their_order(house: House, goals: tuple[Goal, ...]) -> None:
    for start in poses(house)[::7]:
        path = shortest_path(house, start, goals)
        assert len(path) == moves_left(house, goals)[0][start] + 1
        assert all(after in neighbours(house, before) for before, after in pairwise(path))
        assert any(goals[0].poses[pose] for pose in path)
        assert goals[1].poses[path[-1]]


def test_of_several_best_moves_a_shortest_path_takes_the_first(house: House, goals: tuple[Goal, ...]) -> None:
    left = moves_left(house, goals[:1])[0]
    for start in poses(house)[::7]:
        path = shortest_path(house, start, goals[:1])
        for before, after in pairwise(path):
            assert after == next(pose for pose in neighbours(house, before) if left[pose] < left[before])


def test_without_a_way_a_shortest_path_is_refused() -> None:
    goal = np.zeros((5, 9, 4), dtype=bool)
    goal[3, 1] = True
    with pytest.raises(ValueError, match="no way leads"):
        shortest_path(corridors(1), (1, 1, 0), (Goal(goal),))


def test_the_expert_takes_every_move_that_leaves_less_to_go(house: House, goals: tuple[Goal, ...]) -> None:
    every = poses(house)
    world = Rooms([Episode("go", house, every[0], goals[:1], "test")], Vocabulary(("go",)))
    best = world.expert(world.begin(np.zeros(len(every), dtype=np.int64), np.array(every)))
    left = moves_left(house, goals[:1])[0]
    for pose, moves in zip(every, best, strict=True):
        assert left[pose] < FAR
        assert moves[:-1].tolist() == [left[after] < left[pose] for after in neighbours(house, pose)]
        assert moves[-1] == (left[pose] == 0)


@pytest.mark.parametrize("stride", [1, 2])
def test_a_path_is_as_long_as_its_steps(stride: int) -> None:
    house = corridors(stride)
    path = np.array([[1, 1], [1, 1 + stride], [1, 1 + stride], [1, 1], [1, 7]], dtype=np.int16)
    between = walking_distances(house, path[:-1], path[1:])
    assert walking_length(house, path) == np.trace(between) == 2 * stride + 6
    assert walking_length(house, path[:1]) == 0


def test_where_no_way_leads_a_path_has_no_end() -> None:
    path = np.array([[1, 1], [3, 1]], dtype=np.int16)
    assert walking_length(corridors(1), path) == walking_distances(corridors(1), path[:1], path[1:])[0, 0] == np.inf


def test_a_world_gives_the_shortest_path_as_reference(house: House, goals: tuple[Goal, ...]) -> None:
    start = poses(house)[-1]
    world = Rooms([Episode("go", house, start, goals, "test")], Vocabulary(("go",)))
    expected = [pose[:2] for pose in shortest_path(house, start, goals)]
    assert world.reference(0).tolist() == [list(cell) for cell in expected]
