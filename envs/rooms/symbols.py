"""The symbols view: the cells in front of the agent as three codes each, without those out of sight."""

import numpy as np
from numba import prange
from numpy.typing import NDArray

from vln.kernels import shared_kernel

_DOWN = (-1, 0, 1, 0)
_RIGHT = (0, 1, 0, -1)

SERIAL_BELOW = 2048  # slots: under this a thread team that waits passively costs more to wake than it saves


@shared_kernel
def _fill_symbols(cells, opaque, place, pose, view):
    """Write what every pose sees, from the middle of the last row up, into `view` uint8 [B, side, side, 3] of zeros.

    Sight spreads as in MiniGrid (Chevalier-Boisvert et al., 2023, arXiv:2306.13831): from a cell one sees through to
    its two neighbours in the row and to the three in front of them. A row is kept as the bits of one integer.
    """
    side, middle = view.shape[1], view.shape[1] // 2
    rows, columns = opaque.shape[1], opaque.shape[2]
    # Everything is counted in cells from the beginning of its array, so that the loops within have little to reckon.
    every_cell, every_opaque, every_view = cells.reshape(-1, 3), opaque.ravel(), view.reshape(-1, 3)
    for slot in prange(len(view)):
        row, column, heading = np.int64(pose[slot, 0]), np.int64(pose[slot, 1]), np.int64(pose[slot, 2])
        onward = _DOWN[heading] * columns + _RIGHT[heading]
        across = _DOWN[(heading + 1) % 4] * columns + _RIGHT[(heading + 1) % 4]
        to_the_rim = (row, columns - 1 - column, rows - 1 - row, column)  # cells, by heading
        first = max(0, middle - to_the_rim[(heading + 3) % 4])
        after = min(side, middle + to_the_rim[(heading + 1) % 4] + 1)
        lit = np.int64(1) << middle
        begin = (place[slot] * rows + row) * columns + column - middle * across
        line = (slot * side + side - 1) * side
        for ahead in range(min(side, to_the_rim[heading] + 1)):
            clear = np.int64(0)
            for aside in range(first, after):
                clear |= np.int64(not every_opaque[np.uint64(begin + aside * across)]) << aside
            if ahead == 0:
                # A door is open to whoever stands in it.
                clear |= lit
            through = lit & clear
            spread = (through | (through << 1) | (through >> 1)) & clear
            while spread != through:
                through = spread
                spread = (through | (through << 1) | (through >> 1)) & clear
            beside = through | (through << 1) | (through >> 1)
            lit |= beside
            for aside in range(first, after):
                # Whether a cell is lit is hard to foresee: a mask costs less than a branch.
                mask = np.uint8(-((lit >> aside) & 1))
                for layer in range(3):
                    seen = every_cell[np.uint64(begin + aside * across), layer] & mask
                    every_view[np.uint64(line + aside), layer] = seen
            if not beside:
                break
            lit = beside
            begin += onward
            line -= side


def symbols(
    cells: NDArray[np.uint8],
    opaque: NDArray[np.bool_],
    place: NDArray[np.int32],
    pose: NDArray[np.int16],
    side: int = 7,
) -> NDArray[np.uint8]:
    """What every pose sees, as codes: uint8 [B, side, side, 3] of kind, colour, floor; 0 where nothing is seen.

    cells: uint8 [places, rows, columns, 3]. opaque: bool [places, rows, columns]. place: which map each slot is in,
    [B]. pose: row, column, heading, [B, 3].
    """
    view = np.zeros((len(pose), side, side, 3), dtype=np.uint8)
    fill = _fill_symbols.serial if len(pose) < SERIAL_BELOW else _fill_symbols
    fill(cells, opaque, place, pose, view)
    return view
