"""What docs/extending.md shows is run in exactly the form it shows, in an empty folder."""

import re
import runpy
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from commands import ROOT, run, standing_in

from vln.agents.navigator import Navigator
from vln.agents.shape import Shape
from vln.envs.catalogue import make_task
from vln.evaluation import evaluate
from vln.files import load
from vln.lessons import Lessons
from vln.training import train

PAGE = (ROOT / "docs" / "extending.md").read_text()
# The name of a file, what is in it, and what the page says it prints, where it says so word for word.
PROGRAM = re.compile(r"`(\w+\.py)`[^`]*\n\n```python\n(.*?)```(?:\n\nIt prints:\n\n```text\n(.*?)```)?", re.S)
PROGRAMS = {name: (code, printed) for name, code, printed in PROGRAM.findall(PAGE)}
COMMANDS = re.findall(r"^python scripts/train\.py (.*)$", PAGE, re.M)

LONGEST = {"brackets.py": 40, "tiles.py": 80, "walk_tiles.py": 40, "says.py": 40, "leaky.py": 60, "walker.py": 60}
FEW = "--updates 2 --slots 2 --threads 1 --floors 0"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder with the programs of the page and nothing else, where one is."""
    for name, (code, _) in PROGRAMS.items():
        (tmp_path / name).write_text(code)
    with standing_in(tmp_path), pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(tmp_path)
        yield tmp_path
    for name in PROGRAMS:
        sys.modules.pop(name.removesuffix(".py"), None)


def lines(code: str) -> int:
    return len([line for line in code.splitlines() if line.strip()])


def test_every_program_of_the_page_is_found() -> None:
    assert PAGE.count("```python") == len(PROGRAMS)
    assert PAGE.count("```bash") == len(COMMANDS)


@pytest.mark.parametrize(("name", "most"), LONGEST.items())
def test_a_program_is_as_short_as_promised(name: str, most: int) -> None:
    assert lines(PROGRAMS[name][0]) <= most


@pytest.mark.parametrize("name", [name for name, (code, _) in PROGRAMS.items() if "__main__" in code])
def test_a_program_runs_and_prints_what_the_page_says(
    name: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runpy.run_path(name, run_name="__main__")
    out, printed = capsys.readouterr().out, PROGRAMS[name][1]
    assert out
    assert not printed or out == printed


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_trains(command: str, folder: Path) -> None:
    assert run("train", *shlex.split(command), *FEW.split(), "--name", "mine")
    assert (folder / "runs" / "mine" / "checkpoint.safetensors").is_file()


def test_a_world_of_ones_own_is_learned_far_better_than_by_who_is_deaf(folder: Path) -> None:
    task, reached = make_task("walk_tiles.py:TASK"), {}
    world = task.open("train")
    for name, senses in (("agent", ("instruction", "view", "previous")), ("deaf", ("view", "previous"))):
        torch.manual_seed(0)
        agent = Navigator(world.spaces, len(world.moves), Shape(hidden=48, word_dim=24, sight=32), senses)
        train(world, agent, Lessons(updates=150, slots=32), folder / name)
        reached[name] = sum(outcome.success for outcome in evaluate(task.open("val_unseen"), agent))
    assert reached["agent"] > reached["deaf"] + 20  # of 128


def test_an_agent_of_ones_own_learns(folder: Path) -> None:
    task = make_task("walk_tiles.py:TASK")
    world = task.open("train")
    torch.manual_seed(0)
    agent = load("walker.py:Walker")(world.spaces, world.move_space)
    outcomes = evaluate(task.open("val_unseen"), agent)
    before = sum(outcome.success for outcome in outcomes)
    train(world, agent, Lessons(updates=150, slots=32), folder / "walker")
    assert sum(outcome.success for outcome in evaluate(task.open("val_unseen"), agent)) > before + 40
