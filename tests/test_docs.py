"""What docs/ show is run in exactly the form they show, in an empty folder."""

import re
import runpy
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parent.parent
SEQUENCES, INSIDE = ((ROOT / "docs" / f"{name}.md").read_text() for name in ("sequences", "inside"))


def test_all_four_shapes_of_sequences_are_learned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", SEQUENCES, re.S)
    (tmp_path / "shapes.py").write_text(program)
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    runpy.run_path("shapes.py")
    found = dict(re.findall(r"^(.*): (\d+)% of lines", capsys.readouterr().out, re.M))
    assert list(found) == ["one to many", "many to one", "aligned", "not aligned"]
    assert all(int(share) >= 97 for share in found.values())


def test_the_units_that_tell_parity_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", INSIDE, re.S)
    (tmp_path / "units.py").write_text(program)
    monkeypatch.chdir(tmp_path)
    runpy.run_path("units.py")
    found = dict(re.findall(r"^([^:]*): .* (\d\.\d\d), by chance", capsys.readouterr().out, re.M))
    assert set(found) == {"asked 0", "asked 1", "given 0", "given 1", "steps"}
    assert float(found["asked 1"]) > 0.95
