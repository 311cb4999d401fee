"""Synthetic mazes and sentences: a task of its own, and further data beside what people wrote.

Two mazes are soon known by heart, and hardly anyone counts to six in them. In invented ones the words mean the same
wherever they are said: floors, pictures, objects, numbers, ends and corners, first and second turns.
"""

from functools import partial
from itertools import pairwise

import numpy as np

from vln.episode import Episode
from vln.tasks import GeneratedEpisodes

from .episodes import one_episode
from .grammar import SIDES, say, turned
from .lexicon import FLOORS, ITEMS, PICTURES
from .records import DEGREES, UNKNOWN, Hall, Maze, Node, Sentence

GRID = 8  # nodes a side, at most
NODES = (26, 40)  # of a maze, from and below
STREET = 4  # nodes a street reaches, below, to either side of where it begins
WITH_ITEM = 0.35  # of the nodes
LONG = 0.3  # of the sentences, those of two clauses
UNSAID = 0.7  # of the sentences that begin by saying what to face, those said to somebody of unknown heading
LONGEST = 20  # actions
EACH = 10  # sentences about a maze
JUDGED = 100  # mazes


def invent(mazes: int, heading: str, seed: int) -> GeneratedEpisodes:
    """Episodes in invented mazes: as many mazes to train in as told, and others to judge in."""
    sizes = {"train": (mazes, EACH), "val_seen": (min(mazes, JUDGED), EACH), "val_unseen": (JUDGED, EACH)}
    return GeneratedEpisodes(lambda rng, split: invent_maze(rng), partial(_write, heading), sizes, seed)


def _write(heading: str, maze: Maze, rng: np.random.Generator, split: str) -> Episode:
    sentence = invent_sentence(maze, rng)
    filled_in = sentence.resolved_path[0][2]
    begins = int(rng.choice(DEGREES)) if heading == "random" and not sentence.heading_known else filled_in
    return one_episode(maze, sentence, begins)


def invent_maze(rng: np.random.Generator) -> Maze:
    """Streets that cross, each with a floor of its own; the pictures change from one part of the maze to the next."""
    wanted, along = int(rng.integers(*NODES)), int(rng.integers(2))
    nodes: set[Node] = {(int(rng.integers(GRID)), int(rng.integers(GRID)))}
    floors: dict[tuple[Node, Node], str] = {}
    while len(nodes) < wanted:
        crossing = sorted(nodes)[int(rng.integers(len(nodes)))]
        reach, floor = rng.integers(STREET, size=2), str(rng.choice(list(FLOORS)))
        first, last = max(crossing[along] - int(reach[0]), 0), min(crossing[along] + int(reach[1]), GRID - 1)
        street = [(at, crossing[1]) if along == 0 else (crossing[0], at) for at in range(first, last + 1)]
        nodes |= set(street)
        for one, other in pairwise(street):
            if (one, other) not in floors:
                floors[one, other] = floors[other, one] = floor
        along = 1 - along
    centres = rng.uniform(0, GRID, (len(PICTURES), 2))

    def wall(one: Node, other: Node) -> str:
        return list(PICTURES)[int(((centres - np.mean([one, other], axis=0)) ** 2).sum(axis=1).argmin())]

    items = {node: str(rng.choice(list(ITEMS))) if rng.random() < WITH_ITEM else "" for node in sorted(nodes)}
    return Maze("invented", items, {ends: Hall(wall(*ends), floor) for ends, floor in floors.items()}, {})


def invent_sentence(maze: Maze, rng: np.random.Generator) -> Sentence:
    """What the grammar says about a way through a maze."""
    clauses = 2 if rng.random() < LONG else 1
    while True:
        text, walk, facing = say(maze, clauses, rng)
        if len(walk.actions) <= LONGEST:
            break
    resolved, actions = walk.path, walk.actions
    unknown = facing and rng.random() < UNSAID
    if unknown:
        # As Mei et al. filled it in: one right turn is needed.
        turns = next((place for place, action in enumerate(actions) if action not in SIDES), len(actions))
        resolved, actions = [turned(resolved[turns], -90), *resolved[turns:]], ["right", *actions[turns:]]
    path = ((*resolved[0][:2], UNKNOWN), *resolved[1:]) if unknown else tuple(resolved)
    return Sentence(
        id="invented",
        paragraph="invented",
        number=1,
        map=maze.name,
        author="grammar",
        text=text,
        tokens=tuple(text.split()),
        path=path,
        resolved_path=tuple(resolved),
        actions=(*actions, "stop"),
        dev=False,
    )
