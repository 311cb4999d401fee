"""The table of a task: an agent beside its floors and its ceiling, every number with its interval."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from types import MappingProxyType
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from vln.agent import Agent
from vln.beam import Judge
from vln.evaluation import evaluate
from vln.metrics import Interval, Outcome, summary
from vln.rollouts import Act, greedy, sample
from vln.units import Metric, description, metric_of, ordered
from vln.world import World

# What the rows of a table stand for, in the order they are shown.
ROWS = {
    "agent": "the trained agent",
    "random": "any move, by chance",
    "stop": "stops at once",
    "straight": "mostly forward",
    "blind": "trained without seeing",
    "deaf": "trained without the instruction",
    "shuffled": "the agent, told the instructions of other episodes",
    "expert": "knows what is right",
    "random looks": "trained to look at places drawn by chance",
    "scan": "trained to look over a fixed grid",
    "centre": "trained to look at the centre only",
    "whole, linear": "sees the whole picture at once, by linear layers",
    "whole, conv": "sees the whole picture at once, by convolutions",
    "chance": "looks anywhere and guesses",
}

ACTS: dict[Act, str] = {greedy: "likeliest", sample: "drawn"}  # what a table says of how a row's moves were chosen


@dataclass(frozen=True)
class Contender:
    """One row of a table: an agent, how it acts, whether it is told the expert's moves, how wide it searches.

    judge: what else speaks for a whole way, of those that a search finds. world: where it lives the episodes, if it
    must see them in another way than the others. other: another way to act, which counts instead where the agent does
    better by it: what an agent is compared with shall not be bad by the way it is asked. updates: how many it was
    trained with; None where it needs no training.
    """

    agent: Agent
    act: Act = greedy
    told: bool = False
    beam: int = 1
    judge: Judge | None = None
    world: World[Any] | None = None
    other: Act | None = None
    updates: int | None = None


@dataclass(frozen=True)
class Judged:
    """What became of a contender's episodes, and the contender as it acted in them."""

    outcomes: Sequence[Outcome]
    contender: Contender | None = None

    def facts(self) -> dict[str, Any]:
        """What a table says of what was trained, beside its numbers: how it acted, and how many updates it had."""
        if self.contender is None or self.contender.updates is None:
            return {}
        act = "planned" if self.contender.beam > 1 else ACTS.get(self.contender.act)
        return ({"act": act} if act else {}) | {"updates": self.contender.updates}


def judge(
    world: World[Any], contenders: Mapping[str, Contender], episodes: int | None = None, seed: int = 0
) -> dict[str, Judged]:
    """What became of every contender in the same episodes: the world's first ones, or all."""
    count = len(world.episodes) if episodes is None else min(episodes, len(world.episodes))

    def judged(one: Contender) -> Judged:
        where = one.world or world
        label = where.expert if one.told else None
        return Judged(evaluate(where, one.agent, range(count), one.act, label, seed, one.beam, one.judge), one)

    def better(one: Contender) -> Judged:
        ways = [judged(one)]
        if one.other is not None:
            ways.append(judged(replace(one, act=one.other)))
        return max(ways, key=lambda way: _merit(world.headline, way.outcomes))

    return {row: better(one) for row, one in contenders.items()}


def _merit(headline: str, outcomes: Sequence[Outcome]) -> float:
    """The mean of the headline, the larger the better; of equal ones, the first is taken."""
    numbers = [outcome.metrics().get(headline, float(outcome.success)) for outcome in outcomes]
    return fmean(numbers) * (-1 if metric_of(headline).better == "lower" else 1)


def make_table(
    task: str,
    split: str,
    seed: int,
    rows: Mapping[str, Judged],
    world: World[Any] | type[World[Any]],
    more: Mapping[str, Mapping[str, Interval]] = MappingProxyType({}),
) -> dict[str, Any]:
    """What `evaluate.py --json` writes: task, split, episodes, seed, and for every row and metric mean, low and high.

    The interval is a 95 % bootstrap over episodes. A mean that is not finite (a goal that can't be reached) is None. Of
    what was trained, a row says with how many `updates`, and by which `act` it is judged. `headline` is the metric that
    agents are compared by; `metrics` says how each is shown (see units.Metric), in the order of the columns.

    world: whose episodes these are. more: what else was measured, by metric and row.
    """
    found = {
        row: summary(rows[row].outcomes, seed) | {name: of[row] for name, of in more.items() if row in of}
        for row in sorted(rows, key=_order)
    }
    names = ordered(name for metrics in found.values() for name in metrics)
    return {
        "task": task,
        "split": split,
        "episodes": max(len(one.outcomes) for one in rows.values()),
        "seed": seed,
        "headline": world.headline if world.headline in names else names[0],
        "metrics": {name: description(name, world.unit, world.step_name) for name in names},
        "rows": {
            row: {name: _numbers(interval) for name, interval in metrics.items()} | rows[row].facts()
            for row, metrics in found.items()
        },
    }


def metrics_of(table: Mapping[str, Any]) -> dict[str, Metric]:
    """How the metrics in the rows of a table are shown, in the order of the columns."""
    described = table.get("metrics", {})
    names = ordered(name for row in table["rows"].values() for name in row if isinstance(row[name], Mapping))
    return {name: metric_of(name, described.get(name)) for name in names}


def short_of(table: Mapping[str, Any]) -> dict[str, tuple[int, int]]:
    """The rows that were trained with fewer updates than the agent: how many, and how many it had."""
    whole = table["rows"].get("agent", {}).get("updates", 0)
    trained = {row: found["updates"] for row, found in table["rows"].items() if "updates" in found}
    return {row: (updates, whole) for row, updates in trained.items() if updates < whole}


def show_table(table: Mapping[str, Any]) -> Table:
    """The table for a terminal: means, and the interval of the headline; what was trained for less bears a star."""
    metrics, short = metrics_of(table), short_of(table)
    headline = table.get("headline", next(iter(metrics)))
    first = metrics[headline]
    title = f"{table['task']}, {table['split']}: {table['episodes']} episodes"
    drawn = [row for row, found in table["rows"].items() if found.get("act") == "drawn"]
    notes = [f"moves are drawn: {', '.join(drawn)}"] if drawn else []
    if short:
        had = ", ".join(f"{row} {updates:,}" for row, (updates, _) in short.items())
        notes.append(f"* fewer updates than the agent's {table['rows']['agent']['updates']:,}: {had}")
    shown = Table(
        title=title,
        caption="\n".join(notes) or None,
        title_justify="left",
        caption_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for title in ("", *(metric.head for metric in metrics.values()), f"{first.title}, 95 %"):
        shown.add_column(title, justify="right" if title else "left", no_wrap=True)
    for row, found in table["rows"].items():
        cells = [metric.written(found[name]["mean"]) if name in found else "" for name, metric in metrics.items()]
        ends = [first.written(found[headline][end]) for end in ("low", "high")] if headline in found else []
        shown.add_row(
            f"{row}*" if row in short else row, *cells, "–".join(ends), style="bold" if row == "agent" else ""
        )
    return shown


def _order(row: str) -> int:
    return list(ROWS).index(row) if row in ROWS else len(ROWS)


def _numbers(found: Interval) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in found._asdict().items()}
