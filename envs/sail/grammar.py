"""A grammar that leads through mazes: it walks somewhere and says how, with the words of those who wrote about them.

Every clause is a function: it draws something to do from where the walk has led, does it, and says it; None where there
is nothing of its kind to do.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from .lexicon import DOWN, FLOORS, GO, HALLS, ITEMS, NUMBERS, ORDER, PICTURES, PLACES, STEP, STEPS, UNTIL
from .records import DEGREES, Hall, Maze, Pose

SIDES = {"left": -90, "right": 90}  # in degrees
BACK = 180
TRIES = 20  # to find somewhere to begin from which the clauses that were drawn lead on


@dataclass
class Walk:
    """Where the words have led so far. rng: draws what to do and how to say it."""

    maze: Maze
    rng: np.random.Generator
    path: list[Pose]
    actions: list[str] = field(default_factory=list)

    @property
    def pose(self) -> Pose:
        return self.path[-1]

    def forward(self, steps: int) -> None:
        self.path += self.run()[:steps]
        self.actions += ["forward"] * steps

    def turn(self, side: str) -> None:
        self.path.append(turned(self.pose, SIDES[side]))
        self.actions.append(side)

    def turn_by(self, degrees: int) -> None:
        """Any multiple of 90 degrees to the right, by as few turns as it takes."""
        if degrees % 360 == 270:
            self.turn("left")
        else:
            for _ in range(degrees % 360 // 90):
                self.turn("right")

    def hall(self, degrees: int = 0) -> Hall | None:
        """The hall one sees this far to the right of where one looks."""
        return hall_ahead(self.maze, turned(self.pose, degrees))

    def run(self, degrees: int = 0) -> list[Pose]:
        """The poses from here to the wall, this far to the right of where one looks."""
        found, pose = [], turned(self.pose, degrees)
        while hall_ahead(self.maze, pose):
            pose = (*self.maze.ahead(pose), pose[2])
            found.append(pose)
        return found

    def one_of(self, words: Sequence[str]) -> str:
        return words[int(self.rng.integers(len(words)))]

    def floor(self, hall: Hall) -> str:
        return f"{self.one_of(FLOORS[hall.floor])} {self.one_of(HALLS)}"

    def item(self, item: str) -> str:
        return self.one_of(ITEMS[item])


def hall_ahead(maze: Maze, pose: Pose) -> Hall | None:
    return maze.halls.get((pose[:2], maze.ahead(pose)))


def turned(pose: Pose, degrees: int) -> Pose:
    return pose[0], pose[1], (pose[2] + degrees) % 360


def _turn(walk: Walk) -> str | None:
    side = walk.one_of(tuple(SIDES))
    walk.turn(side)
    return walk.one_of((f"turn {side}", f"turn {side}", f"turn to your {side}", f"make a {side}", f"take a {side}"))


def _count(walk: Walk) -> str | None:
    longest = min(len(walk.run()), len(NUMBERS))
    if not longest:
        return None
    steps = int(walk.rng.integers(1, longest + 1))
    walk.forward(steps)
    go, number = walk.one_of(GO), walk.one_of(NUMBERS[steps - 1])
    if number in ("once", "twice"):
        return f"{go} {number}"
    return f"{go} {number} {walk.one_of(STEP if steps == 1 else STEPS)}"


def _landmark(walk: Walk) -> tuple[int, str] | None:
    """How many steps away something ahead is, and what it is. The first of its kind is meant."""
    run, here = walk.run(), walk.hall()
    if not run or not here:
        return None
    told: list[tuple[int, str]] = []
    items: set[str] = set()
    floors = {here.floor}
    for steps, pose in enumerate(run, start=1):
        item = walk.maze.items[pose[:2]]
        if item and item not in items:
            items.add(item)
            name = walk.item(item)
            told += [(steps, f"the {name}"), (steps, f"the {name}")]
            told.append((steps, f"the intersection {walk.one_of(('with', 'containing'))} the {name}"))
        for degrees in SIDES.values():
            crossing = hall_ahead(walk.maze, turned(pose, degrees))
            if crossing and crossing.floor not in floors:
                floors.add(crossing.floor)
                name = walk.floor(crossing)
                told += [(steps, f"the {name}"), (steps, f"the intersection with the {name}")]
                told.append((steps, f"the {name} intersection"))
    openings = {side: _openings(walk, side) for side in SIDES}
    for side, steps_to in openings.items():
        if steps_to:
            opening = walk.one_of(("an alley", "a hall", "a path", "an intersection", "a hallway"))
            told.append((steps_to[0], f"{opening} {walk.one_of(('to', 'on'))} {walk.one_of(('your', 'the'))} {side}"))
    end = walk.one_of(("the end of the hall", "the wall", "the end of the path", "the end"))
    ways = sum(len(run) in steps_to for steps_to in openings.values())
    told += [(len(run), end), (len(run), end), (len(run), ("the dead end", "the corner", "the t intersection")[ways])]
    return told[int(walk.rng.integers(len(told)))]


def _openings(walk: Walk, side: str) -> list[int]:
    """How many steps away there are halls on this side."""
    sides = (turned(pose, SIDES[side]) for pose in walk.run())
    return [steps for steps, pose in enumerate(sides, start=1) if hall_ahead(walk.maze, pose)]


def _until(walk: Walk) -> str | None:
    found, here = _landmark(walk), walk.hall()
    if not found or not here:
        return None
    walk.forward(found[0])
    pictures = f"hall with the {walk.one_of(PICTURES[here.wall])}{walk.one_of(('', ' pictures', ' walls'))}"
    hall = pictures if walk.rng.random() < 0.1 else walk.floor(here)
    down = walk.one_of(DOWN)
    how = walk.one_of(("", f" {down} the {hall}", f" {down} this hall"))
    return f"{walk.one_of(GO)}{how} {walk.one_of(UNTIL)} {found[1]}"


def _past(walk: Walk) -> str | None:
    items = [walk.maze.items[pose[:2]] for pose in walk.run()]
    first = [place for place, item in enumerate(items[:-1]) if item and item not in items[:place]]
    if not first:
        return None
    place = first[int(walk.rng.integers(len(first)))]
    walk.forward(place + 2)
    go, name = walk.one_of(GO), walk.item(items[place])
    return walk.one_of((f"{go} past the {name}", f"{go} one {walk.one_of(STEP)} past the {name}"))


def _turn_at(walk: Walk) -> str | None:
    found = _landmark(walk)
    if not found:
        return None
    side = walk.one_of(tuple(SIDES))
    walk.forward(found[0])
    walk.turn(side)
    turn = walk.one_of((f"turn {side}", f"turn {side}", f"take a {side}", f"make a {side}", f"go {side}"))
    at, go = found[1], walk.one_of(GO)
    return walk.one_of(
        (f"at {at} {turn}", f"when you get to {at} {turn}", f"{turn} at {at}", f"{go} to {at} and {turn}")
    )


def _nth_turn(walk: Walk) -> str | None:
    side = walk.one_of(tuple(SIDES))
    openings = _openings(walk, side)[: len(ORDER)]
    if not openings:
        return None
    nth = int(walk.rng.integers(len(openings)))
    walk.forward(openings[nth])
    walk.turn(side)
    which = ORDER[nth]
    what = walk.one_of((f"{which} {side}", f"{which} alley on the {side}", f"{which} hall to your {side}"))
    return f"{walk.one_of(('take the', 'make the', 'turn down the', 'go to the'))} {what}"


def _turn_onto(walk: Walk) -> str | None:
    """Into the first hall of its floor on one side."""
    side = walk.one_of(tuple(SIDES))
    first: dict[str, tuple[int, Hall]] = {}
    for steps, pose in enumerate([walk.pose, *walk.run()]):
        hall = hall_ahead(walk.maze, turned(pose, SIDES[side]))
        if hall and hall.floor not in first:
            first[hall.floor] = steps, hall
    if not first:
        return None
    # The nearer, the likelier.
    steps, hall = list(first.values())[min(int(walk.rng.geometric(0.6)), len(first)) - 1]
    walk.forward(steps)
    walk.turn(side)
    turn, onto = walk.one_of(("take a", "make a", "turn", "go")), walk.one_of(("onto", "on", "into", "down"))
    return f"{turn} {side} {onto} the {walk.floor(hall)}"


def _face(walk: Walk) -> str | None:
    """Turn on the spot to a floor that only one hall has here."""
    halls = {degrees: hall for degrees in (0, 90, 180, 270) if (hall := walk.hall(degrees))}
    floors = [hall.floor for hall in halls.values()]
    ways = [(degrees, hall) for degrees, hall in halls.items() if degrees and floors.count(hall.floor) == 1]
    if not ways:
        return None
    degrees, hall = ways[int(walk.rng.integers(len(ways)))]
    walk.turn_by(degrees)
    face = walk.one_of(("face", "turn to face", "face down", "turn so that you are facing", "orient yourself to face"))
    return f"{face} the {walk.floor(hall)}"


def _face_item(walk: Walk) -> str | None:
    """Turn on the spot towards what stands on one side only, or away from it."""
    seen = {degrees: {walk.maze.items[pose[:2]] for pose in walk.run(degrees)} for degrees in (0, 90, 180, 270)}
    away = walk.rng.random() < 0.25
    ways = [
        ((degrees + BACK * away) % 360, item)
        for degrees, items in seen.items()
        for item in sorted(items)
        if item and sum(item in others for others in seen.values()) == 1 and degrees != BACK * away
    ]
    if not ways:
        return None
    degrees, item = ways[int(walk.rng.integers(len(ways)))]
    walk.turn_by(degrees)
    name = walk.item(item)
    if away:
        return walk.one_of((f"face away from the {name}", f"with the {name} behind you"))
    return walk.one_of((f"face the {name}", f"turn to face the {name}", f"turn towards the {name}"))


def _back_to_wall(walk: Walk) -> str | None:
    walls = [degrees for degrees in (0, 90, 180, 270) if not walk.hall(degrees)]
    if len(walls) != 1 or walls[0] == BACK:
        return None
    walk.turn_by(walls[0] + BACK)
    return walk.one_of(("place your back to the wall", "put your back against the wall", "with your back to the wall"))


def _take(walk: Walk) -> str | None:
    """Turn into a hall and follow it."""
    faced, here, found = _face(walk), walk.hall(), _landmark(walk)
    if not faced or not here or not found:
        return None
    to_the_end = found[0] == len(walk.run()) and walk.rng.random() < 0.3
    walk.forward(found[0])
    if to_the_end:
        return f"{walk.one_of(('take', 'follow', 'go all the way down'))} the {walk.floor(here)}"
    take = walk.one_of(("take", "follow", "go down", "walk along"))
    return f"{take} the {walk.floor(here)} {walk.one_of(UNTIL)} {found[1]}"


def _all_the_way(walk: Walk) -> str | None:
    here = walk.hall()
    if not here:
        return None
    walk.forward(len(walk.run()))
    hall = walk.one_of((f"the {walk.floor(here)}", "this hall", "this hallway", "the hall", "it"))
    go = f"{walk.one_of(GO)} all the way {walk.one_of(DOWN)} {hall}"
    return walk.one_of((go, go, f"follow {hall} all the way to the end"))


def _see(walk: Walk) -> str | None:
    """What there is to see where one stands."""
    told = []
    for degrees, where in ((0, "in front of you"), (90, "to your right"), (180, "behind you"), (270, "to your left")):
        items = [item for pose in walk.run(degrees) if (item := walk.maze.items[pose[:2]])]
        told += [f"a {walk.item(item)} {where}" for item in items[:1]]
        if hall := walk.hall(degrees):
            told.append(f"a {walk.floor(hall)} {where}")
    if item := walk.maze.items[walk.pose[:2]]:
        told.append(f"a {walk.item(item)} at this intersection")
    see = walk.one_of(("you should see", "there should be", "you should now see", "there is", "you see"))
    return f"{see} {walk.one_of(told)}" if told else None


def _here(walk: Walk) -> str | None:
    say = ("this is position", "this is", "you are at position", "position", "stop here at", "you should be at")
    return f"{walk.one_of(say)} {int(walk.rng.integers(1, PLACES + 1))}"


Clause = Callable[[Walk], str | None]

# How often each is drawn.
CLAUSES: dict[Clause, float] = {
    _turn: 2.0,
    _count: 2.0,
    _until: 4.0,
    _past: 1.0,
    _turn_at: 3.0,
    _nth_turn: 1.0,
    _turn_onto: 2.0,
    _face: 1.5,
    _face_item: 1.0,
    _back_to_wall: 0.5,
    _take: 2.0,
    _all_the_way: 1.0,
    _see: 1.0,
    _here: 1.0,
}
FACING = (_face, _face_item, _take)  # whoever hears these first need not be known to look anywhere
_SHARES = np.array(list(CLAUSES.values())) / sum(CLAUSES.values())


def say(maze: Maze, clauses: int, rng: np.random.Generator) -> tuple[str, Walk, bool]:
    """What was said, where it led, and whether it begins by saying what to face."""
    nodes, known = sorted(maze.items), list(CLAUSES)
    while True:
        drawn = [known[at] for at in rng.choice(len(known), clauses, p=_SHARES)]
        for _ in range(TRIES):
            walk = Walk(maze, rng, [(*nodes[int(rng.integers(len(nodes)))], int(rng.choice(DEGREES)))])
            said = [words for clause in drawn if (words := clause(walk))]
            if len(said) == clauses:
                return walk.one_of((" and ", " then ", " and then ", " ")).join(said), walk, drawn[0] in FACING
