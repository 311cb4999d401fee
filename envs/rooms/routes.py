"""Routes: turn-by-turn instructions. Each step can be followed in a house, and said."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

import numpy as np

from .building import Cell
from .chance import pick
from .house import FLOOR, HEADINGS, House, Pose
from .phrases import COUNT_WORDS, JOINTS, LEAVE, PASS, SIDE_WORDS, STOP, TURN, TURN_AROUND, TURN_AT, WALK, steps
from .referents import Thing, passage
from .things import HOUSE_KINDS, THRESHOLD, Kind

LANDMARKS = 0.8  # how often a step is said by what one sees, where it can be, and not by turns and counted steps
SHORT = 0.5  # how often a landmark that is alone of its kind is named without its colour

_AHEAD = HEADINGS.tolist()


class Side(IntEnum):
    """Where to turn, in quarter turns clockwise."""

    RIGHT = 1
    AROUND = 2
    LEFT = 3


class Step(Protocol):
    """One step of a route."""

    def follow(self, house: House, pose: Pose) -> Pose | None:
        """Where one is after it, by what the words mean; None when it can't be done from here."""
        ...

    def say(self, rng: np.random.Generator, split: str) -> str:
        """One of the ways in which this split says it."""
        ...


@dataclass(frozen=True)
class Leave:
    """Through the one such door (or doorway) of the present room, to the first cell behind it."""

    door: Thing

    def follow(self, house: House, pose: Pose) -> Pose | None:
        floor = house.cells[pose[:2]][FLOOR]
        ways = [
            _ahead((*door, heading))
            for door in self.door.find(house)
            for heading in range(4)
            if house.cells[_ahead((*door, (heading + 2) % 4))[:2]][FLOOR] == floor != THRESHOLD
        ]
        return ways[0] if len(ways) == 1 else None

    def say(self, rng: np.random.Generator, split: str) -> str:
        return pick(rng, LEAVE.of(split)).format(door=self.door.say(rng))


@dataclass(frozen=True)
class Turn:
    """Turn on the spot; or walk straight on and turn as soon as a landmark is reached (an object beside or ahead)."""

    side: Side
    at: Thing | None = None

    def follow(self, house: House, pose: Pose) -> Pose | None:
        reached = pose if self.at is None else _until(house, pose, self.at, ahead=True, beside=True)
        return None if reached is None else (*reached[:2], (reached[2] + self.side) % 4)

    def say(self, rng: np.random.Generator, split: str) -> str:
        if self.side == Side.AROUND:
            return pick(rng, TURN_AROUND.of(split))
        side = SIDE_WORDS[self.side]
        if self.at is None:
            return pick(rng, TURN.of(split)).format(side=side)
        return pick(rng, TURN_AT.of(split)).format(side=side, thing=self.at.say(rng))


@dataclass(frozen=True)
class Walk:
    """So many cells straight on, through doors if there are any."""

    cells: int

    def follow(self, house: House, pose: Pose) -> Pose | None:
        for _ in range(self.cells):
            ahead = _ahead(pose)
            if house.solid[ahead[:2]]:
                return None
            pose = ahead
        return pose

    def say(self, rng: np.random.Generator, split: str) -> str:
        return pick(rng, WALK.of(split)).format(count=steps(self.cells))


@dataclass(frozen=True)
class Pass:
    """Straight on until the thing is beside, and one cell further."""

    thing: Thing

    def follow(self, house: House, pose: Pose) -> Pose | None:
        beside = _until(house, pose, self.thing, ahead=False, beside=True)
        return None if beside is None else Walk(1).follow(house, beside)

    def say(self, rng: np.random.Generator, split: str) -> str:
        return pick(rng, PASS.of(split)).format(thing=self.thing.say(rng))


@dataclass(frozen=True)
class Stop:
    """Straight on until one stands before the thing and looks at it. The end of a route."""

    thing: Thing

    def follow(self, house: House, pose: Pose) -> Pose | None:
        return _until(house, pose, self.thing, ahead=True, beside=False)

    def say(self, rng: np.random.Generator, split: str) -> str:
        return pick(rng, STOP.of(split)).format(thing=self.thing.say(rng))


def follow(house: House, start: Pose, route: Sequence[Step]) -> Pose | None:
    """Where one ends who does what the words mean, step by step; None when a step can't be done."""
    pose: Pose | None = start
    for step in route:
        pose = None if pose is None else step.follow(house, pose)
    return pose


def say(rng: np.random.Generator, split: str, route: Sequence[Step]) -> str:
    """The steps of a route, joined to one sentence."""
    text = route[0].say(rng, split)
    for place, step in enumerate(route[1:], start=2):
        joint = pick(rng, (*JOINTS, "and") if place == len(route) else JOINTS)
        text = f"{text} {joint} {step.say(rng, split)}"
    return text


def describe(
    house: House, rng: np.random.Generator, path: Sequence[Pose], target: Cell, most_steps: int
) -> list[Step] | None:
    """A route in words that leads along a path [poses] to the object in front of its end.

    Every step's own meaning leads from one pose of the path to a later one. None when so many steps do not suffice.
    """
    place = {pose: number for number, pose in enumerate(path)}
    route: list[Step] = []
    end = Stop(Thing(*house.cells[target].tolist()[:2]))
    at = 0
    while end.follow(house, path[at]) != path[-1]:
        options = []
        for step in _options(house, rng, path, at, target):
            reached = step.follow(house, path[at])
            if reached is not None and place.get(reached, 0) > at:
                options.append((step, place[reached]))
        if not options or len(route) == most_steps - 1:
            return None
        step, at = pick(rng, options)
        route.append(step)
    return [*route, end]


def _options(house: House, rng: np.random.Generator, path: Sequence[Pose], at: int, target: Cell) -> list[Step]:
    """Steps that might say how the path goes on from its pose number `at`: most often by landmarks."""
    here, after = path[at], path[at + 1 :]
    run = next((number for number, pose in enumerate(after) if pose[2] != here[2]), len(after))
    turn = Side((after[run][2] - here[2]) % 4) if run < len(after) else None
    if turn is not None and run == 0 and len(after) > 1 and (after[1][2] - here[2]) % 4 == Side.AROUND:
        return [Turn(Side.AROUND)]
    options: list[Step] = []
    crossing = next((pose[:2] for pose in path[at:] if house.cells[pose[:2]][FLOOR] == THRESHOLD), None)
    if crossing is not None:
        options.append(Leave(passage(house, crossing)))
    for number, (row, column, heading) in enumerate(path[at : at + run + 1]):
        for side in (0, Side.RIGHT, Side.LEFT):
            landmark = _landmark(house, rng, _ahead((row, column, (heading + side) % 4))[:2], target)
            if landmark is not None and turn is not None and number == run:
                options.append(Turn(turn, landmark))
            if landmark is not None and side != 0 and number < run:
                options.append(Pass(landmark))
    if options and rng.random() < LANDMARKS:
        return options
    if run == 0:
        return [*options, Turn(turn)] if turn is not None else options
    # A walk that comes to a door ends behind it.
    cells = next((n + 2 for n, pose in enumerate(after[:run]) if house.cells[pose[:2]][FLOOR] == THRESHOLD), run)
    return [*options, Walk(cells)] if cells <= len(COUNT_WORDS) else options


def _landmark(house: House, rng: np.random.Generator, cell: Cell, target: Cell) -> Thing | None:
    """What to call the thing in a cell; None when no words tell it from others, or it is the target of the route."""
    kind, colour, _ = house.cells[cell].tolist()
    if kind == Kind.WALL:
        return Thing(kind)
    if kind not in HOUSE_KINDS or cell == target or len(house.find(kind, colour)) > 1:
        return None
    alone = len(house.find(kind)) == 1
    return Thing(kind, None if alone and rng.random() < SHORT else colour)


def _until(house: House, pose: Pose, thing: Thing, ahead: bool, beside: bool) -> Pose | None:
    """Straight on, within a room, to the first cell that has the thing ahead, or beside. A wall is only ever ahead."""
    wall = thing.kind == Kind.WALL
    if not wall and len(thing.find(house)) != 1:
        return None
    sides = (0,) * ahead + (1, 3) * (beside and not wall)
    while house.cells[pose[:2]][FLOOR] != THRESHOLD:
        for side in sides:
            kind, colour, _ = house.cells[_ahead((*pose[:2], (pose[2] + side) % 4))[:2]].tolist()
            if kind == thing.kind and thing.colour in (None, colour):
                return pose
        pose = _ahead(pose)
        if house.solid[pose[:2]]:
            return None
    return None


def _ahead(pose: Pose) -> Pose:
    row, column, heading = pose
    down, right = _AHEAD[heading]
    return row + down, column + right, heading
