"""How well an episode went, one number per metric, and how far the mean over many can be trusted.

Lengths and distances are in the unit of the place walked (cells, metres). Shares and scores are in [0, 1].
"""

import math
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vln.kernels import kernel

CONFIDENCE = 0.95
_BLOCK = 4_000_000  # numbers held at once while resampling: 32 MB


@dataclass(frozen=True, eq=False)
class Outcome(ABC):
    """What a finished episode left behind for its judges.

    name, family: of the episode.
    success: whether the agent stopped where it should have, or gave the right answer.
    """

    name: str
    family: str
    success: bool

    @abstractmethod
    def metrics(self) -> dict[str, float]:
        """Every metric of the episode, by name."""


@dataclass(frozen=True, eq=False)
class Graded(Outcome):
    """An episode in which answers were graded.

    numbers: what the world measured, by name. trail: [n, 2], where the agent was at each of its answers.
    """

    numbers: Mapping[str, float]
    trail: NDArray[np.floating]

    def metrics(self) -> dict[str, float]:
        return {"accuracy": float(self.success), **self.numbers}


@dataclass(frozen=True, eq=False)
class Walk(Outcome):
    """An episode that was walked.

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

    def metrics(self) -> dict[str, float]:
        """All but the first two are in [0, 1]."""
        warped = ndtw(self.distances, self.threshold, self.path, self.reference)
        return {
            "trajectory_length": float(self.length),
            "navigation_error": float(self.error),
            "success": float(self.success),
            "oracle_success": float(self.least_error <= self.tolerance),
            "spl": spl(self.success, self.shortest, self.length),
            "ndtw": warped,
            "sdtw": sdtw(self.success, warped),
            "cls": cls(self.distances, self.path_length, self.reference_length, self.threshold, self.reference),
        }


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


def spl(success: bool, shortest: float, length: float) -> float:
    """Success weighted by path length (Anderson et al., 2018, arXiv:1807.06757).

    An episode that begins at its goal has no path to weigh by: there it is the success itself.
    """
    if not success or shortest == math.inf:
        return 0.0
    return 1.0 if shortest == 0 else shortest / max(length, shortest)


def ndtw(
    distances: NDArray[np.floating],
    threshold: float,
    path: NDArray[np.integer] | None = None,
    reference: NDArray[np.integer] | None = None,
) -> float:
    """Normalised dynamic time warping (Ilharco et al., 2019, arXiv:1907.05446), from distances [path, reference].

    Standing still on the reference costs nothing; standing still beside it costs each time. path, reference: as in
    Walk.
    """
    distances = _checked(distances, threshold)
    rows, columns = (
        np.arange(count) if places is None else np.ascontiguousarray(places, dtype=np.int64)
        for count, places in zip(distances.shape, (path, reference), strict=True)
    )
    return math.exp(-_warp(distances, rows, columns) / (len(columns) * threshold))


def sdtw(success: bool, ndtw: float) -> float:
    """Success weighted by nDTW (Ilharco et al., 2019, arXiv:1907.05446)."""
    return ndtw if success else 0.0


def cls(
    distances: NDArray[np.floating],
    path_length: float,
    reference_length: float,
    threshold: float,
    reference: NDArray[np.integer] | None = None,
) -> float:
    """Coverage weighted by length score (Jain et al., 2019, arXiv:1905.12255), from distances [path, reference].

    How much of the reference the path came by, times how near its length is to what that coverage needs. reference: as
    in Walk.
    """
    near = np.exp(-_checked(distances, threshold).min(axis=0) / threshold)
    coverage = float((near if reference is None else near[reference]).mean())
    expected = coverage * reference_length
    if expected == path_length == 0:
        return coverage  # nothing to walk, and nothing walked: the length is right
    return coverage * expected / (expected + abs(expected - path_length))


def bleu(said: Sequence[Any], references: Sequence[Sequence[Any]], longest: int = 4) -> float:
    """BLEU-4 of one sentence, against all that people said in its place (Papineni et al., 2002).

    The precision of each length of phrase but single words is smoothed by one (Lin & Och, 2004), or every sentence
    without a common phrase of four words would have 0.
    """
    if not said or not references:
        return 0.0
    logs = []
    for length in range(1, longest + 1):
        found = Counter(_phrases(said, length))
        most: Counter[tuple[Any, ...]] = Counter()
        for reference in references:
            most |= Counter(_phrases(reference, length))
        smooth = length > 1
        matched, total = (found & most).total() + smooth, found.total() + smooth
        if not matched:
            return 0.0
        logs.append(math.log(matched / total))
    nearest = min((abs(len(reference) - len(said)), len(reference)) for reference in references)[1]
    return math.exp(min(0.0, 1 - nearest / len(said)) + sum(logs) / longest)


def _phrases(words: Sequence[Any], length: int) -> list[tuple[Any, ...]]:
    return [tuple(words[place : place + length]) for place in range(len(words) - length + 1)]


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


def by_length(outcomes: Sequence[Walk], groups: int = 5) -> list[Group]:
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


def _checked(distances: NDArray[np.floating], threshold: float) -> NDArray[np.float64]:
    if distances.ndim != 2 or 0 in distances.shape:
        raise ValueError(f"distances are [path, reference], at least one position each, not {distances.shape}")
    if not threshold > 0:
        raise ValueError(f"the threshold is a distance above 0, not {threshold}")
    if not (distances >= 0).all():
        raise ValueError("a distance is below 0 or not a number")
    return np.ascontiguousarray(distances, dtype=np.float64)


@kernel
def _warp(distances, rows, columns):
    """The least sum of distances over all ways to walk both sequences, in order, from first to last: a float."""
    cost = np.full(len(columns) + 1, np.inf)
    diagonal = 0.0
    for row in rows:
        for place, column in enumerate(columns):
            above = cost[place + 1]
            cost[place + 1] = distances[row, column] + min(diagonal, above, cost[place])
            diagonal = above
        diagonal = np.inf
    return cost[-1]


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
