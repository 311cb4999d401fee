"""Two pictures on one canvas, read from left to right: both in order, or their sum (arXiv:1412.7755)."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from vln.kernels import kernel

from .chance import chance
from .image_splits import LabelledImages
from .pasting import lay
from .scene_source import EpisodeIndex, SceneSource

# What is to be read, for the numbers of the left and of the right class.
Reading = Callable[[int, int], int]
READINGS: dict[str, Reading] = {"sum": lambda left, right: left + right, "both": lambda left, right: 10 * left + right}

SPREAD = 2.5  # sides of a picture that a canvas is wide unless told
OTHER, LEFT, TOP, OTHER_LEFT, OTHER_TOP = range(5)  # what chance decides about an episode


class Pairs(SceneSource):
    """The left picture is the episode's own, the right one is drawn; each lies anywhere in its half of the canvas.

    reading: "sum" or "both". canvas: its side; two and a half times that of a picture unless given.

    Classes are digits: their numbers are what is added up, or read as a number of two digits ("07").
    """

    def __init__(
        self,
        pictures: LabelledImages,
        split: str,
        reading: str,
        canvas: int | None = None,
        endless: bool = False,
        seed: int = 0,
    ) -> None:
        height, width, channels = pictures.shape
        side = canvas or round(SPREAD * max(height, width))
        if reading not in READINGS:
            raise ValueError(f"two pictures are read as {' or '.join(READINGS)}, not as {reading!r}")
        if pictures.classes != tuple("0123456789"):
            raise ValueError(f"only digits can be read as {reading}, not {', '.join(pictures.classes)}")
        if side < 2 * width or side < height:
            raise ValueError(f"two pictures of {height}x{width} do not fit beside each other on {side}x{side}")
        self.pictures, self.deck = pictures, EpisodeIndex(len(pictures), split, endless, seed)
        self.shape, self.picture = (side, side, channels), (height, width)
        read = READINGS[reading]
        self.numbers = np.array([[read(left, right) for right in range(10)] for left in range(10)])
        largest = int(self.numbers.max())
        self.answers = tuple(str(number).rjust(len(str(largest)), "0") for number in range(largest + 1))

    def paint(self, episode: NDArray[np.int64], time: NDArray[np.int32]) -> NDArray[np.uint8]:
        canvas = np.zeros((len(episode), *self.shape), dtype=np.uint8)
        places = self._places(episode)
        lay(self.pictures.images, self.deck.thing(episode), places[:, :2], canvas)
        lay(self.pictures.images, self._other(episode), places[:, 2:], canvas)
        return canvas

    def answer(self, episode: NDArray[np.int64], time: NDArray[np.int32]) -> NDArray[np.int64]:
        labels = self.pictures.labels
        return self.numbers[labels[self.deck.thing(episode)], labels[self._other(episode)]]

    def box(self, episode: NDArray[np.int64], time: NDArray[np.int32]) -> NDArray[np.float32]:
        left, top, other_left, other_top = self._places(episode).T
        height, width = self.picture
        edges = [left, np.minimum(top, other_top), other_left + width, np.maximum(top, other_top) + height]
        return np.stack(edges, axis=1).astype(np.float32)

    def _other(self, episode: NDArray[np.int64]) -> NDArray[np.int64]:
        drawn = np.empty(len(episode), dtype=np.int64)
        _draw_below(self.deck.keys(episode), OTHER, len(self.pictures), drawn)
        return drawn

    def _places(self, episode: NDArray[np.int64]) -> NDArray[np.int64]:
        """Left and top of both pictures, [B, 4]."""
        keys, (height, width), side = self.deck.keys(episode), self.picture, self.shape[0]
        half = side // 2
        places = np.empty((len(episode), 4), dtype=np.int64)
        rooms = {LEFT: half - width + 1, TOP: side - height + 1, OTHER_LEFT: side - half - width + 1}
        for column, what in enumerate((LEFT, TOP, OTHER_LEFT, OTHER_TOP)):
            _draw_below(keys, what, rooms.get(what, side - height + 1), places[:, column])
        places[:, 2] += half
        return places


@kernel
def _draw_below(keys, what, room, drawn):
    for slot in range(len(keys)):
        drawn[slot] = np.int64(chance(keys[slot], what) * room)
