"""Textures of floors, walls, pictures and doors, drawn by code."""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from .things import RGB, Colour, Floor

TEXTURE = 64  # pixels a side: a power of two, so that halves of halves stay whole

Picture = NDArray[np.uint8]
Paint = tuple[int, int, int]

_FINE = 256  # pixels a side while drawing; averaged down for soft edges
_WALL, _SKIRTING, _FRAME = (172, 164, 152), (112, 98, 84), (98, 72, 50)


@lru_cache
def floors() -> Picture:
    """A tile for every Floor, uint8 [floors, TEXTURE, TEXTURE, 3]; north is up, the edges fit each other.

    The first, of Floor.UNSEEN, is the plain threshold that lies under doors.
    """
    tiles = {
        Floor.UNSEEN: _speckled(_blank((126, 116, 106)), 5),
        Floor.BLUE: _blue_tiles(),
        Floor.BRICK: _bricks(),
        Floor.CONCRETE: _concrete(),
        Floor.FLOWER: _flowers(),
        Floor.GRASS: _grass(),
        Floor.GRAVEL: _gravel(),
        Floor.WOOD: _planks(),
        Floor.YELLOW: _yellow_tiles(),
        Floor.CHECKERED: _checkers(),
        Floor.MARBLE: _marble(),
        Floor.PURPLE: _carpet(),
        Floor.STRIPED: _stripes(),
    }
    return _finished([tiles[floor] for floor in Floor])


@lru_cache
def wall() -> Picture:
    """The plain wall, uint8 [TEXTURE, TEXTURE, 3]: pale plaster and a skirting board."""
    return _finished([_bare_wall()])[0]


@lru_cache
def pictures() -> Picture:
    """Walls with a butterfly, a fish and a tower, in the order of things.PICTURES: uint8 [3, TEXTURE, TEXTURE, 3]."""
    return _finished([_butterfly(), _fish(), _tower()])


@lru_cache
def doors() -> Picture:
    """A closed door of every Colour in its frame, uint8 [colours, TEXTURE, TEXTURE, 3]."""
    return _finished([_door(RGB[colour]) for colour in Colour])


@lru_cache
def frame() -> Picture:
    """The wood around doors and doorways, uint8 [TEXTURE, TEXTURE, 3]."""
    return _finished([_wooden(_blank(_FRAME), 11)])[0]


def _finished(drawn: list[Picture]) -> Picture:
    resized = [cv2.resize(one, (TEXTURE, TEXTURE), interpolation=cv2.INTER_AREA) for one in drawn]
    small = np.stack(resized).astype(np.uint8)
    small.setflags(write=False)
    return small


def _blank(paint: Paint) -> Picture:
    return np.full((_FINE, _FINE, 3), paint, dtype=np.uint8)


def _at(*points: tuple[float, float]) -> NDArray[np.int32]:
    """Pixels of points given in parts of the picture: x to the right, y down."""
    return np.rint(np.array(points) * _FINE).astype(np.int32)


def _box(picture: Picture, left: float, top: float, right: float, bottom: float, paint: Paint) -> None:
    (x0, y0), (x1, y1) = _at((left, top), (right, bottom))
    picture[y0:y1, x0:x1] = paint


def _oval(picture: Picture, x: float, y: float, wide: float, high: float, paint: Paint, turn: float = 0.0) -> None:
    (centre, axes) = _at((x, y), (wide, high))
    cv2.ellipse(picture, centre.tolist(), axes.tolist(), turn, 0, 360, paint, -1, cv2.LINE_AA)


def _shape(picture: Picture, paint: Paint, *points: tuple[float, float]) -> None:
    cv2.fillPoly(picture, [_at(*points)], paint, cv2.LINE_AA)


def _tone(paint: Paint, factor: float) -> Paint:
    red, green, blue = (int(min(255, factor * part)) for part in paint)
    return red, green, blue


def _speckled(picture: Picture, spread: float, grain: int = 64, seed: int = 0) -> Picture:
    """With the brightness of every spot of a grid of grain x grain moved a little."""
    each = _FINE // grain
    noise = np.random.default_rng(seed).normal(0, spread, (grain, grain)).repeat(each, axis=0).repeat(each, axis=1)
    return np.clip(picture + noise[..., None], 0, 255).astype(np.uint8)


def _wooden(picture: Picture, spread: float, seed: int = 0) -> Picture:
    """With the grain of wood, from top to bottom."""
    lines = np.random.default_rng(seed).normal(0, spread, 64).repeat(_FINE // 64)[None, :, None]
    return np.clip(picture + lines, 0, 255).astype(np.uint8)


def _blue_tiles() -> Picture:
    picture = _blank((168, 184, 208))
    for number, factor in enumerate((1.0, 0.88, 0.92, 1.08)):
        left, top = number % 2 / 2 + 0.02, number // 2 / 2 + 0.02
        _box(picture, left, top, left + 0.46, top + 0.46, _tone((74, 108, 172), factor))
    return picture


def _bricks() -> Picture:
    picture = _blank((186, 168, 148))
    factors = np.random.default_rng(1).uniform(0.82, 1.12, (4, 3))
    for course in range(4):
        for brick in range(3):
            left, top = brick / 2 - course % 2 / 4 + 0.015, course / 4 + 0.02
            # The brick that the edge cuts is one brick with the one beyond the other edge.
            paint = _tone((164, 78, 58), float(factors[course, brick % 2]))
            _box(picture, max(left, 0), top, min(left + 0.47, 1), top + 0.21, paint)
    return picture


def _concrete() -> Picture:
    picture = _speckled(_blank((118, 124, 132)), 5)
    for near, far in ((0.0, 0.02), (0.98, 1.0)):
        _box(picture, near, 0, far, 1, (88, 92, 98))
        _box(picture, 0, near, 1, far, (88, 92, 98))
    return picture


def _flowers() -> Picture:
    picture = _blank((222, 186, 190))
    for x, y in ((0.27, 0.28), (0.75, 0.74)):
        _oval(picture, x + 0.13, y + 0.15, 0.10, 0.05, (112, 150, 96), 40)
        _oval(picture, x - 0.13, y + 0.15, 0.10, 0.05, (112, 150, 96), 140)
        for angle in np.arange(5) * 2 * np.pi / 5 - np.pi / 2:
            _oval(picture, x + 0.1 * np.cos(angle), y + 0.1 * np.sin(angle), 0.085, 0.085, (206, 84, 122))
        _oval(picture, x, y, 0.06, 0.06, (250, 220, 120))
    return picture


def _grass() -> Picture:
    picture = _speckled(_blank((84, 132, 62)), 6)
    random = np.random.default_rng(2)
    for x, y, lean, factor in zip(*random.uniform((0,) * 4, (1,) * 4, (130, 4)).T, strict=True):
        foot, tip = _at((x, y), (x + 0.08 * (lean - 0.5), y - 0.07))
        cv2.line(picture, foot.tolist(), tip.tolist(), _tone((90, 146, 62), 0.6 + 0.7 * factor), 4, cv2.LINE_AA)
    return picture


def _gravel() -> Picture:
    picture = _blank((84, 76, 68))
    random = np.random.default_rng(3)
    for x, y, radius, factor in zip(*random.uniform((0, 0, 0.025, 0.7), (1, 1, 0.06, 1.5), (150, 4)).T, strict=True):
        _oval(picture, x, y, radius * 1.2, radius, _tone((138, 126, 110), factor), 360 * factor)
    return picture


def _planks() -> Picture:
    picture = _wooden(_blank((172, 122, 70)), 7, seed=4)
    for plank, joint in enumerate((0.2, 0.7, 0.45, 0.95)):
        _box(picture, plank / 4, 0, plank / 4 + 0.02, 1, (104, 70, 38))
        _box(picture, plank / 4, joint, plank / 4 + 0.25, joint + 0.02, (104, 70, 38))
    return picture


def _yellow_tiles() -> Picture:
    picture = _blank((222, 190, 92))
    for middle in (0.25, 0.75):
        _box(picture, middle - 0.01, 0, middle + 0.01, 1, (170, 138, 58))
        _box(picture, 0, middle - 0.01, 1, middle + 0.01, (170, 138, 58))
    for x in (0.25, 0.75):
        for y in (0.25, 0.75):
            _shape(picture, (136, 100, 44), (x - 0.09, y), (x, y - 0.09), (x + 0.09, y), (x, y + 0.09))
    return picture


def _checkers() -> Picture:
    picture = _blank((232, 230, 224))
    _box(picture, 0, 0, 0.5, 0.5, (40, 40, 46))
    _box(picture, 0.5, 0.5, 1, 1, (40, 40, 46))
    return picture


def _marble() -> Picture:
    across, down = np.meshgrid(*(np.linspace(0, 2 * np.pi, _FINE, endpoint=False),) * 2)
    waves = across + down + 1.1 * np.sin(2 * across - down) + 0.6 * np.sin(3 * down + across + 1)
    veins = np.exp(-9 * np.abs(np.sin(waves / 2)))[..., None]
    return (np.array((226, 226, 222)) - veins * np.array((96, 86, 76))).astype(np.uint8)


def _carpet() -> Picture:
    picture = _speckled(_blank((110, 84, 126)), 5)
    _shape(picture, (150, 124, 164), (0.5, 0.02), (0.98, 0.5), (0.5, 0.98), (0.02, 0.5))
    _shape(picture, (94, 68, 110), (0.5, 0.16), (0.84, 0.5), (0.5, 0.84), (0.16, 0.5))
    return picture


def _stripes() -> Picture:
    picture = _blank((214, 222, 206))
    for stripe in range(4):
        _box(picture, 0, stripe / 4, 1, stripe / 4 + 0.135, (44, 138, 134))
    return picture


def _bare_wall() -> Picture:
    picture = _speckled(_blank(_WALL), 2.5)
    _box(picture, 0, 0.91, 1, 1, _SKIRTING)
    return picture


def _hung(paint: Paint) -> Picture:
    """A wall with an empty framed picture, which fills the part of the wall from .1 to .9 and .1 to .78."""
    picture = _bare_wall()
    _box(picture, 0.05, 0.06, 0.95, 0.82, (78, 54, 34))
    _box(picture, 0.10, 0.10, 0.90, 0.78, paint)
    return picture


def _butterfly() -> Picture:
    picture = _hung((226, 232, 190))
    for side in (-1, 1):
        _oval(picture, 0.5 + 0.18 * side, 0.32, 0.19, 0.13, (120, 50, 20), 30 * side)
        _oval(picture, 0.5 + 0.18 * side, 0.32, 0.16, 0.10, (236, 130, 30), 30 * side)
        _oval(picture, 0.5 + 0.14 * side, 0.55, 0.13, 0.12, (120, 50, 20))
        _oval(picture, 0.5 + 0.14 * side, 0.55, 0.10, 0.09, (246, 176, 50))
        _shape(picture, (40, 30, 30), (0.49, 0.3), (0.51, 0.3), (0.5 + 0.1 * side, 0.15), (0.5 + 0.08 * side, 0.15))
    _oval(picture, 0.5, 0.44, 0.03, 0.2, (40, 30, 30))
    return picture


def _fish() -> Picture:
    picture = _hung((44, 112, 190))
    _shape(picture, (232, 84, 70), (0.62, 0.44), (0.86, 0.26), (0.80, 0.44), (0.86, 0.62))
    _shape(picture, (232, 84, 70), (0.36, 0.34), (0.54, 0.18), (0.58, 0.36))
    _oval(picture, 0.43, 0.44, 0.27, 0.15, (250, 120, 100))
    _shape(picture, (250, 240, 230), (0.44, 0.30), (0.50, 0.30), (0.52, 0.44), (0.50, 0.58), (0.44, 0.58), (0.47, 0.44))
    _oval(picture, 0.27, 0.40, 0.04, 0.04, (255, 255, 255))
    _oval(picture, 0.26, 0.40, 0.02, 0.02, (10, 10, 20))
    return picture


def _tower() -> Picture:
    picture = _hung((190, 120, 170))
    _box(picture, 0.10, 0.66, 0.90, 0.78, (70, 54, 90))
    iron = (36, 28, 44)
    _shape(picture, iron, (0.485, 0.12), (0.515, 0.12), (0.56, 0.42), (0.74, 0.78), (0.62, 0.78), (0.5, 0.58))
    _shape(picture, iron, (0.485, 0.12), (0.515, 0.12), (0.5, 0.58), (0.38, 0.78), (0.26, 0.78), (0.44, 0.42))
    _box(picture, 0.39, 0.42, 0.61, 0.46, iron)
    _box(picture, 0.33, 0.58, 0.67, 0.62, iron)
    return picture


def _door(paint: Paint) -> Picture:
    picture = _bare_wall()
    _box(picture, 0.02, 0.10, 0.98, 1, _FRAME)
    _box(picture, 0.09, 0.17, 0.91, 1, paint)
    for left in (0.17, 0.54):
        for top, bottom in ((0.24, 0.48), (0.56, 0.92)):
            _box(picture, left, top, left + 0.29, bottom, _tone(paint, 0.62))
            _box(picture, left + 0.025, top + 0.025, left + 0.29, bottom, _tone(paint, 0.84))
    _oval(picture, 0.86, 0.56, 0.035, 0.03, (40, 36, 30))
    _oval(picture, 0.855, 0.555, 0.02, 0.018, (236, 206, 120))
    return picture
