"""Building houses: rooms cut out of a rectangle, doors between them, objects in them."""

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from vln.kernels import kernel

from .chance import pick
from .held_out import NOVEL, NOVEL_PAIRS
from .house import COLOUR, FLOOR, HEADINGS, KIND, House
from .paths import FAR, fill_steps
from .things import COLOURS, HOUSE_KINDS, ROOM_FLOORS, THRESHOLD, Colour, Kind

LEAST_ROOM = 3  # cells a side, without walls
LOOPS = 0.25  # how often two neighbouring rooms that need no door between them have one
SHARING = 0.5  # how often an object is drawn to share its kind or its colour with an earlier one

Cell = tuple[int, int]  # row, column
Pair = tuple[int, int]  # kind, colour
Span = tuple[int, int, int, int]  # the free cells of a room: first row, first column, row after, column after


def build(
    rng: np.random.Generator,
    split: str,
    rooms: tuple[int, int] = (1, 4),
    side: tuple[int, int] = (7, 13),
    objects: tuple[int, int] = (4, 6),
    doors: float = 0.5,
    twins: int = 0,
) -> House:
    """A house whose rooms, each on a floor of its own, are all connected, and whose objects are all within reach.

    split: houses for `val_novel` hold at least one of NOVEL_PAIRS, all others none.
    rooms, side, objects: least and most rooms, cells a side (outer walls included) and objects.
    doors: how many of the ways between rooms are closed by a coloured door; the others are doorways. Colours of doors
        repeat only when a house has more than six.
    twins: so many of the objects have the kind *and* colour of another one; without, no pair occurs twice.

    Every map is `side[1]` square, what is left over being wall, so that houses stack. Objects stand neither in front
    of a door nor where they would cut the free cells in two; rooms too small for all of them stay with fewer.
    Raises ValueError when so many rooms can't fit.
    """
    spans = _rooms(rng, rooms, side)
    cells = np.empty((side[1], side[1], 3), dtype=np.uint8)
    cells[:] = (Kind.WALL, Colour.NONE, THRESHOLD)
    floors = rng.permutation(ROOM_FLOORS)[: len(spans)]
    for (top, left, bottom, right), floor in zip(spans, floors, strict=True):
        cells[top:bottom, left:right] = (Kind.NOTHING, Colour.NONE, floor)
    thresholds = _openings(rng, cells[..., FLOOR])
    colours = rng.permutation(COLOURS)
    for place, threshold in enumerate(thresholds):
        closed = rng.random() < doors
        cells[threshold][[KIND, COLOUR]] = (Kind.DOOR, colours[place % len(colours)]) if closed else (Kind.DOORWAY, 0)
    pairs = _pairs(rng, split, int(rng.integers(objects[0], objects[1] + 1)), twins)
    return House(cells, _furnish(rng, cells, thresholds, pairs))


def _rooms(rng: np.random.Generator, rooms: tuple[int, int], side: tuple[int, int]) -> list[Span]:
    """The rooms of a house, by cutting a rectangle again and again."""
    if rooms[1] > len(ROOM_FLOORS):
        raise ValueError(f"{rooms[1]} rooms need as many floors, and there are {len(ROOM_FLOORS)}: ask for fewer rooms")
    count = int(rng.integers(rooms[0], rooms[1] + 1))
    least = max(side[0], (LEAST_ROOM + 1) * int(np.ceil(np.sqrt(count))) + 1)
    if least > side[1]:
        raise ValueError(
            f"{count} rooms need {least} cells a side, not {side[1]}: ask for fewer rooms or a longer side"
        )
    rows, columns = rng.integers(least, side[1] + 1, size=2)
    return _cut(rng, (1, 1, int(rows) - 1, int(columns) - 1), count)


def _cut(rng: np.random.Generator, span: Span, count: int) -> list[Span]:
    """Binary space partition into `count` rooms, across the longer side where that is possible."""
    if count == 1:
        return [span]
    top, left, bottom, right = span
    lengths = bottom - top, right - left
    longer = int(rng.integers(2)) if lengths[0] == lengths[1] else int(np.argmax(lengths))
    for axis in (longer, 1 - longer):
        cuts = []
        for wall in range(span[axis] + LEAST_ROOM, span[axis + 2] - LEAST_ROOM):
            halves = ((top, left, wall, right), (wall + 1, left, bottom, right))
            if axis == 1:
                halves = ((top, left, bottom, wall), (top, wall + 1, bottom, right))
            share = round(count * (wall - span[axis]) / lengths[axis])
            share = min(max(share, 1, count - _capacity(halves[1])), count - 1, _capacity(halves[0]))
            if share >= 1 and count - share <= _capacity(halves[1]):
                cuts.append((halves, share))
        if cuts:
            (one, other), share = pick(rng, cuts)
            return _cut(rng, one, share) + _cut(rng, other, count - share)
    raise AssertionError(f"{count} rooms do not fit in {span}")


def _capacity(span: Span) -> int:
    """How many rooms of the least size a rectangle can hold."""
    top, left, bottom, right = span
    return ((bottom - top + 1) // (LEAST_ROOM + 1)) * ((right - left + 1) // (LEAST_ROOM + 1))


def _openings(rng: np.random.Generator, floors: NDArray[np.uint8]) -> list[Cell]:
    """The cells of the walls where one passes: enough to connect all rooms, and some more."""
    walls: defaultdict[tuple[int, int], list[Cell]] = defaultdict(list)
    for down, along in ((0, 1), (1, 0)):
        one = floors[: -2 * down or None, : -2 * along or None]
        other = floors[2 * down :, 2 * along :]
        between = (one != other) & (one != THRESHOLD) & (other != THRESHOLD)
        for row, column in np.argwhere(between).tolist():
            walls[one[row, column], other[row, column]].append((row + down, column + along))
    group = {int(floor): int(floor) for floor in ROOM_FLOORS}
    openings = []
    order = list(walls)
    for place in rng.permutation(len(order)):
        one_floor, other_floor = order[place]
        joined = group[other_floor]
        if group[one_floor] != joined:
            group = {floor: group[one_floor] if of == joined else of for floor, of in group.items()}
        elif rng.random() >= LOOPS:
            continue
        openings.append(pick(rng, walls[order[place]]))
    return openings


def _pairs(rng: np.random.Generator, split: str, count: int, twins: int) -> list[Pair]:
    """What furnishes a house: different pairs, half of the later ones akin to an earlier one; then the twins."""
    every = [(int(kind), int(colour)) for kind in HOUSE_KINDS for colour in COLOURS]
    allowed = every if split == NOVEL else [pair for pair in every if pair not in NOVEL_PAIRS]
    chosen = [pick(rng, NOVEL_PAIRS if split == NOVEL else allowed)]
    while len(chosen) < count - twins:
        options = [pair for pair in allowed if pair not in chosen]
        if rng.random() < SHARING:
            kin, word = pick(rng, chosen), int(rng.integers(2))
            options = [pair for pair in options if pair[word] == kin[word]] or options
        chosen.append(pick(rng, options))
    return chosen + [pick(rng, chosen) for _ in range(min(twins, count - 1))]


def _furnish(
    rng: np.random.Generator, cells: NDArray[np.uint8], thresholds: list[Cell], pairs: list[Pair]
) -> NDArray[np.bool_]:
    """Put the objects into the cells where they fit; what is solid then, bool [rows, columns]."""
    solid = cells[..., KIND] == Kind.WALL
    spare = cells[..., KIND] == Kind.NOTHING
    for row, column in thresholds:
        for down, right in HEADINGS:
            spare[row + down, column + right] = False
    spots = rng.permutation(np.argwhere(spare)).tolist()
    placed: list[Cell] = []
    for kind, colour in pairs:
        while spots:
            row, column = spots.pop()
            solid[row, column] = True
            if _within_reach(solid, [*placed, (row, column)]):
                cells[row, column, [KIND, COLOUR]] = kind, colour
                placed.append((row, column))
                break
            solid[row, column] = False
    return solid


def _within_reach(solid: NDArray[np.bool_], objects: list[Cell]) -> bool:
    """Whether one can walk from any free cell to every other, and to a free cell beside every object."""
    return bool(_in_one_piece(solid)) and all(
        not (solid[row - 1, column] and solid[row + 1, column] and solid[row, column - 1] and solid[row, column + 1])
        for row, column in objects
    )


@kernel
def _in_one_piece(solid):
    first = np.argmin(solid)
    steps = np.empty(solid.shape, np.int16)
    fill_steps(solid, 1, first // solid.shape[1], first % solid.shape[1], steps)
    return np.sum(steps == FAR) == np.sum(solid)
