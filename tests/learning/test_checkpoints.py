"""Checkpoints: written whole or not at all, without pickle, and refused where they do not fit."""

import json
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from helpers.full_disks import files_up_to
from safetensors.numpy import save_file

from vln.learning.checkpoints import FORMAT, Arrays, Checkpoint, load_checkpoint, save_checkpoint

ARRAYS: Arrays = {
    "agent/weight": np.arange(12, dtype=np.float32).reshape(3, 4),
    "agent/turned": np.arange(12, dtype=np.float32).reshape(3, 4).T,
    "optimizer/0/step": np.array(7.0, dtype=np.float32),
    "stream/key": np.array([2**64 - 1, 0], dtype=np.uint64),
    "episode_starts": np.array([True, False]),
    "seen": np.zeros((2, 0), dtype=np.uint64),
}
FACTS = {"update": 3, "plan": {"task": "goto", "without": []}, "words": ["ö", '"']}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    save_checkpoint(tmp_path / "run" / "checkpoint.safetensors", Checkpoint(ARRAYS, FACTS))
    return tmp_path / "run" / "checkpoint.safetensors"


def test_what_was_saved_is_loaded_bit_for_bit(path: Path) -> None:
    loaded = load_checkpoint(path)
    assert loaded.facts == FACTS
    assert loaded.arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert loaded.arrays[name].dtype == array.dtype
        assert loaded.arrays[name].shape == array.shape
        assert np.array_equal(loaded.arrays[name], array)


def test_a_part_is_named_by_the_rest_of_its_names(path: Path) -> None:
    assert load_checkpoint(path).part("agent").keys() == {"weight", "turned"}
    assert load_checkpoint(path).part("optimizer").keys() == {"0/step"}


def test_loading_runs_no_code_of_the_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pickle.loads", None)
    monkeypatch.setattr("pickle.Unpickler", None)
    load_checkpoint(path)
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    stored = sum(array.nbytes for array in ARRAYS.values())
    assert len(content) == 8 + length + stored  # a header in JSON, then numbers, then nothing
    assert header.keys() == {"__metadata__", *ARRAYS}


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_who_crashes_while_saving_still_has_the_one_from_before(
    path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def crash(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, call, crash)
    with pytest.raises(OSError, match="no space left"):
        save_checkpoint(path, Checkpoint({}, {"update": 4}))
    assert load_checkpoint(path).facts == FACTS
    monkeypatch.undo()
    save_checkpoint(path, Checkpoint({}, {"update": 4}))
    assert load_checkpoint(path).facts == {"update": 4}
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("share", [0, 0.001, 0.01, 0.3, 0.6, 0.9, 0.999])
def test_a_file_that_is_cut_short_is_named(path: Path, share: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match=r"run/checkpoint\.safetensors is no whole checkpoint.*cut short"):
        load_checkpoint(path)


@pytest.mark.parametrize(
    "content", [b"\xff" * 100, b"PK\x03\x04" + b"\x00" * 100, b"\x02\x00\x00\x00\x00\x00\x00\x00[]"]
)
def test_a_file_of_something_else_is_named(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"checkpoint\.safetensors is no whole checkpoint"):
        load_checkpoint(path)


def test_tensors_of_somebody_else_are_no_checkpoint(path: Path) -> None:
    save_file({"weight": np.zeros(3)}, path)
    with pytest.raises(ValueError, match=r"checkpoint\.safetensors holds tensors but is no checkpoint of vln"):
        load_checkpoint(path)


def test_a_checkpoint_of_another_format_names_both(path: Path) -> None:
    save_file({"weight": np.zeros(3)}, path, metadata={"format": str(FORMAT + 1), "facts": "{}"})
    with pytest.raises(ValueError, match=rf"has checkpoint format {FORMAT + 1}.*reads format {FORMAT}"):
        load_checkpoint(path)


def test_a_flipped_bit_anywhere_is_noticed_and_names_the_file(path: Path) -> None:
    content = path.read_bytes()
    for place in range(len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ (1 << place % 8)]) + content[place + 1 :])
        with pytest.raises(ValueError, match=r"run/checkpoint\.safetensors"):
            load_checkpoint(path)
    path.write_bytes(content)
    assert load_checkpoint(path).facts == FACTS


def test_two_weights_that_changed_places_are_noticed(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content.replace(b'"agent/weight"', b'"agent/weigth"'))
    with pytest.raises(ValueError, match=r"checkpoint\.safetensors is no whole checkpoint \(its SHA-256 is another\)"):
        load_checkpoint(path)


def test_facts_may_hold_what_stands_in_the_place_of_the_hash(path: Path) -> None:
    facts = {"words": ["0" * 64, f'"{"0" * 64}"'], "0" * 64: 1}
    save_checkpoint(path, Checkpoint(ARRAYS, facts))
    assert load_checkpoint(path).facts == facts


def test_a_disk_that_is_full_is_told_with_the_file_and_keeps_the_one_from_before(path: Path) -> None:
    with files_up_to(1000), pytest.raises(OSError, match=r"checkpoint\.safetensors can't be written: File too large"):
        save_checkpoint(path, Checkpoint({"weight": np.zeros(1000)}, {"update": 4}))
    assert list(path.parent.iterdir()) == [path]
    assert load_checkpoint(path).facts == FACTS


def test_a_checkpoint_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no checkpoint at .*nowhere"):
        load_checkpoint(tmp_path / "nowhere")
