"""Readable cells: which units of a memory tell what is true, alone and together."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vln.agents.analysis.activations import Activations, read_cells
from vln.agents.analysis.probes import Probe, probe_labels
from vln.agents.analysis.selectivity import Finding, find_units
from vln.world import World

from .common import MOST_SHOWN, Found, OfRun, columns, to_colours

SCORES = {"AUC": "AUC", "correlation": "corr"}
SURE = 0.05  # a finding is no chance when one as good has at most this probability
SPAN = (0.02, 0.98)  # quantiles of a unit's values: from which to which its colours go


@dataclass(frozen=True)
class Cells(OfRun):
    """Which units of a trained agent's memory tell what is true: quotes, the column, the distance to go.

    Every unit is scored in half of the episodes (AUC, or correlation with a number), the best ones are judged in the
    other half and set beside chance: the best of all units for the same labels shifted in time.
    """

    shifts: int = 200
    """How often labels are shifted in time."""
    top: int = 3
    """How many units of each label are named."""
    probes: bool = True
    """Whether linear probes read all units together, too."""
    drawn: int = 6
    """Of how many labels, the best told of each kind, an episode is drawn in the colours of the best unit."""

    def look(self) -> Found:
        """Read, score, and draw an episode that no unit was chosen by."""
        run, world, episodes = self.lives()
        reading = read_cells(world, run.agent, episodes, seed=self.seed)
        found = find_units(reading, self.shifts, self.top, self.seed)
        probes = {probe.label: probe for probe in probe_labels(reading, self.seed)} if self.probes else {}
        told = Found(tables=[_table(reading, found, probes)])
        sure = [one for one in found if one.p <= SURE and one.best > one.chance]
        if unsure := [one.label for one in found if one not in sure]:
            told.words.append(f"No single unit tells these better than chance would: {', '.join(unsure)}.")
        if left := sorted(set(reading.labels) - {one.label for one in found}):
            told.words.append(f"Not scored, for they hardly vary here: {', '.join(left)}.")
        told.facts = {
            "units": len(reading.names),
            "steps": len(reading),
            "findings": [asdict(one) for one in found],
            "probes": [asdict(probe) for probe in probes.values()],
        }
        shown = reading.halves()[1]
        for one in sorted(sure, key=lambda one: -one.best)[: self.drawn]:
            caption = f"{one.label} - {one.units[0]}, {one.kind} {one.best:.2f} (chance {one.chance:.2f})"
            told.figures[caption] = draw_unit(world, shown, one)
        return told


def draw_unit(world: World[Any], reading: Activations, told: Finding) -> NDArray[np.uint8]:
    """An episode of a reading, every step in the colour of the best unit of a label: red where it tells that it holds.

    Of a label that holds or not, the episode in which it does both the most evenly; of a number, the first.
    """
    values = told.signs[0] * reading.units[:, told.rows[0]]
    low, high = np.quantile(values, SPAN)
    parts = [np.flatnonzero(reading.episode == episode)[:MOST_SHOWN] for episode in np.unique(reading.episode)]
    uneven = [abs(np.nanmean(reading.labels[told.label][steps]) - 0.5) if told.kind == "AUC" else 0 for steps in parts]
    steps = parts[int(np.argmin(uneven))]
    begun = world.begin(reading.episode[steps[:1]])
    return world.draw(begun, 0, reading.position[steps], to_colours(values[steps], float(low), float(high)))


def _table(reading: Activations, found: list[Finding], probes: dict[str, Probe]) -> Any:
    title = f"the best of {len(reading.names)} units over {len(reading):,} steps, judged in other episodes"
    names = ("label", "best unit", "score", "chosen", "held", "chance", "p", "probe", "(chance)")
    shown = columns(title, names, words=2)
    for one in found:
        probe = probes.get(one.label)
        both = ("", "") if probe is None else (f"{probe.held:.3f}", f"{probe.chance:.3f}")
        scores = (f"{value:.3f}" for value in (one.scores[0], one.best, one.chance, one.p))
        shown.add_row(one.label, one.units[0], SCORES[one.kind], *scores, *both)
    return shown
