"""Confidence intervals of means over episodes, and success by kind of episode."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vln.outcomes import Outcome, PathOutcome

CONFIDENCE = 0.95
_BLOCK = 4_000_000  # numbers held at once while resampling: 32 MB


class Interval(NamedTuple):
    """A mean over episodes, and the bounds of its 95 % confidence interval."""

    mean: float
    low: float
    high: float


class Group(NamedTuple):
    """A kind of episode, how many there were, and the share that succeeded."""

    label: str
    episodes: int
    success: Interval


def summary(outcomes: Sequence[Outcome], seed: int = 0, resamples: int = 1000) -> dict[str, Interval]:
    """Mean and 95 % interval of every metric. Raises ValueError when there are no episodes."""
    measured = [outcome.metrics() for outcome in outcomes]
    names = list(measured[0]) if measured else []
    values = np.array([list(metrics.values()) for metrics in measured])
    return dict(zip(names, _intervals(values, seed, resamples), strict=True))


def interval(values: ArrayLike, seed: int = 0, resamples: int = 1000) -> Interval:
    """Mean of one number per episode, with a 95 % percentile bootstrap over episodes (Efron & Tibshirani, 1993).

    The same seed gives the same interval. An infinite value makes the mean and the upper bound infinite. Values that
    are all equal give an interval of no width: few episodes without a failure prove less than it seems.
    Raises ValueError when there are no values, or when one is not a number.
    """
    return _intervals(np.asarray(values, dtype=np.float64).reshape(-1, 1), seed, resamples)[0]


def by_family(outcomes: Sequence[Outcome]) -> list[Group]:
    """Success of each family of instructions, by alphabet."""
    return [
        _group(family, [outcome for outcome in outcomes if outcome.family == family])
        for family in sorted({outcome.family for outcome in outcomes})
    ]


def by_length(outcomes: Sequence[PathOutcome], groups: int = 5) -> list[Group]:
    """Success by length of the shortest path, in up to so many groups of about equally many episodes."""
    shortest = np.array([outcome.shortest for outcome in outcomes])
    # Edges are lengths that occur, so equal lengths stay together and no group is empty.
    edges = np.unique(np.quantile(shortest, np.linspace(0, 1, groups + 1)[1:], method="inverted_cdf"))
    group_of = np.searchsorted(edges, shortest)
    found = []
    for index in range(len(edges)):
        members = [outcome for outcome, group in zip(outcomes, group_of, strict=True) if group == index]
        low, high = (f"{bound(outcome.shortest for outcome in members):.3g}" for bound in (min, max))
        found.append(_group(low if low == high else f"{low} to {high}", members))
    return found


def _group(label: str, outcomes: Sequence[Outcome]) -> Group:
    return Group(label, len(outcomes), interval([outcome.success for outcome in outcomes]))


def _intervals(values: NDArray[np.float64], seed: int, resamples: int) -> list[Interval]:
    """An interval for every column of values [episodes, metrics]; all metrics see the same resampled episodes."""
    if len(values) == 0:
        raise ValueError("there are no episodes to take a mean of")
    if np.isnan(values).any():
        raise ValueError(f"the value of episode {int(np.argwhere(np.isnan(values))[0, 0])} is not a number")
    rng = np.random.default_rng(seed)
    block = max(1, _BLOCK // values.size)
    means = np.concatenate(
        [
            values[rng.integers(len(values), size=(min(block, resamples - begin), len(values)))].mean(axis=1)
            for begin in range(0, resamples, block)
        ]
    )
    # Bounds are means that occurred: interpolating between two infinite ones would give no number.
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(means, (tail, 1 - tail), axis=0, method="inverted_cdf")
    return [Interval(*map(float, bounds)) for bounds in zip(values.mean(axis=0), low, high, strict=True)]
