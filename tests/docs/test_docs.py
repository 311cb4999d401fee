"""What docs/ show is run in exactly the form they show, in an empty folder."""

import re
import runpy
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from helpers.root import ROOT

SEQUENCES, INSIDE, SPACES = ((ROOT / "docs" / f"{name}.md").read_text() for name in ("sequences", "inside", "spaces"))


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
