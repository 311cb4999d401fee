"""Reading SAIL: every known oddness of the corpus is met on purpose, every other one is an error that says where."""

import gzip
import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from helpers.data import data_folder

from vln.envs.sail.corpus import read_corpus
from vln.envs.sail.records import Corpus, Pose
from vln.envs.sail.validation import PARDONED, step_between

Files = dict[str, Any]

# Two nodes and a hall, one paragraph of two sentences: "turn right and go", "stop".
MAP = {
    "nodes": [
        {"x": 3, "y": 5, "item": "lamp", "position_number": 1},
        {"x": 4, "y": 5, "item": "", "position_number": None},
    ],
    "edges": [{"a": [3, 5], "b": [4, 5], "wall": "fish", "floor": "blue"}],
}
FIRST = {
    "id": "7-1",
    "paragraph_id": "7",
    "sentence": 1,
    "map": "grid",
    "author": "WLH",
    "text": "Turn right and go.",
    "tokens": ["turn", "right", "and", "go"],
    "path": [[3, 5, -1], [3, 5, 90], [4, 5, 90]],
    "start_heading_known": False,
    "resolved_path": [[3, 5, 0], [3, 5, 90], [4, 5, 90]],
    "actions": ["right", "forward", "stop"],
    "mei_dev": True,
}
SECOND = FIRST | {
    "id": "7-2",
    "sentence": 2,
    "text": "stop",
    "tokens": ["stop"],
    "path": [[4, 5, 90]],
    "start_heading_known": True,
    "resolved_path": [[4, 5, 90]],
    "actions": ["stop"],
    "mei_dev": False,
}
PARAGRAPH = {
    "id": "7",
    "map": "grid",
    "author": "WLH",
    "start": [3, 5],
    "end": [4, 5],
    "text": "Turn right and go. stop",
    "path": FIRST["path"],
    "sentence_ids": ["7-1", "7-2"],
    "mei": {
        "tokens": ["turn", "right", "and", "go", "stop"],
        "resolved_path": FIRST["resolved_path"],
        "actions": FIRST["actions"],
    },
}
SPLITS = {
    "folds": {"grid": {"test_map": "grid", "train_maps": []}},
    "counts": {"single": {"grid": 2}, "paragraph": {"grid": 1}},
    "mei_dev_ids": {"grid": ["7-1"]},
}


@pytest.fixture
def files() -> Files:
    """A whole corpus of one maze, which a test may break."""
    maps = {"items": ["lamp"], "walls": ["fish"], "floors": ["blue"], "maps": {"grid": MAP}}
    content: Files = {"maps": maps, "single_sentence": [FIRST, SECOND], "paragraph": [PARAGRAPH], "splits": SPLITS}
    return json.loads(json.dumps(content))  # a copy in which no list is shared


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return read_corpus(data_folder("sail"))


def write(folder: Path, files: Files) -> Path:
    for name, content in files.items():
        text = json.dumps(content).encode()
        if name in ("single_sentence", "paragraph"):
            (folder / f"{name}.json.gz").write_bytes(gzip.compress(text))
        else:
            (folder / f"{name}.json").write_bytes(text)
    return folder


def put(files: Files, where: str, value: object) -> None:
    """Replace one value, named by its path: "single_sentence/0/actions/1"."""
    *way, last = (int(part) if part.isdigit() else part for part in where.split("/"))
    target: Any = files
    for part in way:
        target = target[part]
    target[last] = value


def test_a_small_corpus_is_read(tmp_path: Path, files: Files) -> None:
    corpus = read_corpus(write(tmp_path, files))
    assert list(corpus.sentences) == ["7-1", "7-2"]
    assert not corpus.sentences["7-1"].heading_known
    assert corpus.mazes["grid"].positions == {1: (3, 5)}
    assert corpus.sentences_of([corpus.paragraphs["7"]]) == tuple(corpus.sentences.values())


@pytest.mark.parametrize(
    ("where", "value", "message"),
    [
        ("maps/maps/grid/nodes/0/item", "piano", r"maps.json: record grid: node \(3, 5\): unknown item 'piano'"),
        ("maps/maps/grid/nodes/0/x", 4, r"record grid: node \(4, 5\) is there twice"),
        ("maps/maps/grid/edges/0/wall", "lion", r"record grid: edge .*unknown wall 'lion'"),
        ("maps/maps/grid/edges/0/floor", "lava", r"record grid: edge .*floor 'lava'"),
        ("maps/maps/grid/edges/0/b", [3, 7], r"does not join two neighbouring nodes"),
        ("single_sentence/0/id", "7-2", r"sentence.json.gz: record number 1: the id '7-2' was used before"),
        ("single_sentence/0/id", None, r"record number 0: a text was expected, not None"),
        ("single_sentence/0/map", "attic", r"record 7-1: 'attic' is none of grid"),
        ("single_sentence/0/text", " ", r"record 7-1: a text was expected"),
        ("single_sentence/0/tokens", [], r"record 7-1: an instruction without words"),
        ("single_sentence/0/path/0", [9, 5, -1], r"record 7-1: pose 0: \(9, 5\) is no node of map 'grid'"),
        ("single_sentence/0/path/1/2", 45, r"record 7-1: pose 1: heading 45 is none of"),
        ("single_sentence/0/path/1/2", -1, r"record 7-1: pose 1: heading -1"),
        ("single_sentence/0/path/0", [3, 5], r"record 7-1: not enough values"),
        (
            "single_sentence/0/path/1/2",
            180,
            r"record 7-1: no move leads from \(3, 5, 180\) to \(4, 5, 90\) \(sidestep\)",
        ),
        ("single_sentence/0/resolved_path/0/2", 270, r"record 7-1: .*\(about-turn\)"),
        ("single_sentence/0/resolved_path/0/2", -1, r"record 7-1: pose 0: heading -1"),
        ("single_sentence/0/actions/0", "left", r"record 7-1: action 0 is 'left', but .* is 'right'"),
        ("single_sentence/0/actions", ["right", "stop"], r"record 7-1: 2 actions for 3 poses"),
        ("single_sentence/0/start_heading_known", True, r"record 7-1: start_heading_known does not fit"),
        ("single_sentence/1/path", [[3, 5, 90]], r"record 7-2: path .* are not the same route"),
        ("single_sentence/1/paragraph_id", "8", r"paragraph.json.gz: record 7: its sentence '7-2' belongs to another"),
        ("paragraph/0/sentence_ids", ["7-2", "7-1"], r"record 7: its sentences are not in order: \[2, 1\]"),
        ("paragraph/0/sentence_ids/1", "7-3", r"record 7: its sentence '7-3' does not exist"),
        ("paragraph/0/sentence_ids", [], r"record 7: `mei` must be there when it has sentences"),
        ("paragraph/0/end", [5, 5], r"record 7: end \(5, 5\) is no node"),
        ("paragraph/0/start", [4, 5], r"record 7: path begins at \(3, 5\), not at the start"),
        ("paragraph/0/mei/tokens/0", "go", r"record 7: the tokens in `mei` are not those of its sentences"),
        ("paragraph/0/mei/resolved_path/0/2", 180, r"record 7: action 0 is 'right', but .* is 'left'"),
        ("splits/counts/single/grid", 3, r"splits.json: record grid: 3 records of kind 'single' expected, 2 found"),
        ("splits/mei_dev_ids/grid", ["7-2"], r"splits.json: record grid: its development sentences are not"),
        ("splits/folds/grid/train_maps", ["grid"], r"splits.json: record grid: its fold must train on all the other"),
    ],
)
def test_a_broken_record_is_named_with_its_file_and_the_reason(
    tmp_path: Path, files: Files, where: str, value: object, message: str
) -> None:
    put(files, where, value)
    with pytest.raises(ValueError, match=message):
        read_corpus(write(tmp_path, files))


def test_a_field_that_is_missing_is_named(tmp_path: Path, files: Files) -> None:
    del files["single_sentence"][1]["tokens"]
    with pytest.raises(ValueError, match="record 7-2: 'tokens' is missing"):
        read_corpus(write(tmp_path, files))


def test_a_sentence_that_no_paragraph_has_is_named(tmp_path: Path, files: Files) -> None:
    files["single_sentence"].append(files["single_sentence"][1] | {"id": "7-3"})
    with pytest.raises(ValueError, match=r"no paragraph has the sentences \['7-3'\]"):
        read_corpus(write(tmp_path, files))


@pytest.mark.parametrize(
    ("name", "broken", "message"),
    [
        ("single_sentence.json.gz", lambda raw: raw[:-20], "single_sentence.json.gz: cut short or no gzip file"),
        ("paragraph.json.gz", lambda raw: b"[]", "paragraph.json.gz: cut short or no gzip file"),
        ("paragraph.json.gz", lambda raw: gzip.compress(b"{}"), "paragraph.json.gz: a list was expected, not a dict"),
        ("maps.json", lambda raw: raw[:-3], "maps.json: no valid JSON: .*line 1 column"),
        ("splits.json", lambda raw: b"\xff", "splits.json: no valid JSON"),
    ],
)
def test_a_broken_file_is_named(
    tmp_path: Path, files: Files, name: str, broken: Callable[[bytes], bytes], message: str
) -> None:
    file = write(tmp_path, files) / name
    file.write_bytes(broken(file.read_bytes()))
    with pytest.raises(ValueError, match=message):
        read_corpus(tmp_path)


def test_a_missing_file_is_an_error_that_shows_the_layout(tmp_path: Path, files: Files) -> None:
    del files["splits"]
    with pytest.raises(FileNotFoundError, match=r"no splits.json in .*: a folder of SAIL holds maps.json, single_"):
        read_corpus(write(tmp_path, files))


def test_there_are_3237_sentences_and_706_paragraphs(corpus: Corpus) -> None:
    assert (len(corpus.sentences), len(corpus.paragraphs)) == (3237, 706)
    halls = {maze.name: (len(maze.items), len(maze.halls) // 2) for maze in corpus.mazes.values()}
    assert halls == {"grid": (28, 40), "jelly": (38, 41), "l": (34, 40)}
    assert all(sorted(maze.positions) == [1, 2, 3, 4, 5, 6, 7] for maze in corpus.mazes.values())


def test_only_start_headings_are_unknown_and_that_of_every_paragraph_is(corpus: Corpus) -> None:
    assert sum(not sentence.heading_known for sentence in corpus.sentences.values()) == 701
    assert all(paragraph.path[0][2] == -1 for paragraph in corpus.paragraphs.values())


def test_322_sentences_stay_where_they_are(corpus: Corpus) -> None:
    still = [sentence for sentence in corpus.sentences.values() if len(sentence.path) == 1]
    assert len(still) == 322
    assert {sentence.actions for sentence in still} == {("stop",)}


def test_1286_6_turns_around_at_once_and_is_resolved_into_two_turns(corpus: Corpus) -> None:
    sentence = corpus.sentences["1286-6"]
    assert [degrees for *_, degrees in sentence.path] == [180, 0]
    assert sentence.actions == ("left", "left", "stop")


def test_numbers_of_sentences_may_be_skipped(corpus: Corpus) -> None:
    assert corpus.paragraphs["210"].sentences == ("210-1", "210-2", "210-3", "210-4", "210-6")
    numbers = [[corpus.sentences[name].number for name in p.sentences] for p in corpus.paragraphs.values()]
    assert sum(found != list(range(1, len(found) + 1)) for found in numbers) == 15


def test_807_moves_north_while_it_faces_east(corpus: Corpus) -> None:
    assert ((23, 21, 90), (23, 20, 90)) in pairwise(corpus.paragraphs["807"].path)


def test_the_pardoned_records_are_those_that_need_it(corpus: Corpus) -> None:
    """Jumps, sidesteps, pauses and swerves, exactly where they are listed."""
    needed: dict[str, set[str]] = {kind: set() for kind in PARDONED}
    paths: list[tuple[str, str, tuple[Pose, ...]]] = [(s.id, s.map, s.path) for s in corpus.sentences.values()]
    for paragraph in corpus.paragraphs.values():
        paths.append((paragraph.id, paragraph.map, paragraph.path))
        paths.append((paragraph.id, paragraph.map, paragraph.joined.path if paragraph.joined else ()))
    for name, maze, path in paths:
        for before, after in pairwise(path):
            kind = step_between(corpus.mazes[maze], before, after)
            if kind in needed:
                needed[kind].add(name)
    assert needed == {kind: set(names) for kind, names in PARDONED.items()}


@pytest.mark.parametrize("kind", ["sidestep", "pause"])
def test_what_is_pardoned_in_one_record_is_an_error_in_another(tmp_path: Path, files: Files, kind: str) -> None:
    odd = {"sidestep": [[3, 5, 0], [4, 5, 0]], "pause": [[4, 5, 90], [4, 5, 90]]}[kind]
    files["single_sentence"][1] |= {"path": odd, "resolved_path": odd, "actions": ["forward", "stop"]}
    with pytest.raises(ValueError, match=rf"record 7-2: no move leads from .*\({kind}\)"):
        read_corpus(write(tmp_path, files))


def test_15_published_paths_and_27_joined_ones_end_elsewhere_than_their_paragraph(corpus: Corpus) -> None:
    paragraphs = corpus.paragraphs.values()
    assert sum(p.path[-1][:2] != p.end for p in paragraphs) == 15
    assert sum(p.joined is not None and p.joined.path[-1][:2] != p.end for p in paragraphs) == 27
