"""Bars of an agent's answers, drawn for videos."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

WIDTH = 220  # pixels
MOST = 12  # bars; of more answers the most probable are shown
PAPER, INK, BAR, RIGHT = (245, 245, 242), (40, 40, 40), (120, 140, 190), (60, 150, 80)


def bars(
    names: Sequence[str], shares: NDArray[np.floating], right: int | None, height: int, width: int = WIDTH
) -> NDArray[np.uint8]:
    """A picture [height, width, 3] of shares [n] from 0 to 1, one bar each; the right one's is of another colour."""
    panel = np.full((height, width, 3), PAPER, dtype=np.uint8)
    shown = np.arange(len(names)) if len(names) <= MOST else np.argsort(-shares, kind="stable")[:MOST]
    line = min(28, (height - 24) // len(shown))
    longest = max(len(names[number]) for number in shown)
    begin = 12 + min(9 * longest, width // 2)
    for place, number in enumerate(shown):
        base = 12 + (place + 1) * line - line // 3
        end = begin + round(float(shares[number]) * (width - begin - 12))
        cv2.rectangle(panel, (begin, base - line // 2), (end, base + 2), RIGHT if number == right else BAR, -1)
        cv2.putText(panel, names[number], (8, base), cv2.FONT_HERSHEY_SIMPLEX, 0.42, INK, 1, cv2.LINE_AA)
    return panel
