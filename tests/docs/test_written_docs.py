"""The tables, numbers and curves of README.md and docs/ are those of the code and of docs/results."""

import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import gymnasium
import pytest
from helpers.commands import ROOT, standing_in

from vln.envs.registry import TASKS

PAGES = [
    page for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))) if "<!-- end -->" in page.read_text()
]
WHOLE = "\n".join(page.read_text() for page in PAGES if page.parent.name == "worlds")


@pytest.fixture(scope="module")
def write_docs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    with standing_in(tmp_path_factory.mktemp("empty")):
        yield __import__("write_docs")


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_a_page_is_what_the_program_writes(page: Path, write_docs: ModuleType) -> None:
    assert page.read_text() == write_docs.written(page.read_text()), "python scripts/write_docs.py writes it"


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_every_mark_of_a_page_ends(page: Path) -> None:
    text = page.read_text()
    assert len(re.findall(r"<!-- \w+:", text)) == text.count("<!-- end -->")


def test_every_curve_is_what_the_program_draws(write_docs: ModuleType) -> None:
    curves = write_docs.curves()
    assert len(curves) >= 4
    for name, columns in curves.items():
        drawn = write_docs.curve_svg(write_docs.RESULTS / f"{name}.csv", *columns)
        assert (write_docs.RESULTS / f"{name}.svg").read_bytes() == drawn, "python scripts/write_docs.py draws it"
    with pytest.raises(ValueError, match=r"demo-curve\.csv has no column 'reward'; there are update, success"):
        write_docs.curve_svg(write_docs.RESULTS / "demo-curve.csv", "reward")


def test_a_number_that_was_changed_by_hand_is_noticed(write_docs: ModuleType) -> None:
    page = (ROOT / "docs" / "results" / "rooms.md").read_text()
    assert page.count("| 97.3 |") == 1
    assert write_docs.written(page.replace("| 97.3 |", "| 98.3 |")) == page


@pytest.mark.parametrize(
    ("asked", "cells"),
    [
        ("{mnist-test :: agent :: accuracy accuracy! accuracy!~}", "99.52 | 0.48 | 0.48 (0.34–0.62)"),
        ("{demo :: agent :: success/spl success~}", "97.3 / 70.5 | 96.2–98.1"),
        ("{r2r-val_unseen :: agent :: success±}", "55.8 ± 0.6"),
        ("{sail-mei :: agent :: sentence@}", "75.6 74.5 75.4"),
        ("{worlds :: symbols 7x7 :: median, median#}", "9,318,000 | 9,318,047"),
        ("{memories-route :: lstm :: success±}", "19.4 ± 33.6"),
        ("{python-cells :: findings.capitals :: units.0 held.0_3}", "cell 305 | 0.965"),
        ("{r2r-ablations :: no switch :: held_out.success}", "49.1"),
    ],
)
def test_numbers_are_written_as_their_token_says(asked: str, cells: str, write_docs: ModuleType) -> None:
    assert write_docs.numbers(asked) == cells


def test_every_task_has_its_options_and_every_environment_its_id_on_a_page() -> None:
    documented = set(re.findall(r"<!-- options: (\S+) -->", WHOLE))
    alike = {"gotoroom", "route", "relation", "sequence", "find"}  # have the options of goto
    assert documented | alike == set(TASKS)
    assert all(TASKS[name].options == TASKS["goto"].options for name in alike)
    assert all(f"| `{name}` |" in WHOLE for name in gymnasium.registry if name.startswith("vln/"))


def test_a_number_is_taken_from_the_results_and_what_is_not_there_is_refused(write_docs: ModuleType) -> None:
    mark = "<!-- result: demo.json | {} | success -->0<!-- end -->"
    assert re.search(r"-->\d\d\.\d<!-- end", write_docs.written(mark.format("agent")))
    with pytest.raises(ValueError, match=r"demo\.json has no row 'agnet'; there are agent"):
        write_docs.written(mark.format("agnet"))
    with pytest.raises(ValueError, match=r"no row of demo\.json has 'surprise'; there are .*success"):
        write_docs.written("<!-- results: demo.json | success | surprise --><!-- end -->")
    with pytest.raises(ValueError, match="nothing is written for the mark"):
        write_docs.written("<!-- opinions: goto --><!-- end -->")
