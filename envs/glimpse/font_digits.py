"""Digits drawn in a dozen fonts and distorted at random: a set like MNIST with nothing to download."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from .image_splits import ImageSplits
from .synthetic import invented

CLASSES = tuple("0123456789")
SIZES = {"train": 10_000, "val": 2000, "test": 2000}
LEAST_SIDE = 12  # pixels: on fewer, digits are hard to read

# Of those that come with matplotlib: they have digits, and no two of them draw them alike.
FONTS = (
    "DejaVuSans",
    "DejaVuSans-Bold",
    "DejaVuSansMono-Oblique",
    "DejaVuSerif",
    "DejaVuSerif-BoldItalic",
    "STIXGeneral",
    "STIXGeneralBolIta",
    "cmb10",
    "cmr10",
    "cmss10",
    "cmti10",
    "cmtt10",
)

HEIGHT = 0.72  # of a digit before it is distorted, in parts of the picture's side
MOST_TURN = np.radians(15)
MOST_GROWTH = 0.15
MOST_SHEAR = 0.2
MOST_SHIFT = 0.12  # of the picture's side
MOST_BEND = 0.02  # of the picture's side: standard deviation at each of the points by which a digit is bent
BENDS = 4  # points along each side
LEAST_BRIGHT = 150  # of the strokes, of 255

_FINER = 3  # pixels drawn, along each side, for every one that is seen: soft edges
_MARGIN = 0.1  # of the picture's side, on every side of a digit before it is bent
_BLUR = 0.02  # of the picture's side: the standard deviation by which ink flows, before its weight is chosen
_THIN, _BOLD = 0.4, 0.15  # the least share of ink that is seen as stroke: more would break hairlines, less fill holes
_EDGE = 0.2  # of the share of ink: from dark to bright


def drawn(seed: int = 0, sizes: Mapping[str, int] = SIZES, side: int = 28) -> ImageSplits:
    """Grey digits, bright on dark, in fonts, slants, weights and places that chance decides."""
    if side < LEAST_SIDE:
        raise ValueError(f"digits need pictures of at least {LEAST_SIDE} pixels a side, not {side}")

    def draw(label: int, chance: np.random.Generator) -> NDArray[np.uint8]:
        return _distorted(_glyphs(side)[label, chance.integers(len(FONTS))], side, chance)

    return invented(draw, CLASSES, seed, sizes)


@cache
def _glyphs(side: int) -> NDArray[np.float32]:
    """Shares of ink of every digit in every font, [digits, fonts, fine, fine]; each is as high as the others."""
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return np.array([[_glyph(folder / f"{font}.ttf", digit, side * _FINER) for font in FONTS] for digit in CLASSES])


def _glyph(file: Path, digit: str, fine: int) -> NDArray[np.float32]:
    if not file.is_file():
        raise ValueError(f"matplotlib comes without the font {file}: install matplotlib>=3.10 anew")
    font = ImageFont.truetype(str(file), 2 * fine)
    left, top, right, bottom = font.getbbox(digit)
    large = Image.new("L", (int(right - left), int(bottom - top)))
    ImageDraw.Draw(large).text((-left, -top), digit, fill=255, font=font)
    high = round(HEIGHT * fine)
    wide = round(high * large.width / large.height)
    small = large.resize((wide, high), Image.Resampling.BOX)
    glyph = np.zeros((fine, fine), dtype=np.float32)
    down, across = (fine - high) // 2, (fine - wide) // 2
    glyph[down : down + high, across : across + wide] = np.asarray(small, dtype=np.float32) / 255
    return glyph


def _distorted(glyph: NDArray[np.float32], side: int, chance: np.random.Generator) -> NDArray[np.uint8]:
    fine = len(glyph)
    flowed = cv2.GaussianBlur(glyph, (0, 0), _BLUR * fine)
    share = cv2.remap(flowed, _sources(glyph, chance), None, cv2.INTER_LINEAR)  # type: ignore[call-overload]
    stroke = np.clip((share - chance.uniform(_BOLD, _THIN)) / _EDGE + 0.5, 0, 1)
    seen = cv2.resize(stroke, (side, side), interpolation=cv2.INTER_AREA)
    return np.rint(seen * chance.uniform(LEAST_BRIGHT, 255)).astype(np.uint8)[..., None]


def _sources(glyph: NDArray[np.float32], chance: np.random.Generator) -> NDArray[np.float32]:
    """Where in a glyph each pixel of its distorted picture comes from, [fine, fine, 2]: x, y."""
    fine = len(glyph)
    turn, shear, wide, high = chance.uniform(-1, 1, 4) * (MOST_TURN, MOST_SHEAR, MOST_GROWTH, MOST_GROWTH)
    turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    form = turned @ [[1, shear], [0, 1]] @ np.diag(np.exp([wide, high]))
    # What would not be whole is made smaller, and nothing is shifted over the edge.
    half = np.array([np.count_nonzero(glyph.any(axis=axis)) for axis in (0, 1)]) / 2
    free = (0.5 - _MARGIN) * fine
    form *= min(1, (free / (np.abs(form) @ half)).min())
    shift = chance.uniform(-1, 1, 2) * np.minimum(MOST_SHIFT * fine, free - np.abs(form) @ half)
    bends = chance.normal(0, MOST_BEND * fine, (BENDS, BENDS, 2)).astype(np.float32)
    middle = np.full(2, (fine - 1) / 2)
    back = np.linalg.inv(form)
    straight = cv2.transform(_grid(fine), np.column_stack([back, middle - back @ (middle + shift)]))
    return straight + cv2.resize(bends, (fine, fine), interpolation=cv2.INTER_CUBIC)


@cache
def _grid(fine: int) -> NDArray[np.float32]:
    return np.stack(np.meshgrid(*[np.arange(fine, dtype=np.float32)] * 2), axis=-1)
