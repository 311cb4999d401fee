"""Files of records: what is read in every shape that R2R's family has, and what is refused by file and record."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from helpers.graph_worlds import RECORD, graph

from vln.envs.graphs.annotations import read_annotations

HALLS = {"hall": graph()}


def write(file: Path, *records: Any) -> Path:
    file.write_text(json.dumps(records))
    return file


# As in RxR's guide annotations, but for what is not read of them.
GUIDE: dict[str, Any] = {
    "path_id": 11,
    "split": "val_seen",
    "scan": "hall",
    "heading": 3.1,
    "path": ["a", "b", "c"],
    "instruction_id": 26,
    "language": "en-IN",
    "instruction": "Okay, turn right.",
    "timed_instruction": [{"start_time": 0.4, "word": "Okay,", "end_time": 1.0}],
}


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzipped"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_records_may_stand_one_a_line_with_an_instruction_each(packed: bool, encoding: str, tmp_path: Path) -> None:
    hindi = GUIDE | {"instruction_id": 27, "language": "hi-IN", "instruction": "दाएँ\u2028मुड़ें"}
    lines = "\n".join(json.dumps(record, ensure_ascii=False) for record in (GUIDE, hindi)) + "\n\n"
    content = lines.encode(encoding)
    (tmp_path / "own.jsonl.gz").write_bytes(gzip.compress(content) if packed else content)
    found = read_annotations(tmp_path / "own.jsonl.gz", HALLS)
    assert [episode.name for episode in found.episodes] == ["26", "27"]
    assert found.episodes[1].instruction == hindi["instruction"]
    assert found.episodes[0].goals == (2,)
    assert found.foreign == {"27"}


@pytest.mark.parametrize(
    ("changes", "without", "names"),
    [
        ({}, (), ["7_0", "7_1", "7_2"]),
        ({"id": "7_66"}, (), ["7_66_0", "7_66_1", "7_66_2"]),  # as in REVERIE, where a path has several goals
        ({"id": "7_66"}, ("path_id",), ["7_66_0", "7_66_1", "7_66_2"]),
        ({"instructions": ["go on"], "instr_id": "7_1"}, (), ["7_1"]),
        ({"instruction": "go on", "instr_id": 4}, ("instructions",), ["4"]),
        ({"instruction": "go on", "id": "x"}, ("instructions", "path_id"), ["x"]),
        ({"instruction": "go on"}, ("instructions",), ["7_0"]),
        ({"instruction_id": 26, "instruction": "go on"}, ("instructions", "path_id"), ["26"]),
    ],
)
def test_an_instruction_is_called_as_its_record_says(
    changes: dict[str, Any], without: tuple[str, ...], names: list[str], tmp_path: Path
) -> None:
    record = {key: value for key, value in (RECORD | changes).items() if key not in without}
    episodes = read_annotations(write(tmp_path / "own.json", record), HALLS).episodes
    assert [episode.name for episode in episodes] == names


def test_a_name_that_is_none_and_a_dialogue_without_a_path_are_refused(tmp_path: Path) -> None:
    for value in (None, True, [7]):
        with pytest.raises(ValueError, match=r"record 0 \(path .*\): its path_id is .*, which is no name"):
            read_annotations(write(tmp_path / "own.json", RECORD | {"path_id": value}), HALLS)
    with pytest.raises(
        ValueError, match=r"record 0 \(without path_id\): it lacks scan, path_id, path, heading, instructi"
    ):
        read_annotations(write(tmp_path / "own.json", {"dialog_history": [], "planner_path": ["a"]}), HALLS)
    with pytest.raises(ValueError, match="instruction 0 is dict, not a text"):
        read_annotations(write(tmp_path / "own.json", GUIDE | {"instruction": {"instruction_text": "go"}}), HALLS)


def test_a_broken_line_and_a_key_that_is_there_twice_are_broken_records(tmp_path: Path) -> None:
    twice = json.dumps(RECORD)[:-1] + ', "heading": 0}'
    (tmp_path / "own.jsonl").write_text("\n".join([json.dumps(GUIDE), twice, '{"scan": "ha']))
    with pytest.raises(ValueError, match=r"own.jsonl: record 1 \(path 7\): it has two 'heading'\n--skip-broken"):
        read_annotations(tmp_path / "own.jsonl", HALLS)
    found = read_annotations(tmp_path / "own.jsonl", HALLS, skip_broken=True)
    assert [episode.name for episode in found.episodes] == ["26"]
    assert found.skipped[1].endswith(
        "line 3 is no whole JSON: Unterminated string starting at: line 1 column 10 (char 9)"
    )
    assert found.left_out == {"7_0", "7_1", "7_2"}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("own.json", b'[{"scan": "ha', r"own.json is no whole JSON, plain or gzipped"),
        ("own.json", b"\xff\xfe\xfd", r"own.json is no whole JSON"),
        ("own.json", b"", r"own.json is no whole JSON"),
        ("own.json.gz", gzip.compress(json.dumps([RECORD]).encode(), mtime=0)[:-12], r"own.json.gz is no whole JSON"),
        ("own.json.gz", gzip.compress(b"[]", mtime=0)[:10] + b"\xff" * 20, r"own.json.gz is no whole JSON"),
        ("own.json", b'{"records": []}', r"own.json must be a list of records, not dict"),
        ("own.json", b"7", r"own.json must be a list of records, not int"),
        (
            "own.json",
            b'{"episodes": [], "instruction_vocab": {}}',
            r"own.json holds episodes of continuous environments",
        ),
        ("own.json", b"[" * 100_000, r"own.json is no whole JSON"),
        ("own.json", b"[7]", r"own.json: record 0 \(without path_id\): it is int, not an object"),
        ("own.json", b"[]", r"own.json holds no instruction"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_annotations(tmp_path / name, HALLS)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=rf"{tmp_path / 'own.json'} can't be read: No such file"):
        read_annotations(tmp_path / "own.json", HALLS)
