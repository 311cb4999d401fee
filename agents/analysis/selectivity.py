"""Readable units: which single units of a memory tell what is true, and whether chance could have found as good ones.

Karpathy et al. 2015 (arXiv:1506.02078) found cells that track quotes, indentation and the length of lines by looking.
Here every unit is scored, the best one is chosen in one half of the episodes and judged in the other, and the scores
are set beside those of the same labels shifted in time, the best of all units each time (max-T; Westfall & Young 1993).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from .activations import Activations

LEAST = 20  # steps at which a label must hold, and not hold, to be scored at all


@dataclass(frozen=True)
class Finding:
    """The units that tell a label best.

    label: its name. kind: "AUC" of what holds or not, "correlation" of a number. units: the best ones' names, best
    first; rows: their numbers. signs: 1 or -1, the way each tells it. scores: theirs, turned that way, in the half of
    the episodes they were chosen in; held: in the other half. chance: what the best of all units reaches for labels
    shifted in time in 95 of 100 cases at most. p: how probable a score as the best one's is by chance, corrected for
    the number of units.
    """

    label: str
    kind: str
    units: tuple[str, ...]
    rows: tuple[int, ...]
    scores: tuple[float, ...]
    held: tuple[float, ...]
    signs: tuple[int, ...]
    chance: float
    p: float

    @property
    def best(self) -> float:
        """What the best unit reaches in the half of the episodes that it was not chosen in."""
        return self.held[0]


def find_units(reading: Activations, shifts: int = 200, top: int = 5, seed: int = 0) -> list[Finding]:
    """The best units of every label that holds often enough, the label told best first.

    shifts: how many times the labels are shifted in time, by chance. top: how many units of each label are named.
    """
    rng = np.random.default_rng(seed)
    ours, others = reading.halves()
    ranked = _ready("AUC", ours.units) if any(map(is_binary, ours.labels.values())) else ours.units
    found = []
    for label, values in ours.labels.items():
        if not (is_told(values) and is_told(others.labels[label])):
            continue
        known, known_there = known_steps(values), known_steps(others.labels[label])
        of = label_kind(values)
        # What holds or not applies at every step, so that steps are ranked but once.
        units = ranked if of == "AUC" else _ready(of, ours.units[known])
        scores = _scores(of, units, values[known][:, None])[:, 0]
        best = np.argsort(-np.abs(scores), kind="stable")[:top]
        units_there = _ready(of, others.units[known_there][:, best])
        held = _scores(of, units_there, others.labels[label][known_there][:, None])[:, 0]
        signs = np.where(scores[best] < 0, -1, 1)
        by_chance = np.abs(_scores(of, units, _shifted(values[known], shifts, rng))).max(axis=0)
        p = (1 + (by_chance >= np.abs(scores).max()).sum()) / (1 + shifts)
        found.append(
            Finding(
                label,
                of,
                tuple(reading.names[unit] for unit in best),
                tuple(best.tolist()),
                tuple(_told(of, np.abs(scores[best])).tolist()),
                tuple(_told(of, signs * held).tolist()),
                tuple(signs.tolist()),
                float(_told(of, np.quantile(by_chance, 0.95))),
                float(p),
            )
        )
    return sorted(found, key=lambda one: (one.kind, -one.best))


def is_binary(values: NDArray[Any]) -> bool:
    """Whether a label holds or not, rather than being a number."""
    return values.dtype == np.bool_


def label_kind(values: NDArray[Any]) -> str:
    """How units are scored for a label: by AUC where it holds or not, by correlation where it is a number."""
    return "AUC" if is_binary(values) else "correlation"


def known_steps(values: NDArray[Any]) -> NDArray[np.bool_]:
    """At which steps a label applies, bool [N]."""
    return np.ones(len(values), dtype=np.bool_) if is_binary(values) else np.isfinite(values)


def is_told(values: NDArray[Any]) -> bool:
    """Whether a label varies enough to be scored."""
    known = values[known_steps(values)]
    if is_binary(values):
        return LEAST <= known.sum() <= len(known) - LEAST
    return len(known) >= 2 * LEAST and float(np.ptp(known)) > 0


def _shifted(values: NDArray[Any], shifts: int, rng: np.random.Generator) -> NDArray[Any]:
    """[steps, shifts], the labels each time begun elsewhere: they last as long as they did, beside other steps."""
    places = rng.integers(1, len(values), size=shifts)
    return np.stack([np.roll(values, place) for place in places], axis=1)


def _told(kind: str, score: Any) -> Any:
    return (1 + score) / 2 if kind == "AUC" else score


def _scores(kind: str, units: NDArray[np.float32], labels: NDArray[Any]) -> NDArray[np.float64]:
    """From -1 to 1, [units, labels], for units [N, units] and labels [N, labels]: 2 AUC - 1, or Pearson's correlation.

    units: as `_ready` makes them of a reading's. A unit that never changes tells nothing: 0.
    """
    wanted = labels.astype(np.float32)
    if kind == "AUC":
        # The mean rank of the steps at which it holds, against that of the others (Mann & Whitney 1947).
        holds = wanted.sum(axis=0, dtype=np.float64)
        return 2 * (units.T @ wanted).astype(np.float64) / (holds * (len(units) - holds))
    return (units.T @ _standard(wanted) / len(units)).astype(np.float64)


def _ready(kind: str, units: NDArray[np.float32]) -> NDArray[np.float32]:
    """Units [N, units] as scores need them: their ranks, from the middle one; or about their mean, in deviations."""
    if kind == "correlation":
        return _standard(units)
    ranks = np.empty_like(units)
    for column in range(units.shape[1]):
        ranks[:, column] = rankdata(units[:, column]) - (len(units) + 1) / 2
    return ranks


def _standard(values: NDArray[np.float32]) -> NDArray[np.float32]:
    apart = values - values.mean(axis=0, dtype=np.float64)
    spread = np.sqrt(np.square(apart).mean(axis=0))
    return np.divide(apart, spread, out=np.zeros_like(apart), where=spread > 1e-12).astype(np.float32)
