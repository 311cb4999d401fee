"""The four-way view: the cells straight ahead, right, behind and left, as codes."""

import numpy as np
from numpy.typing import NDArray

from vln.kernels import kernel

_DOWN = (-1, 0, 1, 0)
_RIGHT = (0, 1, 0, -1)

WIDTH = 3  # cells of a lane: the middle one, and the ones to the left and the right of it


@kernel
def _fill_lanes(cells, opaque, place, pose, view):
    """Write the four lanes of every pose into `view` uint8 [B, length, 4, 3, 3] of zeros."""
    rows, columns = opaque.shape[1], opaque.shape[2]
    for slot in range(len(view)):
        house = place[slot]
        for turn in range(4):
            heading = (pose[slot, 2] + turn) % 4
            row, column = np.int64(pose[slot, 0]), np.int64(pose[slot, 1])
            aside_down, aside_right = _DOWN[(heading + 1) % 4], _RIGHT[(heading + 1) % 4]
            for ahead in range(view.shape[1]):
                if not (0 <= row < rows and 0 <= column < columns):
                    break
                # One sees what stands on either side of free cells. A door is open to whoever stands in it.
                free = ahead == 0 or not opaque[house, row, column]
                for aside in range(-1, 2):
                    down, right = row + aside * aside_down, column + aside * aside_right
                    if (free or aside == 0) and 0 <= down < rows and 0 <= right < columns:
                        for layer in range(3):
                            view[slot, ahead, turn, aside + 1, layer] = cells[house, down, right, layer]
                if not free:
                    break
                row += _DOWN[heading]
                column += _RIGHT[heading]


def lanes(
    cells: NDArray[np.uint8],
    opaque: NDArray[np.bool_],
    place: NDArray[np.int32],
    pose: NDArray[np.int16],
    length: int = 7,
) -> NDArray[np.uint8]:
    """What every pose sees along four lanes, uint8 [B, length, 4, 9]; 0 where nothing is seen.

    Second axis: how many cells away, from the pose's own cell on. Third: ahead, to the right, behind, to the left.
    Fourth: kind, colour and floor of the cell to the left, of the middle one and of the one to the right, as one looks
    along the lane. Nothing behind something opaque is seen. Arguments as those of `symbols`.
    """
    view = np.zeros((len(pose), length, 4, WIDTH, 3), dtype=np.uint8)
    _fill_lanes(cells, opaque, place, pose, view)
    return view.reshape(len(pose), length, 4, WIDTH * 3)
