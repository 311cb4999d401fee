"""What README.md shows is run in exactly the form it shows, in an empty folder."""

import importlib
import re
import runpy
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import gymnasium
import pytest
import torch
import tyro
from helpers.commands import FEW
from helpers.root import ROOT

from vln.envs import make_task
from vln.envs.registry import TASKS

README = (ROOT / "README.md").read_text()

# The name of a file, what is in it, and what README says it prints, where it says so word for word.
PROGRAM = re.compile(
    r"`(\w+\.py)`[^`]*(?:`\w+\.py`[^`]*)?\n\n```python\n(.*?)```(?:\n\nIt prints:\n\n```text\n(.*?)```)?", re.S
)
PROGRAMS = {name: (code, printed) for name, code, printed in PROGRAM.findall(README)}
# The commands of docs/extending.md are run by test_extending.py, beside the programs of that page.
PAGES = [README, *(page.read_text() for page in sorted((ROOT / "docs").rglob("*.md")) if page.stem != "extending")]
COMMANDS = re.findall(r"^python scripts/(\w+)\.py(.*)$", "\n".join(PAGES), re.M)

LONGEST = {"first.py": 10, "corner.py": 40, "listener.py": 60}  # lines that are not empty
LEAST = {"first.py": 100, "listener.py": 60}  # successes: README says about 300 and 133, chance gives 30 and 25


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with README's programs and nothing else, where one is."""
    for name, (code, _) in PROGRAMS.items():
        (tmp_path / name).write_text(code)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in PROGRAMS:
        sys.modules.pop(name.removesuffix(".py"), None)


def test_every_program_of_the_readme_is_found() -> None:
    assert list(PROGRAMS) == ["first.py", "corner.py", "listener.py", "walk.py", "look.py", "ppo.py"]
    assert README.count("```python") == len(PROGRAMS)


@pytest.mark.parametrize(("name", "lines"), LONGEST.items())
def test_a_program_is_as_short_as_promised(name: str, lines: int) -> None:
    assert len([line for line in PROGRAMS[name][0].splitlines() if line.strip()]) <= lines


@pytest.mark.parametrize("name", [name for name, (_, printed) in PROGRAMS.items() if printed])
def test_a_program_prints_what_the_readme_says(name: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(name, run_name="__main__")
    assert capsys.readouterr().out == PROGRAMS[name][1]


@pytest.mark.parametrize("name", LEAST)
def test_a_trained_agent_is_far_better_than_chance(name: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(0)
    runpy.run_path(name, run_name="__main__")
    successes = int(capsys.readouterr().out.splitlines()[-1].split()[0])
    assert successes >= LEAST[name]


def test_a_task_in_a_file_of_ones_own_has_a_name_for_the_console(folder: Path) -> None:
    assert make_task("corner.py:TASK").open("val_seen").episodes[0].family == "Corner"
    with pytest.raises(ValueError, match=r"corner\.py has nothing called 'TUSK'"):
        make_task("corner.py:TUSK")
    with pytest.raises(ValueError, match=r"no file 'kerner\.py'"):
        make_task("kerner.py:TASK")
    with pytest.raises(ValueError, match="takes no option"):
        make_task("corner.py:TASK", {"difficulty": 1})


def test_a_task_of_ones_own_trains_with_stable_baselines(folder: Path) -> None:
    assert runpy.run_path("ppo.py")["model"].num_timesteps == 2048


@pytest.mark.parametrize(("script", "arguments"), COMMANDS)
def test_a_script_takes_the_options_shown(
    script: str, arguments: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(ROOT / "scripts")
    module = importlib.import_module(script)
    read = getattr(module, "read", None) or (lambda given: tyro.cli(module.Options, args=given))
    if "--resume" in arguments:  # what a run is of decides what may be said beside it
        module.main(read(["--name", "mine", *FEW, "--baselines", "0"]))
    read(shlex.split(arguments))


def test_the_commands_of_make_exist() -> None:
    rules = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.M)
    assert set(re.findall(r"^make (\w+)", README, re.M)) <= set(rules)


def test_every_link_to_a_file_leads_somewhere() -> None:
    for target in re.findall(r"\]\((?!http)([^)]+)\)", README):
        assert (ROOT / target).is_file(), target


def test_the_readme_lists_every_environment_and_every_task() -> None:
    listed = re.findall(r"^\| `vln/(\w+)-v0` \|", README, re.M)
    registered = {
        spec.removeprefix("vln/").removesuffix("-v0") for spec in gymnasium.registry if spec.startswith("vln/")
    }
    assert sorted(listed) == sorted(registered)
    unlisted = set(TASKS) - {name.lower() for name in listed}
    assert all(f"`{name}`" in README for name in unlisted)
