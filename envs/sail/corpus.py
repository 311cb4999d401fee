"""The SAIL corpus: three mazes, and instructions that people wrote in them.

MacMahon, Stankiewicz & Kuipers (AAAI 2006) asked for the routes, Chen & Mooney (AAAI 2011) cut them into single
sentences, and Mei, Bansal & Walter (AAAI 2016, arXiv:1506.04089) added words, actions and a development set.
"""

import gzip
import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .records import Corpus, Hall, Joined, Maze, Node, Paragraph, Pose, Sentence
from .validation import check_paragraph, check_sentence

MAPS, SENTENCES, PARAGRAPHS, SPLITS = "maps.json", "single_sentence.json.gz", "paragraph.json.gz", "splits.json"


def read_corpus(folder: str | Path) -> Corpus:
    """All of SAIL from the folder that holds its four files.

    Raises FileNotFoundError when one is missing, and ValueError naming file, record and reason when one is broken.
    """
    folder = Path(folder)
    missing = [name for name in (MAPS, SENTENCES, PARAGRAPHS, SPLITS) if not (folder / name).is_file()]
    if missing:
        wanted = f"{MAPS}, {SENTENCES}, {PARAGRAPHS} and {SPLITS}"
        raise FileNotFoundError(f"no {', '.join(missing)} in {folder}: a folder of SAIL holds {wanted}")
    mazes = _read_mazes(folder / MAPS)
    sentences = _read_sentences(folder / SENTENCES, mazes)
    corpus = Corpus(mazes, sentences, _read_paragraphs(folder / PARAGRAPHS, mazes, sentences))
    _compare_splits(folder / SPLITS, corpus)
    return corpus


def _read_mazes(file: Path) -> dict[str, Maze]:
    content = _parse(file, dict)
    mazes = {}
    with _named(file, "maps"):
        known = {name: set(content[name]) for name in ("items", "walls", "floors")}
        maps = content["maps"].items()
    for name, record in maps:
        with _named(file, name):
            mazes[name] = _maze(name, record, known)
    return mazes


def _maze(name: str, record: dict[str, Any], known: dict[str, set[str]]) -> Maze:
    items: dict[Node, str] = {}
    positions: dict[int, Node] = {}
    for node in record["nodes"]:
        place = _node([node["x"], node["y"]])
        if place in items:
            raise ValueError(f"node {place} is there twice")
        if node["item"] not in known["items"] | {""}:
            raise ValueError(f"node {place}: unknown item {node['item']!r}")
        items[place] = node["item"]
        if node["position_number"] is not None:
            positions[node["position_number"]] = place
    halls: dict[tuple[Node, Node], Hall] = {}
    for edge in record["edges"]:
        one, other = _node(edge["a"]), _node(edge["b"])
        if one not in items or other not in items or abs(one[0] - other[0]) + abs(one[1] - other[1]) != 1:
            raise ValueError(f"edge {one} to {other} does not join two neighbouring nodes")
        if (one, other) in halls:
            raise ValueError(f"edge {one} to {other} is there twice")
        if edge["wall"] not in known["walls"] or edge["floor"] not in known["floors"]:
            raise ValueError(f"edge {one} to {other}: unknown wall {edge['wall']!r} or floor {edge['floor']!r}")
        halls[one, other] = halls[other, one] = Hall(edge["wall"], edge["floor"])
    return Maze(name, items, halls, positions)


def _read_sentences(file: Path, mazes: dict[str, Maze]) -> dict[str, Sentence]:
    sentences: dict[str, Sentence] = {}
    for name, record in _records(file):
        with _named(file, name):
            sentence = Sentence(
                id=name,
                paragraph=_text(record["paragraph_id"]),
                number=_number(record["sentence"]),
                map=_one_of(record["map"], mazes),
                author=_text(record["author"]),
                text=_text(record["text"]),
                tokens=tuple(map(_text, record["tokens"])),
                path=tuple(map(_pose, record["path"])),
                resolved_path=tuple(map(_pose, record["resolved_path"])),
                actions=tuple(map(_text, record["actions"])),
                dev=bool(record["mei_dev"]),
            )
            check_sentence(sentence, mazes[sentence.map])
            if record["start_heading_known"] != sentence.heading_known:
                raise ValueError(f"start_heading_known does not fit the first pose {sentence.path[0]}")
        sentences[name] = sentence
    return sentences


def _read_paragraphs(file: Path, mazes: dict[str, Maze], sentences: dict[str, Sentence]) -> dict[str, Paragraph]:
    paragraphs: dict[str, Paragraph] = {}
    for name, record in _records(file):
        with _named(file, name):
            paragraph = Paragraph(
                id=name,
                map=_one_of(record["map"], mazes),
                author=_text(record["author"]),
                start=_node(record["start"]),
                end=_node(record["end"]),
                text=_text(record["text"]),
                path=tuple(map(_pose, record["path"])),
                sentences=tuple(map(_text, record["sentence_ids"])),
                joined=None if record["mei"] is None else _joined(record["mei"]),
            )
            check_paragraph(paragraph, mazes[paragraph.map], sentences)
        paragraphs[name] = paragraph
    claimed = {name for paragraph in paragraphs.values() for name in paragraph.sentences}
    if orphans := [name for name in sentences if name not in claimed]:
        raise ValueError(f"{file}: no paragraph has the sentences {orphans[:5]}")
    return paragraphs


def _joined(record: dict[str, Any]) -> Joined:
    return Joined(
        tokens=tuple(map(_text, record["tokens"])),
        path=tuple(map(_pose, record["resolved_path"])),
        actions=tuple(map(_text, record["actions"])),
    )


def _compare_splits(file: Path, corpus: Corpus) -> None:
    """What splits.json says about the corpus must be what the corpus holds."""
    content = _parse(file, dict)
    for maze in corpus.mazes:
        with _named(file, maze):
            dev = {sentence.id for sentence in corpus.sentences.values() if sentence.map == maze and sentence.dev}
            if set(content["mei_dev_ids"][maze]) != dev:
                odd = sorted(set(content["mei_dev_ids"][maze]) ^ dev)
                raise ValueError(f"its development sentences are not those marked in {SENTENCES}: {odd[:5]}")
            if set(content["folds"][maze]["train_maps"]) != set(corpus.mazes) - {maze}:
                raise ValueError("its fold must train on all the other maps and on no more")
            for kind, records in (("single", corpus.sentences), ("paragraph", corpus.paragraphs)):
                count = sum(record.map == maze for record in records.values())
                if content["counts"][kind][maze] != count:
                    raise ValueError(
                        f"{content['counts'][kind][maze]} records of kind {kind!r} expected, {count} found"
                    )


def _parse(file: Path, kind: type) -> Any:
    """The content of a JSON file, which must be of this kind (dict or list)."""
    try:
        raw = file.read_bytes()
        content = json.loads(gzip.decompress(raw) if file.suffix == ".gz" else raw)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{file}: cut short or no gzip file: {error}") from error
    except ValueError as error:  # JSONDecodeError says line and column; UnicodeDecodeError the byte
        raise ValueError(f"{file}: no valid JSON: {error}") from error
    if not isinstance(content, kind):
        raise ValueError(f"{file}: a {kind.__name__} was expected, not a {type(content).__name__}")
    return content


def _records(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The records of a file by id. An id that comes twice is an error."""
    seen = set()
    for index, record in enumerate(_parse(file, list)):
        with _named(file, f"number {index}"):
            name = _text(record["id"])
            if name in seen:
                raise ValueError(f"the id {name!r} was used before")
        seen.add(name)
        yield name, record


@contextmanager
def _named(file: Path, record: str) -> Iterator[None]:
    """Says which file and record an error belongs to."""
    try:
        yield
    except KeyError as error:
        raise ValueError(f"{file}: record {record}: {error} is missing") from error
    except (TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"{file}: record {record}: {error}") from error


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"a text was expected, not {value!r}")
    return value


def _number(value: object) -> int:
    if type(value) is not int:
        raise ValueError(f"a whole number was expected, not {value!r}")
    return value


def _node(value: list[int]) -> Node:
    x, y = map(_number, value)
    return x, y


def _pose(value: list[int]) -> Pose:
    x, y, heading = map(_number, value)
    return x, y, heading


def _one_of(value: str, names: dict[str, Any]) -> str:
    if value not in names:
        raise ValueError(f"{value!r} is none of {', '.join(names)}")
    return value
