"""The table of a task: an agent beside its floors and its ceiling, every number with its interval."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from vln.agent import Agent
from vln.beam import Judge
from vln.evaluation import evaluate
from vln.metrics import Interval, Outcome, summary
from vln.rollouts import Act, greedy
from vln.world import World

ROWS = (
    *("agent", "random", "stop", "straight", "blind", "deaf", "shuffled", "expert"),
    *("random looks", "scan", "centre", "whole, linear", "whole, conv", "chance"),
)  # in the order they are shown

COLUMNS = {
    "accuracy": ("accuracy", 100, 2),
    "average_accuracy": ("average", 100, 1),
    "surprise": ("nats", 1, 3),
    "bits": ("bits", 1, 3),
    "squared_error": ("MSE", 1, 4),
    "bleu": ("BLEU-4", 100, 1),
    "words": ("words", 1, 1),
    "looks": ("looks", 1, 1),
    "success": ("SR", 100, 1),
    "spl": ("SPL", 100, 1),
    "oracle_success": ("OSR", 100, 1),
    "navigation_error": ("NE", 1, 2),
    "trajectory_length": ("TL", 1, 1),
    "ndtw": ("nDTW", 100, 1),
    "sdtw": ("SDTW", 100, 1),
    "cls": ("CLS", 100, 1),
    "paragraph": ("paragraph", 100, 1),
}  # title, factor, decimals


@dataclass(frozen=True)
class Contender:
    """One row of a table: an agent, how it acts, whether it is told the expert's moves, how wide it searches.

    judge: what else speaks for a whole way, of those that a search finds. world: where it lives the episodes, if it
    must see them in another way than the others.
    """

    agent: Agent
    act: Act = greedy
    told: bool = False
    beam: int = 1
    judge: Judge | None = None
    world: World[Any] | None = None


def judge(
    world: World[Any], contenders: Mapping[str, Contender], episodes: int | None = None, seed: int = 0
) -> dict[str, list[Outcome]]:
    """The outcomes of every contender in the same episodes: the world's first ones, or all."""
    count = len(world.episodes) if episodes is None else min(episodes, len(world.episodes))

    def judged(one: Contender) -> list[Outcome]:
        where = one.world or world
        label = where.expert if one.told else None
        return evaluate(where, one.agent, range(count), one.act, label, seed, one.beam, one.judge)

    return {row: judged(one) for row, one in contenders.items()}


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
    """The table for a terminal: means, and the interval of the success rate."""
    metrics = [metric for metric in COLUMNS if any(metric in found for found in table["rows"].values())]
    first = metrics[0]  # by which agents are compared
    title = f"{table['task']}, {table['split']}: {table['episodes']} episodes (NE and TL in the world's unit, else %)"
    shown = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for title in ("", *(COLUMNS[metric][0] for metric in metrics), f"{COLUMNS[first][0]}, 95 %"):
        shown.add_column(title, justify="right" if title else "left", no_wrap=True)
    for row, found in table["rows"].items():
        cells = [_number(metric, found[metric]["mean"]) for metric in metrics]
        interval = "–".join(_number(first, found[first][end]) for end in ("low", "high"))
        shown.add_row(row, *cells, interval, style="bold" if row == "agent" else "")
    return shown


def _number(metric: str, value: float | None) -> str:
    _, factor, decimals = COLUMNS[metric]
    return "∞" if value is None else f"{factor * value:.{decimals}f}"


def _order(row: str) -> int:
    return ROWS.index(row) if row in ROWS else len(ROWS)


def _numbers(found: Interval) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in found._asdict().items()}
