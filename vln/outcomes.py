"""What became of an episode: the outcome that metrics are functions of, from a world and the way that was walked."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vln.metrics import Outcome
from vln.world import State, World


def outcome_of(world: World[Any], final: State, slot: int, trail: NDArray[np.int16], shortest: float) -> Outcome:
    """The outcome of the episode that one slot of a final state has lived.

    trail: the positions [n, 2] the agent was at, one for every state. shortest: the error at the beginning.
    """
    episode = int(final.episode[slot])
    asked = world.episodes[episode]
    path, reference = _without_repeats(trail), world.reference(episode)
    return Outcome(
        name=asked.name,
        family=asked.family,
        success=bool(world.success(final)[slot]),
        error=float(world.error(final)[slot]),
        least_error=float(final.least_error[slot]),
        length=float(final.length[slot]),
        shortest=shortest,
        distances=world.distances(episode, path, reference),
        path_length=_length(world, episode, path),
        reference_length=_length(world, episode, reference),
        tolerance=world.tolerance,
        threshold=world.threshold,
    )


def _without_repeats(trail: NDArray[np.int16]) -> NDArray[np.int16]:
    """Turning on the spot is no new position."""
    return trail[np.r_[True, (np.diff(trail, axis=0) != 0).any(axis=1)]]


def _length(world: World[Any], episode: int, path: NDArray[np.int16]) -> float:
    if len(path) < 2:
        return 0.0
    return float(np.trace(world.distances(episode, path[:-1], path[1:])))
