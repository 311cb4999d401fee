"""The tables and numbers of docs/worlds are those of the code and of docs/results."""

import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import gymnasium
import pytest
from helpers.commands import ROOT, standing_in

from vln.envs.registry import TASKS

PAGES = sorted((ROOT / "docs" / "worlds").glob("*.md"))
WHOLE = "\n".join(page.read_text() for page in PAGES)


@pytest.fixture(scope="module")
def write_docs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    with standing_in(tmp_path_factory.mktemp("empty")):
        yield __import__("write_docs")


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_a_page_is_what_the_program_writes(page: Path, write_docs: ModuleType) -> None:
    assert page.read_text() == write_docs.written(page.read_text()), "python scripts/write_docs.py writes it"


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_every_mark_of_a_page_ends_and_every_link_leads_somewhere(page: Path) -> None:
    text = page.read_text()
    assert len(re.findall(r"<!-- \w+: ", text)) == text.count("<!-- end -->")
    for target in re.findall(r"\]\((?!http)([^)]+)\)", text):
        assert (page.parent / target).is_file(), target


def test_every_task_has_its_options_and_every_environment_its_id_on_a_page() -> None:
    documented = set(re.findall(r"<!-- options: (\S+) -->", WHOLE))
    alike = {"gotoroom", "route", "relation", "sequence", "find"}  # have the options of goto
    assert documented | alike == set(TASKS)
    assert all(TASKS[name].options == TASKS["goto"].options for name in alike)
    assert all(f"| `{name}` |" in WHOLE for name in gymnasium.registry if name.startswith("vln/"))


def test_a_number_is_taken_from_the_results_and_what_is_not_there_is_refused(write_docs: ModuleType) -> None:
    mark = "<!-- result: demo.json | {} | success -->0<!-- end -->"
    assert re.search(r"-->\d\d\.\d<!-- end", write_docs.written(mark.format("agent")))
    with pytest.raises(ValueError, match=r"demo\.json has no 'agnet'; there are agent"):
        write_docs.written(mark.format("agnet"))
    with pytest.raises(ValueError, match="nothing is written for the mark"):
        write_docs.written("<!-- opinions: goto --><!-- end -->")
