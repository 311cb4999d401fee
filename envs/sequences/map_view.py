"""Pictures for people: inputs, answers and targets, a column a step."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

PAPER, INK, GREY = (245, 245, 242), (40, 40, 40), (150, 150, 145)
RIGHT, WRONG = (60, 150, 80), (214, 84, 37)
ROW, COLUMN, MARGIN = 26, 18, 74
SHOWN = 40  # steps in a picture: the latest ones


def draw_map(
    inputs: NDArray[Any],
    targets: NDArray[Any],
    told: NDArray[np.floating],
    given_named: Sequence[str],
    answers_named: Sequence[str],
    close: float,
    colours: NDArray[np.uint8] | None = None,
) -> NDArray[np.uint8]:
    """uint8 [height, width, 3], always of one size. told: [n], the answers so far; without names they are numbers,
    right when they are as close to the truth. colours: a colour for every step, [n, 3] or of one that is now, too.
    """
    wide = COLUMN if answers_named and inputs.ndim == 1 else 2 * COLUMN
    rows = (inputs.shape[1] if inputs.ndim > 1 else 1) + 2
    now = len(told)
    first = max(0, min(now + 1, len(inputs)) - SHOWN)
    page = np.full((ROW * (rows + 1), MARGIN + wide * SHOWN + 12, 3), PAPER, dtype=np.uint8)
    names = [*(["input"] if rows == 3 else [f"input {n + 1}" for n in range(rows - 2)]), "answered", "right"]
    for row, name in enumerate(names):
        _write(page, name, 8, row, GREY)
    for column, step in enumerate(range(first, min(first + SHOWN, len(inputs)))):
        left = MARGIN + wide * column
        if colours is not None and step < len(colours):
            page[4 : ROW * rows + 6, left - 4 : left + wide - 4] = colours[step]
        if step == now:
            cv2.rectangle(page, (left - 4, 4), (left + wide - 5, ROW * rows + 6), GREY, 1)
        if step <= now:
            for row, value in enumerate(np.atleast_1d(inputs[step])):
                _write(page, given_named[value] if inputs.ndim == 1 else f"{value:.2g}", left, row, INK)
        nothing = np.isnan(targets[step]) if not answers_named else targets[step] < 0
        if step < now:
            answer = answers_named[int(told[step])] if answers_named else f"{told[step]:.2g}"
            right = told[step] == targets[step] if answers_named else abs(told[step] - targets[step]) <= close
            _write(page, answer, left, rows - 2, GREY if nothing else RIGHT if right else WRONG)
        if step <= now and not nothing:
            _write(
                page, answers_named[targets[step]] if answers_named else f"{targets[step]:.2g}", left, rows - 1, GREY
            )
    return page


def _write(page: NDArray[np.uint8], text: str, left: int, row: int, ink: tuple[int, int, int]) -> None:
    shown = repr(text)[1:-1] if not text.isprintable() else text
    cv2.putText(page, shown, (left, ROW * (row + 1) - 4), cv2.FONT_HERSHEY_SIMPLEX, 0.42, ink, 1, cv2.LINE_AA)
