"""Houses: the map of an episode, and poses in it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .floor_plan import read_plan, write_plan
from .things import HOUSE_KINDS, Kind

KIND, COLOUR, FLOOR = 0, 1, 2  # the layers of House.cells

COMPASS = ("north", "east", "south", "west")  # the names of headings
# A heading is 0 north (row - 1), 1 east (column + 1), 2 south, 3 west.
HEADINGS = np.array([[-1, 0], [0, 1], [1, 0], [0, -1]], dtype=np.int16)

SIZE_LIMIT = 64  # cells a side: what an agent has seen is kept as one 64-bit row of bits per row of cells

Pose = tuple[int, int, int]  # row, column, heading


@dataclass(frozen=True, eq=False)
class House:
    """A map of cells.

    cells: uint8 [rows, columns, 3], the codes of kind, colour and floor (see things.py).
    solid: bool [rows, columns], True where nobody can walk: walls, and in houses the objects.
    stride: how many cells one `forward` covers: 1 in houses, 2 in mazes whose places lie on every second cell.
    """

    cells: NDArray[np.uint8]
    solid: NDArray[np.bool_]
    stride: int = 1

    def __post_init__(self) -> None:
        rows, columns, layers = self.cells.shape
        if layers != 3 or self.solid.shape != (rows, columns):
            raise ValueError(f"cells {self.cells.shape} and solid {self.solid.shape} do not describe one map")
        if max(rows, columns) > SIZE_LIMIT:
            raise ValueError(f"a map of {rows}x{columns} cells is larger than {SIZE_LIMIT}x{SIZE_LIMIT}")
        rim = np.ones((rows, columns), dtype=bool)
        rim[1:-1, 1:-1] = False
        if not self.solid[rim].all():
            row, column = np.argwhere(rim & ~self.solid)[0]
            raise ValueError(f"the map is open to the outside at row {row}, column {column}: close it with a wall")
        self.cells.setflags(write=False)
        self.solid.setflags(write=False)

    @classmethod
    def of_text(cls, text: str, **names: str) -> "House":
        """The house that a floor plan draws, its rows divided by "/" or on lines of their own; see `text`.

        `#` is a wall, `.` floor, `+` a door of a colour of its own, a letter what it is named here or on a line of the
        plan's own (`r = red chair`) after the rows: an object or a door with its colour, a "doorway", or the floor of
        the room that it lies in ("wooden floor"). Rooms whose floor is not named are laid with one each, and objects
        stand on the floor of their room, as they do in houses that are built (see building.build).

            House.of_text("#########/#...#...#/#.r.+..b#/#########", r="red chair", b="blue table")

        Raises ValueError where a name is not known, a character stands for nothing, rows differ in length, a door does
        not stand in a wall between two free cells, or the house is open to the outside. Rows and columns count from 0.
        """
        cells = read_plan(text, names)
        return cls(cells, np.isin(cells[..., KIND], (Kind.WALL, *HOUSE_KINDS)))

    def text(self) -> str:
        """The floor plan of this house, its letters named, which `of_text` reads as the same cells.

        Raises ValueError for a map that is no house, such as a SAIL maze.
        """
        if self.stride != 1:
            raise ValueError("a floor plan is of a house, not of a maze whose places lie on every second cell")
        return write_plan(self.cells)

    @property
    def shape(self) -> tuple[int, int]:
        return self.cells.shape[0], self.cells.shape[1]

    @cached_property
    def opaque(self) -> NDArray[np.bool_]:
        """Where no one sees through, [rows, columns]: walls and doors. One looks over objects."""
        return np.isin(self.cells[..., KIND], (Kind.WALL, Kind.DOOR))

    @cached_property
    def identity(self) -> str:
        """The same for equal maps and for no others: what the proof that no house crosses a split compares."""
        return hashlib.sha256(repr((self.shape, self.stride)).encode() + self.cells.tobytes()).hexdigest()[:16]

    def find(self, kind: int, colour: int | None = None) -> list[tuple[int, int]]:
        """The cells (row, column) that hold this kind of thing, of this colour when one is given."""
        return [(row, column) for row, column, one, its in self.things if one == kind and colour in (None, its)]

    @cached_property
    def things(self) -> list[tuple[int, int, int, int]]:
        """Row, column, kind and colour of all that stands in the cells, row by row. A wall is no thing."""
        rows, columns = np.nonzero((self.cells[..., KIND] != Kind.NOTHING) & (self.cells[..., KIND] != Kind.WALL))
        kinds, colours, _ = self.cells[rows, columns].T.tolist()
        return list(zip(rows.tolist(), columns.tolist(), kinds, colours, strict=True))

    def room(self, floor: int) -> NDArray[np.bool_]:
        """The free cells on this floor, bool [rows, columns]. The floor of doors and doorways is no room's."""
        return (self.cells[..., FLOOR] == floor) & ~self.solid

    def facing(self, row: int, column: int) -> NDArray[np.bool_]:
        """The poses, bool [rows, columns, 4], that stand next to a cell and look at it."""
        poses = np.zeros((*self.shape, 4), dtype=bool)
        for heading, (down, right) in enumerate(HEADINGS.tolist()):
            stand = row - down * self.stride, column - right * self.stride
            if 0 <= stand[0] < self.shape[0] and 0 <= stand[1] < self.shape[1] and not self.solid[stand]:
                poses[*stand, heading] = True
        return poses


def house_in(place: Any) -> House:
    """The place, which is a house. Raises ValueError where it is something else."""
    if not isinstance(place, House):
        raise ValueError(f"rooms are walked in a House, not in a {type(place).__name__}: House.of_text draws one")
    return place


def pose_in(house: House, start: Any) -> Pose:
    """The pose that a person names: row, column and heading, a name of COMPASS or its number.

    Raises ValueError where nobody can stand so.
    """
    if not isinstance(start, Sequence) or len(start) != 3:
        raise ValueError(f"a start is row, column and heading, as in (1, 1, 'east'), not {start!r}")
    row, column, heading = start
    if isinstance(heading, str) and heading.lower() in COMPASS:
        heading = COMPASS.index(heading.lower())
    if isinstance(heading, str) or heading not in range(len(COMPASS)):
        raise ValueError(f"no heading is called {heading!r}; there are {', '.join(COMPASS)}")
    rows, columns = house.shape
    if row not in range(rows) or column not in range(columns):
        raise ValueError(f"row {row}, column {column} is outside of a house of {rows} rows and {columns} columns")
    if house.solid[row, column]:
        thing = Kind(int(house.cells[row, column, KIND])).name.lower()
        raise ValueError(f"row {row}, column {column} holds a {thing}: nobody can start there")
    return int(row), int(column), int(heading)


@dataclass(frozen=True, eq=False)
class Goal:
    """What counts as done, or as one stage of it.

    poses: bool [rows, columns, 4], the poses in which the stage is reached.
    sight: bool [rows, columns] or None: the cells of which one must have come into view before a searcher can know
        where the goal is. None when the instruction itself says the way.
    """

    poses: NDArray[np.bool_]
    sight: NDArray[np.bool_] | None = None


def as_bits(poses: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Poses bool [..., 4] as uint8 [...]: bit h is set where heading h is meant."""
    return np.packbits(poses, axis=-1, bitorder="little")[..., 0]
