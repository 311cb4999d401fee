"""Mirrored mazes and instructions, with left and right exchanged."""

import re
from dataclasses import replace
from functools import cache

import numpy as np

from vln.envs.rooms.house import Goal, House
from vln.episode import Episode

# The misspellings are those of the corpus.
SWAPPED = {"left": "right", "lft": "right", "laft": "right", "right": "left", "rt": "left"}

# Words that have a side this table can't exchange ("the right place" has no left one).
_STUCK = re.compile(
    r"\bthe right (place|spot|one|way|direction|position)|right angle|[- ](shaped|handed)\b|clock"
    r"|\b(north|south|east|west)"
)
_WORD = re.compile(r"[^\W\d_]+")


def mirror(episode: Episode) -> Episode | None:
    """The episode with left and right exchanged in its map, its poses and its words. None where the words can't be.

    For training. Where Mei et al. filled the start heading in, the mirrored first move is "left", which never happens
    in a test with their headings: there, mirror only the sentences whose heading is known.
    """
    if _STUCK.search(episode.instruction.lower()):
        return None
    width = episode.place.shape[1]
    row, column, heading = episode.start
    reference = episode.reference
    if reference is not None:
        reference = np.stack([reference[:, 0], width - 1 - reference[:, 1]], axis=1).astype(reference.dtype)
    return replace(
        episode,
        instruction=_WORD.sub(_swap, episode.instruction),
        place=_mirror_house(episode.place),
        start=(row, width - 1 - column, -heading % 4),
        goals=tuple(_mirror_goal(goal) for goal in episode.goals),
        name=f"{episode.name}/mirror",
        reference=reference,
    )


def _swap(word: re.Match[str]) -> str:
    return SWAPPED.get(word.group().lower(), word.group())


@cache
def _mirror_house(house: House) -> House:
    return House(house.cells[:, ::-1].copy(), house.solid[:, ::-1].copy(), house.stride)


@cache
def _mirror_goal(goal: Goal) -> Goal:
    # A heading h becomes -h: north and south stay, east and west change places.
    sight = None if goal.sight is None else goal.sight[:, ::-1].copy()
    return Goal(goal.poses[:, ::-1, [0, 3, 2, 1]].copy(), sight)
