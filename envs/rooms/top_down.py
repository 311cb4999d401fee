"""The view from above: the symbols an agent sees, as a picture of tiles."""

from functools import lru_cache

import cv2
import numpy as np
from numba import prange
from numpy.typing import NDArray

from vln.kernels import shared_kernel

from . import textures
from .sprites import OBJECTS, shrink, sprites
from .things import PICTURES, RGB, UNSEEN, Colour, Floor, Kind

SERIAL_BELOW = 64  # pictures: under this a thread team that waits passively costs more to wake than it saves

_WALL, _WALL_EDGE, _FRAME = (104, 98, 92), (78, 73, 68), (70, 50, 36)


def top_down(symbols: NDArray[np.uint8], size: int = 56) -> NDArray[np.uint8]:
    """The symbols view [B, V, V, 3] as red, green and blue, uint8 [B, size, size, 3], always a new array.

    The agent is in the middle of the lowest row and looks up; it is not drawn, as that would hide where it stands.
    What was not seen is black. Raises ValueError when V cells do not divide the size.
    """
    cells = symbols.shape[1]
    if size < cells or size % cells:
        raise ValueError(f"{cells} cells do not divide {size} pixels evenly: take a multiple of {cells}")
    pictures = np.empty((len(symbols), size, size, 3), dtype=np.uint8)
    lay = _lay_tiles.serial if len(symbols) < SERIAL_BELOW else _lay_tiles
    lay(symbols, tiles(size // cells), pictures)
    return pictures


@lru_cache(maxsize=8)
def tiles(side: int) -> NDArray[np.uint8]:
    """A picture of every cell there can be: uint8 [kinds, colours, floors, side, side, 3]."""
    floors = _resized(textures.floors(), side)
    drawn = np.empty((len(Kind), len(Colour), len(Floor), side, side, 3), dtype=np.uint8)
    drawn[:] = floors
    drawn[UNSEEN] = 0
    drawn[Kind.WALL] = _resized(_framed(_WALL, _WALL_EDGE)[None], side)
    drawn[Kind.DOORWAY] = _resized(_doorway()[None], side)
    for colour in Colour:
        drawn[Kind.DOOR, colour] = _resized(_door(RGB[colour])[None], side)
        for kind in OBJECTS:
            drawn[kind, colour] = _laid_over(floors, shrink(sprites()[kind, colour], side))
    for kind, picture in zip(PICTURES, textures.pictures(), strict=True):
        drawn[kind] = _laid_over(floors, shrink(_hung(picture), side))
    drawn.setflags(write=False)
    return drawn


@shared_kernel
def _lay_tiles(symbols, table, pictures):
    side = table.shape[3]
    for slot in prange(len(symbols)):
        for line in range(symbols.shape[1]):
            for place in range(symbols.shape[2]):
                kind, colour, floor = symbols[slot, line, place]
                tile = table[kind, colour, floor]
                for y in range(side):
                    for x in range(side):
                        for band in range(3):
                            pictures[slot, line * side + y, place * side + x, band] = tile[y, x, band]


def _resized(pictures: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    resized = [cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA) for picture in pictures]
    return np.stack(resized).astype(np.uint8)


def _laid_over(floors: NDArray[np.uint8], sprite: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.rint(sprite[..., :3] + floors * (1 - sprite[..., 3:])).astype(np.uint8)


def _framed(paint: tuple[int, int, int], edge: tuple[int, int, int]) -> NDArray[np.uint8]:
    tile = np.full((64, 64, 3), edge, dtype=np.uint8)
    tile[4:-4, 4:-4] = paint
    return tile


def _door(paint: tuple[int, int, int]) -> NDArray[np.uint8]:
    tile = _framed(paint, _FRAME)
    tile[14:-14, 14:-14] = np.array(paint) * 0.7
    tile[18:-18, 18:-18] = paint
    return tile


def _doorway() -> NDArray[np.uint8]:
    """A threshold with a post at each corner: a tile does not know which way the doorway leads."""
    tile = textures.floors()[Floor.UNSEEN].copy()
    for rows in (slice(0, 16), slice(-16, None)):
        for columns in (slice(0, 16), slice(-16, None)):
            tile[rows, columns] = _FRAME
    return tile


def _hung(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture itself, cut from its wall, with its mask, in the middle of a tile."""
    tile = np.zeros((64, 64, 4), dtype=np.uint8)
    tile[12:52, 8:56, :3] = cv2.resize(picture[4:52, 3:61], (48, 40), interpolation=cv2.INTER_AREA)
    tile[12:52, 8:56, 3] = 255
    return tile
