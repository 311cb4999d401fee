"""Numbers of docs/results in the text of a page: {FILE :: ROW :: TOKEN TOKEN ...} becomes a table's cells.

A token is the name of a metric or figure, parts of a path divided by dots, and how it is written:

    success      the mean, as tables of this metric write it          success!   100 % minus the mean: an error
    success~     its interval, from low to high                       success!~  the error with its interval
    success±     mean and deviation over seeds                        success@   the values of all seeds
    median,      rounded to hundreds, or thousands above a million    median#    rounded to ones
    median_x     a ratio with two decimals                            held.0_3   with so many decimals

Tokens joined by a slash share a cell: success/spl.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from vln.metrics import Metric, metric_of

RESULTS = Path(__file__).resolve().parent.parent / "docs" / "results"
MILLION = 1_000_000
PLACE = re.compile(r"\{([^{}]+?) :: ([^{}]+?) :: ([^{}]+?)\}")
TOKEN = re.compile(r"([A-Za-z][\w.]*?)(!~|_\d|_x|[~±@,#!]?)$")
SHARES = ("sentence", "paragraph")  # metrics that only SAIL's tables have


def filled(template: str) -> str:
    """A text with all numbers that it asks for. Raises ValueError for one that is not there."""
    return PLACE.sub(lambda place: cells(place[1].strip(), place[2].strip(), place[3]), template)


def cells(file: str, row: str, tokens: str) -> str:
    """Numbers of one row as cells of a table."""
    return " | ".join(" / ".join(number(file, row, one) for one in cell.split("/")) for cell in tokens.split())


def number(file: str, row: str, token: str) -> str:
    """One number of docs/results/FILE.json as its token says."""
    parts = TOKEN.match(token)
    if not parts:
        raise ValueError(f"no number is written as {token!r}")
    path, form = parts[1], parts[2]
    value = _at(_row(file, row), path, f"{file}.json, {row}")
    metric = metric_shown(path.split(".")[-1])
    match form:
        case "~":
            return f"{metric.written(value['low'])}–{metric.written(value['high'])}"
        case "!":
            return f"{100 - 100 * _mean(value):.2f}"
        case "!~":
            low, high = (f"{100 - 100 * value[end]:.2f}" for end in ("high", "low"))
            return f"{100 - 100 * _mean(value):.2f} ({low}–{high})"
        case "±":
            return f"{metric.written(_mean(value))} ± {metric.written(value['deviation'])}"
        case "@":
            return " ".join(metric.written(one) for one in value["seeds"])
        case ",":
            return f"{round(value, -3 if value >= MILLION else -2):,.0f}"
        case "#":
            return f"{value:,.0f}"
        case "_x":
            return f"{value:.2f}"
        case "":
            return value if isinstance(value, str) else metric.written(_mean(value))
        case _:
            return f"{_mean(value):.{form[1]}f}"


@cache
def _table(file: str) -> Any:
    return json.loads((RESULTS / f"{file}.json").read_text())


def _row(file: str, row: str) -> Any:
    """A row by name; of a list, the item whose first text is the name, or "" for the one without."""
    table = _table(file)
    if isinstance(table, list):
        rows = {item["settings"]: item for item in table}
    elif row.partition(".")[0] in table:  # a list of findings: findings.LABEL
        part = row.partition(".")[0]
        rows = {f"{part}.{item['label']}": item for item in table[part]}
    else:
        rows = table["rows"]
    row = "" if row == "no switch" else row
    if row not in rows:
        raise ValueError(f"{file}.json has no row {row!r}; there are {', '.join(rows)}")
    values = rows[row]
    return {**_over_runs(values["runs"]), **values} if isinstance(values, Mapping) and "runs" in values else values


def _over_runs(runs: list[Mapping[str, Any]]) -> dict[str, Any]:
    """Mean and deviation of every metric over runs that differ in their seed, and the mean of their seconds."""
    values = {name: [run["metrics"][name] for run in runs] for name in runs[0]["metrics"]}
    spread = {
        name: {"mean": mean(seeds), "deviation": stdev(seeds) if len(seeds) > 1 else 0.0}
        for name, seeds in values.items()
    }
    return {**spread, "cpu_seconds": mean(run["cpu_seconds"] for run in runs)}


def _at(values: Any, path: str, where: str) -> Any:
    for key in path.split("."):
        if isinstance(values, Mapping) and key not in values:
            raise ValueError(f"{where} has no {key!r}; there are {', '.join(values)}")
        values = values[int(key) if isinstance(values, list) else key]
    return values


def _mean(value: Any) -> float:
    return float(value["mean"] if isinstance(value, Mapping) else value)


def metric_shown(name: str) -> Metric:
    """The metric of this name, or a plain number's."""
    return (
        replace(metric_of("success"), title=name)
        if name in SHARES
        else metric_of(name if name.isidentifier() else "value")
    )
