"""One picture on a canvas: as it is, somewhere on a larger one, or among pieces of others."""

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from .chance import chance
from .pictures import Pictures
from .scenes import Deck, Scenes

PIECE = 8  # pixels a side of a piece of clutter (Mnih et al. 2014, arXiv:1406.6247)

# How far a picture is distorted at most, at distort = 1.
MOST_TURN = np.radians(15)
MOST_GROWTH = 0.15
MOST_SHEAR = 0.15
MOST_SHIFT = 0.07  # of a side

# What chance decides about an episode.
TOP, LEFT, TURN, GROWTH, STRETCH, SHEAR, RIGHT, DOWN, FIRST_PIECE = range(9)
PIECE_NUMBERS = 5  # of each piece of clutter: from which picture, from where in it (2), to where (2)


class Placed(Scenes):
    """One picture on a dark canvas, and pieces of others scattered over it.

    canvas: its side; as large as the picture unless given. Where it is larger, the picture lies anywhere on it.
    clutter: how many pieces of PIECE x PIECE pixels. Each is cut from a place drawn uniformly in a picture drawn
    uniformly from the same split, and laid at a place drawn uniformly on the canvas. Where things overlap the brighter
    pixel is seen. (The paper does not say which; this is what the recipe its readers share does.)
    distort: how far each picture is turned, scaled, sheared and shifted at random, from 0 to 1.
    endless: whether each picture comes in very many variants, each placed and cluttered anew, for training.
    """

    def __init__(
        self,
        pictures: Pictures,
        split: str,
        canvas: int | None = None,
        clutter: int = 0,
        distort: float = 0.0,
        endless: bool = False,
        seed: int = 0,
    ) -> None:
        height, width, channels = pictures.shape
        if canvas is not None and canvas < max(height, width):
            raise ValueError(f"pictures of {height}x{width} do not fit on a canvas of {canvas}x{canvas}")
        if clutter < 0 or (clutter and min(height, width) < PIECE):
            raise ValueError(f"clutter is pieces of {PIECE}x{PIECE} pixels, cut from pictures of {height}x{width}")
        if not 0 <= distort <= 1:
            raise ValueError(f"distort is from 0 to 1, not {distort}")
        self.pictures, self.clutter, self.distort = pictures, clutter, distort
        self.shape, self.picture = (canvas or height, canvas or width, channels), (height, width)
        self.answers = pictures.classes
        still = not (canvas or clutter or distort)
        self.deck = Deck(len(pictures), split, endless and not still, seed)

    def paint(self, episode: NDArray[np.int64], time: NDArray[np.int32]) -> NDArray[np.uint8]:
        number = self.deck.thing(episode)
        if self.shape == self.pictures.shape and not (self.clutter or self.distort):
            return self.pictures.images[number]
        canvas = np.zeros((len(episode), *self.shape), dtype=np.uint8)
        _paint(self.pictures.images, number, self.deck.keys(episode), self.clutter, self.distort, canvas)
        return canvas

    def answer(self, episode: NDArray[np.int64], time: NDArray[np.int32]) -> NDArray[np.int64]:
        return self.pictures.labels[self.deck.thing(episode)]

    def box(self, episode: NDArray[np.int64], time: NDArray[np.int32]) -> NDArray[np.float32]:
        corner = np.empty((len(episode), 2), dtype=np.int64)
        (height, width, _), (rows, columns, _) = self.pictures.shape, self.shape
        _find(self.deck.keys(episode), rows - height, columns - width, corner)
        top, left = corner.T
        return np.stack([left, top, left + width, top + height], axis=1).astype(np.float32)


@njit(cache=True)
def _find(keys, room_down, room_across, corner):
    for slot in range(len(keys)):
        corner[slot, 0] = np.int64(chance(keys[slot], TOP) * (room_down + 1))
        corner[slot, 1] = np.int64(chance(keys[slot], LEFT) * (room_across + 1))


@njit(cache=True, parallel=True)
def _paint(images, number, keys, clutter, distort, canvas):
    _, height, width, channels = images.shape
    rows, columns = canvas.shape[1:3]
    for slot in prange(len(keys)):
        key = keys[slot]
        top = np.int64(chance(key, TOP) * (rows - height + 1))
        left = np.int64(chance(key, LEFT) * (columns - width + 1))
        if distort > 0:
            _lay_distorted(images[number[slot]], key, distort, top, left, canvas[slot])
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


@njit(cache=True)
def _around_zero(key, what):
    return 2 * chance(key, what) - 1


@njit(cache=True)
def _lay_distorted(image, key, distort, top, left, canvas):
    """The picture seen through an affine map about its middle; what leaves its frame is cut off."""
    height, width, channels = image.shape
    turn = distort * MOST_TURN * _around_zero(key, TURN)
    tall = np.exp(distort * MOST_GROWTH * _around_zero(key, GROWTH))
    wide = tall * np.exp(distort * MOST_GROWTH * 0.5 * _around_zero(key, STRETCH))
    shear = distort * MOST_SHEAR * _around_zero(key, SHEAR)
    across = distort * MOST_SHIFT * width * _around_zero(key, RIGHT)
    down = distort * MOST_SHIFT * height * _around_zero(key, DOWN)
    cosine, sine = np.cos(turn), np.sin(turn)
    for row in range(height):
        for column in range(width):
            y, x = row - (height - 1) / 2 - down, column - (width - 1) / 2 - across
            turned_x, turned_y = cosine * x + sine * y, cosine * y - sine * x
            from_column = (turned_x + shear * turned_y) / wide + (width - 1) / 2
            from_row = turned_y / tall + (height - 1) / 2
            upper, before = np.int64(np.floor(from_row)), np.int64(np.floor(from_column))
            lower_share, after_share = from_row - upper, from_column - before
            for channel in range(channels):
                seen = 0.0
                for below in range(2):
                    for beside in range(2):
                        r, c = upper + below, before + beside
                        if 0 <= r < height and 0 <= c < width:
                            share = lower_share if below else 1 - lower_share
                            share *= after_share if beside else 1 - after_share
                            seen += share * image[r, c, channel]
                canvas[top + row, left + column, channel] = np.uint8(seen + 0.5)
