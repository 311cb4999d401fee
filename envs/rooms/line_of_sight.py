"""Lines of sight: which cells are visible from where."""

import numpy as np
from numpy.typing import NDArray

from vln.kernels import kernel

from .building import Cell
from .house import House

EDGE = 0.45  # cells from its centre at which a cell is looked at too: near its corners and the middles of its sides
STRIDE = 0.2  # cells between the points of a line that are tried


def in_line(house: House, cell: Cell) -> NDArray[np.bool_]:
    """The cells, bool [rows, columns], whose centre some straight line joins with the cell, nothing opaque between.

    Wider than what any one view shows: it knows no heading, no distance, and meets the cell at nine points.
    """
    seen = np.zeros(house.shape, dtype=np.bool_)
    _fill_lines(house.opaque, cell[0], cell[1], seen)
    return seen


@kernel
def _fill_lines(opaque, row, column, seen):
    for from_row in range(opaque.shape[0]):
        for from_column in range(opaque.shape[1]):
            if opaque[from_row, from_column]:
                continue
            for point in range(9):
                down = row + (point // 3 - 1) * EDGE - from_row
                right = column + (point % 3 - 1) * EDGE - from_column
                if _clear(opaque, from_row, from_column, down, right, row, column):
                    seen[from_row, from_column] = True
                    break


@kernel
def _clear(opaque, from_row, from_column, down, right, row, column):
    points = int(np.hypot(down, right) / STRIDE) + 1
    for point in range(1, points + 1):
        at_row = int(np.floor(from_row + down * point / points + 0.5))
        at_column = int(np.floor(from_column + right * point / points + 0.5))
        if at_row == row and at_column == column:
            return True
        if opaque[at_row, at_column] and not (at_row == from_row and at_column == from_column):
            return False
    return True
