"""Analyse the memory of recurrent agents: gradients through time, units, gates, saliency.

    python scripts/analyse.py gradients --figures DIR     how far learning reaches back in time, by memory
    python scripts/analyse.py truncation                  what cutting the gradient at a window's end changes
    python scripts/analyse.py cells runs/mine             which units tell what is true, alone and together
    python scripts/analyse.py gates runs/mine             how often gates are shut, and how long memories last
    python scripts/analyse.py saliency runs/mine          which moments of the past move a decision

What is found of a run is drawn into its folder, and evaluate.py --report shows it. A memory may be given a gain, as in
--memories elman-relu*1.5: its weights from state to state are so many times as large.
"""

import thread_waiting  # noqa: F401  # before torch is loaded

import json
import math
import sys
from collections.abc import Callable
from typing import Any

import tyro
from analyses.cells import Cells
from analyses.common import Analysis
from analyses.gates import Gates
from analyses.gradients import Gradients, Truncation
from analyses.saliency import Saliency
from errors import plainly
from rich.console import Console

from vln.learning.devices import use_threads
from vln.pages.figures import keep_figures

ANALYSES: dict[str, Callable[..., Analysis]] = {
    "gradients": Gradients,
    "truncation": Truncation,
    "cells": Cells,
    "gates": Gates,
    "saliency": Saliency,
}
NAMES = {kind: name for name, kind in ANALYSES.items()}


def main(analysis: Analysis) -> None:
    """Look, tell, draw and write."""
    use_threads(analysis.threads)
    found = analysis.look()
    drawn = []
    if analysis.folder and found.figures:
        drawn = keep_figures(analysis.folder, NAMES[type(analysis)], found.figures)
    if analysis.json:
        analysis.json.parent.mkdir(parents=True, exist_ok=True)
        analysis.json.write_text(json.dumps(_finite(found.facts), indent=1, allow_nan=False) + "\n")
    console = Console()
    for table in found.tables:
        console.print(table)
    for line in (*found.words, *(f"drawn: {file}" for file in drawn)):
        print(line)
    if analysis.json:
        print(f"written: {analysis.json}")


def _finite(facts: Any) -> Any:
    """The same facts, None where a number is not finite: JSON knows no other."""
    if isinstance(facts, dict):
        return {name: _finite(fact) for name, fact in facts.items()}
    if isinstance(facts, list | tuple):
        return [_finite(fact) for fact in facts]
    return None if isinstance(facts, float) and not math.isfinite(facts) else facts


def read(arguments: list[str]) -> Analysis:
    """The options of what is to be looked into."""
    return tyro.extras.subcommand_cli_from_dict(ANALYSES, args=arguments, description=__doc__)


if __name__ == "__main__":
    with plainly():
        main(read(sys.argv[1:]))
