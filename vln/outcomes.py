"""What became of an episode: the outcome that metrics are functions of, from a world and the way that was gone."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vln.kernels import kernel
from vln.metrics import Graded, Outcome, Walk
from vln.world import State, Walked, World

FEW = 1_000_000  # pairs of positions whose distances are held at once; of more, only those between different places


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
    distances, rows, columns = distances_between(world, episode, path, reference)
    return Walk(
        name=asked.name,
        family=asked.family,
        success=success,
        error=float(world.error(final)[slot]),
        least_error=float(final.least_error[slot]),
        length=float(final.length[slot]),
        shortest=shortest,
        distances=distances,
        path_length=world.path_length(episode, path),
        reference_length=world.path_length(episode, reference),
        tolerance=world.tolerance,
        threshold=world.threshold,
        path=rows,
        reference=columns,
    )


def distances_between(
    world: Walked, episode: int, path: NDArray[Any], reference: NDArray[Any]
) -> tuple[NDArray[np.float32], NDArray[np.int64] | None, NDArray[np.int64] | None]:
    """The `distances`, `path` and `reference` of a Walk along these positions, [n, ...] and [m, ...].

    Of very long ones they are between the different places alone, for whoever walks so far comes back to them.
    """
    if len(path) * len(reference) <= FEW:
        return world.distances(episode, path, reference), None, None
    (path, rows), (reference, columns) = (np.unique(way, axis=0, return_inverse=True) for way in (path, reference))
    return world.distances(episode, path, reference), rows.ravel(), columns.ravel()


@kernel
def _without_repeats(trail):
    """Turning on the spot is no new position."""
    moved = np.ones(len(trail), np.bool_)
    for place in range(1, len(trail)):
        moved[place] = (trail[place] != trail[place - 1]).any()
    return trail[moved]
