"""What the pages of docs/ show is run in exactly the form they show, in an empty folder."""

import importlib
import re
import runpy
import shlex
from collections.abc import Callable
from pathlib import Path

import gymnasium
import pytest
import torch
import tyro
from helpers.commands import FEW
from helpers.pages import PAGES, PROGRAMS, README, programs, standing_beside_programs
from helpers.root import ROOT

SEQUENCES, INSIDE, SPACES = (PAGES[f"docs/{name}.md"] for name in ("sequences", "inside", "spaces"))
# The commands of docs/extending/ are run by test_extending.py, beside the programs of those pages.
WITH_COMMANDS = [README, *(text for name, text in PAGES.items() if not name.startswith("docs/extending"))]
# Those with variables of the shell, of several lines, or that resume a run of another task are tried by hand.
COMMANDS = re.findall(
    r"^python scripts/(\w+)\.py([^$\n]*[^\\$\n])$", "\n".join(WITH_COMMANDS).replace("--resume runs/mnist", "$"), re.M
)
LINKING = {"README.md": README, "RESULTS.md": "", "ARCHITECTURE.md": "", "CONTRIBUTING.md": "", **PAGES}


@pytest.fixture
def printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[str], str]:
    """What the one program of a page prints."""

    def run(page: str) -> str:
        (program,) = re.findall(r"```python\n(.*?)```", page, re.S)
        (tmp_path / "shown.py").write_text(program)
        monkeypatch.chdir(tmp_path)
        torch.manual_seed(0)
        runpy.run_path("shown.py")
        return capsys.readouterr().out

    return run


def test_all_four_shapes_of_sequences_are_learned(printed: Callable[[str], str]) -> None:
    found = dict(re.findall(r"^(.*): (\d+)% of lines", printed(SEQUENCES), re.M))
    assert list(found) == ["one to many", "many to one", "aligned", "not aligned"]
    assert all(int(share) >= 97 for share in found.values())


def test_the_units_that_tell_parity_are_found(printed: Callable[[str], str]) -> None:
    found = dict(re.findall(r"^([^:]*): .* (\d\.\d\d), by chance", printed(INSIDE), re.M))
    assert set(found) == {"asked 0", "asked 1", "given 0", "given 1", "steps"}
    assert float(found["asked 1"]) > 0.95


def test_an_encoder_of_ones_own_takes_the_place_of_one_of_ours(printed: Callable[[str], str]) -> None:
    assert printed(SPACES).strip() == "torch.Size([1, 2])"


@pytest.mark.parametrize("page", ["docs/gymnasium.md", "docs/worlds/glimpses.md"])
def test_a_program_prints_what_its_page_says(page: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = {name: program for name, program in programs(PAGES[page]).items() if program.printed}
    assert shown
    with standing_beside_programs(tmp_path):
        for name, program in shown.items():
            runpy.run_path(name, run_name="__main__")
            assert capsys.readouterr().out == program.printed


def test_a_task_of_ones_own_trains_with_stable_baselines(tmp_path: Path) -> None:
    with standing_beside_programs(tmp_path):
        assert runpy.run_path("sb3_ppo.py")["model"].num_timesteps == 2048


def test_no_two_pages_show_programs_of_one_name() -> None:
    assert len(PROGRAMS) == sum(len(programs(page)) for page in (README, *PAGES.values()))


@pytest.mark.parametrize(("script", "arguments"), COMMANDS)
def test_a_script_takes_the_options_shown(script: str, arguments: str, tmp_path: Path) -> None:
    with standing_beside_programs(tmp_path):
        module = importlib.import_module(script)
        read = getattr(module, "read", None) or (lambda words: tyro.cli(module.Options, args=words))
        if "--resume" in arguments:  # what a run is of decides what may be said beside it
            module.main(read(["--name", "mine", *FEW, "--baselines", "0"]))
        read(shlex.split(arguments, comments=True))


@pytest.mark.parametrize("page", LINKING)
def test_every_link_to_a_file_leads_somewhere(page: str) -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)[^)]*\)", LINKING[page] or (ROOT / page).read_text()):
        assert ((ROOT / page).parent / target).exists(), target


def test_every_environment_is_listed() -> None:
    listed = re.findall(r"^\| `(vln/\w+-v0)` \|", PAGES["docs/gymnasium.md"], re.M)
    assert sorted(listed) == sorted(id for id in gymnasium.registry if id.startswith("vln/"))
