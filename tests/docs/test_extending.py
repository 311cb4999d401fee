"""What docs/extending.md and the pages under it show is run in exactly the form they show, in an empty folder."""

import re
import runpy
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.commands import run
from helpers.pages import EXTENDING, programs, standing_beside_programs

from vln.envs.registry import make_task
from vln.evaluation.evaluate import evaluate
from vln.learning.config import TrainConfig
from vln.learning.rollouts import Act, follow_teacher, greedy
from vln.learning.training import train
from vln.tasks import shuffled
from vln.user_files import load
from vln.world import World

SHOWN = programs(EXTENDING)
COMMANDS = re.findall(r"^python scripts/train\.py (.*)$", EXTENDING, re.M)

LONGEST = {
    "corner.py": 40,
    "brackets.py": 40,
    "tiles.py": 80,
    "walk_tiles.py": 40,
    "says.py": 40,
    "leaky.py": 60,
    "walker.py": 60,
}
FEW = "--updates 2 --num-envs 4 --threads 1 --baselines 0"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with standing_beside_programs(tmp_path):
        yield tmp_path


def test_every_program_of_the_page_is_found() -> None:
    assert EXTENDING.count("```python") == len(SHOWN)
    commands = re.findall(r"^```bash\n(?:python scripts/|vln )", EXTENDING, re.M)
    assert EXTENDING.count("```bash") == len(commands) >= len(COMMANDS)


@pytest.mark.parametrize(("name", "most"), LONGEST.items())
def test_a_program_is_as_short_as_promised(name: str, most: int) -> None:
    assert SHOWN[name].lines <= most


@pytest.mark.parametrize("name", [name for name, program in SHOWN.items() if "__main__" in program.code])
def test_a_program_runs_and_prints_what_the_page_says(
    name: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runpy.run_path(name, run_name="__main__")
    out = capsys.readouterr().out
    assert out
    assert not SHOWN[name].printed or out == SHOWN[name].printed


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_trains(command: str, folder: Path) -> None:
    assert run("train", *shlex.split(command), *FEW.split(), "--name", "mine")
    assert (folder / "runs" / "mine" / "checkpoint.safetensors").is_file()


def test_an_agent_of_ones_own_learns_a_world_of_ones_own(folder: Path) -> None:
    task = make_task("walk_tiles.py:TASK")
    world, test = task.open("train"), task.open("val_unseen")
    torch.manual_seed(0)
    agent = load("walker.py:Walker")(world.spaces, world.action_space)
    train(world, agent, TrainConfig(updates=450, num_envs=32), folder / "walker")

    def reached(where: World[Any], act: Act = greedy) -> int:
        label = where.expert if act is follow_teacher else None
        return sum(outcome.success for outcome in evaluate(where, agent, act=act, label=label))

    misled = replace(task, words=task.vocabulary, source=shuffled(task.source)).open("val_unseen")
    assert reached(test, follow_teacher) == len(test.episodes) == 128  # the oracle
    assert reached(test) > 110
    assert reached(misled) < 80  # the baseline: told the instructions of other episodes


def test_the_metric_that_is_shown_is_in_the_table_and_on_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with standing_beside_programs(tmp_path):
        runpy.run_path("bumps.py", run_name="__main__")
        printed = capsys.readouterr().out
        table = run("evaluate", "--agent", "random", "--task", "bumps.py:TASK", "--episodes", "4", "--threads", "1")
    assert "bumps moves" in printed
    found = dict(re.findall(r"^(\w+): ([\d.]+) bumps$", printed, re.M))
    assert float(found["straight"]) > float(found["random"]) > float(found["expert"]) == 0
    assert table["metrics"]["bumps"]["unit"] == "moves"


def test_the_table_and_page_that_are_shown_are_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with standing_beside_programs(tmp_path):
        runpy.run_path("compared.py")
    rows = re.findall(r"^ ?(agent|blind\*?|random|stop|straight|expert) ", capsys.readouterr().out, re.M)
    assert set(rows) == {"agent", "random", "stop", "straight", "blind", "expert"}
    page = (tmp_path / "page.html").read_text()
    assert "goto: mine on val_seen" in page
    assert ">blind<" in page


def test_a_task_of_ones_own_has_a_name_for_the_console(folder: Path) -> None:
    assert make_task("corner.py:TASK").open("val_seen").episodes[0].family == "Corner"
    with pytest.raises(ValueError, match=r"corner\.py has nothing called 'TUSK'"):
        make_task("corner.py:TUSK")
    with pytest.raises(ValueError, match=r"no file 'kerner\.py'"):
        make_task("kerner.py:TASK")
    with pytest.raises(ValueError, match="takes no option"):
        make_task("corner.py:TASK", {"difficulty": 1})
