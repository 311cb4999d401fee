"""Where agents look on average, class by class, laid over what a picture of that class looks like on average."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from vln.metrics import Graded, Outcome

from .world import Glimpses

SIDE = 200  # pixels of a map's longer side
BLUR = 0.04  # of that, by which single looks are spread
HEAT = (214, 84, 37)  # red, green, blue, where most looks go


def gaze_maps(world: Glimpses, outcomes: Sequence[Outcome]) -> list[tuple[str, NDArray[np.uint8]]]:
    """For every class its name and a map [height, width, 3]; outcomes: of the world's first episodes, in their order.

    Looks are counted from the corner of what is worth looking at, wherever it lies on the canvas.
    """
    found = [outcome for outcome in outcomes if isinstance(outcome, Graded)]
    numbers, start = np.arange(len(found)), np.zeros(len(found), dtype=np.int32)
    boxes = world.scenes.box(numbers, start)
    height, width = world.scenes.picture
    scale = SIDE / max(height, width)
    maps = []
    for family in sorted({outcome.family for outcome in found}):
        members = [number for number, outcome in enumerate(found) if outcome.family == family]
        heat = np.zeros((round(height * scale), round(width * scale)), dtype=np.float32)
        for number in members:
            places = ((found[number].trail - boxes[number, :2]) * scale).astype(int)
            inside = ((places >= 0) & (places < heat.shape[::-1])).all(axis=1)
            np.add.at(heat, (places[inside, 1], places[inside, 0]), 1)
        spread = np.asarray(cv2.GaussianBlur(heat, (0, 0), BLUR * SIDE), dtype=np.float32)
        mean = _mean(world, np.array(members), boxes)
        maps.append((family, _over(mean, spread / np.float32(max(float(spread.max()), 1e-9)))))
    return maps


def _mean(world: Glimpses, episodes: NDArray[np.int64], boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """What lies in the boxes of these episodes, on average, grey [height, width] from 0 to 1."""
    height, width = world.scenes.picture
    total = np.zeros((height, width), dtype=np.float32)
    for first in range(0, len(episodes), 256):
        some = episodes[first : first + 256]
        canvases = world.scenes.paint(some, np.zeros(len(some), dtype=np.int32)).mean(axis=-1)
        for canvas, (left, top) in zip(canvases, boxes[some, :2].astype(int), strict=True):
            total += canvas[top : top + height, left : left + width]
    return total / np.float32(255 * len(episodes))


def _over(mean: NDArray[np.float32], heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    grey = cv2.resize(mean, heat.shape[::-1], interpolation=cv2.INTER_NEAREST)
    light = 255 - 150 * np.repeat(grey[..., None], 3, axis=2)
    share = 0.85 * heat[..., None]
    return np.round((1 - share) * light + share * np.array(HEAT)).astype(np.uint8)
