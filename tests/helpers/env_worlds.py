"""Worlds that become Gymnasium environments in tests."""

from collections.abc import Callable
from functools import partial
from typing import Any

from helpers.corridor import Corridor, Place
from helpers.graph_worlds import hall_world
from vln.envs.rooms.families import go_to
from vln.envs.rooms.world import Rooms
from vln.episode import Episode
from vln.language import Vocabulary
from vln.tasks import GeneratedEpisodes
from vln.world import World


def rooms() -> World[Any]:
    family = go_to(difficulty=1)
    episodes = GeneratedEpisodes(family.build, family.write, {"train": (6, 4)})("train")
    return Rooms(episodes, Vocabulary.of(episode.instruction for episode in episodes), max_steps=20)


WORLDS: dict[str, Callable[[], World[Any]]] = {
    "corridor": Corridor,
    "rooms": rooms,
    "graphs, panoramic": hall_world,
    "graphs, low level": partial(hall_world, actions="low_level"),
}


def walk(*cells: int, max_steps: int = 12) -> Corridor:
    """A corridor with one episode: from the first of these cells to the second."""
    start, goal = cells
    return Corridor([Episode("go to two", Place(), (start,), (goal,), "corridor")], max_steps)
