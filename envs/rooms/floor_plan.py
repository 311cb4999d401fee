"""Floor plans: houses drawn as text, a character for each cell, and names for the letters."""

import string
from collections.abc import Collection, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

from .phrases import COLOUR_WORDS, FLOOR_WORDS, KIND_WORDS
from .things import COLOURS, HOUSE_KINDS, ROOM_FLOORS, THRESHOLD, Colour, Floor, Kind

WALL, FREE, DOOR = "#", ".", "+"
OPENINGS = (Kind.DOOR, Kind.DOORWAY)

Cells = NDArray[np.uint8]
Code = tuple[int, int, int]  # kind, colour, floor; a floor of 0 is that of the room


def read_plan(text: str, names: Mapping[str, str]) -> Cells:
    """The cells uint8 [rows, columns, 3] (kind, colour, floor) that a floor plan draws; see House.of_text."""
    rows, named = _parts(text, names)
    codes: dict[str, Code] = {
        WALL: (Kind.WALL, 0, THRESHOLD),
        FREE: (Kind.NOTHING, 0, 0),
        DOOR: (Kind.DOOR, 0, THRESHOLD),
    }
    codes |= {letter: _code(letter, name) for letter, name in named.items()}
    _check_shape(rows)
    for row, line in enumerate(rows):
        for column, character in enumerate(line):
            if character not in codes:
                letter = character if character.isalpha() else "r"
                raise ValueError(
                    f"row {row}, column {column}: {character!r} stands for nothing; {WALL!r} is a wall, {FREE!r} "
                    f"floor, {DOOR!r} a door, and a letter what it is named, as in {letter}"
                    '="red chair"'
                )
    drawn = set("".join(rows))
    if unused := sorted(set(named) - drawn):
        raise ValueError(f"{unused[0]!r} is named {named[unused[0]]!r} and stands nowhere in the plan")
    cells = np.array([[codes[character] for character in line] for line in rows], dtype=np.uint8)
    _check_openings(cells)
    _colour_doors(cells, {codes[letter][1] for letter in named if codes[letter][0] == Kind.DOOR})
    _lay_floors(cells)
    return cells


def write_plan(cells: Cells) -> str:
    """The floor plan that `read_plan` reads as these cells. Raises ValueError where no plan draws them."""
    rooms, count = _rooms(cells)
    shown: list[list[Code]] = [[(int(kind), int(colour), 0) for kind, colour, _ in row] for row in cells]
    for room in range(1, count + 1):
        free = np.argwhere((rooms == room) & (cells[..., 0] == Kind.NOTHING))
        if len(free):
            row, column = free[0].tolist()
            shown[row][column] = (int(Kind.NOTHING), 0, int(cells[row, column, 2]))
    letters: dict[Code, str] = {}
    for code in sorted({code for line in shown for code in line}):
        if code[0] != Kind.WALL and code != (Kind.NOTHING, 0, 0):
            letters[code] = _letter(_name(code), letters.values())
    signs = {(int(Kind.WALL), 0, 0): WALL, (int(Kind.NOTHING), 0, 0): FREE} | letters
    rows = ["".join(signs.get(code, "?") for code in line) for line in shown]
    text = "\n".join([*rows, "", *(f"{letter} = {_name(code)}" for code, letter in letters.items())])
    if not np.array_equal(read_plan(text, {}), cells):
        raise ValueError("this map can't be drawn as a floor plan: its rooms have floors that a plan can't say")
    return text + "\n"


def _parts(text: str, names: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """The rows of a plan, and what its letters are named: by its own lines `r = red chair`, and by `names`."""
    rows, named = [], dict(names)
    for line in filter(None, (line.strip() for part in text.splitlines() for line in part.split("/"))):
        letter, equals, name = (part.strip() for part in line.partition("="))
        if not equals:
            rows.append(line)
        elif named.setdefault(letter, name) != name:
            raise ValueError(f"{letter!r} is named twice, {named[letter]!r} and {name!r}")
    for letter, name in named.items():
        if len(letter) != 1 or letter not in string.ascii_letters:
            raise ValueError(f"what is named in a plan is a letter, not {letter!r} ({name!r})")
    return rows, named


def _check_shape(rows: list[str]) -> None:
    if not rows:
        raise ValueError("a plan has at least one row, as in '#####/#...#/#####'")
    for row, line in enumerate(rows):
        if len(line) != len(rows[0]):
            raise ValueError(f"row {row} has {len(line)} cells and row 0 has {len(rows[0])}: all rows are equally long")


def _code(letter: str, name: str) -> Code:
    """What a name stands for. Raises ValueError naming the word that is not known, and those that are."""
    *adjectives, noun = name.lower().split() or [""]
    adjective = " ".join(adjectives)
    if noun in KIND_WORDS[Kind.DOORWAY] and not adjective:
        return int(Kind.DOORWAY), 0, THRESHOLD
    if noun == "floor":
        return int(Kind.NOTHING), 0, _look_up(letter, name, adjective, "floor", _words(FLOOR_WORDS, ROOM_FLOORS))
    kind = _look_up(letter, name, noun, "thing", _words(KIND_WORDS, (*HOUSE_KINDS, Kind.DOOR)))
    colour = _look_up(letter, name, adjective, "colour", _words(COLOUR_WORDS, COLOURS))
    return kind, colour, THRESHOLD if kind == Kind.DOOR else 0


def _look_up(letter: str, name: str, word: str, what: str, words: Mapping[str, int]) -> int:
    if word not in words:
        first = {code: one for one, code in reversed(list(words.items()))}  # of the words that mean the same
        known = ", ".join(one for one in words if first[words[one]] == one)
        also = '; beside these a "doorway" and the floor of a room ("wooden floor")' if what == "thing" else ""
        raise ValueError(f"{letter}={name!r}: no {what} is called {word!r}; there are {known}{also}")
    return words[word]


def _words(table: Mapping[int, tuple[str, ...]], codes: tuple[int, ...]) -> dict[str, int]:
    return {word: int(code) for code in codes for word in table[code]}


def _name(code: Code) -> str:
    """What a letter for it is named. Raises ValueError for what a plan has no name for."""
    kind, colour, floor = code
    try:
        if kind == Kind.DOORWAY:
            return KIND_WORDS[Kind.DOORWAY][0]
        if kind == Kind.NOTHING:
            return f"{FLOOR_WORDS[floor][0]} floor"
        return f"{COLOUR_WORDS[colour][0]} {KIND_WORDS[kind][0]}"
    except KeyError:
        raise ValueError(f"a floor plan has no name for what this map holds: {Kind(kind).name.lower()}") from None


def _letter(name: str, taken: Collection[str]) -> str:
    """A letter for a name: the first of one of its words, or any."""
    initials = [word[0] for word in reversed(name.split())]
    for letter in (*initials, *map(str.upper, initials), *string.ascii_letters):
        if letter not in taken:
            return letter
    raise ValueError(f"a floor plan has {len(string.ascii_letters)} letters, and this map needs more")


def _check_openings(cells: Cells) -> None:
    """Raise ValueError at a door or doorway that does not stand in a wall between two free cells."""
    kind = np.pad(cells[..., 0], 1, constant_values=Kind.WALL)
    wall, free = kind == Kind.WALL, kind == Kind.NOTHING
    for row, column in np.argwhere(np.isin(cells[..., 0], OPENINGS)).tolist():
        ends = ((row, column + 1), (row + 2, column + 1)), ((row + 1, column), (row + 1, column + 2))
        if not any(
            all(wall[end] for end in one) and all(free[end] for end in other) for one, other in (ends, ends[::-1])
        ):
            raise ValueError(
                f"row {row}, column {column}: a door stands in a wall, between two free cells: walls on two opposite "
                f"sides, {FREE!r} on the others"
            )


def _colour_doors(cells: Cells, taken: set[int]) -> None:
    """Give every door without a colour one, which repeats only when there are more doors than colours."""
    plain = np.argwhere((cells[..., 0] == Kind.DOOR) & (cells[..., 1] == Colour.NONE))
    for (row, column), colour in zip(plain, _fresh(COLOURS, taken), strict=False):
        cells[row, column, 1] = colour


def _lay_floors(cells: Cells) -> None:
    """Lay every room with the floor that its letters name, or with one that no other room has."""
    rooms, count = _rooms(cells)
    named = [set(cells[rooms == room, 2].tolist()) - {0} for room in range(1, count + 1)]
    for room, floors in enumerate(named, start=1):
        if len(floors) > 1:
            row, column = np.argwhere((rooms == room) & (cells[..., 2] != 0))[0]
            raise ValueError(
                f"the room at row {row}, column {column} has the floors "
                f"{' and '.join(Floor(floor).name.lower() for floor in sorted(floors))}: a room has one"
            )
    fresh = _fresh(ROOM_FLOORS, {floor for floors in named for floor in floors})
    for room, floors in enumerate(named, start=1):
        cells[rooms == room, 2] = next(iter(floors)) if floors else next(fresh)


def _rooms(cells: Cells) -> tuple[NDArray[np.int32], int]:
    """The number of every cell's room, from 1, [rows, columns], 0 in walls, doors and doorways; and how many."""
    found, count = label(~np.isin(cells[..., 0], (Kind.WALL, *OPENINGS)))
    return found, count


def _fresh(codes: tuple[int, ...], taken: set[int]) -> Iterator[int]:
    """The codes that are not taken, and then all of them, again and again."""
    yield from (code for code in codes if code not in taken)
    while True:
        yield from codes
