"""Reports: one self-contained HTML page with an agent's table, curves and replays."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from numpy.typing import NDArray

from vln.evaluation.intervals import Group, Interval, by_family, by_length
from vln.evaluation.replays import Replay, Value, failures_first, replay
from vln.evaluation.tables import ROWS, Table, metrics_of, short_of
from vln.learning.logs import METRICS_FILE, read_metrics
from vln.metrics import Metric, number
from vln.outcomes import Outcome, PathOutcome
from vln.pages.figures import FIGURES_FOLDER, kept_figures
from vln.pages.recordings import recordings, webp
from vln.pages.texts import MOST_SURPRISE
from vln.world import World

REPLAYS = 20  # episodes on a page
CURVES = (
    "val_success",
    "success",
    "val_nll",
    "loss",
    "imitation_loss",
    "squared_error",
    "answer_loss",
    "clip_rate",
    "steps_per_second",
)
SUCCESSES = ("val_success", "success")  # curves of what says little where episodes have no verdict

CURVE_POINTS = 300  # longer curves are drawn by the means of so many pieces
CURVE_BOX = (340, 170)  # the width and height of a curve's drawing
CURVE_MARGIN = (44, 24, 12, 24)  # left, right, top and bottom, for the numbers at its axes


def write_report(
    path: Path,
    title: str,
    table: Mapping[str, Any],
    curves: Mapping[str, Sequence[tuple[float, float]]],
    breakdowns: Mapping[str, Sequence[tuple[str, int, Interval]]],
    replays: Sequence[Replay],
    galleries: Mapping[str, Sequence[tuple[str, NDArray[np.uint8]]]] | None = None,
    figures: Mapping[str, Sequence[tuple[str, str]]] | None = None,
) -> None:
    """Write one self-contained HTML page, which asks nothing of any network.

    table: as Table.facts holds it and `evaluate.py --json` writes it, with "task", "split", "episodes", "seed"
        and "rows" at least. The rows come in their order.
    curves: the training curves by name, each of (step, value); values that are not finite are left out.
    breakdowns: success by some property, by title ("by family"), each of (label, episodes, interval).
    replays: shown failures first.
    galleries: pictures to look at side by side, by title, each of (label, picture).
    figures: what analyses left (see figures.kept_figures), by title, each of (caption, data URI).
    Raises ValueError when the table has no rows or lacks a part.
    """
    missing = [key for key in ("task", "split", "episodes", "seed", "rows") if key not in table]
    if missing:
        raise ValueError(f"the report's table lacks {', '.join(missing)}")
    if not table["rows"]:
        raise ValueError("the report's table has no rows: evaluate an agent, or one of the baselines, first")
    metrics = metrics_of(table)
    for name, row in table["rows"].items():
        for metric in metrics:
            if metric in row and not {"mean", "low", "high"} <= set(row[metric]):
                had = list(row[metric])
                raise ValueError(f"row {name!r}, metric {metric!r} needs mean, low and high, and has {had}")

    ordered = failures_first(replays)
    drawings = {name: _drawing(points) for name, points in curves.items()}
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,  # instructions can come from anyone
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "percent": percent}
    page = environment.get_template("report.html.jinja").render(
        title=title,
        table=table,
        lead=_lead(table, metrics),
        metrics=metrics,
        row_meanings=ROWS,
        short=short_of(table),
        most_surprise=MOST_SURPRISE,
        curves={name: drawing for name, drawing in drawings.items() if drawing},
        curve_box=CURVE_BOX,
        curve_left=CURVE_MARGIN[0],
        breakdowns=breakdowns,
        galleries={
            title: [(label, webp(picture), picture.shape) for label, picture in shown]
            for title, shown in (galleries or {}).items()
        },
        figures=figures or {},
        replays=ordered,
        recordings=recordings(ordered),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")


def write_page(
    path: Path,
    table: Table,
    folder: Path | None = None,
    replays: int = REPLAYS,
    value: Value | None = None,
    row: str = "agent",
    title: str = "",
) -> None:
    """The page of a results table: its numbers, success by kind, episodes to step through, and what the world shows.

    folder: of the run whose training curves and figures it shows, too. replays: how many episodes of one row it shows,
    failures first where episodes have a verdict. value: what the agent's value was taught to be; unless given it is not
    shown. title: of the page; the task and the split unless given.

    Raises ValueError where the table has no such row, or was made without its agent.
    """
    result, world = table.results.get(row), table.world
    if result is None or result.entry is None:
        raise ValueError(f"the table has no agent in a row {row!r} to show; it has {', '.join(table.results)}")
    entry, outcomes = result.entry, result.outcomes
    numbers = worth_showing(outcomes, replays) if world.verdicts else range(min(replays, len(outcomes)))
    seed = table.facts["seed"]
    lived = replay(entry.world or world, entry.agent, numbers, entry.act, None, seed, entry.beam, entry.rescorer, value)
    write_report(
        path,
        title or f"{table.facts['task']} on {table.facts['split']}",
        table.facts,
        curves_of(folder, world) if folder else {},
        breakdowns_of(world, outcomes),
        lived,
        world.galleries(outcomes),
        kept_figures(folder / FIGURES_FOLDER) if folder else {},
    )


def curves_of(folder: Path, world: World[Any]) -> dict[str, list[tuple[float, float]]]:
    """The training curves of a run, those that mean something in its world.

    Where episodes have no verdict, that of the world's headline is among them, whatever it is (see runs.probe_of).
    """
    lines = read_metrics(folder / METRICS_FILE)
    left_out = (() if world.scores_answers else ("answer_loss",)) + (() if world.verdicts else SUCCESSES)
    headline = () if world.verdicts else (world.headline,)
    named = [name for name in dict.fromkeys((*headline, *CURVES)) if name not in left_out]
    return {name: [(line["update"], line[name]) for line in lines if line.get(name) is not None] for name in named}


def breakdowns_of(world: World[Any], outcomes: Sequence[Outcome]) -> dict[str, list[Group]]:
    """Success by family of instructions and by length of the way; none where there is one, or success says little."""
    found = {"by kind" if world.scores_answers else "by family": by_family(outcomes)}
    if walks := [outcome for outcome in outcomes if isinstance(outcome, PathOutcome)]:
        found["by length of the shortest path"] = by_length(walks)
    return {name: groups for name, groups in found.items() if len(groups) > 1 and world.verdicts}


def worth_showing(outcomes: Sequence[Outcome], count: int) -> list[int]:
    """Which episodes a page shows: three failures to every success, or what there is of either."""
    failed = [number for number, outcome in enumerate(outcomes) if not outcome.success]
    reached = [number for number, outcome in enumerate(outcomes) if outcome.success]
    failures = failed[: max(count * 3 // 4, count - len(reached))]
    return failures + reached[: count - len(failures)]


def percent(share: float) -> str:
    return f"{100 * share:.1f}" if math.isfinite(share) else "–"


def _lead(table: Mapping[str, Any], metrics: Mapping[str, Metric]) -> dict[str, Any] | None:
    """The sentence of the headline: what comes before its number and after it, the interval, and the other rows'."""
    headline = table.get("headline") or next(iter(metrics), "")
    own = table["rows"].get("agent", {})
    if headline not in own:
        return None
    metric, bounds = metrics[headline], own[headline]
    before, _, after = (metric.sentence or f"The agent's {metric.title} is {{number}}").partition("{number}")
    text = f"{metric.written(bounds['mean'])} {metric.unit}".rstrip()
    if metric.alike and metric.alike in own:
        text += f" ({metrics[metric.alike].with_unit(own[metric.alike]['mean'])})"
    others = [
        (name, metric.written(row[headline]["mean"]))
        for name, row in table["rows"].items()
        if name != "agent" and headline in row
    ]
    interval = f"{metric.written(bounds['low'])} to {metric.written(bounds['high'])}"
    return {"before": before, "number": text, "after": after, "interval": interval, "others": others}


def _drawing(points: Sequence[tuple[float, float]]) -> dict[str, Any] | None:
    """What the page needs to draw a curve: its line, and ticks as (place, label); None when nothing can be drawn."""
    line = np.array([point for point in points if all(map(math.isfinite, point))], dtype=np.float64)
    if not len(line):
        return None
    first, last = line[0, 0], max(line[-1, 0], line[0, 0] + 1e-9)
    alone = line[-1, 0] == first
    line = np.stack([piece.mean(axis=0) for piece in np.array_split(line, min(len(line), CURVE_POINTS))])
    (width, height), (left, right, top, bottom) = CURVE_BOX, CURVE_MARGIN
    rows, columns = _ticks(line[:, 1]), [first] if alone else _ticks(np.array([first, last]))
    low, high = min(rows[0], line[:, 1].min()), max(rows[-1], line[:, 1].max())

    def across(step: float) -> float:
        return left + (step - first) / (last - first) * (width - left - right)

    def down(value: float) -> float:
        return height - bottom - (value - low) / (high - low) * (height - top - bottom)

    return {
        "line": " ".join(f"{across(step):.1f},{down(value):.1f}" for step, value in line),
        "rows": [(round(down(value), 1), number(value)) for value in rows],
        "columns": [(round(across(step), 1), number(step)) for step in columns if first <= step <= last],
        "first": line[0],
        "last": line[-1],
        "end": (round(across(line[-1, 0]), 1), round(down(line[-1, 1]), 1)),
    }


def _ticks(values: NDArray[np.float64]) -> list[float]:
    """From two to six round numbers over the range of these values, or around the only one."""
    low, high = float(values.min()), float(values.max())
    if low == high:
        low, high = low - 0.5, high + 0.5
    rough = (high - low) / 4
    unit = 10 ** math.floor(math.log10(rough))
    step = unit * next(factor for factor in (1, 2, 5, 10) if factor * unit >= rough * (1 - 1e-9))
    return [step * index for index in range(math.floor(low / step), math.ceil(high / step) + 1)]
