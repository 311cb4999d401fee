"""Mean and spread over seeds of several tables of evaluate.py of one split.

python scripts/seeds.py table-0.json table-1.json table-2.json --json seeds.json
"""

import thread_waiting  # noqa: F401  # before torch is loaded

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Annotated, Any

import tyro
from errors import plainly
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from vln.evaluation.tables import metrics_of
from vln.metrics import Metric


@dataclass(frozen=True)
class Options:
    """Which tables."""

    tables: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Tables of evaluate.py --json, one of each seed."""
    json: Path | None = None
    """File to write the figures to, as JSON."""


def read_tables(files: Sequence[Path]) -> list[dict[str, Any]]:
    """The tables in these files, which must be of the same episodes."""
    if len(files) < 2:
        raise SystemExit("a spread is of two tables or more")
    tables = []
    for file in files:
        try:
            table = json.loads(file.read_text())
            asked = [table[name] for name in ("task", "split", "episodes")]
            table["rows"].keys()
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SystemExit(f"{file} is no table of evaluate.py --json: {error!r}") from error
        tables.append(table)
        if asked != (first := [tables[0][name] for name in ("task", "split", "episodes")]):
            raise SystemExit(f"{file} is of {asked}, {files[0]} of {first}: only like tables have a mean")
    return tables


def spread(tables: Sequence[dict[str, Any]]) -> dict[str, dict[str, dict[str, float]]]:
    """By row and metric the mean and the standard deviation (of a sample), where every table has a number."""
    shared = [row for row in tables[0]["rows"] if all(row in table["rows"] for table in tables)]
    found: dict[str, dict[str, dict[str, float]]] = {}
    for row in shared:
        found[row] = {}
        for metric in metrics_of(tables[0]):
            values = [table["rows"][row].get(metric, {}).get("mean") for table in tables]
            if None not in values:
                found[row][metric] = {"mean": mean(values), "deviation": stdev(values)}
    return found


def show(found: dict[str, dict[str, dict[str, float]]], metrics: dict[str, Metric], title: str) -> Table:
    """For a terminal."""
    metrics = {name: metric for name, metric in metrics.items() if any(name in row for row in found.values())}
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in ("", *(metric.head for metric in metrics.values())):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    for row, numbers in found.items():
        cells = (_cell(metric, numbers[name]) if name in numbers else "" for name, metric in metrics.items())
        table.add_row(row, *cells)
    return table


def _cell(metric: Metric, number: dict[str, float]) -> str:
    return f"{metric.written(number['mean'])}\n± {metric.written(number['deviation'])}"


def main(options: Options) -> dict[str, Any]:
    """Read, print, and write where that is wanted."""
    tables = read_tables(options.tables)
    found = spread(tables)
    figures = {"task": tables[0]["task"], "split": tables[0]["split"], "seeds": len(tables), "rows": found}
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    title = f"{tables[0]['task']}, {tables[0]['split']}: {len(tables)} seeds, mean ± deviation"
    Console().print(show(found, metrics_of(tables[0]), title))
    return figures


if __name__ == "__main__":
    with plainly():
        main(tyro.cli(Options, args=sys.argv[1:], description=__doc__))
