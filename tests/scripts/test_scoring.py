"""Scoring and speaking from the command line: what each needs, and that its advice can be followed as printed."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tyro
from helpers.graph_worlds import RECORD, connectivity, write_archive
from helpers.root import ROOT

from vln.envs.graphs.task import r2r

BROKEN = RECORD | {"path_id": 8, "path": ["a", "e"]}
WAYS = {f"7_{number}": [["a"], ["b", "c"]] for number in range(3)}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data folder that holds one building and one split, where scripts can be imported."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(ROOT / "scripts")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "matterport").mkdir()
    write_archive(tmp_path / "matterport" / "connectivity.tar.gz", hall=connectivity())
    (tmp_path / "r2r").mkdir()
    write("r2r/R2R_val_unseen.json", [RECORD])
    write("ways.json", WAYS)
    yield tmp_path
    for name in ("errors", "score", "speak", "train", "recipes"):
        sys.modules.pop(name, None)


def write(name: str, content: Any) -> None:
    Path(name).write_text(json.dumps(content))


def run(script: str, *arguments: str) -> Any:
    module = __import__(script)
    parse = getattr(module, "read", None)
    return module.main(parse(list(arguments)) if parse else tyro.cli(module.Options, args=arguments))


def test_a_split_is_scored_with_no_more_than_its_file_and_its_scans() -> None:
    table = run("score", "ways.json", "--data", ".")
    assert table["rows"]["ways"]["success"]["mean"] == 1
    assert table["rows"]["ways"]["ndtw"]["mean"] == 1
    write("own.json", [RECORD | {"path_id": "x", "instructions": ["go on"]}])
    write("ways.json", {"x_0": ["a", "b"]})
    run("score", "ways.json", "--data", ".", "--annotations", "own.json", "--split", "file")
    write("own.json", [RECORD | {"scan": "attic"}])
    with pytest.raises(ValueError, match="there is no graph of scan 'attic'"):
        run("score", "ways.json", "--data", ".", "--annotations", "own.json", "--split", "file")


def test_words_are_read_when_they_are_asked_for() -> None:
    task = r2r(".")
    assert len(task.episodes("val_unseen")) == 3
    with pytest.raises(ValueError, match=r"r2r holds neither R2R_train\.json nor"):
        task.open("val_unseen")
    write("r2r/R2R_train.json", [RECORD])
    assert len(r2r(".", validation_scans=0).vocabulary) == len(
        r2r(".", validation_scans=0).open("val_unseen").vocabulary
    )


def test_broken_records_are_left_out_of_scoring_with_their_trajectories() -> None:
    write("r2r/R2R_val_unseen.json", [RECORD, BROKEN])
    write("ways.json", WAYS | {f"8_{number}": ["a"] for number in range(3)})
    with pytest.raises(ValueError, match=r"record 1 \(path 8\): its path jumps from a to e.*\n--skip-broken leaves"):
        run("score", "ways.json", "--data", ".")
    with pytest.warns(UserWarning, match="1 broken records were skipped"):
        table = run("score", "ways.json", "--data", ".", "--skip-broken")
    assert table["episodes"] == 3
    write("ways.json", WAYS | {"9_0": ["a"]})
    with pytest.raises(SystemExit, match="1 trajectories are of no instruction of this split, as 9_0"):
        run("score", "ways.json", "--data", ".", "--skip-broken")  # which were counted once, above


def test_flags_need_no_value() -> None:
    read = __import__("train").read
    assert read(["r2r", "--skip-broken", "--no-mirror"]).task_options == {"skip_broken": True, "mirror": False}
    assert read(["glimpse", "--grey", "--no-contrast"]).task_options == {"grey": True}
    assert read(["glimpse", "--grey", "--no-contrast"]).world_options == {"contrast": False}
    assert read(["r2r", "--skip-broken", "--recipe", "r2r"]).task_options == {"skip_broken": True}


def test_a_speaker_leaves_out_records_that_were_broken_since_it_was_trained() -> None:
    write("r2r/R2R_train.json", [RECORD | {"path_id": number} for number in range(2)])
    few = "--validation-scans 0 --baselines 0 --updates 1 --num-envs 2 --unroll-length 2 --threads 1"
    few += " --hidden 8 --word-dim 8 --view-dim 8"
    write("r2r/R2R_val_seen.json", [RECORD])
    run("train", "r2r-speaker", "--data", ".", "--max-steps", "6", *few.split())
    write("r2r/R2R_train.json", [RECORD | {"path_id": number} for number in range(2)] + [BROKEN])
    spoken = [
        "runs/r2r-speaker",
        "--data",
        ".",
        "--out",
        "spoken.json",
        "--paths",
        "2",
        "--threads",
        "1",
        "--device",
        "cpu",
    ]
    with pytest.raises(ValueError, match="--skip-broken leaves such records out"):
        run("speak", *spoken)
    with pytest.warns(UserWarning, match="1 broken records were skipped"):
        run("speak", *spoken, "--skip-broken")
    assert len(json.loads(Path("spoken.json").read_text())) <= 2
