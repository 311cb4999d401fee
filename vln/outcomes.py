"""Outcomes: the numbers of a finished episode; with positions, also what path metrics are computed from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from vln.metrics import END_METRICS, PATH_METRICS
from vln.scores import ndtw

NOWHERE = np.empty((0, 2))  # the positions of an outcome that was made without any


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of an episode.

    name, family: of the episode.
    success: whether the agent stopped where it should have, or gave the right answer.
    measured: what the world measured of it, and the metrics that its world and its task declare, by name.
    positions: [n, ...], where the agent was, one for each state.
    """

    name: str
    family: str
    success: bool
    measured: Mapping[str, float] = field(default_factory=dict, kw_only=True)
    positions: NDArray[np.generic] = field(default_factory=lambda: NOWHERE, kw_only=True)

    def metrics(self) -> dict[str, float]:
        """Every metric of the episode, by name."""
        return {"accuracy": float(self.success), **self.measured}


@dataclass(frozen=True, eq=False)
class PathOutcome(Outcome):
    """What became of an episode that was walked.

    error: the distance still to go at the end; inf when the goal can't be reached from there.
    least_error: the smallest distance to go at any time.
    length, shortest: how far the agent travelled, and how far one has to, in one unit (for SPL).
    distances: float [n, m], from the n positions of the agent's path to the m of the reference; inf where no way leads.
    path, reference: which row and which column of `distances` each position has, where they are of the different places
    alone; all in order unless given.
    path_length, reference_length: of these two, in the unit of `distances` (for CLS).
    tolerance: the largest error at which stopping is a success.
    threshold: the distance at which nDTW and CLS count a position as missed.
    """

    error: float
    least_error: float
    length: float
    shortest: float
    distances: NDArray[np.float32]
    path_length: float
    reference_length: float
    tolerance: float = 0.0
    threshold: float = 3.0
    path: NDArray[np.integer] | None = None
    reference: NDArray[np.integer] | None = None

    @cached_property
    def ndtw(self) -> float:
        return ndtw(self.distances, self.threshold, self.path, self.reference)

    def metrics(self) -> dict[str, float]:
        known = {metric.name: float(metric.of(self)) for metric in (*END_METRICS, *PATH_METRICS) if metric.of}
        return {**known, **self.measured}
