"""The table of a task: an agent beside its floors and its ceiling, every number with its interval."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from vln.agent import Agent
from vln.evaluation import evaluate
from vln.metrics import Interval, Outcome, summary
from vln.rollouts import Act, greedy
from vln.world import World

ROWS = ("agent", "random", "stop", "straight", "blind", "deaf", "expert")  # in the order they are shown

COLUMNS = {
    "success": ("SR %", 100, 1),
    "spl": ("SPL %", 100, 1),
    "oracle_success": ("OSR %", 100, 1),
    "navigation_error": ("NE", 1, 2),
    "trajectory_length": ("TL", 1, 1),
    "ndtw": ("nDTW %", 100, 1),
    "sdtw": ("SDTW %", 100, 1),
    "cls": ("CLS %", 100, 1),
}  # title, factor, decimals


@dataclass(frozen=True)
class Contender:
    """One row of a table: an agent, how it acts, and whether it is told the expert's moves."""

    agent: Agent
    act: Act = greedy
    told: bool = False


def judge(
    world: World[Any], contenders: Mapping[str, Contender], episodes: int | None = None, seed: int = 0
) -> dict[str, list[Outcome]]:
    """The outcomes of every contender in the same episodes: the world's first ones, or all."""
    count = len(world.episodes) if episodes is None else min(episodes, len(world.episodes))
    label: Callable[[Any], NDArray[np.bool_]] = world.expert
    return {
        row: evaluate(world, one.agent, range(count), one.act, label if one.told else None, seed)
        for row, one in contenders.items()
    }


def make_table(task: str, split: str, seed: int, rows: Mapping[str, Sequence[Outcome]]) -> dict[str, Any]:
    """What `evaluate.py --json` writes: task, split, episodes, seed, and for every row and metric mean, low and high.

    The interval is a 95 % bootstrap over episodes. A mean that is not finite (a goal that can't be reached) is None.
    """
    intervals = {row: summary(rows[row], seed) for row in sorted(rows, key=_order)}
    return {
        "task": task,
        "split": split,
        "episodes": max(len(outcomes) for outcomes in rows.values()),
        "seed": seed,
        "rows": {
            row: {metric: _numbers(found) for metric, found in metrics.items()} for row, metrics in intervals.items()
        },
    }


def show_table(table: Mapping[str, Any]) -> Table:
    """The table for a terminal."""
    shown = Table(title=f"{table['task']}, {table['split']}: {table['episodes']} episodes (95 % intervals)")
    shown.add_column("")
    metrics = [metric for metric in COLUMNS if any(metric in row for row in table["rows"].values())]
    for metric in metrics:
        shown.add_column(COLUMNS[metric][0], justify="right")
    for row, found in table["rows"].items():
        shown.add_row(
            row, *(_cell(metric, found[metric]) for metric in metrics), style="bold" if row == "agent" else ""
        )
    return shown


def _cell(metric: str, found: Mapping[str, float | None]) -> str:
    _, factor, decimals = COLUMNS[metric]
    mean, low, high = (
        "∞" if found[name] is None else f"{factor * found[name]:.{decimals}f}"
        for name in ("mean", "low", "high")  # type: ignore[operator]
    )
    return f"{mean} [dim]{low}–{high}[/dim]"


def _order(row: str) -> int:
    return ROWS.index(row) if row in ROWS else len(ROWS)


def _numbers(found: Interval) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in found._asdict().items()}
