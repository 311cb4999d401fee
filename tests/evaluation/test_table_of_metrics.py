"""The table of metrics: every number has a title and a unit, and console, page and JSON say the same of it."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.corridor import Corridor
from helpers.tiny_worlds import PLACES, place
from rich.console import Console

from vln.agents.scripted import scripted_for
from vln.evaluation.intervals import Interval
from vln.evaluation.tables import evaluate_entries, metrics_of, show_table, tabulate
from vln.metrics import METRICS, Metric, described_metric, ordered
from vln.pages.report import write_report


def table_of(world: Any, more: Any = None) -> dict[str, Any]:
    torch.manual_seed(0)
    results = evaluate_entries(world, scripted_for(world), 6)
    return dict(tabulate(world, results, "some task", "val", more=more).facts)


@pytest.fixture(scope="module", params=PLACES)
def table(request: pytest.FixtureRequest) -> dict[str, Any]:
    return table_of(place(request.param))


def test_every_metric_of_every_world_is_in_the_table_of_metrics(table: dict[str, Any]) -> None:
    assert set(table["metrics"]) <= set(METRICS)
    assert table["headline"] in table["metrics"]
    for name, said in table["metrics"].items():
        assert said["title"]
        assert said["meaning"]
        assert said["unit"] or name == "squared_error", f"{name} has no unit"


def test_console_page_and_json_agree_on_every_metric(table: dict[str, Any], tmp_path: Path) -> None:
    console = Console(width=300, record=True, file=(tmp_path / "console").open("w"))
    console.print(show_table(table))
    shown = console.export_text()
    write_report(tmp_path / "page.html", "Page", table, {}, {}, [])
    page = (tmp_path / "page.html").read_text()
    heads = [re.sub("<[^>]*>", "", head) for head in re.findall(r'<th scope="col">(.*?)</th>', page)]
    said = [described_metric(name, described).head for name, described in table["metrics"].items()]
    assert heads == ["who", *said]
    positions = [shown.index(f" {head} ") for head in said]
    assert positions == sorted(positions)
    for row in table["rows"].values():
        for name, metric in metrics_of(table).items():
            if name in row:
                text = metric.written(row[name]["mean"])
                assert f"<td>{text}<small>" in page
                assert f" {text} " in shown


def test_a_small_error_is_no_percentage_and_words_are_words(tmp_path: Path) -> None:
    bounds = dict.fromkeys(("mean", "low", "high"), 0.0016)
    words = dict.fromkeys(("mean", "low", "high"), 25.0)
    table = {"task": "adding", "split": "val", "episodes": 9, "seed": 0}
    write_report(
        tmp_path / "page.html",
        "Page",
        table | {"rows": {"agent": {"squared_error": bounds, "words": words}}},
        {},
        {},
        [],
    )
    page = (tmp_path / "page.html").read_text()
    assert "<td>0.0016<small>" in page
    assert "<td>25.0<small>" in page
    assert "MSE</abbr></th>" in page
    assert "words</abbr></th>" in page


def test_what_only_a_users_world_measures_is_shown_as_a_number_under_its_own_name(tmp_path: Path) -> None:
    more = {Metric("mud_on_boots"): {"stop": Interval(0.5, 0.25, 1234.0)}}
    table = table_of(Corridor(), more)
    assert table["metrics"]["mud_on_boots"]["unit"] == ""
    assert list(table["metrics"])[-1] == "mud_on_boots"
    write_report(tmp_path / "page.html", "Page", table, {}, {}, [])
    page = (tmp_path / "page.html").read_text()
    assert "mud on boots</abbr></th>" in page
    assert "<td>0.5<small>0.25 to 1,234</small></td>" in page
    console = Console(width=200, record=True, file=(tmp_path / "console").open("w"))
    console.print(show_table(table))
    shown = console.export_text()
    assert "mud on boots" in shown
    assert " 0.5 " in shown


def test_distances_are_in_the_worlds_unit() -> None:
    units = {name: table_of(place(name))["metrics"]["trajectory_length"]["unit"] for name in ("rooms", "hops", "looks")}
    assert units == {"rooms": "moves", "hops": "m", "looks": "pixels"}


def test_which_of_two_numbers_is_better_is_said_of_every_headline() -> None:
    worlds = [place(name) for name in PLACES]
    assert {METRICS[world.headline].better for world in worlds} <= {"more", "less"}
    assert all("{number}" in METRICS[world.headline].sentence for world in worlds)


def test_an_infinite_mean_is_told_apart_from_a_large_one() -> None:
    error = METRICS["navigation_error"]
    assert [error.written(value) for value in (None, np.inf, 1.0)] == ["∞", "∞", "1.00"]
    assert ordered(["zeal", "spl", "accuracy", "awe"]) == ["accuracy", "spl", "zeal", "awe"]
