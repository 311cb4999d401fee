"""Pictures for people: the house from above, the path, the view and the instruction."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from heapq import nlargest

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from vln.episode import Episode

from .house import House, Pose
from .top_down import tiles

Picture = NDArray[np.uint8]

MARGIN, TEXT_SIZE, MAP_SIZE = 16, 20, 640  # pixels; the map's is the most it takes
LINES = 16  # of an instruction, for which a page of one size for all episodes has room
LONGEST = 4  # texts of a size of house that are tried for how many lines they take
_CELL = 32  # pixels, or fewer where the map is large
_LINE = TEXT_SIZE * 3 // 2  # pixels

_PAPER, _INK = (250, 249, 246), (34, 34, 40)
_TRAIL, _GOAL, _CASING = (255, 116, 36), (255, 226, 70), (22, 20, 24)
_FAINTEST = 70  # of 255: how strongly the oldest part of a path shows


def draw_map(
    house: House,
    path: NDArray[np.int16],
    pose: Pose,
    view: Picture | None,
    instruction: str,
    goal: NDArray[np.bool_] | None = None,
    colours: NDArray[np.uint8] | None = None,
) -> Picture:
    """The house with path [n, 2] and agent, the view [h, w, 3] beside it, the instruction under it: uint8 [H, W, 3].

    goal: bool [rows, columns], the cells to outline. colours: [n, 3], a colour for every place of the path. Height and
    width are even, as H.264 wants them, and the same for every step of an episode: they depend on the house, the size
    of the view and the instruction.
    """
    above = _house(house)
    side = above.shape[0] // house.shape[0]
    if goal is not None:
        _outline(above, goal, side)
    _draw_trail(above, path, side)
    _draw_agent(above, pose, side)
    if colours is not None:
        _draw_tints(above, path, colours, side)
    parts = [above]
    if view is not None:
        factor = _factor(above.shape[0], view.shape[0])
        parts.append(view.repeat(factor, axis=0).repeat(factor, axis=1))
    above_caption, width = _sizes([part.shape for part in parts])
    caption = _caption(instruction, width - 2 * MARGIN)
    height = above_caption + caption.shape[0] + MARGIN
    page = np.empty((height + height % 2, width + width % 2, 3), dtype=np.uint8)
    cv2.rectangle(page, (0, 0), page.shape[1::-1], _PAPER, cv2.FILLED)  # np.full takes as long as all the rest
    left = MARGIN
    for part in parts:
        page[MARGIN : MARGIN + part.shape[0], left : left + part.shape[1]] = part
        left += part.shape[1] + MARGIN
    foot = height - MARGIN
    page[foot - caption.shape[0] : foot, MARGIN : MARGIN + caption.shape[1]] = caption
    return page


def page_size(episodes: Iterable[Episode], view: int) -> tuple[int, int]:
    """The height and width of a page for the portraits of all these episodes, with views of so many pixels a side.

    An instruction that takes more lines than LINES is no reason for a larger page.
    """
    texts: defaultdict[tuple[int, int], set[str]] = defaultdict(set)
    for episode in episodes:
        texts[episode.place.shape].add(episode.instruction)
    sizes = []
    for (rows, columns), instructions in texts.items():
        side = _side((rows, columns))
        shown = view * _factor(rows * side, view)
        above_caption, width = _sizes([(rows * side, columns * side), (shown, shown)])
        lines = max(len(_lines(text, width - 2 * MARGIN)) for text in nlargest(LONGEST, instructions, key=len))
        sizes.append((above_caption + _LINE * min(lines, LINES) + MARGIN, width))
    height, width = (max(numbers) for numbers in zip(*sizes, strict=True))
    return height + height % 2, width + width % 2


def _sizes(shapes: Sequence[tuple[int, ...]]) -> tuple[int, int]:
    """The height above the instruction, and the width, of a page of parts side by side."""
    return 2 * MARGIN + max(shape[0] for shape in shapes), sum(shape[1] + MARGIN for shape in shapes) + MARGIN


def _side(shape: tuple[int, int]) -> int:
    """The pixels of a cell's side, in a house of so many rows and columns."""
    return min(_CELL, MAP_SIZE // max(shape))


def _factor(above: int, view: int) -> int:
    """How many times a view of so many pixels is enlarged beside a map of so many."""
    return max(1, above // view)


def _house(house: House) -> Picture:
    side = _side(house.shape)
    kind, colour, floor = np.moveaxis(house.cells, -1, 0)
    laid = tiles(side)[kind, colour, floor]
    return np.ascontiguousarray(laid.swapaxes(1, 2).reshape(house.shape[0] * side, house.shape[1] * side, 3))


def _outline(above: Picture, goal: NDArray[np.bool_], side: int) -> None:
    large = goal.astype(np.uint8).repeat(side, axis=0).repeat(side, axis=1)
    inner = cv2.erode(large, np.ones((3, 3), dtype=np.uint8), borderValue=0)
    edges, _ = cv2.findContours(inner, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    cv2.drawContours(above, edges, -1, _CASING, max(3, side // 6), cv2.LINE_AA)
    cv2.drawContours(above, edges, -1, _GOAL, max(1, side // 12), cv2.LINE_AA)


def _draw_trail(above: Picture, path: NDArray[np.int16], side: int) -> None:
    """A line through the middles of the cells, fainter where it is older."""
    if len(path) < 2:
        return
    (top, left), (foot, right) = path.min(axis=0).tolist(), path.max(axis=0).tolist()
    above = above[top * side : (foot + 1) * side, left * side : (right + 1) * side]  # all that the line lies on
    points = [((column - left + 0.5) * side, (row - top + 0.5) * side) for row, column in path.tolist()]
    corners = np.rint(points).astype(int).tolist()
    strengths = np.linspace(_FAINTEST, 255, max(len(corners) - 1, 1))
    for paint, thickness in ((_CASING, side // 4), (_TRAIL, side // 8)):
        strength = np.zeros(above.shape[:2], dtype=np.uint8)
        for start, end, value in zip(corners, corners[1:], strengths, strict=False):
            cv2.line(strength, start, end, float(value), max(thickness, 1), cv2.LINE_AA)
        drawn = np.nonzero(strength)
        part = strength[drawn][:, None] / 255
        above[drawn] = np.rint(part * np.array(paint) + (1 - part) * above[drawn])


def _draw_tints(above: Picture, path: NDArray[np.int16], colours: NDArray[np.uint8], side: int) -> None:
    """A disc for every step: the first in a cell in its middle, the others around it."""
    visits: defaultdict[tuple[int, int], int] = defaultdict(int)
    for (row, column), tint in zip(path.tolist(), colours.tolist(), strict=True):
        turn, visits[row, column] = visits[row, column], visits[row, column] + 1
        angle, apart = np.pi / 4 * turn, 0.32 if turn else 0.0
        place = np.array([column + 0.5 + apart * np.sin(angle), row + 0.5 - apart * np.cos(angle)]) * side
        middle = np.rint(place).astype(int).tolist()
        cv2.circle(above, middle, max(2, side // 6), _CASING, -1, cv2.LINE_AA)
        cv2.circle(above, middle, max(1, side // 7), tint, -1, cv2.LINE_AA)


def _draw_agent(above: Picture, pose: Pose, side: int) -> None:
    row, column, heading = pose
    arrow = np.array([(0.0, -0.40), (0.30, 0.34), (0.0, 0.18), (-0.30, 0.34)])  # looks north; x to the right, y down
    for _ in range(heading):
        arrow = np.stack([-arrow[:, 1], arrow[:, 0]], axis=-1)
    corners = np.rint((arrow + np.array((column + 0.5, row + 0.5))) * side).astype(np.int32)
    cv2.polylines(above, [corners], True, _CASING, max(3, side // 6), cv2.LINE_AA)
    cv2.fillPoly(above, [corners], _TRAIL, cv2.LINE_AA)
    cv2.polylines(above, [corners], True, (255, 255, 255), 1, cv2.LINE_AA)


def _lines(text: str, width: int) -> list[str]:
    """The text in lines of at most `width` pixels."""
    font = ImageFont.load_default(TEXT_SIZE)
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


@lru_cache(maxsize=32)
def _caption(text: str, width: int) -> Picture:
    """The text in lines of at most `width` pixels, uint8 [height, width, 3]."""
    lines = _lines(text, width)
    page = Image.new("RGB", (width, _LINE * len(lines)), _PAPER)
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(TEXT_SIZE)
    for number, line in enumerate(lines):
        pen.text((0, number * _LINE), line, fill=_INK, font=font)
    return np.asarray(page)
