"""The scripted scanner, which looks part by part, and the baseline that scans."""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray


@lru_cache(maxsize=64)
def grid(looks: int) -> NDArray[np.float32]:
    """The points [looks, 2] of a scan, in its order, as shares (x, y) of what is looked over, from 0 to 1.

    They lie on a grid as square as can be; every second row of it is read backwards, so that no way is long. A last row
    that is not full is spread over the whole width.
    """
    columns = math.ceil(math.sqrt(looks))
    rows = math.ceil(looks / columns)
    row, place = np.divmod(np.arange(looks), columns)
    in_row = np.where(row == rows - 1, looks - (rows - 1) * columns, columns)
    place = np.where(row % 2 == 1, in_row - 1 - place, place)
    across = np.where(in_row > 1, place / np.maximum(in_row - 1, 1), 0.5)
    down = row / (rows - 1) if rows > 1 else np.full(looks, 0.5)
    points = np.stack([across, down], axis=1).astype(np.float32)
    points.setflags(write=False)  # they are kept for whoever asks next
    return points


def scan(box: NDArray[np.float32], look: NDArray[np.int32] | int, looks: int) -> NDArray[np.float32]:
    """The points [B, 2] of one look of a scan of boxes [B, 4] (left, top, right, bottom) in so many looks."""
    return box[:, :2] + grid(looks)[look] * (box[:, 2:] - box[:, :2])
