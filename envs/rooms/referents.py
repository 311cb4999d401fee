"""Referents: things, rooms and relations in a house, each of which can find itself and say itself."""

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np

from .building import Cell, Pair
from .chance import pick
from .house import FLOOR, HEADINGS, Goal, House
from .phrases import COLOUR_WORDS, FLOOR_WORDS, KIND_WORDS, RELATED, RELATION_WORDS, ROOMS, THINGS
from .things import HOUSE_KINDS, Kind


class Referent(Hashable, Protocol):
    """What a noun phrase stands for."""

    def goals(self, house: House) -> list[Goal]:
        """Every goal of this house that the words fit. An instruction names exactly one."""
        ...

    def say(self, rng: np.random.Generator) -> str:
        """One of the ways to say it, without an article."""
        ...


@dataclass(frozen=True)
class Thing:
    """An object, a door, a doorway or a wall; of any colour when none is said."""

    kind: int
    colour: int | None = None

    def find(self, house: House) -> list[Cell]:
        return house.find(self.kind, self.colour)

    def goals(self, house: House) -> list[Goal]:
        """To stand beside it and look at it. Its own cell tells a searcher where it is."""
        return [_before(house, cell) for cell in self.find(house)]

    def say(self, rng: np.random.Generator) -> str:
        kind = pick(rng, KIND_WORDS[self.kind])
        if self.colour is None:
            return kind
        return pick(rng, THINGS).format(kind=kind, colour=pick(rng, COLOUR_WORDS[self.colour]))


@dataclass(frozen=True)
class Room:
    """The room on this floor. Whoever stands in its door is not in it yet."""

    floor: int

    def goals(self, house: House) -> list[Goal]:
        """To stand anywhere in it. The sight of its floor tells a searcher where it is."""
        cells = house.room(self.floor)
        return [Goal(np.repeat(cells[..., None], 4, axis=-1), cells)] if cells.any() else []

    def say(self, rng: np.random.Generator) -> str:
        return pick(rng, ROOMS).format(floor=pick(rng, FLOOR_WORDS[self.floor]))


@dataclass(frozen=True)
class Related:
    """A thing that stands in a relation to a landmark.

    relation: one of
        beside: in one of the eight cells around the landmark, an object;
        left, right: anywhere in a room of the landmark, a door or doorway, on that side of the straight line through
            it, as seen by one who faces it from inside that same room;
        within: on the floor of the landmark, a room;
        with: in the same room as the landmark, an object.
    """

    thing: Thing
    relation: str
    landmark: Thing | Room

    def find(self, house: House) -> list[Cell]:
        return [cell for cell in self.thing.find(house) if self._holds(house, cell)]

    def goals(self, house: House) -> list[Goal]:
        return [_before(house, cell) for cell in self.find(house)]

    def say(self, rng: np.random.Generator) -> str:
        relation = pick(rng, RELATION_WORDS[self.relation])
        thing = Thing(self.thing.kind).say(rng)
        if self.thing.colour is not None:
            # Said before the name: in "the ball that is red next to the box" it is not clear what is next to what.
            thing = f"{pick(rng, COLOUR_WORDS[self.thing.colour])} {thing}"
        return pick(rng, RELATED).format(thing=thing, relation=relation, landmark=self.landmark.say(rng))

    def _holds(self, house: House, cell: Cell) -> bool:
        floor = int(house.cells[cell][FLOOR])
        if isinstance(self.landmark, Room):
            return self.relation == "within" and floor == self.landmark.floor
        return any(
            other != cell and _related(house, cell, self.relation, other, floor) for other in self.landmark.find(house)
        )


def _related(house: House, cell: Cell, relation: str, other: Cell, floor: int) -> bool:
    if relation == "beside":
        return max(abs(cell[0] - other[0]), abs(cell[1] - other[1])) == 1
    if relation == "with":
        return int(house.cells[other][FLOOR]) == floor
    for heading in range(4):
        down, right = HEADINGS[heading]
        inside = other[0] - down, other[1] - right
        if house.cells[inside][FLOOR] == floor:
            left_down, left_right = HEADINGS[heading - 1]
            leftward = (cell[0] - other[0]) * left_down + (cell[1] - other[1]) * left_right
            return bool(leftward > 0 if relation == "left" else leftward < 0)
    return False


def objects(house: House) -> tuple[tuple[Cell, Pair], ...]:
    """The objects of a house, row by row: where each stands, and its kind and colour."""
    return tuple(((row, column), (kind, colour)) for row, column, kind, colour in house.things if kind in HOUSE_KINDS)


# The episodes of a house are written one after the other, and most begin with this question.
@lru_cache(maxsize=8)
def single(house: House) -> tuple[tuple[Cell, Thing], ...]:
    """The objects whose kind and colour no other object of the house has."""
    furniture = objects(house)
    counts = Counter(pair for _, pair in furniture)
    return tuple((cell, Thing(*pair)) for cell, pair in furniture if counts[pair] == 1)


def thresholds(house: House) -> list[Thing]:
    """The doors that are alone in their colour, and the doorway of a house that has only one."""
    places = [*house.find(Kind.DOOR), *house.find(Kind.DOORWAY)]
    counts = Counter(passage(house, place) for place in places)
    return [thing for thing, count in counts.items() if count == 1]


def passage(house: House, cell: Cell) -> Thing:
    """How the door or doorway in a cell is called."""
    kind, colour, _ = house.cells[cell].tolist()
    return Thing(kind, colour if kind == Kind.DOOR else None)


def _before(house: House, cell: Cell) -> Goal:
    sight = np.zeros(house.shape, dtype=bool)
    sight[cell] = True
    return Goal(house.facing(*cell), sight)
