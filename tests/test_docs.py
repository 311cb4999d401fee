"""What docs/ show is run in exactly the form they show, in an empty folder."""

import re
import runpy
import shlex
from pathlib import Path

import pytest
import torch
import tyro

ROOT = Path(__file__).resolve().parent.parent
SEQUENCES = (ROOT / "docs" / "sequences.md").read_text()


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


@pytest.mark.parametrize(("script", "arguments"), re.findall(r"^python scripts/(\w+)\.py(.*)$", SEQUENCES, re.M))
def test_a_script_takes_the_options_shown(script: str, arguments: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "scripts")
    module = runpy.run_path(str(ROOT / "scripts" / f"{script}.py"))
    parse = module.get("parse") or (lambda given: tyro.cli(module["Options"], args=given))
    parse(shlex.split(arguments))
