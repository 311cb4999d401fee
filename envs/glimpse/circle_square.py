"""A circle or a square in a picture that is brighter the nearer to it: what ap_gym's CircleSquare-v0 shows, as scenes.

The same pictures in the same order as that environment's, written anew from what it draws (Active Perception Gym 0.7.1,
https://github.com/TimSchneider42/active-perception-gym), rounded to 256 levels. Where its eye looks, how far a move
takes it and where it begins are the same too: see `circlesquare`.
"""

from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

from vln.language import Vocabulary
from vln.tasks import Task, TaskSpec

from .image_splits import SPLITS
from .scene_source import EpisodeIndex, SceneSource
from .task import BASELINES, SEED, see

SIDE = 28  # pixels
HALF = 4  # pixels from the middle of a shape to that of its outermost pixels
CLASSES = ("square", "circle")

PATCH, LOOKS = 5, 16
LIMIT = 0.2  # of a move, in the unit of points: 2.3 pixels


class CircleSquares(SceneSource):
    """Either shape about every pixel: 1568 pictures, in every split all of them. Shapes at the edges are cut off.

    endless: whether each comes in very many variants, which differ in where the first look goes, for training.
    """

    def __init__(self, split: str, endless: bool = False, seed: int = 0) -> None:
        self.images = _images()
        self.deck = EpisodeIndex(len(self.images), split, endless, seed)
        self.shape, self.picture = (SIDE, SIDE, 1), (2 * HALF + 1, 2 * HALF + 1)
        self.answers = CLASSES

    def paint(self, episode: NDArray[np.int64], time: NDArray[np.int32]) -> NDArray[np.uint8]:
        return self.images[self.deck.thing(episode)]

    def answer(self, episode: NDArray[np.int64], time: NDArray[np.int32]) -> NDArray[np.int64]:
        return self.deck.thing(episode) % len(CLASSES)

    def box(self, episode: NDArray[np.int64], time: NDArray[np.int32]) -> NDArray[np.float32]:
        """As large as a whole shape, and within the picture also where the shape is not."""
        corner = np.clip(_middles(self.deck.thing(episode)) - HALF, 0, SIDE - self.picture[0])
        return np.concatenate([corner, corner + self.picture[0]], axis=1).astype(np.float32)


def circlesquare() -> Task:
    """Is it a circle or a square? In 16 looks of 5x5 pixels, of which the first goes anywhere.

    Agents that learn here can be judged in ap_gym's own environment: see envs.peers.active_perception.
    """

    def scenes(split: str) -> SceneSource:
        return CircleSquares(split, endless=split == "train", seed=SEED)

    return Task("circlesquare", scenes, scan_shapes, SPLITS, Vocabulary(()), "val", 2 * SIDE * SIDE, "val", BASELINES)


scan_shapes = partial(see, patch=PATCH, looks=LOOKS, start="random", move="relative", limit=LIMIT)

TASKS = {"circlesquare": TaskSpec(circlesquare, scan_shapes)}


def _middles(thing: NDArray[np.int64]) -> NDArray[np.int64]:
    """Column and row of the pixel that a shape is about, [B, 2]. Numbers count classes, then columns, then rows."""
    row, column = np.divmod(thing // len(CLASSES), SIDE)
    return np.stack([column, row], axis=1)


@cache
def _images() -> NDArray[np.uint8]:
    """All pictures, [1568, SIDE, SIDE, 1]: shapes as bright as can be, and around them less with every pixel."""
    thing = np.arange(len(CLASSES) * SIDE * SIDE)
    pixels = np.stack(np.meshgrid(np.arange(SIDE), np.arange(SIDE)), axis=-1)
    away = np.abs(pixels - _middles(thing)[:, None, None])
    distance = np.sqrt((away**2).sum(axis=-1))
    square = (thing % len(CLASSES) == CLASSES.index("square"))[:, None, None]
    within = np.where(square, away.max(axis=-1), distance) <= HALF
    brightness = np.where(within, 1, 1 - distance / np.hypot(SIDE, SIDE))
    return np.rint(255 * brightness).astype(np.uint8)[..., None]
