"""A slow reader of instructions: it knows what things are called, but none of the phrasings that say them.

It finds what is meant with its own eyes (loops over cells), so that a mistake of the families can't hide in it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from vln.envs.rooms.house import House, Pose
from vln.envs.rooms.phrases import COLOUR_WORDS, COUNT_WORDS, FLOOR_WORDS, KIND_WORDS, RELATION_WORDS
from vln.envs.rooms.things import Kind

Cell = tuple[int, int]
AHEAD = ((-1, 0), (0, 1), (1, 0), (0, -1))
OPEN = (Kind.NOTHING, Kind.DOOR, Kind.DOORWAY)


def _codes(table: Mapping[int, Sequence[str]]) -> dict[str, int]:
    return {word: code for code, words in table.items() for word in words}


def _any(words: Iterable[str]) -> str:
    return "|".join(sorted(words, key=len, reverse=True))


KINDS, COLOURS, FLOORS = _codes(KIND_WORDS), _codes(COLOUR_WORDS), _codes(FLOOR_WORDS)
RELATIONS = {word: relation for relation, words in RELATION_WORDS.items() for word in words}
THING = rf"(?:\b({_any(COLOURS)}) )?\b({_any(KINDS)})\b(?: (?:that|which) is ({_any(COLOURS)})\b)?"
ROOM = rf"\b(?:({_any(FLOORS)}) room|room (?:with the|that has a|whose floor is) ({_any(FLOORS)}))(?: floor)?\b"
RELATED = rf"{THING}(?: that is)? ({_any(RELATIONS)}) the (.*)"


def find(house: House, kind: int, colour: int | None) -> list[Cell]:
    rows, columns = house.shape
    cells = [(row, column) for row in range(rows) for column in range(columns)]
    return [c for c in cells if house.cells[c][0] == kind and colour in (None, house.cells[c][1])]


def facing(house: House, cell: Cell) -> set[Pose]:
    stands = [(cell[0] - down, cell[1] - right, heading) for heading, (down, right) in enumerate(AHEAD)]
    return {pose for pose in stands if house.cells[pose[:2]][0] in OPEN}


def read_things(house: House, text: str) -> list[list[Cell]]:
    """For every thing that is named, in the order of the words: the cells it may be in."""
    return [find(house, KINDS[kind], COLOURS.get(early or late)) for early, kind, late in re.findall(THING, text)]


def read_room(house: House, text: str) -> set[Cell]:
    """The free cells of the room that is named."""
    (names,) = re.findall(ROOM, text)
    floor = FLOORS[names[0] or names[1]]
    rows, columns = house.shape
    cells = [(row, column) for row in range(rows) for column in range(columns)]
    return {cell for cell in cells if house.cells[cell][2] == floor and house.cells[cell][0] in OPEN}


def read_relation(house: House, text: str) -> tuple[list[Cell], list[Cell]]:
    """The cells of all things of the kind that is asked for, and of those of them that fit the whole sentence."""
    match = re.search(RELATED, text)
    assert match, text
    early, kind, late, word, rest = match.groups()
    alike = find(house, KINDS[kind], COLOURS.get(early or late))
    relation = RELATIONS[word]
    if relation == "within":
        room = read_room(house, rest)
        return alike, [cell for cell in alike if _room_around(house, cell) & room]
    landmarks = read_things(house, rest)[0]
    assert len(landmarks) == 1, text
    return alike, [cell for cell in alike if cell != landmarks[0] and _fits(house, cell, relation, landmarks[0])]


def _fits(house: House, cell: Cell, relation: str, landmark: Cell) -> bool:
    if relation == "beside":
        return abs(cell[0] - landmark[0]) <= 1 and abs(cell[1] - landmark[1]) <= 1
    room = _room_around(house, cell)
    if relation == "with":
        return bool(room & _room_around(house, landmark))
    # On a plane with north up: to turn left is to multiply by i.
    door, there = complex(landmark[1], -landmark[0]), complex(cell[1], -cell[0])
    for down, right in AHEAD:
        if (landmark[0] - down, landmark[1] - right) in room:
            leftward = ((there - door) * (complex(right, -down) * 1j).conjugate()).real
            return leftward > 0 if relation == "left" else leftward < 0
    return False


def _room_around(house: House, cell: Cell) -> set[Cell]:
    """All cells that are reached without crossing a wall or a threshold; objects are no hindrance."""
    closed = (Kind.WALL, Kind.DOOR, Kind.DOORWAY)
    found, waiting = {cell}, [cell]
    while waiting:
        row, column = waiting.pop()
        for down, right in AHEAD:
            other = row + down, column + right
            if other not in found and house.cells[other][0] not in closed:
                found.add(other)
                waiting.append(other)
    return found


def read_sequence(house: House, text: str) -> list[list[Cell]]:
    """The cells of the stages, in the order in which they are to be reached."""
    things = read_things(house, text)
    last_comes_first = text.startswith("before") or re.search(r".+ (but first|but start|after you|once you) ", text)
    return things[1:] + things[:1] if last_comes_first else things


def split_route(text: str) -> list[str]:
    return re.split(r" (?:and then|after that|then|and) ", text)


def walk_route(house: House, start: Pose, text: str) -> Pose:
    """Where the words lead. Raises AssertionError where they can't be followed."""
    pose = start
    for clause in split_route(text):
        pose = _walk(house, pose, clause, set(clause.split()))
    return pose


def _walk(house: House, pose: Pose, clause: str, words: set[str]) -> Pose:
    things = read_things(house, clause)
    side = 3 if "left" in words else 1 if "right" in words else 2
    if words & {*KIND_WORDS[Kind.DOOR], *KIND_WORDS[Kind.DOORWAY]}:
        return _leave(house, pose, things[0])
    if words & {"turn", "face"}:
        row, column, heading = _stop_at(house, pose, clause, things, (0, 1, 3)) if things else pose
        return row, column, (heading + side) % 4
    if words & {"past", "pass", "beyond"}:
        return next(_straight(house, _stop_at(house, pose, clause, things, (1, 3))))
    if words & {"stop", "wait"}:
        return _stop_at(house, pose, clause, things, (0,))
    (count,) = words & set(COUNT_WORDS)
    ways = _straight(house, pose)
    return [next(ways) for _ in range(COUNT_WORDS.index(count) + 1)][-1]


def _straight(house: House, pose: Pose) -> Iterator[Pose]:
    row, column, heading = pose
    while True:
        row, column = row + AHEAD[heading][0], column + AHEAD[heading][1]
        assert house.cells[row, column][0] in OPEN, f"something stands at row {row}, column {column}"
        yield row, column, heading


def _stop_at(house: House, pose: Pose, clause: str, things: list[list[Cell]], sides: tuple[int, ...]) -> Pose:
    (cells,) = things
    wall = "wall" in clause.split()
    assert wall or len(cells) == 1, clause
    ways = _straight(house, pose)
    while True:
        for side in (0,) if wall else sides:
            down, right = AHEAD[(pose[2] + side) % 4]
            if (pose[0] + down, pose[1] + right) in cells:
                return pose
        pose = next(ways)


def _leave(house: House, pose: Pose, doors: list[Cell]) -> Pose:
    room = _room_around(house, pose[:2])
    ways = [
        (door[0] + down, door[1] + right, heading)
        for door in doors
        for heading, (down, right) in enumerate(AHEAD)
        if (door[0] - down, door[1] - right) in room
    ]
    assert len(ways) == 1, f"{len(ways)} such doors"
    return ways[0]
