"""One picture on a canvas: as it is, at a random place of a larger one, or among pieces of others."""

import numpy as np
from numba import prange
from numpy.typing import NDArray

from vln.kernels import kernel, shared_kernel

from .chance import chance
from .distortion import END, lay_distorted
from .image_splits import LabelledImages
from .scene_source import EpisodeIndex, SceneSource

PIECE = 8  # pixels a side of a piece of clutter (Mnih et al. 2014, arXiv:1406.6247)

# What chance decides about an episode.
TOP, LEFT, DISTORTION = range(3)
FIRST_PIECE = DISTORTION + END
PIECE_NUMBERS = 5  # of each piece of clutter: from which picture, from where in it (2), to where (2)


class PlacedImages(SceneSource):
    """One picture on a dark canvas, and pieces of others scattered over it.

    canvas: its side; as large as the picture unless given. Where it is larger, the picture lies anywhere on it.
    clutter: how many pieces of PIECE x PIECE pixels. Each is cut from a place drawn uniformly in a picture drawn
    uniformly from the same split, and laid at a place drawn uniformly on the canvas. Where things overlap the brighter
    pixel is seen. (The paper does not say which; this is what the recipe its readers share does.)
    distort, elastic: how far each picture is turned, scaled, sheared and shifted at random, and how far bent, from 0
    to 1 (see distortion).
    endless: whether each picture comes in very many variants, each placed and cluttered anew, for training.
    """

    def __init__(
        self,
        pictures: LabelledImages,
        split: str,
        canvas: int | None = None,
        clutter: int = 0,
        distort: float = 0.0,
        elastic: float = 0.0,
        endless: bool = False,
        seed: int = 0,
    ) -> None:
        height, width, channels = pictures.shape
        if canvas is not None and canvas < max(height, width):
            raise ValueError(f"pictures of {height}x{width} do not fit on a canvas of {canvas}x{canvas}")
        if clutter < 0 or (clutter and min(height, width) < PIECE):
            raise ValueError(f"clutter is pieces of {PIECE}x{PIECE} pixels, cut from pictures of {height}x{width}")
        for name, far in (("distort", distort), ("elastic", elastic)):
            if not 0 <= far <= 1:
                raise ValueError(f"{name} is from 0 to 1, not {far}")
        self.pictures, self.clutter, self.distort, self.elastic = pictures, clutter, distort, elastic
        self.shape, self.picture = (canvas or height, canvas or width, channels), (height, width)
        self.answers = pictures.classes
        self.still = self.shape == pictures.shape and not (clutter or distort or elastic)
        self.deck = EpisodeIndex(len(pictures), split, endless and not self.still, seed)

    def paint(self, episode: NDArray[np.int64], time: NDArray[np.int32]) -> NDArray[np.uint8]:
        number = self.deck.thing(episode)
        if self.still:
            return self.pictures.images[number]
        canvas = np.zeros((len(episode), *self.shape), dtype=np.uint8)
        keys, far = self.deck.keys(episode), (float(self.distort), float(self.elastic))
        _paint(self.pictures.images, number, keys, self.clutter, far, canvas)
        return canvas

    def answer(self, episode: NDArray[np.int64], time: NDArray[np.int32]) -> NDArray[np.int64]:
        return self.pictures.labels[self.deck.thing(episode)]

    def box(self, episode: NDArray[np.int64], time: NDArray[np.int32]) -> NDArray[np.float32]:
        corner = np.empty((len(episode), 2), dtype=np.int64)
        (height, width, _), (rows, columns, _) = self.pictures.shape, self.shape
        _find(self.deck.keys(episode), rows - height, columns - width, corner)
        top, left = corner.T
        return np.stack([left, top, left + width, top + height], axis=1).astype(np.float32)


@kernel
def _find(keys, room_down, room_across, corner):
    for slot in range(len(keys)):
        corner[slot, 0] = np.int64(chance(keys[slot], TOP) * (room_down + 1))
        corner[slot, 1] = np.int64(chance(keys[slot], LEFT) * (room_across + 1))


@shared_kernel
def _paint(images, number, keys, clutter, far, canvas):
    _, height, width, channels = images.shape
    rows, columns = canvas.shape[1:3]
    for slot in prange(len(keys)):
        key = keys[slot]
        top = np.int64(chance(key, TOP) * (rows - height + 1))
        left = np.int64(chance(key, LEFT) * (columns - width + 1))
        if far[0] > 0 or far[1] > 0:
            lay_distorted(images[number[slot]], key, DISTORTION, far[0], far[1], top, left, canvas[slot])
        else:
            canvas[slot, top : top + height, left : left + width] = images[number[slot]]
        for piece in range(clutter):
            what = FIRST_PIECE + piece * PIECE_NUMBERS
            other = np.int64(chance(key, what) * len(images))
            from_row = np.int64(chance(key, what + 1) * (height - PIECE + 1))
            from_column = np.int64(chance(key, what + 2) * (width - PIECE + 1))
            to_row = np.int64(chance(key, what + 3) * (rows - PIECE + 1))
            to_column = np.int64(chance(key, what + 4) * (columns - PIECE + 1))
            for row in range(PIECE):
                for column in range(PIECE):
                    for channel in range(channels):
                        seen = images[other, from_row + row, from_column + column, channel]
                        if seen > canvas[slot, to_row + row, to_column + column, channel]:
                            canvas[slot, to_row + row, to_column + column, channel] = seen
