"""The geometry of the first-person view, worked out once per size of frame and field of view.

Lengths are in cells. A cell is named by how far it lies `ahead` of the agent and `aside` (to the right); the eye looks
ahead from a little behind the middle of the agent's own cell, so that what stands in the next cell fits the frame.
"""

from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from . import textures
from .house import HEADINGS, SIZE_LIMIT
from .sprites import OBJECTS, shrink, sprites
from .textures import TEXTURE

EYE_BACK, EYE_HEIGHT, WALL_HEIGHT = 0.45, 1.2, 1.5
OBJECT_SIZE = 1.2  # a sprite's side; a little more than a cell, for the sake of small frames
HORIZON = 0.3  # of the frame's height: what matters stands on the floor, so the floor is given more of it
POST, LINTEL = 0.1, 0.12  # how much of a doorway its frame takes up, on either side and above
FADING = 0.97  # what is left of a wall's light each time it is twice as far

_LEVELS = TEXTURE.bit_length()  # a texture at full size, half, ..., one pixel
_TEXELS = sum(4**level for level in range(_LEVELS))
_CEILING = (206, 206, 210)
_OUTSIDE = 2 * SIZE_LIMIT  # added to any row it leaves the map


class Camera(NamedTuple):
    """Tables for one size of frame. Columns of pixels are x, rows y; `step` counts the cells a column looks into.

    down, right int16 [4, x, step]: the cell, from the agent's, for each heading.
    ahead, aside int16 [x, step]: the same cell in the agent's terms. depth float32 [x, step]: of its near face.
    first, last int16 [x, step]: the rows the near face covers. lintel int16 [x, step]: where a doorway's beam ends.
    texel, v, dv int32 [x, step]: where the face's texels start; the texel of the first row, and per row, in 1/65536.
    post bool [x, step]: whether the face is hit where a doorway has its post.
    floor_down, floor_right int16 [4, x, y], floor_texel int32 [4, x, y]: the cell and texel under a pixel.
    ceiling uint8 [y, 3].
    texels uint32 [surfaces * texels]: all floors, then for each face its bright and its dark side; red lowest.
    sprites uint8 [kinds, colours, pixels, 4]: objects by distance; colours weighed by the mask, what shines through.
    side, foot, start int32 [ahead]: a sprite's size, the row it stands on, where its pixels start; 0: one's own cell.
    scale float32 [ahead]: pixels per cell.
    """

    down: NDArray[np.int16]
    right: NDArray[np.int16]
    ahead: NDArray[np.int16]
    aside: NDArray[np.int16]
    depth: NDArray[np.float32]
    first: NDArray[np.int16]
    last: NDArray[np.int16]
    lintel: NDArray[np.int16]
    texel: NDArray[np.int32]
    v: NDArray[np.int32]
    dv: NDArray[np.int32]
    post: NDArray[np.bool_]
    floor_down: NDArray[np.int16]
    floor_right: NDArray[np.int16]
    floor_texel: NDArray[np.int32]
    ceiling: NDArray[np.uint8]
    texels: NDArray[np.uint32]
    sprites: NDArray[np.uint8]
    side: NDArray[np.int32]
    foot: NDArray[np.int32]
    start: NDArray[np.int32]
    scale: NDArray[np.float32]


# Where in `texels` each surface starts: floor f at f * SURFACE, face n at FACES + 2 * n * SURFACE.
SURFACE = _TEXELS
FACES = len(textures.Floor) * SURFACE
WALL, FRAME, PICTURES, DOORS = (FACES + 2 * face * SURFACE for face in (0, 1, 2, 5))


@lru_cache(maxsize=8)
def lens_for(size: int, field_of_view: float) -> Camera:
    """The tables for frames of size x size pixels; field_of_view in degrees, from the left to the right edge."""
    if size < 8:
        raise ValueError(f"a frame of {size} pixels shows nothing: take at least 8")
    if not 20 <= field_of_view <= 150:
        raise ValueError(f"the field of view must be from 20 to 150 degrees, not {field_of_view}")
    focal = size / 2 / np.tan(np.radians(field_of_view / 2))  # pixels per cell at depth 1
    slope = (np.arange(size) + 0.5 - size / 2) / focal  # how far aside per depth
    walls = _walls(size, focal, slope)
    floor = _floor(size, focal, slope)
    shade = np.linspace(1.06, 0.86, size)[:, None]
    ceiling = np.clip(np.array(_CEILING) * shade, 0, 255).astype(np.uint8)
    return Camera(**walls, **floor, ceiling=ceiling, texels=_texels(), **_sprites(size, focal))


def _walls(size: int, focal: float, slope: NDArray[np.float64]) -> dict[str, NDArray]:
    # The depths at which a column enters a cell by its front, and by its side; in order they are its way.
    lines = np.arange(SIZE_LIMIT) + 0.5
    fronts = np.broadcast_to(lines + EYE_BACK, (size, SIZE_LIMIT))
    sides = lines / np.maximum(np.abs(slope), 1e-9)[:, None]
    depth = np.concatenate([fronts, sides], axis=1)
    order = np.argsort(depth, axis=1, kind="stable")
    depth = np.take_along_axis(depth, order, axis=1)
    by_front = order < SIZE_LIMIT
    leftward = (slope < 0)[:, None]
    ahead = np.cumsum(by_front, axis=1)
    aside = np.cumsum(~by_front, axis=1) * np.where(leftward, -1, 1)
    down, right = _turned(ahead, aside)
    # A ray that has left the largest map stays outside, so that no walk runs past the table.
    down[:, :, -1] = _OUTSIDE

    # Where on the face, from left to right as one sees it: 0 to 1.
    along = depth * slope[:, None] + 0.5
    beside = depth - EYE_BACK + 0.5
    u = np.where(by_front, along, np.where(leftward, beside, -beside)) % 1.0
    top = HORIZON * size - focal * (WALL_HEIGHT - EYE_HEIGHT) / depth
    tall = focal * WALL_HEIGHT / depth
    first, last, lintel = (_row(edge, size) for edge in (top, top + tall, top + LINTEL * tall))
    level = _level(TEXTURE / np.maximum(tall / WALL_HEIGHT, 1e-9))
    wide = TEXTURE >> level
    texel = _level_start(level) + np.minimum((u * wide).astype(np.int64), wide - 1) * wide
    per_row = wide / tall
    v = np.clip((first + 0.5 - top) * per_row, 0, wide - 1e-3)
    # The last row must stay on the texture.
    rows = np.maximum(last - 1 - first, 1)
    per_row = np.minimum(per_row, (wide - 1e-3 - v) / rows)
    return {
        "down": down,
        "right": right,
        "ahead": ahead.astype(np.int16),
        "aside": aside.astype(np.int16),
        "depth": depth.astype(np.float32),
        "first": first,
        "last": last,
        "lintel": lintel,
        "texel": (texel + np.where(by_front, 0, SURFACE)).astype(np.int32),
        "v": (v * 65536).astype(np.int32),
        "dv": (np.maximum(per_row, 0) * 65536).astype(np.int32),
        "post": (u < POST) | (u > 1 - POST),
    }


def _floor(size: int, focal: float, slope: NDArray[np.float64]) -> dict[str, NDArray]:
    below = np.maximum(np.arange(size) + 0.5 - HORIZON * size, 0.25)
    # A touch nearer than it is: a point on the line between two cells belongs to the one that is in view.
    depth = focal * EYE_HEIGHT / below * (1 - 1e-6)
    ahead, aside = np.broadcast_arrays((depth - EYE_BACK)[None, :], slope[:, None] * depth)
    down, right = _turned(ahead, aside, np.float64)
    # A floor is seen at a slant: its texels crowd more from row to row than from column to column.
    crowd = TEXTURE * depth / focal * np.sqrt(depth / EYE_HEIGHT)
    level = _level(crowd)
    wide = TEXTURE >> level
    row, column = (((place + 0.5) % 1.0 * wide).astype(np.int64) for place in (down, right))
    return {
        "floor_down": np.floor(down + 0.5).astype(np.int16),
        "floor_right": np.floor(right + 0.5).astype(np.int16),
        "floor_texel": (_level_start(level) + column * wide + row).astype(np.int32),
    }


def _sprites(size: int, focal: float) -> dict[str, NDArray]:
    scale = focal / np.maximum(np.arange(SIZE_LIMIT) + EYE_BACK, 1 + EYE_BACK)
    # Even sizes can be centred; small ones must not lose a pixel.
    exact = scale * OBJECT_SIZE
    side = np.where(exact >= 8, 2 * np.rint(exact / 2), np.maximum(np.rint(exact), 1)).astype(np.int32)
    foot = np.rint(HORIZON * size + scale * EYE_HEIGHT).astype(np.int32)
    foot[0] = size
    start = np.concatenate([[0], np.cumsum(side[:-1] ** 2)]).astype(np.int32)
    whole = sprites()
    pixels = np.zeros((*whole.shape[:2], int((side**2).sum()), 4), dtype=np.uint8)
    pixels[..., 3] = 255
    for kind in OBJECTS:
        for colour in range(whole.shape[1]):
            small = {number: _pixels(whole[kind, colour], number) for number in set(side.tolist())}
            pixels[kind, colour] = np.concatenate([small[number] for number in side.tolist()])
    return {"sprites": pixels, "side": side, "foot": foot, "start": start, "scale": scale.astype(np.float32)}


def _pixels(sprite: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    small = shrink(sprite, side).reshape(-1, 4)
    small[:, 3] = 255 * (1 - small[:, 3])
    return np.rint(small).astype(np.uint8)


@lru_cache
def _texels() -> NDArray[np.uint32]:
    faces = [textures.wall(), textures.frame(), *textures.pictures(), *textures.doors()]
    # One carries one's light: a wall one looks along is darker than a wall one looks at, whatever the heading.
    walls = [_smaller_and_smaller(face, light, FADING) for face in faces for light in (1.0, 0.8)]
    return np.concatenate([*(_smaller_and_smaller(floor) for floor in textures.floors()), *walls])


def _smaller_and_smaller(texture: NDArray[np.uint8], light: float = 1.0, fading: float = 1.0) -> NDArray[np.uint32]:
    """A texture in all its sizes, column by column, three bytes in one number."""
    packed = []
    for level in range(_LEVELS):
        small = cv2.resize(texture, (TEXTURE >> level,) * 2, interpolation=cv2.INTER_AREA)
        part = (small * (light * fading**level)).astype(np.uint32).transpose(1, 0, 2).reshape(-1, 3)
        packed.append(part[:, 0] | part[:, 1] << 8 | part[:, 2] << 16)
    return np.concatenate(packed)


def _level(crowd: NDArray[np.float64]) -> NDArray[np.int64]:
    """Which size of a texture to take where this many of its texels fall on one pixel."""
    return np.clip(np.rint(np.log2(np.maximum(crowd, 1e-9))), 0, _LEVELS - 1).astype(np.int64)


def _level_start(level: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.cumsum([0, *(4 ** (_LEVELS - 1 - size) for size in range(_LEVELS - 1))])[level]


def _turned(ahead: NDArray, aside: NDArray, kind: type = np.int16) -> tuple[NDArray, NDArray]:
    """Rows down and columns right of the agent, [4, ...], for each heading."""
    forward: NDArray = HEADINGS.astype(kind)
    rightward = np.roll(forward, -1, axis=0)
    down, right = (
        np.multiply.outer(forward[:, axis], ahead) + np.multiply.outer(rightward[:, axis], aside) for axis in (0, 1)
    )
    return down.astype(kind), right.astype(kind)


def _row(edge: NDArray[np.float64], size: int) -> NDArray[np.int16]:
    """The first row whose middle is below an edge."""
    return np.clip(np.ceil(edge - 0.5), 0, size).astype(np.int16)
