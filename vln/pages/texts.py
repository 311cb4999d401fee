"""Texts for people: visible symbols, and pictures of a text on coloured ground."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

PAPER, INK, HOT = (245, 245, 242), (40, 40, 40), (240, 110, 70)  # the ground, letters, and the ground of a surprise
LETTER, LONGEST, BORDER = 13, 100, 10  # pixels of a letter, characters of a line, pixels around the text
MOST_SURPRISE = 5.0  # nats: what surprises more is as hot
SEEN = {
    " ": "\N{OPEN BOX}",
    "\n": "\N{DOWNWARDS ARROW WITH CORNER LEFTWARDS}",
    "\t": "\N{RIGHTWARDS ARROW TO BAR}",
}


def visible(symbol: str) -> str:
    """A symbol as one can see it: ␣ a space, ↵ the end of a line, ⇥ a tab; what else shows nothing by its code."""
    return SEEN.get(symbol) or (symbol if symbol.isprintable() and symbol else repr(symbol)[1:-1] or "(nothing)")


def tints_of(surprise: NDArray[np.floating]) -> NDArray[np.uint8]:
    """The colour [n, 3] of the ground for surprises [n] in nats: the more, the hotter."""
    share = np.clip(surprise / MOST_SURPRISE, 0, 1)[:, None]
    return np.round((1 - share) * np.array(PAPER) + share * np.array(HOT)).astype(np.uint8)


def written(text: str, colours: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A text [n] on ground of these colours [n, 3], as it is written: uint8 [height, width, 3]."""
    return typed(text, colours, [len(text)])[0]


def typed(text: str, colours: NDArray[np.uint8], lengths: Sequence[int]) -> list[NDArray[np.uint8]]:
    """Pictures of the first so many characters of a text, all as large as that of the whole."""
    from matplotlib import get_data_path  # whose font it is, and which takes long to import

    font = ImageFont.truetype(Path(get_data_path()) / "fonts" / "ttf" / "DejaVuSansMono.ttf", LETTER)
    wide, high = round(font.getlength("m")), LETTER * 3 // 2
    places, row, column = [], 0, 0
    for character in text:
        places.append((row, column))
        column += 1
        if character == "\n" or column == LONGEST:
            row, column = row + 1, 0
    page = Image.new("RGB", (2 * BORDER + wide * LONGEST, 2 * BORDER + high * (row + 1)), PAPER)
    pen, pages, done = ImageDraw.Draw(page), [], 0
    for length in lengths:
        for number in range(done, length):
            left, top = BORDER + wide * places[number][1], BORDER + high * places[number][0]
            pen.rectangle((left, top, left + wide - 1, top + high - 1), fill=tuple(colours[number].tolist()))
            pen.text((left, top), SEEN["\n"] if text[number] == "\n" else text[number], font=font, fill=INK)
        done = max(done, length)
        pages.append(np.array(page))
    return pages
