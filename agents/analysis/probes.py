"""Linear probes: what a weighted sum reads from a whole memory (Alain & Bengio 2016, arXiv:1610.01644)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from .activations import Activations
from .selectivity import is_told, known_steps, label_kind

MOST_STEPS = 20_000  # that a probe is fitted to; of more, evenly spaced ones


@dataclass(frozen=True)
class Probe:
    """How well a weighted sum of all units tells a label in episodes it was not fitted to.

    kind: "AUC", or "correlation" with the number. held: what it reaches; chance: what one reaches that was fitted to
    the same labels shifted in time: what a probe so large finds in labels that have nothing to do with the steps
    (a control task; Hewitt & Liang 2019, arXiv:1909.03368).
    """

    label: str
    kind: str
    held: float
    chance: float


def probe_labels(reading: Activations, seed: int = 0) -> list[Probe]:
    """A probe of every label that holds often enough, fitted to every other episode and judged in the rest."""
    rng = np.random.default_rng(seed)
    ours, others = reading.halves()
    found = []
    for label, values in ours.labels.items():
        if is_told(values) and is_told(others.labels[label]):
            shift = int(rng.integers(len(values) // 4, 3 * len(values) // 4))
            shifted = np.roll(values, shift)
            held, chance = (_judged(ours, one, others, others.labels[label]) for one in (values, shifted))
            found.append(Probe(label, label_kind(values), held, chance))
    return sorted(found, key=lambda one: (one.kind, -one.held))


def _judged(ours: Activations, values: NDArray[Any], others: Activations, truth: NDArray[Any]) -> float:
    steps, there = np.flatnonzero(known_steps(values)), known_steps(truth)
    steps = steps[:: max(1, len(steps) // MOST_STEPS)]
    units, told = ours.units[steps], values[steps]
    if label_kind(values) == "AUC":
        if told.all() or not told.any():
            return 0.5
        probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.3, max_iter=200)).fit(units, told)
        return float(roc_auc_score(truth, probe.decision_function(others.units)))
    probe = make_pipeline(StandardScaler(), Ridge(alpha=10.0)).fit(units, told)
    guess = probe.predict(others.units[there])
    return float(np.corrcoef(guess, truth[there])[0, 1]) if np.ptp(guess) > 0 else 0.0
