"""Scores: what metrics compute from success, paths and sentences. Shares and scores are in [0, 1]."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vln.kernels import kernel


def spl(success: Any, shortest: Any, length: Any) -> Any:
    """Success weighted by path length (Anderson et al., 2018, arXiv:1807.06757), of one episode or arrays of several.

    An episode that begins at its goal has no path to weigh by: there it is the success itself.
    """
    shortest = np.asarray(shortest, dtype=np.float64)
    longer = np.maximum(shortest, length)
    walkable = np.isfinite(shortest) & (shortest > 0)
    share = np.divide(shortest, longer, where=walkable, out=np.zeros_like(longer))
    return success * np.where(walkable, share, shortest == 0)


def ndtw(
    distances: NDArray[np.floating],
    threshold: float,
    path: NDArray[np.integer] | None = None,
    reference: NDArray[np.integer] | None = None,
) -> float:
    """Normalised dynamic time warping (Ilharco et al., 2019, arXiv:1907.05446), from distances [path, reference].

    Standing still on the reference costs nothing; standing still beside it costs each time. path, reference: as in
    PathOutcome.
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
    in PathOutcome.
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
