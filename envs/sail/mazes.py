"""SAIL's mazes as houses: a node on every second cell, and the hall between two nodes as the cell between."""

from functools import cache

import numpy as np

from vln.envs.rooms.house import COLOUR, KIND, House, Pose
from vln.envs.rooms.things import Colour, Floor, Kind

from .records import DEGREES, Maze
from .records import Pose as MapPose

STRIDE = 2

# A crossing of halls has no pattern of its own. Marble is none of the eight patterns of the halls, so that no crossing
# can be taken for a piece of hall.
CROSSING = Floor.MARBLE


@cache
def house(maze: Maze) -> House:
    """The maze as a map of cells; always the same House for the same Maze.

    A node's cell holds its object, a hall's cell its picture and its floor. Nothing but walls is solid: one walks past
    the objects.
    """
    width, height = (max(node[axis] for node in maze.items) - _corner(maze)[axis] + 1 for axis in (0, 1))
    cells = np.zeros((STRIDE * height + 1, STRIDE * width + 1, 3), dtype=np.uint8)
    cells[..., KIND] = Kind.WALL
    cells[..., COLOUR] = Colour.NONE
    for node, item in maze.items.items():
        place = cell(maze, (*node, 0))[:2]
        cells[place] = Kind[item.upper()] if item else Kind.NOTHING, Colour.NONE, CROSSING
    for (one, other), hall in maze.halls.items():
        ends = cell(maze, (*one, 0)), cell(maze, (*other, 0))
        place = (ends[0][0] + ends[1][0]) // 2, (ends[0][1] + ends[1][1]) // 2
        cells[place] = Kind[hall.wall.upper()], Colour.NONE, Floor[hall.floor.upper()]
    return House(cells, solid=cells[..., KIND] == Kind.WALL, stride=STRIDE)


def cell(maze: Maze, pose: MapPose) -> Pose:
    """Row, column and heading (0 to 3) of a pose on the map: x, y and degrees."""
    x, y, degrees = pose
    left, top = _corner(maze)
    return STRIDE * (y - top) + 1, STRIDE * (x - left) + 1, DEGREES.index(degrees)


def map_pose(maze: Maze, pose: Pose) -> MapPose:
    """x, y and degrees of a pose in the house. Raises ValueError when it does not stand on a node."""
    row, column, heading = pose
    left, top = _corner(maze)
    node = (column - 1) // STRIDE + left, (row - 1) // STRIDE + top
    if node not in maze.items or cell(maze, (*node, 0))[:2] != (row, column):
        raise ValueError(f"row {row}, column {column} is no node of map {maze.name!r}")
    return *node, DEGREES[heading]


@cache
def _corner(maze: Maze) -> tuple[int, int]:
    """The smallest x and y of the map."""
    return min(x for x, _ in maze.items), min(y for _, y in maze.items)
