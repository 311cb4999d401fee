"""Paths: the annotated ones as arrays of an atlas's nodes, and those that moves lead along."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vln.episode import Episode

from .atlas import NONE, Atlas


def paths_of(episodes: Sequence[Episode], atlas: Atlas) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The nodes of every annotated path, [E, P], padded with NONE, and of every goal, [E], NONE where it is secret."""
    if not episodes:
        raise ValueError("a world needs at least one episode")
    missing = {episode.place.identity for episode in episodes} - set(atlas.number)
    if missing:
        raise ValueError(f"the atlas has no graph of {sorted(missing)}")
    first = np.array([atlas.first[atlas.number[episode.place.identity]] for episode in episodes])
    longest = max(len(episode.reference) for episode in episodes)  # type: ignore[arg-type]
    path = np.full((len(episodes), longest), NONE, dtype=np.int32)
    goal = np.full(len(episodes), NONE, dtype=np.int32)
    for number, episode in enumerate(episodes):
        assert episode.reference is not None  # every annotation has one
        path[number, : len(episode.reference)] = first[number] + episode.reference[:, 0]
        if episode.goals:
            goal[number] = first[number] + episode.goals[0]
    return path, goal
