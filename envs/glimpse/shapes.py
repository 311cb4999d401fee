"""Coloured shapes: pictures of one, and single ones to be put on canvases."""

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from .image_splits import ImageSplits
from .synthetic import invented

SIZES = {"train": 6000, "val": 1000, "test": 1000}
LEAST_SIDE = 12  # pixels: on fewer, small shapes can not be told from each other

COLOURS = {
    "red": (225, 50, 50),
    "green": (60, 185, 70),
    "blue": (65, 100, 240),
    "yellow": (240, 215, 50),
    "purple": (175, 65, 215),
    "cyan": (65, 210, 225),
}

MOST_JITTER = 20  # by which each of red, green and blue may differ from the named colour's
LEAST_SIZE, MOST_SIZE = 0.4, 0.85  # of a shape, in parts of the picture's side
MOST_GLOW = 35  # of the background
NOISE = 6.0  # standard deviation, of 255

_FINER = 4  # pixels drawn, along each side, for every one that is seen: soft edges
_PARTS = 8  # bits of a fine pixel to which corners are exact

# Corners as complex numbers, x + yi, with y down and none farther than 1 from the middle. More outlines than one: what
# is within an even number of them is empty.
Outlines = tuple[NDArray[np.complex128], ...]


def _round(corners: int, radius: float = 1.0) -> NDArray[np.complex128]:
    """The corners of a regular polygon, the first one up."""
    return -1j * radius * np.exp(2j * np.pi * np.arange(corners) / corners)


SHAPES: dict[str, Outlines] = {
    "circle": (_round(64, 0.9),),
    "square": (_round(4) * np.exp(0.25j * np.pi),),
    "triangle": (_round(3),),
    "cross": (np.outer(1j ** np.arange(4), [-0.28 - 0.96j, 0.28 - 0.96j, 0.28 - 0.28j]).ravel(),),
    "ring": (_round(64, 0.9), _round(64, 0.5)),
    "star": (_round(10) * np.tile([1, 0.42], 5),),
}


def shapes(seed: int = 0, sizes: Mapping[str, int] = SIZES, side: int = 32) -> ImageSplits:
    """One shape in each picture, which is to be named; its colour, size, turn and place are chance and tell nothing."""
    if side < LEAST_SIDE:
        raise ValueError(f"shapes need pictures of at least {LEAST_SIDE} pixels a side, not {side}")
    names = tuple(SHAPES)
    return invented(lambda label, chance: _picture(names[label], side, chance), names, seed, sizes)


def draw_shape(name: str, colour: tuple[int, int, int], size: int, turn: float = 0.0) -> NDArray[np.uint8]:
    """A shape that fills a circle of `size` pixels across, uint8 [size, size, 4]: red, green, blue, and how opaque.

    colour: red, green, blue; those with names are in COLOURS. turn: radians, clockwise.
    """
    if name not in SHAPES:
        raise ValueError(f"no shape is called {name!r}; there are {', '.join(SHAPES)}")
    fine = np.zeros((size * _FINER, size * _FINER), dtype=np.uint8)
    middle = (size * _FINER - 1) / 2
    corners = [outline * np.exp(1j * turn) * middle + middle * (1 + 1j) for outline in SHAPES[name]]
    points = [np.rint(np.stack([one.real, one.imag], axis=-1) * 2**_PARTS).astype(np.int32) for one in corners]
    cv2.fillPoly(fine, points, 255, shift=_PARTS)
    shape = np.empty((size, size, 4), dtype=np.uint8)
    shape[..., :3] = colour
    shape[..., 3] = cv2.resize(fine, (size, size), interpolation=cv2.INTER_AREA)
    return shape


def lay(shape: NDArray[np.uint8], canvas: NDArray[np.uint8], top: int, left: int) -> None:
    """Paint a shape (see draw_shape) onto a canvas [height, width, 3], on which it lies as a whole."""
    height, width, _ = shape.shape
    if not (0 <= top <= canvas.shape[0] - height and 0 <= left <= canvas.shape[1] - width):
        rows, columns, _ = canvas.shape
        raise ValueError(f"a shape of {height}x{width} at ({top}, {left}) does not lie on a canvas of {rows}x{columns}")
    under = canvas[top : top + height, left : left + width]
    opaque = shape[..., 3:] / np.float32(255)
    under[:] = np.rint(under + (shape[..., :3] - under.astype(np.float32)) * opaque)


def _picture(name: str, side: int, chance: np.random.Generator) -> NDArray[np.uint8]:
    picture = np.full((side, side, 3), chance.integers(MOST_GLOW + 1), dtype=np.uint8)
    size = int(chance.integers(round(LEAST_SIZE * side), round(MOST_SIZE * side) + 1))
    named = np.array(list(COLOURS.values()))[chance.integers(len(COLOURS))]
    red, green, blue = np.clip(named + chance.integers(-MOST_JITTER, MOST_JITTER + 1, size=3), 0, 255).tolist()
    top, left = chance.integers(side - size + 1, size=2).tolist()
    lay(draw_shape(name, (red, green, blue), size, chance.uniform(0, 2 * np.pi)), picture, top, left)
    noise = NOISE * chance.standard_normal(picture.shape, dtype=np.float32)
    return np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)
