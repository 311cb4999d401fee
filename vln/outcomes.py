"""What became of an episode: the outcome that metrics are functions of, from a world and the way that was gone."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from vln.metrics import Graded, Outcome, Walk
from vln.world import State, Walked, World


def outcome_of(
    world: World[Any],
    final: State,
    slot: int,
    trail: NDArray[Any],
    shortest: float,
    told: Mapping[str, float] = MappingProxyType({}),
) -> Outcome:
    """The outcome of the episode that one slot of a final state has lived.

    trail: the positions [n, 2] the agent was at, one for every state. shortest: the error at the beginning. told: what
    else was measured, of a world where nobody walks.
    """
    episode = int(final.episode[slot])
    asked = world.episodes[episode]
    success = bool(world.success(final)[slot])
    if not isinstance(world, Walked):
        numbers = {name: float(values[slot]) for name, values in world.measure(final).items()}
        numbers |= told
        return Graded(asked.name, asked.family, success, numbers, trail[:-1])
    path, reference = _without_repeats(trail), _without_repeats(world.reference(episode))
    return Walk(
        name=asked.name,
        family=asked.family,
        success=success,
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
