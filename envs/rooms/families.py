"""The families of instructions: for each, the houses it is asked in and how its episodes are written.

A family is a function of a difficulty, 1 (one small room) to 4 (up to nine rooms on 25x25 cells).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vln.episode import Episode

from .building import Cell, build
from .chance import pick
from .held_out import NOVEL, NOVEL_PAIRS
from .house import FLOOR, Goal, House, Pose
from .line_of_sight import in_line
from .paths import shortest_path
from .phrases import FIND, GO, GO_TO, GO_TO_ROOM, IN_THREE_STAGES, IN_TWO_STAGES, RELATION, RELATION_WORDS, Phrasings
from .referents import Referent, Related, Room, Thing, objects, single, thresholds
from .routes import describe, follow
from .routes import say as say_route
from .things import THRESHOLD

LONGEST = 48  # words in an instruction
TRIES = 12  # starts and goals tried in one house before another house is asked for

Build = Callable[[np.random.Generator, str], House]
Write = Callable[[House, np.random.Generator, str], Episode | None]


class Family(NamedTuple):
    """build: a house for a split. write: an episode in it, or None when this house can't host one."""

    build: Build
    write: Write


@dataclass(frozen=True)
class Size:
    """Least and most rooms, cells a side and objects of the houses of a difficulty; see building.build."""

    rooms: tuple[int, int]
    side: tuple[int, int]
    objects: tuple[int, int]
    twins: int = 0

    @property
    def build(self) -> Build:
        return partial(build, rooms=self.rooms, side=self.side, objects=self.objects, twins=self.twins)


SIZES = {
    1: Size(rooms=(1, 1), side=(7, 7), objects=(3, 4)),
    2: Size(rooms=(1, 2), side=(7, 9), objects=(4, 5)),
    3: Size(rooms=(1, 4), side=(7, 13), objects=(4, 6)),
    4: Size(rooms=(4, 9), side=(13, 25), objects=(6, 10)),
}
LEAST_MOVES = {1: 3, 2: 4, 3: 5, 4: 8}  # of a route
MOST_STEPS = {1: 3, 2: 4, 3: 5, 4: 7}  # of a route, in words
MOST_STAGES = {1: 2, 2: 2, 3: 3, 4: 3}  # of a sequence


def go_to(difficulty: int = 3) -> Family:
    """Stop in front of an object, named by kind and colour. The start is any pose, even one that is right already."""
    return Family(_size(difficulty).build, _write_go_to)


def go_to_room(difficulty: int = 3) -> Family:
    """Stop anywhere in a room, named by its floor, from outside. Rooms know no novel pairs, only novel phrasings."""
    return Family(_several_rooms(difficulty).build, _write_go_to_room)


def route(difficulty: int = 3) -> Family:
    """Follow the way that is said step by step along a shortest path, and stop in front of the last object."""
    return Family(
        _size(difficulty).build,
        partial(_write_route, least_moves=LEAST_MOVES[difficulty], most_steps=MOST_STEPS[difficulty]),
    )


def relation(difficulty: int = 3) -> Family:
    """Stop in front of the one object of several alike that stands in a relation to a landmark."""
    size = _size(difficulty)
    more = size.objects[0] + 2, size.objects[1] + 2
    return Family(replace(size, objects=more, twins=2).build, _write_relation)


def sequence(difficulty: int = 3) -> Family:
    """Reach two or three objects in order; the words may name them in another one."""
    return Family(_size(difficulty).build, partial(_write_sequence, most_stages=MOST_STAGES[difficulty]))


def find(difficulty: int = 3) -> Family:
    """Stop in front of an object that no straight line joins with the start."""
    return Family(_several_rooms(difficulty).build, _write_find)


# By the name that episodes and results carry.
FAMILIES: dict[str, Callable[[int], Family]] = {
    "GoTo": go_to,
    "GoToRoom": go_to_room,
    "Route": route,
    "Relation": relation,
    "Sequence": sequence,
    "Find": find,
}


def _size(difficulty: int) -> Size:
    if difficulty not in SIZES:
        raise ValueError(f"difficulty {difficulty} is none of {list(SIZES)}")
    return SIZES[difficulty]


def _several_rooms(difficulty: int) -> Size:
    """Houses of at least two rooms, on as many cells as these need."""
    size = _size(difficulty)
    least, most = size.rooms
    return replace(size, rooms=(max(2, least), max(2, most)), side=(size.side[0], max(9, size.side[1])))


def _write_go_to(house: House, rng: np.random.Generator, split: str) -> Episode | None:
    things = _askable(house, split)
    if not things:
        return None
    thing = pick(rng, things)[1]
    text = _say(rng, GO_TO, split, thing=thing)
    return Episode(text, house, _start(rng, _in_rooms(house)), _goals(house, thing), "GoTo")


def _write_go_to_room(house: House, rng: np.random.Generator, split: str) -> Episode | None:
    inside = _in_rooms(house)
    floors = np.unique(house.cells[..., FLOOR][inside]).tolist()
    if len(floors) < 2:
        return None
    room = Room(pick(rng, floors))
    text = _say(rng, GO_TO_ROOM, split, room=room)
    return Episode(text, house, _start(rng, inside & ~house.room(room.floor)), _goals(house, room), "GoToRoom")


def _write_find(house: House, rng: np.random.Generator, split: str) -> Episode | None:
    things = _askable(house, split)
    for place in rng.permutation(len(things)):
        cell, thing = things[place]
        hidden = _in_rooms(house) & ~in_line(house, cell)
        if hidden.any():
            text = _say(rng, FIND, split, thing=thing)
            return Episode(text, house, _start(rng, hidden), _goals(house, thing), "Find")
    return None


def _write_relation(house: House, rng: np.random.Generator, split: str) -> Episode | None:
    relations = list(RELATION_WORDS)
    for place in rng.permutation(len(relations)):
        options = [option for option in _relations(house, relations[place]) if split != NOVEL or _is_novel(option)]
        for number in rng.permutation(len(options)):
            related = options[number]
            if len(related.find(house)) == 1:
                text = _say(rng, RELATION, split, target=related)
                goals = _goals(house, related)
                return Episode(text, house, _start(rng, _in_rooms(house), goals[0]), goals, "Relation")
    return None


def _relations(house: House, relation: str) -> list[Related]:
    """What might be said by this relation about objects of which, without it, there are several."""
    landmarks: list[Thing] | list[Room]
    if relation == "within":
        landmarks = [Room(floor) for floor in np.unique(house.cells[..., FLOOR][_in_rooms(house)]).tolist()]
    elif relation in ("left", "right"):
        landmarks = thresholds(house)
    else:
        landmarks = [thing for _, thing in single(house)]
    pairs = [pair for _, pair in objects(house)]
    named = {Thing(*pair) for pair in pairs if pairs.count(pair) > 1}
    named |= {Thing(kind) for kind, _ in pairs if sum(kind == other for other, _ in pairs) > 1}
    ordered = sorted(named, key=lambda thing: (thing.kind, thing.colour or 0))
    return [Related(thing, relation, landmark) for thing in ordered for landmark in landmarks]


def _is_novel(meaning: Related) -> bool:
    return any(isinstance(part, Thing) and _novel_thing(part) for part in (meaning.thing, meaning.landmark))


def _write_sequence(house: House, rng: np.random.Generator, split: str, most_stages: int) -> Episode | None:
    things = [thing for _, thing in single(house)]
    count = min(int(rng.integers(2, most_stages + 1)), len(things))
    asked = [thing for _, thing in _askable(house, split)]
    if count < 2 or not asked:
        return None
    wanted = pick(rng, asked)
    others = [thing for thing in things if thing != wanted]
    stages = [others[place] for place in rng.permutation(len(others))[: count - 1]]
    stages.insert(int(rng.integers(count)), wanted)
    if count == 2:
        text = _say(rng, IN_TWO_STAGES, split, first=stages[0], second=stages[1])
    else:
        text = _say(rng, IN_THREE_STAGES, split, first=stages[0], second=stages[1], third=stages[2])
    goals = _goals(house, *stages)
    return Episode(text, house, _start(rng, _in_rooms(house), goals[0]), goals, "Sequence")


def _write_route(
    house: House, rng: np.random.Generator, split: str, least_moves: int, most_steps: int
) -> Episode | None:
    things = _askable(house, split)
    for _ in range(TRIES if things else 0):
        cell = pick(rng, things)[0]
        # The words say the way: nothing has to be seen before one can set out.
        goal = Goal(house.facing(*cell))
        path = shortest_path(house, _start(rng, _in_rooms(house), goal), (goal,))
        steps = describe(house, rng, path, cell, most_steps) if len(path) > least_moves else None
        if steps is None or len(steps) == 1:
            continue
        text = say_route(rng, split, steps)
        if len(text.split()) <= LONGEST:
            ends = [follow(house, path[0], steps[:number]) for number in range(1, len(steps))]
            return Episode(text, house, path[0], (goal,), "Route", clauses=tuple(ends))
    return None


def _askable(house: House, split: str) -> Sequence[tuple[Cell, Thing]]:
    """The objects that kind and colour name; of `val_novel` the novel ones alone."""
    things = single(house)
    return [(cell, thing) for cell, thing in things if _novel_thing(thing)] if split == NOVEL else things


def _novel_thing(thing: Thing) -> bool:
    return (thing.kind, thing.colour) in NOVEL_PAIRS


def _goals(house: House, *meanings: Referent) -> tuple[Goal, ...]:
    """The goal that each of these names."""
    return tuple(_goal(house, meaning) for meaning in meanings)


# The episodes of a house are written one after the other, and often ask for the same.
@lru_cache(maxsize=64)
def _goal(house: House, meaning: Referent) -> Goal:
    (goal,) = meaning.goals(house)
    return goal


def _say(rng: np.random.Generator, phrasings: Phrasings, split: str, **parts: Referent) -> str:
    said = {slot: part.say(rng) for slot, part in parts.items()}
    return pick(rng, phrasings.of(split)).format(go=pick(rng, GO), **said)


def _in_rooms(house: House) -> NDArray[np.bool_]:
    """Where episodes begin: the free cells that are no threshold."""
    return ~house.solid & (house.cells[..., FLOOR] != THRESHOLD)


def _start(rng: np.random.Generator, cells: NDArray[np.bool_], avoid: Goal | None = None) -> Pose:
    """Any pose in these cells; not one that has reached the goal to avoid."""
    free = np.flatnonzero(cells)
    while True:
        row, column = divmod(int(free[rng.integers(len(free))]), cells.shape[1])
        pose = row, column, int(rng.integers(4))
        if avoid is None or not avoid.poses[pose]:
            return pose
