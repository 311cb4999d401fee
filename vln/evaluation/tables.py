"""The results table of a task: an agent beside baselines and the oracle, with an interval for every number."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as RichTable

from vln.agent import Agent, Rescorer
from vln.evaluation.evaluate import evaluate
from vln.evaluation.intervals import Interval, interval, summary
from vln.learning.rollouts import Act, greedy, sample
from vln.metrics import Metric, described_metric, metric_of, ordered
from vln.outcomes import Outcome
from vln.tasks import SplitMetric
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


WIDE = Console(width=10_000)  # on which the width of a table is measured


@dataclass(frozen=True)
class Entry:
    """Who is evaluated in one row of a table, and how.

    agent: any agent. act: how it chooses among its moves. oracle: whether it is told the expert's moves at every step.
    beam: how wide it searches; 1 for no search. rescorer: what else speaks for a whole way, of those that a search
    finds. world: where it lives the episodes, if it must see them in another way than the others. other: another way to
    act, which counts instead where the agent does better by it: what an agent is compared with shall not be bad by the
    way it is evaluated. updates: how many it was trained with; None where it needs no training.
    """

    agent: Agent
    act: Act = greedy
    oracle: bool = False
    beam: int = 1
    rescorer: Rescorer | None = None
    world: World[Any] | None = None
    other_act: Act | None = None
    updates: int | None = None


@dataclass(frozen=True)
class Result:
    """What became of the episodes of an entry, and the entry as it acted in them."""

    outcomes: Sequence[Outcome]
    entry: Entry | None = None

    def facts(self) -> dict[str, Any]:
        """What a table says of what was trained, beside its numbers: how it acted, and how many updates it had."""
        if self.entry is None or self.entry.updates is None:
            return {}
        act = "planned" if self.entry.beam > 1 else ACTS.get(self.entry.act)
        return ({"act": act} if act else {}) | {"updates": self.entry.updates}


@dataclass(frozen=True)
class Table:
    """A results table.

    facts: what its JSON says: task, split, episodes, seed; `headline`, the metric that agents are compared by;
        `metrics`, how each is shown, in the order of the columns (see Metric.description); and `rows`: for every row
        and metric mean, low and high, a 95 % bootstrap interval over episodes. A mean that is not finite (a goal that
        can't be reached) is None. Of what was trained, a row says with how many `updates`, and by which `act`.
    world: whose episodes these are. results: what became of them, by row.
    """

    facts: Mapping[str, Any]
    world: World[Any] = field(repr=False)
    results: Mapping[str, Result] = field(default_factory=dict, repr=False)

    def show(self, console: Console | None = None) -> None:
        """Print it, on the terminal unless a console is given."""
        console = console or Console()
        for part in tables_within(self.facts, console.width):
            console.print(part)

    def json(self) -> str:
        """What `evaluate.py --json` writes."""
        return json.dumps(self.facts, indent=1, allow_nan=False) + "\n"


def table_of(
    world: World[Any],
    entries: Mapping[str, Entry],
    title: str = "",
    split: str = "",
    episodes: int | None = None,
    seed: int = 0,
    split_metrics: Sequence[SplitMetric] = (),
) -> Table:
    """The table of any agents in the same episodes: the world's first ones, or all.

    entries: who is evaluated, by row; any names will do. title: of the task. split: its name. seed: of the acting,
    where it draws, and of the intervals. split_metrics: what else is measured of the whole split, as its task declares
    it.

    Raises ValueError where nobody is to be evaluated.
    """
    results = evaluate_entries(world, entries, episodes, seed)
    metrics = [metric for metric in split_metrics if not metric.splits or split in metric.splits]
    more = {
        one.metric: {
            row: interval(one.values(world, result.entry, seed), seed)
            for row, result in results.items()
            if result.entry
        }
        for one in metrics
    }
    return tabulate(world, results, title, split, seed, more)


def evaluate_entries(
    world: World[Any], entries: Mapping[str, Entry], episodes: int | None = None, seed: int = 0
) -> dict[str, Result]:
    """What became of every entry in the same episodes: the world's first ones, or all."""
    count = len(world.episodes) if episodes is None else min(episodes, len(world.episodes))

    def evaluated(one: Entry) -> Result:
        where = one.world or world
        label = where.expert if one.oracle else None
        return Result(evaluate(where, one.agent, range(count), one.act, label, seed, one.beam, one.rescorer), one)

    def better(one: Entry) -> Result:
        ways = [evaluated(one)]
        if one.other_act is not None:
            ways.append(evaluated(replace(one, act=one.other_act)))
        return max(ways, key=lambda way: _merit(world, way.outcomes))

    return {row: better(one) for row, one in entries.items()}


def tabulate(
    world: World[Any],
    results: Mapping[str, Result],
    title: str = "",
    split: str = "",
    seed: int = 0,
    more: Mapping[Metric, Mapping[str, Interval]] | None = None,
) -> Table:
    """The table of what is evaluated already. more: what else was measured, by metric and row. Else as `table_of`."""
    if not results:
        raise ValueError("a table has at least one row: give an agent, or a baseline")
    measured = more or {}
    rows = {
        row: summary(results[row].outcomes, seed)
        | {metric.name: of_row[row] for metric, of_row in measured.items() if row in of_row}
        for row in sorted(results, key=_order)
    }
    declared = (*world.metrics, *measured)
    names = ordered(name for metrics in rows.values() for name in metrics)
    described = {name: metric_of(name, declared).description(world.unit, world.step_name) for name in names}
    facts = {
        "task": title,
        "split": split,
        "episodes": max(len(one.outcomes) for one in results.values()),
        "seed": seed,
        "headline": world.headline if world.headline in names else names[0],
        "metrics": described,
        "rows": {
            row: {name: _numbers(bounds) for name, bounds in metrics.items()} | results[row].facts()
            for row, metrics in rows.items()
        },
    }
    return Table(facts, world, results)


def _merit(world: World[Any], outcomes: Sequence[Outcome]) -> float:
    """The mean of the headline, the larger the better; of equal ones, the first is taken."""
    numbers = [outcome.metrics().get(world.headline, float(outcome.success)) for outcome in outcomes]
    return fmean(numbers) * (-1 if metric_of(world.headline, world.metrics).better == "less" else 1)


def metrics_of(table: Mapping[str, Any]) -> dict[str, Metric]:
    """How the metrics in the rows of a table are shown, in the order of the columns."""
    described = table.get("metrics", {})
    names = ordered(name for row in table["rows"].values() for name in row if isinstance(row[name], Mapping))
    return {name: described_metric(name, described.get(name)) for name in names}


def short_of(table: Mapping[str, Any]) -> dict[str, tuple[int, int]]:
    """The rows that were trained with fewer updates than the agent: how many, and how many it had."""
    whole = table["rows"].get("agent", {}).get("updates", 0)
    trained = {row: found["updates"] for row, found in table["rows"].items() if "updates" in found}
    return {row: (updates, whole) for row, updates in trained.items() if updates < whole}


def tables_within(table: Mapping[str, Any], width: int) -> list[RichTable]:
    """The table for a terminal of this width: in several parts, where not all columns fit beside each other."""
    names, parts = list(metrics_of(table)), []
    while names:
        count = len(names)
        while count > 1 and WIDE.measure(show_table(table, names[:count])).maximum > width:
            count -= 1
        parts.append(show_table(table, names[:count]))
        names = names[count:]
    return parts


def show_table(table: Mapping[str, Any], names: Sequence[str] | None = None) -> RichTable:
    """The table for a terminal: means, and the interval of the headline; what was trained for less bears a star.

    names: the metrics to show, where they are not all. The title stands over the first, the notes under the last.
    """
    known, short = metrics_of(table), short_of(table)
    metrics = {name: known[name] for name in names or known}
    headline = table.get("headline", next(iter(known)))
    first = known[headline]
    title = f"{table['task']}, {table['split']}: {table['episodes']} episodes"
    drawn = [row for row, found in table["rows"].items() if found.get("act") == "drawn"]
    notes = [f"moves are drawn: {', '.join(drawn)}"] if drawn else []
    if short:
        had = ", ".join(f"{row} {updates:,}" for row, (updates, _) in short.items())
        notes.append(f"* fewer updates than the agent's {table['rows']['agent']['updates']:,}: {had}")
    shown = RichTable(
        title=title if next(iter(known)) in metrics else None,
        caption="\n".join(notes) or None if list(known)[-1] in metrics else None,
        title_justify="left",
        caption_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    bounds = (f"{first.title}, 95 %",) if headline in metrics else ()
    for title in ("", *(metric.head for metric in metrics.values()), *bounds):
        shown.add_column(title, justify="right" if title else "left", no_wrap=True)
    for row, found in table["rows"].items():
        cells = [metric.written(found[name]["mean"]) if name in found else "" for name, metric in metrics.items()]
        if bounds:
            ends = [first.written(found[headline][end]) for end in ("low", "high")] if headline in found else []
            cells.append("–".join(ends))
        shown.add_row(f"{row}*" if row in short else row, *cells, style="bold" if row == "agent" else "")
    return shown


def _order(row: str) -> int:
    return list(ROWS).index(row) if row in ROWS else len(ROWS)


def _numbers(found: Interval) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in found._asdict().items()}
