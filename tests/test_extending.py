"""What docs/extending.md shows of metrics, tables and pages is run in exactly the form it shows, in an empty folder."""

import re
import runpy
import sys
from pathlib import Path

import pytest
from commands import run, standing_in

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "extending.md").read_text()


def program(name: str) -> str:
    """The program that the page would have saved under this name."""
    return PAGE.split(f"`{name}`:\n\n```python\n")[1].split("```")[0]


def test_the_metric_that_is_shown_is_in_the_table_and_on_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bumps.py").write_text(program("bumps.py"))
    with standing_in(tmp_path):
        runpy.run_path("bumps.py", run_name="__main__")
        printed = capsys.readouterr().out
        table = run("evaluate", "--agent", "random", "--task", "bumps.py:TASK", "--episodes", "4", "--threads", "1")
    assert "bumps moves" in printed
    found = dict(re.findall(r"^(\w+): ([\d.]+) bumps$", printed, re.M))
    assert float(found["straight"]) > float(found["random"]) > float(found["expert"]) == 0
    assert table["metrics"]["bumps"]["unit"] == "moves"
    sys.modules.pop("bumps", None)


def test_the_table_and_page_that_are_shown_are_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with standing_in(tmp_path):
        Path("beside.py").write_text(program("beside.py"))
        runpy.run_path("beside.py")
    rows = re.findall(r"^ ?(agent|blind\*?|random|stop|straight|expert) ", capsys.readouterr().out, re.M)
    assert set(rows) == {"agent", "random", "stop", "straight", "blind", "expert"}
    page = (tmp_path / "page.html").read_text()
    assert "goto: mine on val_seen" in page
    assert ">blind<" in page
