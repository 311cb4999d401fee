"""What became of an episode: the outcome that metrics are functions of, from a world and the way that was walked."""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from vln.metrics import Outcome
from vln.world import State, World


def outcome_of(world: World[Any], final: State, slot: int, trail: NDArray[np.int16], shortest: float) -> Outcome:
    """The outcome of the episode that one slot of a final state has lived.

    trail: the positions [n, 2] the agent was at, one for every state. shortest: the error at the beginning.
    """
    episode = int(final.episode[slot])
    asked = world.episodes[episode]
    path, reference = _without_repeats(trail), _without_repeats(world.reference(episode))
    return Outcome(
        name=asked.name,
        family=asked.family,
        success=bool(world.success(final)[slot]),
        error=float(world.error(final)[slot]),
        least_error=float(final.least_error[slot]),
        length=float(final.length[slot]),
        shortest=shortest,
        distances=world.distances(episode, path, reference),
        path_length=world.path_length(episode, path),
        reference_length=world.path_length(episode, reference),
        tolerance=world.tolerance,
        threshold=world.threshold,
    )


@njit(cache=True)
def _without_repeats(trail):
    """Turning on the spot is no new position."""
    moved = np.ones(len(trail), np.bool_)
    for place in range(1, len(trail)):
        moved[place] = (trail[place] != trail[place - 1]).any()
    return trail[moved]
