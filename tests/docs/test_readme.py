"""README.md is short, what it shows runs in an empty folder, and what it says is there."""

import re
import runpy
from pathlib import Path

import pytest
import torch
from helpers.pages import PROGRAMS, README, programs, standing_beside_programs
from helpers.root import ROOT

from vln.envs.registry import TASKS

LEAST = 100  # successes of first.py: README says about 300, random actions reach about 30


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 150
    assert list(programs(README)) == ["first.py"]
    assert README.count("```python") == 1
    assert PROGRAMS["first.py"].lines == 10


def test_the_ten_lines_train_an_agent_that_is_far_better_than_chance(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    with standing_beside_programs(tmp_path):
        runpy.run_path("first.py", run_name="__main__")
    assert int(capsys.readouterr().out.splitlines()[-1].split()[0]) >= LEAST


def test_the_commands_of_make_exist() -> None:
    rules = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.M)
    assert set(re.findall(r"^make (\w+)", README, re.M)) <= set(rules)


def test_the_readme_lists_every_task() -> None:
    (table,) = re.findall(r"^## Worlds\n(.*?)^## ", README, re.M | re.S)
    listed = [
        name for row in re.findall(r"^\|[^|]*\|([^|]*)\|", table, re.M) for name in re.findall(r"`([\w-]+)`", row)
    ]
    assert sorted(listed) == sorted(TASKS)
