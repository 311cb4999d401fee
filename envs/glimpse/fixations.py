"""Fixations: the average locations of looks, class by class, over the average picture of the class."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vln.outcomes import Outcome

from .scene_source import SceneSource

SIDE = 200  # pixels of a map's longer side
BLUR = 0.04  # of that, by which single looks are spread
HEAT = (214, 84, 37)  # red, green, blue, where most looks go


def gaze_maps(scenes: SceneSource, outcomes: Sequence[Outcome]) -> list[tuple[str, NDArray[np.uint8]]]:
    """For every class its name and a map [height, width, 3]; outcomes: of the first scenes, in their order.

    Looks are counted from the corner of what is worth looking at, wherever it lies on the canvas.
    """
    numbers, start = np.arange(len(outcomes)), np.zeros(len(outcomes), dtype=np.int32)
    boxes = scenes.box(numbers, start)
    height, width = scenes.picture
    scale = SIDE / max(height, width)
    maps = []
    for family in sorted({outcome.family for outcome in outcomes}):
        members = [number for number, outcome in enumerate(outcomes) if outcome.family == family]
        heat = np.zeros((round(height * scale), round(width * scale)), dtype=np.float32)
        for number in members:
            looks: NDArray[Any] = outcomes[number].positions[:-1]  # after the last answer it looks no more
            places = ((looks - boxes[number, :2]) * scale).astype(int)
            inside = ((places >= 0) & (places < heat.shape[::-1])).all(axis=1)
            np.add.at(heat, (places[inside, 1], places[inside, 0]), 1)
        spread = np.asarray(cv2.GaussianBlur(heat, (0, 0), BLUR * SIDE), dtype=np.float32)
        mean = _mean(scenes, np.array(members), boxes)
        maps.append((family, _over(mean, spread / np.float32(max(float(spread.max()), 1e-9)))))
    return maps


def _mean(scenes: SceneSource, episodes: NDArray[np.int64], boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """What lies in the boxes of these episodes, on average, grey [height, width] from 0 to 1."""
    height, width = scenes.picture
    total = np.zeros((height, width), dtype=np.float32)
    for first in range(0, len(episodes), 256):
        some = episodes[first : first + 256]
        canvases = scenes.paint(some, np.zeros(len(some), dtype=np.int32)).mean(axis=-1)
        for canvas, (left, top) in zip(canvases, boxes[some, :2].astype(int), strict=True):
            total += canvas[top : top + height, left : left + width]
    return total / np.float32(255 * len(episodes))


def _over(mean: NDArray[np.float32], heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    grey = cv2.resize(mean, heat.shape[::-1], interpolation=cv2.INTER_NEAREST)
    light = 255 - 150 * np.repeat(grey[..., None], 3, axis=2)
    share = 0.85 * heat[..., None]
    return np.round((1 - share) * light + share * np.array(HEAT)).astype(np.uint8)
