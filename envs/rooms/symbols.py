"""The symbols view: the cells in front of the agent as three codes each, with what is hidden left out."""

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

_DOWN = (-1, 0, 1, 0)
_RIGHT = (0, 1, 0, -1)

SERIAL_BELOW = 32  # slots: under this a thread team costs more to wake than it saves


def _fill_symbols(cells, opaque, place, pose, view):
    """Write the view uint8 [B, side, side, 3] of every pose; the agent stands in the middle of the last row, looking up.

    Sight spreads as in MiniGrid (Chevalier-Boisvert et al., 2023, arXiv:2306.13831): from a cell one sees through to
    its two neighbours in the row and to the three in front of them. A row is kept as the bits of one integer.
    """
    slots, side = view.shape[0], view.shape[1]
    rows, columns = opaque.shape[1], opaque.shape[2]
    for slot in prange(slots):
        house = place[slot]
        heading = pose[slot, 2]
        ahead_down, ahead_right = _DOWN[heading], _RIGHT[heading]
        aside_down, aside_right = _DOWN[(heading + 1) % 4], _RIGHT[(heading + 1) % 4]
        lit = np.int64(1) << (side // 2)
        for ahead in range(side):
            first_row = pose[slot, 0] + ahead_down * ahead - aside_down * (side // 2)
            first_column = pose[slot, 1] + ahead_right * ahead - aside_right * (side // 2)
            clear = np.int64(0)
            for aside in range(side):
                row, column = first_row + aside_down * aside, first_column + aside_right * aside
                if 0 <= row < rows and 0 <= column < columns:
                    clear |= np.int64(not opaque[house, row, column]) << aside
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
            line = side - 1 - ahead
            for aside in range(side):
                row, column = first_row + aside_down * aside, first_column + aside_right * aside
                if (lit >> aside) & 1 and 0 <= row < rows and 0 <= column < columns:
                    for layer in range(3):
                        view[slot, line, aside, layer] = cells[house, row, column, layer]
                else:
                    for layer in range(3):
                        view[slot, line, aside, layer] = 0
            lit = beside


_fill_serial = njit(cache=True)(_fill_symbols)
_fill_parallel = njit(cache=True, parallel=True)(_fill_symbols)


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
    view = np.empty((len(pose), side, side, 3), dtype=np.uint8)
    fill = _fill_serial if len(pose) < SERIAL_BELOW else _fill_parallel
    fill(cells, opaque, place, pose, view)
    return view

