"""Questions about digits and shapes on a canvas: their places, the question, and the correct answer."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .shapes import COLOURS, SHAPES

SIDE = 3  # cells of the grid that things lie on, each way
SHAPE_NAMES, COLOUR_NAMES, DIGITS = tuple(SHAPES), tuple(COLOURS), tuple("0123456789")
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
RELATIONS = {"left of": (0, -1), "right of": (0, 1), "above": (-1, 0), "below": (1, 0)}  # rows and columns away
LEAST_THINGS, MOST_THINGS = 4, 6
PLURALS = {name: f"{name}es" if name.endswith("s") else f"{name}s" for name in SHAPE_NAMES}
ANSWERS = (*DIGITS, *COLOUR_NAMES)

ASK_DIGIT = ("what is the digit {} the {}", "which digit is {} the {}", "read the digit {} the {}")
ASK_COLOUR = ("what colour is the shape {} the {}", "name the colour of the shape {} the {}")
ASK_COUNT = ("how many {} are there", "count the {}", "what is the number of {}")

WORDS = tuple(
    sorted(
        {word for text in (*ASK_DIGIT, *ASK_COLOUR, *ASK_COUNT, *RELATIONS) for word in text.replace("{}", "").split()}
        | set(SHAPE_NAMES)
        | set(PLURALS.values())
        | set(COLOUR_NAMES)
        | set(NUMBERS)
        | {"shapes", "digits"}
    )
)


@dataclass(frozen=True)
class Thing:
    """A digit (0 to 9) or a shape (by name) in a colour."""

    what: str
    colour: str

    @property
    def is_digit(self) -> bool:
        return self.what in DIGITS

    @property
    def name(self) -> str:
        """What tells it from others in words: a digit by its number, a shape by colour and kind."""
        return NUMBERS[int(self.what)] if self.is_digit else f"{self.colour} {self.what}"


@dataclass(frozen=True)
class Question:
    """What lies in each cell of the grid (row by row), what is asked, the answer, and the cells one must have seen."""

    things: tuple[Thing | None, ...]
    text: str
    answer: str
    family: str
    cells: tuple[int, ...]


def ask(rng: np.random.Generator) -> Question:
    """Any question, about things that make it one with one answer."""
    family = ("digit", "colour", "count")[rng.integers(3)]
    return _count(rng) if family == "count" else _beside(rng, family)


def _beside(rng: np.random.Generator, family: str) -> Question:
    """What lies beside a thing that there is only one of."""
    relation = tuple(RELATIONS)[rng.integers(len(RELATIONS))]
    down, across = RELATIONS[relation]
    rows, columns = (_inside(rng, step) for step in (down, across))
    anchor, wanted = rows[0] * SIDE + columns[0], rows[1] * SIDE + columns[1]
    told, found = _thing(rng, digit=family == "colour"), _thing(rng, digit=family == "digit")
    things = _fill(rng, {anchor: told, wanted: found}, lambda thing: thing.name != told.name)
    texts = ASK_DIGIT if family == "digit" else ASK_COLOUR
    text = texts[rng.integers(len(texts))].format(relation, told.name)
    return Question(things, text, found.what if family == "digit" else found.colour, family, (anchor, wanted))


def _count(rng: np.random.Generator) -> Question:
    """How many things of a colour or of a kind there are; none too."""
    colour = COLOUR_NAMES[rng.integers(len(COLOUR_NAMES))]
    shape = SHAPE_NAMES[rng.integers(len(SHAPE_NAMES))]
    named, asked = (
        (f"{colour} shapes", lambda thing: thing.colour == colour and not thing.is_digit),
        (PLURALS[shape], lambda thing: thing.what == shape),
        (f"{colour} digits", lambda thing: thing.colour == colour and thing.is_digit),
    )[rng.integers(3)]
    many = int(rng.integers(LEAST_THINGS))
    cells = rng.permutation(SIDE * SIDE)[:many].tolist()
    digits = named.endswith("digits")
    first: dict[int, Thing] = {}
    for cell in cells:
        thing = _thing(rng, digits)
        first[cell] = Thing(thing.what, colour) if named.startswith(colour) else Thing(shape, thing.colour)
    things = _fill(rng, first, lambda thing: not asked(thing))
    text = ASK_COUNT[rng.integers(len(ASK_COUNT))].format(named)
    return Question(things, text, str(many), "count", tuple(range(SIDE * SIDE)))


def _inside(rng: np.random.Generator, step: int) -> tuple[int, int]:
    """A place on one axis of the grid, and the place a step from it, both within."""
    place = int(rng.integers(SIDE - abs(step))) + (1 if step < 0 else 0)
    return place, place + step


def _thing(rng: np.random.Generator, digit: bool) -> Thing:
    what = DIGITS if digit else SHAPE_NAMES
    return Thing(what[rng.integers(len(what))], COLOUR_NAMES[rng.integers(len(COLOUR_NAMES))])


def _fill(
    rng: np.random.Generator, first: dict[int, Thing], allowed: Callable[[Thing], bool]
) -> tuple[Thing | None, ...]:
    """The things in all cells: these first, and others that are allowed in some of the cells that are free."""
    things = dict(first)
    total = int(rng.integers(max(LEAST_THINGS, len(first)), MOST_THINGS + 1))
    free = [cell for cell in rng.permutation(SIDE * SIDE).tolist() if cell not in things]
    while len(things) < total:
        thing = _thing(rng, digit=bool(rng.random() < 0.4))
        if allowed(thing):
            things[free.pop()] = thing
    return tuple(things.get(cell) for cell in range(SIDE * SIDE))
