"""Pictures for people: the canvas with the path of the sensor, and its patches at each scale."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .sensor import GlimpseSensor

SIDE = 360  # pixels of the shown canvas's longer side
PATCH_SIDE = 108  # pixels of a shown patch
GAP = 12
PAPER = (245, 245, 242)
INK = (40, 40, 40)
# Of the frames around what each scale covers; the first is also that of the way.
FRAMES = ((214, 84, 37), (37, 120, 190), (60, 150, 80), (150, 90, 170))


def draw_map(
    canvas: NDArray[np.uint8],
    path: NDArray[np.floating],
    glimpse: NDArray[np.float32],
    eye: GlimpseSensor,
    instruction: str,
    colours: NDArray[np.uint8] | None = None,
) -> NDArray[np.uint8]:
    """uint8 [height, width, 3]; path: [n, 2], the points looked at so far, in pixels (x, y) of the canvas.

    colours: [n, 3], a colour for each of them.
    """
    height, width, channels = canvas.shape
    scale = SIDE / max(height, width)
    shown: Any = cv2.resize(
        np.ascontiguousarray(_coloured(canvas)),
        (round(width * scale), round(height * scale)),
        interpolation=cv2.INTER_NEAREST,
    )
    points = np.round(path * scale).astype(int)
    for number in range(eye.scales - 1, -1, -1):
        half = eye.patch * 2**number / 2 * scale
        (left, top), (right, bottom) = points[-1] - round(half), points[-1] + round(half)
        cv2.rectangle(shown, (left, top), (right, bottom), FRAMES[number % len(FRAMES)], 2)
    if len(points) > 1:
        cv2.polylines(shown, [points.reshape(-1, 1, 2)], False, FRAMES[0], 2, cv2.LINE_AA)
    for number, point in enumerate(points):
        if colours is not None:
            cv2.circle(shown, point.tolist(), 9, INK, -1, cv2.LINE_AA)
            cv2.circle(shown, point.tolist(), 8, colours[number].tolist(), -1, cv2.LINE_AA)
            continue
        last = number == len(points) - 1
        cv2.circle(shown, point.tolist(), 5 if last else 4, FRAMES[0], -1 if last else 2, cv2.LINE_AA)
    side = np.full((max(shown.shape[0], eye.scales * (PATCH_SIDE + 30)), PATCH_SIDE, 3), PAPER, dtype=np.uint8)
    for number in range(eye.scales):
        patch = _brightness(glimpse[..., number * channels : (number + 1) * channels], eye)
        top = number * (PATCH_SIDE + 30)
        side[top : top + PATCH_SIDE] = cv2.resize(
            np.ascontiguousarray(_coloured(patch)), (PATCH_SIDE, PATCH_SIDE), interpolation=cv2.INTER_NEAREST
        )
        cv2.rectangle(side, (0, top), (PATCH_SIDE - 1, top + PATCH_SIDE - 1), FRAMES[number % len(FRAMES)], 2)
        cells = eye.patch * 2**number
        place = (0, top + PATCH_SIDE + 16)
        cv2.putText(side, f"{cells} x {cells} pixels", place, cv2.FONT_HERSHEY_SIMPLEX, 0.4, INK, 1, cv2.LINE_AA)
    return _page(shown, side, instruction)


def _page(shown: NDArray[np.uint8], side: NDArray[np.uint8], words: str) -> NDArray[np.uint8]:
    head = GAP + (22 if words else 0)
    height = head + max(shown.shape[0], side.shape[0]) + GAP
    page = np.full((height, shown.shape[1] + side.shape[1] + 3 * GAP, 3), PAPER, dtype=np.uint8)
    page[head : head + shown.shape[0], GAP : GAP + shown.shape[1]] = shown
    page[head : head + side.shape[0], 2 * GAP + shown.shape[1] : -GAP] = side
    if words:
        cv2.putText(page, words, (GAP, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.5, INK, 1, cv2.LINE_AA)
    return page


def _brightness(patch: NDArray[np.float32], eye: GlimpseSensor) -> NDArray[np.uint8]:
    """A patch as it looks; what was evened out is shown around a middle grey."""
    shown = 128 + 56 * patch if eye.contrast else 255 * patch
    return np.clip(shown, 0, 255).astype(np.uint8)


def _coloured(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.repeat(picture, 3, axis=2) if picture.shape[-1] == 1 else picture
