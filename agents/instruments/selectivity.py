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

from .readings import Reading

LEAST = 20  # steps at which a label must hold, and not hold, to be scored at all
CHUNK = 128  # units that are scored at a time


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


def find_units(reading: Reading, shifts: int = 200, top: int = 5, seed: int = 0) -> list[Finding]:
    """The best units of every label that holds often enough, the label told best first.

    shifts: how many times the labels are shifted in time, by chance. top: how many units of each label are named.
    """
    rng = np.random.default_rng(seed)
    ours, others = reading.halves()
    found = []
    for label, values in ours.labels.items():
        known, known_there = _known(values), _known(others.labels[label])
        if not (_varies(values[known]) and _varies(others.labels[label][known_there])):
            continue
        of = label_kind(values)
        scores = _scores(of, ours.units[known], values[known][:, None])[:, 0]
        best = np.argsort(-np.abs(scores), kind="stable")[:top]
        held = _scores(of, others.units[known_there][:, best], others.labels[label][known_there][:, None])[:, 0]
        signs = np.where(scores[best] < 0, -1, 1)
        by_chance = np.abs(_scores(of, ours.units[known], _shifted(values[known], shifts, rng))).max(axis=0)
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


def label_kind(values: NDArray[Any]) -> str:
    """How units are scored for a label: by AUC where it holds or not, by correlation where it is a number."""
    return "AUC" if values.dtype == np.bool_ else "correlation"


def _known(values: NDArray[Any]) -> NDArray[np.bool_]:
    return np.ones(len(values), dtype=np.bool_) if values.dtype == np.bool_ else np.isfinite(values)


def _varies(values: NDArray[Any]) -> bool:
    if len(values) < 2 * LEAST:
        return False
    return LEAST <= values.sum() <= len(values) - LEAST if values.dtype == np.bool_ else float(np.ptp(values)) > 0


def _shifted(values: NDArray[Any], shifts: int, rng: np.random.Generator) -> NDArray[Any]:
    """[steps, shifts], the labels each time begun elsewhere: they last as long as they did, beside other steps."""
    places = rng.integers(1, len(values), size=shifts)
    return np.stack([np.roll(values, place) for place in places], axis=1)


def _told(kind: str, score: Any) -> Any:
    return (1 + score) / 2 if kind == "AUC" else score


def _scores(kind: str, units: NDArray[np.float32], labels: NDArray[Any]) -> NDArray[np.float64]:
    """From -1 to 1, [units, labels], for units [N, units] and labels [N, labels]: 2 AUC - 1, or Pearson's correlation.

    A unit that never changes tells nothing: 0.
    """
    wanted = labels.astype(np.float32)
    parts = []
    for first in range(0, units.shape[1], CHUNK):
        part = units[:, first : first + CHUNK]
        if kind == "AUC":
            # The mean rank of the steps at which it holds, against that of the others (Mann & Whitney 1947).
            ranks = rankdata(part, axis=0) - (len(part) + 1) / 2
            holds = wanted.sum(axis=0, dtype=np.float64)
            parts.append(2 * (ranks.astype(np.float32).T @ wanted) / (holds * (len(part) - holds)))
        else:
            parts.append(_standard(part).T @ _standard(wanted) / len(part))
    return np.concatenate(parts).astype(np.float64)


def _standard(values: NDArray[np.float32]) -> NDArray[np.float32]:
    apart = values - values.mean(axis=0, dtype=np.float64)
    spread = np.sqrt(np.square(apart).mean(axis=0))
    return np.divide(apart, spread, out=np.zeros_like(apart), where=spread > 1e-12).astype(np.float32)
