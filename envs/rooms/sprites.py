"""Sprites of the objects: a picture with a mask for every kind and colour, drawn from a table of shapes."""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from .things import RGB, Colour, Kind

SPRITE = 64  # pixels a side; a sprite is as wide as a cell and stands on the lower edge

Paint = tuple[int, int, int]
AgentConfig = tuple[str | Paint, NDArray[np.float64]]

_FINE = 4  # drawn this many times larger, then averaged, for soft edges
_OUTLINE = (24, 22, 26)
_OUTLINE_WIDTH = 0.022  # of the sprite
_WOOD, _METAL, _CREAM, _HAT = (112, 74, 42), (92, 92, 98), (238, 232, 214), (54, 58, 74)
_LEAF, _LEAF_DARK = (58, 112, 48), (34, 76, 34)

# What an object of no colour is made of.
_NATURAL: dict[int, Paint] = {
    Kind.BALL: (206, 122, 60),
    Kind.BED: (168, 176, 196),
    Kind.BOX: (186, 146, 92),
    Kind.CHAIR: (168, 104, 52),
    Kind.CLOCK: (138, 92, 60),
    Kind.LAMP: (248, 222, 150),
    Kind.PLANT: (176, 96, 64),
    Kind.SOFA: (146, 52, 62),
    Kind.TABLE: (150, 108, 66),
    Kind.VASE: (120, 150, 170),
    Kind.BARSTOOL: (60, 76, 96),
    Kind.EASEL: (240, 232, 206),
    Kind.HATRACK: (96, 62, 38),
}


def _polygon(tone: str | Paint, *points: tuple[float, float]) -> AgentConfig:
    return tone, np.array(points)


def _box(tone: str | Paint, left: float, top: float, right: float, bottom: float) -> AgentConfig:
    return _polygon(tone, (left, top), (right, top), (right, bottom), (left, bottom))


def _oval(tone: str | Paint, x: float, y: float, wide: float, high: float | None = None) -> AgentConfig:
    """Centre and half axes; a disc where one is given."""
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    return tone, np.stack([x + wide * np.cos(angle), y + (high or wide) * np.sin(angle)], axis=-1)


# Per kind, from back to front, in parts of the sprite: x to the right, y down. Tones are "paint" (the object's colour),
# "shade" and "light" of it, or a colour that stays.
_SHAPES: dict[int, tuple[AgentConfig, ...]] = {
    Kind.BALL: (
        _oval("shade", 0.5, 0.68, 0.30),
        _oval("paint", 0.48, 0.66, 0.265),
        _oval("light", 0.40, 0.57, 0.09, 0.07),
    ),
    Kind.BED: (
        _box(_WOOD, 0.02, 0.36, 0.11, 0.98),
        _box(_WOOD, 0.90, 0.62, 0.98, 0.98),
        _box("shade", 0.11, 0.76, 0.90, 0.90),
        _box("paint", 0.11, 0.62, 0.90, 0.80),
        _oval(_CREAM, 0.23, 0.60, 0.11, 0.065),
    ),
    Kind.BOX: (
        _box("paint", 0.18, 0.40, 0.82, 0.98),
        _polygon("light", (0.18, 0.40), (0.27, 0.30), (0.91, 0.30), (0.82, 0.40)),
        _polygon("shade", (0.82, 0.40), (0.91, 0.30), (0.91, 0.88), (0.82, 0.98)),
        _box("shade", 0.45, 0.40, 0.55, 0.98),
    ),
    Kind.CHAIR: (
        _box("paint", 0.20, 0.06, 0.36, 0.98),
        _box("paint", 0.20, 0.52, 0.84, 0.68),
        _box("shade", 0.69, 0.66, 0.84, 0.98),
        _box("light", 0.24, 0.11, 0.29, 0.48),
    ),
    Kind.CLOCK: (
        _polygon("shade", (0.30, 0.98), (0.38, 0.86), (0.62, 0.86), (0.70, 0.98)),
        _box("paint", 0.40, 0.38, 0.60, 0.90),
        _oval("paint", 0.5, 0.26, 0.25),
        _oval(_OUTLINE, 0.5, 0.26, 0.175),
        _oval(_CREAM, 0.5, 0.26, 0.145),
        _polygon(_OUTLINE, (0.48, 0.14), (0.52, 0.14), (0.52, 0.25), (0.61, 0.25), (0.61, 0.29), (0.48, 0.29)),
    ),
    Kind.LAMP: (
        _box(_METAL, 0.465, 0.40, 0.535, 0.94),
        _oval("shade", 0.5, 0.945, 0.17, 0.04),
        _polygon("paint", (0.38, 0.04), (0.62, 0.04), (0.80, 0.46), (0.20, 0.46)),
        _polygon("light", (0.42, 0.07), (0.48, 0.07), (0.40, 0.43), (0.28, 0.43)),
    ),
    Kind.PLANT: (
        _oval(_LEAF_DARK, 0.30, 0.34, 0.22, 0.20),
        _oval(_LEAF_DARK, 0.70, 0.34, 0.22, 0.20),
        _oval(_LEAF_DARK, 0.5, 0.50, 0.26, 0.14),
        _oval(_LEAF, 0.5, 0.24, 0.22, 0.20),
        *(
            _oval("paint", x, y, 0.095)
            for x, y in ((0.25, 0.32), (0.50, 0.16), (0.75, 0.32), (0.42, 0.42), (0.62, 0.46))
        ),
        _polygon("paint", (0.26, 0.60), (0.74, 0.60), (0.65, 0.98), (0.35, 0.98)),
        _box("shade", 0.24, 0.58, 0.76, 0.66),
    ),
    Kind.SOFA: (
        _box("shade", 0.10, 0.40, 0.90, 0.76),
        _box("paint", 0.14, 0.44, 0.49, 0.72),
        _box("paint", 0.51, 0.44, 0.86, 0.72),
        _box("light", 0.12, 0.70, 0.88, 0.80),
        _box("paint", 0.12, 0.80, 0.88, 0.92),
        _box("paint", 0.01, 0.54, 0.17, 0.94),
        _box("paint", 0.83, 0.54, 0.99, 0.94),
        _oval("light", 0.09, 0.56, 0.08, 0.055),
        _oval("light", 0.91, 0.56, 0.08, 0.055),
    ),
    Kind.TABLE: (
        _box("shade", 0.10, 0.50, 0.20, 0.98),
        _box("shade", 0.80, 0.50, 0.90, 0.98),
        _box("paint", 0.02, 0.42, 0.98, 0.60),
        _box("light", 0.02, 0.42, 0.98, 0.47),
    ),
    Kind.VASE: (
        _polygon("paint", (0.26, 0.16), (0.74, 0.16), (0.59, 0.36), (0.59, 0.46), (0.41, 0.46), (0.41, 0.36)),
        _oval("paint", 0.5, 0.66, 0.27, 0.25),
        _polygon("shade", (0.36, 0.86), (0.64, 0.86), (0.68, 0.98), (0.32, 0.98)),
        _oval("shade", 0.5, 0.16, 0.24, 0.04),
        _oval("light", 0.40, 0.60, 0.06, 0.11),
    ),
    Kind.BARSTOOL: (
        _polygon(_METAL, (0.37, 0.40), (0.45, 0.40), (0.28, 0.98), (0.19, 0.98)),
        _polygon(_METAL, (0.55, 0.40), (0.63, 0.40), (0.81, 0.98), (0.72, 0.98)),
        _box(_METAL, 0.28, 0.74, 0.72, 0.80),
        _oval("paint", 0.5, 0.36, 0.27, 0.09),
        _oval("light", 0.5, 0.33, 0.22, 0.05),
    ),
    Kind.EASEL: (
        _polygon(_WOOD, (0.46, 0.02), (0.54, 0.02), (0.90, 0.98), (0.81, 0.98)),
        _polygon(_WOOD, (0.46, 0.02), (0.54, 0.02), (0.19, 0.98), (0.10, 0.98)),
        _box(_WOOD, 0.46, 0.02, 0.54, 0.90),
        _box(_WOOD, 0.14, 0.64, 0.86, 0.72),
        _box("paint", 0.18, 0.16, 0.82, 0.64),
        _polygon((70, 130, 90), (0.23, 0.59), (0.42, 0.34), (0.56, 0.50), (0.66, 0.42), (0.77, 0.59)),
        _oval((232, 150, 50), 0.66, 0.28, 0.06),
    ),
    Kind.HATRACK: (
        _box("paint", 0.44, 0.02, 0.56, 0.94),
        _polygon("paint", (0.5, 0.28), (0.5, 0.18), (0.84, 0.03), (0.88, 0.10)),
        _polygon("paint", (0.5, 0.28), (0.5, 0.18), (0.16, 0.03), (0.12, 0.10)),
        _polygon("paint", (0.5, 0.50), (0.5, 0.41), (0.76, 0.29), (0.80, 0.36)),
        _polygon("paint", (0.5, 0.86), (0.78, 0.94), (0.78, 0.98), (0.22, 0.98), (0.22, 0.94)),
        *(_oval(_HAT, x, y, 0.17, 0.045) for x, y in ((0.17, 0.16), (0.80, 0.42))),
        *(_oval(_HAT, x, y, 0.10, 0.085) for x, y in ((0.17, 0.11), (0.80, 0.37))),
    ),
}

OBJECTS = tuple(sorted(_SHAPES))


@lru_cache
def sprites() -> NDArray[np.uint8]:
    """Red, green, blue and mask of every object: uint8 [kinds, colours, SPRITE, SPRITE, 4], empty for other kinds."""
    drawn = np.zeros((max(Kind) + 1, len(Colour), SPRITE, SPRITE, 4), dtype=np.uint8)
    for kind in OBJECTS:
        for colour in Colour:
            drawn[kind, colour] = _draw(_SHAPES[kind], _NATURAL[kind] if colour == Colour.NONE else RGB[colour])
    drawn.setflags(write=False)
    return drawn


def shrink(sprite: NDArray[np.uint8], side: int) -> NDArray[np.float32]:
    """A sprite at `side` pixels, float32 [side, side, 4], its colours multiplied by its mask (0 to 1)."""
    mask = sprite[..., 3:].astype(np.float32) / 255
    weighed = np.concatenate([sprite[..., :3] * mask, mask], axis=-1)
    return np.asarray(cv2.resize(weighed, (side, side), interpolation=cv2.INTER_AREA), dtype=np.float32)


def _draw(shapes: tuple[AgentConfig, ...], paint: Paint) -> NDArray[np.uint8]:
    side = SPRITE * _FINE
    picture = np.zeros((side, side, 3), dtype=np.uint8)
    mask = np.zeros((side, side), dtype=np.uint8)
    tones = {"paint": paint, "shade": tuple(int(0.68 * part) for part in paint), "light": _lighter(paint)}
    for tone, points in shapes:
        corners = np.rint(points * side).astype(np.int32)
        colour = tones[tone] if isinstance(tone, str) else tone
        cv2.fillPoly(picture, [corners], colour)
        cv2.fillPoly(mask, [corners], 255)
    # A dark rim keeps a thing apart from a floor of its own colour.
    rim = 2 * int(_OUTLINE_WIDTH * side) + 1
    grown = cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (rim, rim)))
    picture[mask == 0] = _OUTLINE
    whole = np.dstack([picture, grown])
    return np.asarray(cv2.resize(whole, (SPRITE, SPRITE), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _lighter(paint: Paint) -> tuple[int, ...]:
    return tuple(int(part + 0.35 * (255 - part)) for part in paint)
