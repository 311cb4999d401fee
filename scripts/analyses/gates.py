"""Gates: how often they are shut or wide open, and how long memories last."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vln.agents.analysis.gates import OPEN, SHUT, Gate, read_gates

from .common import Found, OfRun, columns, plot

if TYPE_CHECKING:
    from matplotlib.figure import Figure

QUANTILES = (0.1, 0.5, 0.9, 1.0)
FOREVER = 1e6  # steps: no memory is drawn as longer


@dataclass(frozen=True)
class Gates(OfRun):
    """How often the gates of a trained agent's memory are shut or wide open, and for how many steps it remembers."""

    def look(self) -> Found:
        """Live the episodes and listen to every gate."""
        run, world, episodes = self.lives()
        gates = read_gates(world, run.agent, episodes, seed=self.seed)
        if not gates:
            return Found(words=[f"A memory of kind {run.agent.core.kind} has no gates."])  # type: ignore[union-attr]
        saturated = (f"shut < {SHUT:g}", f"open > {OPEN:g}")
        names = ("layer", "gate", "mean", *saturated, *(f"{share:.0%} last" for share in QUANTILES[:-1]), "longest")
        shown = columns(
            "gates, over units and steps; steps until a share of 1/e of what was remembered is left", names, 2
        )
        found = Found(tables=[shown])
        for gate in gates:
            lasting = [] if gate.lasting is None else [_steps(gate, share) for share in QUANTILES]
            shares = (f"{gate.mean.mean():.2f}", f"{gate.shut.mean():.1%}", f"{gate.open.mean():.1%}")
            shown.add_row(str(gate.layer + 1), gate.name, *shares, *lasting)
            found.facts[f"{gate.layer + 1} {gate.name}"] = {
                name: values.tolist() for name, values in vars(gate).items() if isinstance(values, np.ndarray)
            }
        found.figures["How often gates are shut and open"] = _draw_saturation(gates)
        if lasting_ones := [gate for gate in gates if gate.lasting is not None]:
            found.figures["How long units remember"] = _draw_lasting(lasting_ones)
        return found


def _steps(gate: Gate, share: float) -> str:
    assert gate.lasting is not None
    steps = float(np.quantile(gate.lasting, share, method="nearest"))  # between two of which one is infinite is nothing
    return f"{steps:.{1 if steps < 100 else 0}f}" if steps < FOREVER else "∞"


def _name(gate: Gate, gates: list[Gate]) -> str:
    return f"{gate.name} {gate.layer + 1}" if any(one.layer for one in gates) else gate.name


def _draw_saturation(gates: list[Gate]) -> "Figure":
    """A dot for every unit: how often its gate is shut, and wide open."""
    figure, axes = plot(5.5, 5)
    for gate in gates:
        axes.scatter(gate.open, gate.shut, s=8, alpha=0.6, label=_name(gate, gates))
    axes.plot([0, 1], [1, 0], color="0.7", linewidth=1)
    axes.set_xlabel(f"share of steps at which it is open (> {OPEN:g})")
    axes.set_ylabel(f"share of steps at which it is shut (< {SHUT:g})")
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.legend(fontsize="small")
    return figure


def _draw_lasting(gates: list[Gate]) -> "Figure":
    figure, axes = plot(6.5, 4)
    for gate in gates:
        assert gate.lasting is not None
        steps = np.clip(np.sort(gate.lasting), 1e-2, FOREVER)
        axes.semilogx(steps, np.arange(1, len(steps) + 1) / len(steps), label=_name(gate, gates))
    axes.set_xlabel("steps until a share of 1/e is left")
    axes.set_ylabel("share of units that remember no longer")
    axes.legend(fontsize="small")
    return figure
