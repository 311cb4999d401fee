"""Pictures for people: the building from above, the path, the surroundings of the agent and the instruction."""

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from heapq import nlargest

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw, ImageFont

from vln.episode import Episode

from .annotations import path_of
from .graph import REACH, Graph

Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]
Box = tuple[int, int, int, int]  # left, top, width and height on the page, in pixels

WIDTH, MARGIN = 720, 16  # pixels
NEAR: Box = (16, 16, 504, 420)  # where the surroundings of the described path are shown
WHOLE: Box = (532, 16, 172, 210)  # and the whole building
LEGEND: Box = (532, 238, 172, 198)
AROUND: Box = (16, 448, 688, 128)  # and what lies around the agent
FOOT = 590  # where the instruction begins
LINES = 16  # of an instruction, for which a page of one size for all episodes has room
LONGEST = 4  # texts that are tried for how many lines they take
TEXT_SIZE, SMALL_SIZE = 18, 13  # pixels

BESIDE, ROOM = 5.0, 1.0  # metres shown on every side of the path, of the building
STOREY = 1.5  # metres: what lies no higher or lower than this is clear, the rest is pale
LEVEL = 0.5  # metres between the heights for which buildings are drawn
BAR = 5  # metres: how long the scale's bar is
STEEPEST = 45.0  # degrees: what is steeper is drawn at the edge

PAPER, SHEET, FRAME, INK, QUIET = (250, 249, 246), (255, 255, 255), (205, 206, 210), (34, 34, 40), (104, 106, 114)
CLEAR, PALE = ((120, 126, 138), (198, 202, 210)), ((222, 224, 229), (238, 239, 242))  # viewpoints and edges
PATH, WALK, GOAL, WITHIN = (146, 190, 250), (235, 94, 20), (22, 140, 78), (226, 243, 232)

_SHIFT = 4  # binary digits: OpenCV is told of sixteenths of a pixel
_CIRCLE = np.stack([np.cos(np.linspace(0, 2 * np.pi, 48)), np.sin(np.linspace(0, 2 * np.pi, 48))], axis=-1)
_ARROW = np.array([(0.0, 13.0), (9.0, -9.0), (0.0, -4.5), (-9.0, -9.0)])  # pixels; looks towards +y


def draw_map(
    episode: Episode,
    path: NDArray[np.integer],
    heading: float,
    elevation: float = 0.0,
    colours: NDArray[np.uint8] | None = None,
) -> Picture:
    """The way [n] from viewpoint to viewpoint, and who has come by it and faces so: uint8 [H, WIDTH, 3].

    heading, elevation: radians, clockwise from +y and up. colours: [n, 3], a colour for each. H is even and depends on
    the instruction alone, and what is shown where on the episode: the surroundings of the described path large, the
    whole building small beside them.
    """
    position = episode.place.position
    page = _still(episode, round(float(position[path[-1], 2]) / LEVEL)).copy()
    for window in _windows(episode):
        sheet, walked = _part(page, window.box), window.pixels(position[path])
        _draw_walk(sheet, walked, window.size)
        for place, tint in zip(walked, () if colours is None else colours.tolist(), strict=colours is not None):
            _draw_dot(sheet, place, 9 * window.size, INK)
            _draw_dot(sheet, place, 8 * window.size, tint)
        _draw_start(sheet, walked[0], window.size)
        _draw_agent(sheet, walked[-1], heading, window.size)
    _draw_around(_part(page, AROUND), episode.place, path, heading, elevation)
    return page


def page_size(episodes: Iterable[Episode]) -> tuple[int, int]:
    """The height and width of a page for the portraits of all these episodes.

    An instruction that takes more lines than LINES is no reason for a larger page.
    """
    texts = {episode.instruction for episode in episodes}
    return _height(min(LINES, max(len(_lines(text)) for text in nlargest(LONGEST, texts, key=len)))), WIDTH


def _height(lines: int) -> int:
    height = FOOT + lines * TEXT_SIZE * 3 // 2 + MARGIN
    return height + height % 2


@dataclass(frozen=True)
class _Window:
    """A piece of a building and where on the page it is shown.

    middle: (x, y) in metres. scale: pixels for a metre. size: how large lines and marks are, 1 where there is room.
    """

    box: Box
    middle: NDArray[np.float64]
    scale: float
    size: float

    @classmethod
    def on(cls, points: NDArray[np.float64], margin: float, box: Box, size: float) -> "_Window":
        """On all of these points and so many metres beside them, as large as the box allows."""
        low, high = points[:, :2].min(axis=0) - margin, points[:, :2].max(axis=0) + margin
        return cls(box, (low + high) / 2, float((np.array(box[2:]) / (high - low)).min()), size)

    def pixels(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Places [n, 2] within the box of points [n, 3]; there y grows downwards."""
        return (points[:, :2] - self.middle) * (self.scale, -self.scale) + np.array(self.box[2:]) / 2


def _windows(episode: Episode) -> tuple[_Window, _Window]:
    position = episode.place.position
    return _Window.on(position[path_of(episode)], BESIDE, NEAR, 1.0), _Window.on(position, ROOM, WHOLE, 0.5)


def _part(page: Picture, box: Box) -> Picture:
    """The page within a box: what is drawn in it is drawn on the page, and nothing goes beyond it."""
    left, top, width, height = box
    return page[top : top + height, left : left + width]


@lru_cache(maxsize=32)
def _still(episode: Episode, level: int) -> Picture:
    """All that stays on the page while the agent is at this height, in units of LEVEL."""
    lines = _lines(episode.instruction)
    page = np.full((_height(len(lines)), WIDTH, 3), PAPER, dtype=np.uint8)
    windows = _windows(episode)
    for window in windows:
        _draw_building(_part(page, window.box), window, episode, level * LEVEL)
    _draw_scale(_part(page, NEAR), windows[0].scale)
    _draw_sky(_part(page, AROUND))
    _draw_legend(_part(page, LEGEND), not episode.goals)
    caption = [(line, (MARGIN, FOOT + number * TEXT_SIZE * 3 // 2)) for number, line in enumerate(lines)]
    _write(page, caption, INK, TEXT_SIZE)
    return page


def _draw_building(sheet: Picture, window: _Window, episode: Episode, height: float) -> None:
    graph: Graph = episode.place
    place, size = window.pixels(graph.position), window.size
    near = np.abs(graph.position[:, 2] - height) <= STOREY
    joined = near[graph.edges].all(axis=1)
    sheet[:] = SHEET
    for goal in episode.goals:
        _draw_dot(sheet, place[goal], REACH * window.scale, WITHIN)
    _draw_lines(sheet, [place[path_of(episode)]], 9 * size, PATH)
    for clear, (of_viewpoints, of_edges) in ((False, PALE), (True, CLEAR)):
        _draw_lines(sheet, place[graph.edges[joined == clear]], 1, of_edges)
        for viewpoint in place[near == clear]:
            _draw_dot(sheet, viewpoint, 3.5 * size, of_viewpoints)
    for goal in episode.goals:
        _draw_goal(sheet, place[goal], REACH * window.scale, size)


def _draw_walk(sheet: Picture, walked: NDArray[np.float64], size: float) -> None:
    _draw_lines(sheet, [walked], 5 * size, SHEET)
    _draw_lines(sheet, [walked], 3 * size, WALK)
    for place in walked:
        _draw_dot(sheet, place, 3.5 * size, WALK)


def _draw_start(sheet: Picture, place: ArrayLike, size: float) -> None:
    _draw_dot(sheet, place, 7.5 * size, WALK)
    _draw_dot(sheet, place, 5 * size, SHEET)


def _draw_goal(sheet: Picture, place: ArrayLike, reach: float, size: float) -> None:
    _draw_lines(sheet, [np.add(place, reach * _CIRCLE)], 1, GOAL)
    _draw_dot(sheet, place, 7.5 * size, GOAL)
    _draw_dot(sheet, place, 3 * size, SHEET)


def _draw_agent(sheet: Picture, place: ArrayLike, heading: float, size: float) -> None:
    sine, cosine = np.sin(heading), np.cos(heading)
    turned = _ARROW @ np.array([(cosine, sine), (sine, -cosine)])  # and y grows downwards from here on
    corners = [_fixed(place + turned * max(size, 0.6))]
    cv2.fillPoly(sheet, corners, INK, cv2.LINE_AA, _SHIFT)
    cv2.polylines(sheet, corners, True, SHEET, 1, cv2.LINE_AA, _SHIFT)


def _draw_scale(sheet: Picture, scale: float) -> None:
    left, foot = 14, sheet.shape[0] - 14
    right = left + BAR * scale
    _draw_lines(sheet, [[(left, foot - 4), (left, foot), (right, foot), (right, foot - 4)]], 2, INK)
    _write(sheet, [(f"{BAR} m", (left + 6, foot - 4))], INK, SMALL_SIZE, "ls")


def _draw_legend(sheet: Picture, secret: bool) -> None:
    """What the marks mean. secret: whether neither the described path nor the goal is known."""
    names = ("agent", "way walked", "start", "viewpoints", "on other storeys", "described path", "goal, 3 m around it")
    agent, walk, start, clear, pale, path, goal = rows = [(14.0, 14.0 + 27 * row) for row in range(len(names))]
    _draw_agent(sheet, agent, 0.0, 0.8)
    _draw_walk(sheet, np.add(walk, [(-10, 0), (10, 0)]), 1.0)
    _draw_start(sheet, start, 1.0)
    _draw_dot(sheet, clear, 3.5, CLEAR[0])
    _draw_dot(sheet, pale, 3.5, PALE[0])
    if not secret:
        _draw_lines(sheet, [np.add(path, [(-8, 0), (8, 0)])], 9, PATH)
        _draw_dot(sheet, goal, 12, WITHIN)
        _draw_goal(sheet, goal, 12, 0.8)
    words = [(name, (left + 20, top)) for name, (left, top) in zip(names, rows, strict=True)]
    _write(sheet, words[: rows.index(path)] if secret else words, QUIET, SMALL_SIZE, "lm")


def _draw_sky(sheet: Picture) -> None:
    """Where the neighbours will be shown: all round the agent, from behind it to behind it."""
    sheet[:] = SHEET
    height, sides = sheet.shape[0], np.linspace(-np.pi, np.pi, 5)
    lefts = _in_sky(sides, 0.0)[:, 0].tolist()
    _draw_lines(sheet, [[(left, 24), (left, height - 20)] for left in lefts], 1, PALE[1])
    _draw_lines(sheet, [_in_sky(sides, 0.0)], 1, FRAME)
    names = ("behind", "left", "ahead", "right", "behind")
    _write(
        sheet, [(name, (left, height - 5)) for name, left in zip(names, lefts, strict=True)], QUIET, SMALL_SIZE, "ms"
    )
    _write(sheet, [("What lies around, in metres", (8, 4))], QUIET, SMALL_SIZE)


def _draw_around(sheet: Picture, graph: Graph, path: NDArray[np.integer], heading: float, elevation: float) -> None:
    """The neighbours of where the path ends, as they are seen: larger where they are nearer, with their metres."""
    there = np.flatnonzero(graph.joined[path[-1]])
    along = graph.position[there] - graph.position[path[-1]]
    metres = np.linalg.norm(along, axis=1)
    side = (np.arctan2(along[:, 0], along[:, 1]) - heading + np.pi) % (2 * np.pi) - np.pi
    places = _in_sky(side, np.arctan2(along[:, 2], np.hypot(along[:, 0], along[:, 1])))
    radii = np.clip(10 - metres, 4, 9)
    for number in np.argsort(-metres):
        _draw_dot(sheet, places[number], radii[number] + 1.5, SHEET)
        _draw_dot(sheet, places[number], radii[number], WALK if there[number] in path else CLEAR[0])
    _draw_lines(sheet, np.add(_in_sky(0.0, elevation), [[(-7, 0), (7, 0)], [(0, -7), (0, 7)]]), 2, INK)
    # Above and below by turns, so that the numbers of those side by side do not meet.
    below = np.argsort(np.argsort(side)) % 2 * 2 - 1
    lefts, tops = places[:, 0].tolist(), (places[:, 1] + below * (radii + 8)).tolist()
    words = [(f"{far:.1f}", (left, top)) for far, left, top in zip(metres, lefts, tops, strict=True)]
    _write(sheet, words, INK, SMALL_SIZE, "mm")


def _in_sky(side: ArrayLike, up: ArrayLike) -> NDArray[np.float64]:
    """Places [..., 2] of directions: radians to the right of where the agent faces, and up."""
    _, _, width, height = AROUND
    tilt = np.clip(np.degrees(up) / STEEPEST, -1, 1)
    x = width / 2 + np.asarray(side) / np.pi * (width / 2 - 28)
    return np.stack(np.broadcast_arrays(x, (height - 20) / 2 + 8 - tilt * ((height - 20) / 2 - 26)), axis=-1)


def _lines(text: str) -> list[str]:
    """The text in lines that fit on the page."""
    font, room = _font(TEXT_SIZE), WIDTH - 2 * MARGIN
    for columns in range(room // 7, 0, -1):
        lines = textwrap.wrap(" ".join(text.split()), columns)
        if all(font.getlength(line) <= room for line in lines):
            return lines
    raise AssertionError("one letter fits on a page")


def _write(
    sheet: Picture, words: Sequence[tuple[str, tuple[float, float]]], colour: Colour, size: int, anchor: str = "la"
) -> None:
    """Texts at their places; anchor: which point of a text that is, as Pillow names them."""
    image = Image.fromarray(sheet)
    pen = ImageDraw.Draw(image)
    for text, place in words:
        pen.text(place, text, colour, _font(size), anchor)
    sheet[:] = np.asarray(image)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _draw_lines(sheet: Picture, lines: ArrayLike, thickness: float, colour: Colour) -> None:
    """Lines [m, n, 2] through n points each."""
    cv2.polylines(sheet, list(_fixed(lines)), False, colour, max(round(thickness), 1), cv2.LINE_AA, _SHIFT)


def _draw_dot(sheet: Picture, place: ArrayLike, radius: float, colour: Colour) -> None:
    cv2.fillConvexPoly(sheet, _fixed(np.add(place, radius * _CIRCLE)), colour, cv2.LINE_AA, _SHIFT)


def _fixed(places: ArrayLike) -> NDArray[np.int32]:
    """Pixels, as OpenCV is told of them."""
    return np.rint(np.asarray(places) * 2**_SHIFT).astype(np.int32)
