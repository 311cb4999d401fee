"""Paths: annotated ones as arrays of nodes, and those of actions."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vln.episode import Episode

from .annotations import path_of
from .graph_batch import NONE, GraphBatch


class Paths(NamedTuple):
    """Paths one after the other, each followed by NONE, for one may be far longer than all others.

    nodes: int32 [sum of lengths + E]. begins: int64 [E], where in `nodes` each begins.
    """

    nodes: NDArray[np.int32]
    begins: NDArray[np.int64]

    def padded(self) -> NDArray[np.int32]:
        """The same as rows, [E, longest], padded with NONE."""
        lengths = np.diff(self.begins, append=len(self.nodes)) - 1
        rows = np.full((len(lengths), int(lengths.max())), NONE, dtype=np.int32)
        rows[np.arange(rows.shape[1]) < lengths[:, None]] = self.nodes[self.nodes != NONE]
        return rows


def paths_of(episodes: Sequence[Episode], atlas: GraphBatch) -> tuple[Paths, NDArray[np.int32]]:
    """The nodes of every annotated path, and of every goal, [E], NONE where it is secret."""
    if not episodes:
        raise ValueError("a world needs at least one episode")
    missing = {episode.place.identity for episode in episodes} - set(atlas.number)
    if missing:
        raise ValueError(f"the atlas has no graph of {sorted(missing)}")
    first = [int(atlas.first[atlas.number[episode.place.identity]]) for episode in episodes]
    ways = [begin + path_of(episode) for begin, episode in zip(first, episodes, strict=True)]
    begins = np.cumsum([0, *(len(way) + 1 for way in ways[:-1])])
    nodes = np.concatenate([np.append(way, NONE) for way in ways]).astype(np.int32)
    goal = np.array(
        [begin + episode.goals[0] if episode.goals else NONE for begin, episode in zip(first, episodes, strict=True)],
        dtype=np.int32,
    )
    return Paths(nodes, begins.astype(np.int64)), goal
