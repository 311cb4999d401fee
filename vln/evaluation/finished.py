"""Finished episodes: the arguments of metrics that worlds and tasks declare, and their outcomes."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from operator import itemgetter
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vln.actions import Action, each_part, empty_actions
from vln.episode import Episode
from vln.kernels import kernel
from vln.outcomes import Outcome, PathOutcome
from vln.state import State, take
from vln.world import HasPaths, World

FEW = 1_000_000  # pairs of positions whose distances are held at once; of more, only those between different places


class EpisodeStep(NamedTuple):
    """One step of a batch: the slots [k] that moved, in ascending order, the state they moved from, their actions."""

    slots: NDArray[np.int64]
    state: Any
    actions: Action


@dataclass(frozen=True, eq=False)
class FinishedEpisode:
    """An episode that is over, as a metric sees it.

    world: where it was lived. outcome: its name, family and success, and where one walks its length, error and so on
        (see PathOutcome).
    final: its last State, a batch of one.
    positions: [T + 1, ...], where the agent was before each of its T actions, and at the end.
    slot, steps: which slot of a batch lived it, and the T steps of that batch.
    """

    world: World[Any]
    outcome: Outcome
    final: State
    positions: NDArray[Any]
    slot: int
    steps: Sequence[EpisodeStep]

    @property
    def episode(self) -> Episode:
        """The episode itself: instruction, place, start, goals."""
        return self.world.episodes[int(self.final.episode[0])]

    @property
    def success(self) -> bool:
        return self.outcome.success

    @cached_property
    def actions(self) -> Action:
        """What was done: numbers of moves [T], points [T, coordinates], or a dict of these (see vln.actions)."""
        rows = [each_part(itemgetter(self._row(step)), step.actions) for step in self.steps]
        if not rows:
            return empty_actions(self.world.action_space, 0)
        return each_part(lambda *each: np.array(each), *rows)

    @cached_property
    def states(self) -> list[Any]:
        """Its T + 1 states, each a batch of one: before every action, and the last."""
        return [*(take(step.state, np.array([self._row(step)])) for step in self.steps), self.final]

    def _row(self, step: EpisodeStep) -> int:
        return int(np.searchsorted(step.slots, self.slot))


def outcome_of(
    world: World[Any],
    final: State,
    row: int,
    positions: NDArray[Any],
    shortest: float,
    slot: int = 0,
    steps: Sequence[EpisodeStep] = (),
    measured: Mapping[str, float] = MappingProxyType({}),
) -> Outcome:
    """The outcome of the episode that one row of a final state has lived.

    positions: [n, ...], where the agent was, one for every state. shortest: the error at the beginning. slot, steps: as
    of FinishedEpisode, where the world or its task declares metrics. measured: what else was measured.
    """
    final = take(final, np.array([row]))
    numbers = {name: float(values[0]) for name, values in world.measure(final).items()} | dict(measured)
    outcome = _end_of(world, final, positions.copy(), shortest, numbers)
    finished = FinishedEpisode(world, outcome, final, positions, slot, steps)
    return replace(outcome, measured=numbers | declared_metrics(finished))


def declared_metrics(finished: FinishedEpisode) -> dict[str, float]:
    """The metrics that an episode's world and task declare, by name.

    Raises ValueError where one is not a number, is measured by the world as well, or is measured by nobody.
    """
    measured = finished.outcome.measured
    found = {}
    for metric in finished.world.metrics:
        if metric.of is None:
            if metric.name not in measured:
                why = "give its Metric an `of`, or let World.measure do it"
                raise ValueError(f"nobody measures {metric.name!r}: {why}")
            continue
        if metric.name in measured:
            raise ValueError(f"the world measures {metric.name!r} already: give the Metric another name, or no `of`")
        value = float(metric.of(finished))
        if math.isnan(value):
            raise ValueError(f"metric {metric.name!r} is not a number in episode {finished.outcome.name!r}")
        found[metric.name] = value
    return found


def needs_steps(world: World[Any]) -> bool:
    """Whether a metric is declared that may ask what happened on the way."""
    return any(metric.of for metric in world.metrics)


def distances_between(
    world: HasPaths, episode: int, path: NDArray[Any], reference: NDArray[Any]
) -> tuple[NDArray[np.float32], NDArray[np.int64] | None, NDArray[np.int64] | None]:
    """The `distances`, `path` and `reference` of a PathOutcome along these positions, [n, ...] and [m, ...].

    Of very long ones they are between the different places alone, for whoever walks so far comes back to them.
    """
    if len(path) * len(reference) <= FEW:
        return world.distances(episode, path, reference), None, None
    (path, rows), (reference, columns) = (np.unique(way, axis=0, return_inverse=True) for way in (path, reference))
    return world.distances(episode, path, reference), rows.ravel(), columns.ravel()


def _end_of(
    world: World[Any], final: State, positions: NDArray[Any], shortest: float, measured: Mapping[str, float]
) -> Outcome:
    """The outcome without what is declared; final: a batch of one."""
    number = int(final.episode[0])
    episode = world.episodes[number]
    success, paths = bool(world.success(final)[0]), world.paths
    if paths is None:
        return Outcome(episode.name, episode.family, success, measured=measured, positions=positions)
    path, reference = _without_repeats(positions), _without_repeats(paths.reference(number))
    distances, rows, columns = distances_between(paths, number, path, reference)
    return PathOutcome(
        name=episode.name,
        family=episode.family,
        success=success,
        error=float(world.error(final)[0]),
        least_error=float(final.least_error[0]),
        length=float(final.length[0]),
        shortest=shortest,
        distances=distances,
        path_length=paths.path_length(number, path),
        reference_length=paths.path_length(number, reference),
        tolerance=world.tolerance,
        threshold=paths.threshold,
        path=rows,
        reference=columns,
        measured=measured,
        positions=positions,
    )


@kernel
def _without_repeats(positions):
    """Turning on the spot is no new position."""
    moved = np.ones(len(positions), np.bool_)
    for place in range(1, len(positions)):
        moved[place] = (positions[place] != positions[place - 1]).any()
    return positions[moved]
