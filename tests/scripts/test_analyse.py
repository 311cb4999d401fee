"""analyse.py: what it finds in untrained memories and in trained runs, and what it refuses."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.root import ROOT
from numpy.typing import NDArray

from vln.agents.analysis.activations import Activations
from vln.agents.analysis.selectivity import Finding

SMALL = "--length 40 --hidden 8 --num-envs 4"
FEW = "--updates 2 --num-envs 2 --unroll-length 6 --hidden 6 --layers 2 --baselines 0 --threads 1"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder, where the scripts can be imported."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(ROOT / "scripts")
    yield tmp_path
    for name in [*sys.modules]:
        if name.split(".")[0] in ("analyse", "analyses", "train", "recipes", "errors"):
            del sys.modules[name]


def run(script: str, arguments: str) -> None:
    module = __import__(script)
    module.main(module.read(arguments.split()))


def found(arguments: str) -> dict[str, Any]:
    run("analyse", f"gradients {SMALL} --json found.json {arguments}")
    told: dict[str, Any] = json.loads(Path("found.json").read_text())
    return told


def test_gradients_vanish_explode_and_last() -> None:
    reaches = found("--figures figures")
    assert Path("figures/gradients/01 Gradient of the last answer.svg").read_text().count("<svg") == 1
    kept = {name: of["norms"][-1] / of["norms"][0] for name, of in reaches.items()}
    assert kept["elman, hidden"] < 1e-4 < kept["lstm, cell"] < kept["lru, hidden"] < 1.5
    assert kept["elman-relu*1.5, hidden"] > 1e4
    assert reaches["elman, hidden"]["radius"] < 1 < reaches["elman-relu*1.5, hidden"]["radius"]
    assert len(reaches["gru, hidden"]["norms"]) == 39


def test_a_trained_run_is_looked_into_layer_by_layer() -> None:
    run("train", f"parity --length 6 {FEW}")
    reaches = found("--memories --run runs/parity")
    assert list(reaches) == [f"parity, {state} {layer}" for layer in (1, 2) for state in ("hidden", "cell")]


@pytest.mark.parametrize(
    ("memories", "complaint"),
    [
        ("brain", "no memory is called 'brain'"),
        ("elman*much", r"memory 'elman\*much': 'much' is no number"),
        ("lru*2", "lru has no weights from state to state"),
        ("", "nothing to look into"),
    ],
)
def test_what_it_can_not_look_into_is_refused(memories: str, complaint: str) -> None:
    with pytest.raises((ValueError, SystemExit), match=complaint):
        found(f"--memories {memories}")


@pytest.mark.parametrize(
    "task",
    ["parity --length 40", "goto --difficulty 1 --houses 512", "glimpse --looks 3", "characters --episode-length 50"],
)
def test_every_analysis_looks_into_runs_of_every_kind(task: str) -> None:
    rule = "--rule pathwise" if task.startswith("glimpse") else "--teacher-share-end 1"
    run("train", f"{task} {FEW} {rule} --name mine")
    analyses = {
        "cells": "runs/mine --episodes 4 --shifts 20",
        "gates": "runs/mine --episodes 2",
        "saliency": "runs/mine --episodes 2 --steps 12",
        "truncation": "--memories --run runs/mine --num-envs 2 --length 8 --unroll-lengths 2 4",
        "gradients": "--memories --run runs/mine --num-envs 2 --length 8",
    }
    for name, arguments in analyses.items():
        run("analyse", f"{name} {arguments} --json {name}.json")
        assert json.loads(Path(f"{name}.json").read_text())
    drawn = {folder.name for folder in Path("runs/mine/figures").iterdir()}
    assert drawn >= {"gates", "saliency", "truncation", "gradients"}
    run_report = Path("page.html")
    evaluate = __import__("evaluate")
    evaluate.main(evaluate.Options(run=Path("runs/mine"), episodes=4, report=run_report, replays=1))
    assert "How often gates are shut and open" in run_report.read_text()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("saliency runs/mine --episode 99999", "there is no episode 99999"),
        ("saliency runs/mine --steps 5 --step 9", "has 5 steps here, none has the number 9"),
        ("cells runs/mine --episodes 0", "episodes must be at least 1, not 0"),
        ("cells runs/mine --episodes 1", "1 is too few"),
        ("gates runs/nowhere", "nowhere"),
        ("truncation --unroll-lengths 0 2", "at least one step, not 0"),
    ],
)
def test_what_no_analysis_can_answer_is_refused(arguments: str, complaint: str) -> None:
    run("train", f"characters --episode-length 20 {FEW} --name mine")
    with pytest.raises((ValueError, OSError, SystemExit), match=complaint):
        run("analyse", arguments)


def test_a_label_that_is_rare_is_drawn_where_it_holds() -> None:
    class Paper:
        """In place of a world: draws nothing, and says of what."""

        def begin(self, ids: NDArray[np.int64]) -> list[int]:
            return ids.tolist()

        def draw(self, begun: list[int], _: int, steps: NDArray[Any], colours: NDArray[np.uint8]) -> Any:
            return begun, steps.tolist(), len(colours)

    episode, label = np.repeat([4, 6, 9], 5), np.zeros(15, dtype=np.bool_)
    label[7:9] = True
    values = np.arange(15, dtype=np.float32)
    units = np.stack([values, -values], axis=1)
    reading = Activations(
        units, ("up", "down"), {"rare": label, "time": values}, episode, np.arange(15) % 5, np.arange(15)
    )
    draw_unit = __import__("analyses.cells", fromlist=["draw_unit"]).draw_unit
    for name, kind, drawn in (("rare", "AUC", 6), ("time", "correlation", 4)):
        told = Finding(name, kind, ("up",), (0,), (1.0,), (1.0,), (1,), 0.5, 0.01)
        assert draw_unit(Paper(), reading, told) == ([drawn], np.flatnonzero(episode == drawn).tolist(), 5)
