"""compare.py: memories of as many weights, trained over seeds, gone on with when it was broken off."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.root import ROOT

from vln.learning.checkpoints import load_checkpoint
from vln.learning.training import CHECKPOINT

FEW = "--updates 2 --num-envs 2 --unroll-length 6 --hidden 12 --threads 1 --teacher-share-end 1 --progress-weight 0"


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(ROOT / "scripts")
    yield __import__("compare")
    for name in ("compare", "errors", "command_line", "run_options", "recipes"):
        sys.modules.pop(name, None)


def compared(module: Any, arguments: str) -> dict[str, Any]:
    options = module.read(f"{FEW} {arguments} --json found.json".split())
    module.main(options)
    found: dict[str, Any] = json.loads(Path("found.json").read_text())
    return found


def test_memories_have_as_many_weights_and_every_seed_its_run(module: Any, capsys: pytest.CaptureFixture[str]) -> None:
    found = compared(module, "adding --length 6 --seeds 2 --figure curves.svg")
    assert (found["task"], found["updates"], found["steps"]) == ("adding", 2, 2 * 2 * 6)
    weights = {memory: row["weights"] for memory, row in found["rows"].items()}
    assert len(weights) == 8
    assert all(abs(of - weights["lstm"]) < 0.12 * weights["lstm"] for of in weights.values())
    assert found["rows"]["lstm"]["hidden"] == 12 < found["rows"]["elman"]["hidden"]
    for row in found["rows"].values():
        assert [run["seed"] for run in row["runs"]] == [0, 1]
        assert row["runs"][0]["metrics"] != row["runs"][1]["metrics"]
        assert list(row["runs"][0]["curve"]) == ["squared_error"]
    assert "<svg" in Path("curves.svg").read_text()
    assert "training in" in capsys.readouterr().out
    # What is complete is judged again, not trained again.
    assert compared(module, "adding --length 6 --seeds 2")["rows"] == found["rows"]
    assert "training in" not in capsys.readouterr().out


def test_runs_of_other_settings_are_not_taken_for_these(module: Any) -> None:
    compared(module, "parity --length 6 --seeds 1 --memories elman")
    with pytest.raises(SystemExit, match="other settings; give another --name"):
        compared(module, "parity --length 6 --seeds 1 --memories elman --learning-rate 0.5")


def test_a_comparison_begins_with_the_runs_of_another(module: Any) -> None:
    compared(module, "adding --length 6 --seeds 2 --memories gru --name short")
    begun = "adding --length 8 --memories gru --name long --init-from runs/short"
    compared(module, f"{begun} --seeds 2 --learning-rate 1e-9")
    for name in ("gru-0", "gru-1"):
        runs = (Path("runs") / comparison / name for comparison in ("short", "long"))
        first, second = (load_checkpoint(run / CHECKPOINT).part("agent") for run in runs)
        assert all(np.allclose(weights, second[of], atol=1e-6) for of, weights in first.items())
    with pytest.raises(ValueError, match="no run in runs/short/gru-2 to begin with"):
        compared(module, f"{begun} --seeds 3")


@pytest.mark.parametrize(("arguments", "complaint"), [("--memories brain", "'brain'"), ("--seeds 0", "not 0")])
def test_what_can_not_be_compared_is_refused(module: Any, arguments: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        compared(module, f"parity {arguments}")
