"""Instructions that people wrote for paths through graphs, in the format of Room-to-Room: read, checked, as episodes.

Any file of that format will do: R2R itself (Anderson et al. 2018, arXiv:1711.07280), R4R with its longer paths (Jain et
al. 2019, arXiv:1905.12255), or one of your own.
"""

import gzip
import json
import math
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vln.episode import Episode
from vln.language import split_words

from .graph import Graph

KEYS = ("scan", "path_id", "path", "heading", "instructions")
LARGEST = sys.float_info.max


@dataclass(frozen=True)
class Start:
    """Where an episode begins: at which viewpoint of its graph, and facing where, in radians clockwise from +y."""

    viewpoint: int
    heading: float


@dataclass(frozen=True)
class Annotations:
    """What a file holds. skipped: what was wrong with the records that were left out."""

    episodes: list[Episode]
    skipped: tuple[str, ...] = ()


def find_annotations(folder: Path, split: str) -> Path:
    """The file of a split of R2R in a folder, plain or gzipped. Raises ValueError when there is none."""
    for name in (f"R2R_{split}.json", f"R2R_{split}.json.gz"):
        if (folder / name).is_file():
            return folder / name
    raise ValueError(f"{folder} holds neither R2R_{split}.json nor R2R_{split}.json.gz")


def read_annotations(file: Path, graphs: Mapping[str, Graph], skip_broken: bool = False) -> Annotations:
    """An episode for every instruction of a file, in its order, named PATH_NUMBER as the evaluation server does.

    A record is an object with scan, path_id, path (ids of viewpoints, start first), heading (radians, 0 is +y, growing
    clockwise) and instructions. Where the path is of one viewpoint and no distance is given the goal is kept secret, as
    in R2R's test split: such an episode has no goals.

    Raises ValueError with file, record and reason at the first record that is broken; with skip_broken, such a record
    (or a single broken instruction) is left out and its reason told.
    """
    episodes: list[Episode] = []
    skipped: list[str] = []
    named: dict[str, int] = {}
    for number, record in enumerate(_records(file)):
        for name, text, trouble in _instructions(record, graphs):
            if not trouble and name in named:
                trouble = f"{name} is the name of an instruction of record {named[name]} too"
            if trouble:
                told = f"{file}: record {number} ({_called(record)}): {trouble}"
                if not skip_broken:
                    raise ValueError(f"{told}\n--skip-broken leaves such records out")
                skipped.append(told)
                continue
            named[name] = number
            episodes.append(_episode(record, name, text, graphs[record["scan"]]))
    if not episodes:
        raise ValueError(f"{file} holds no instruction" + (f"; skipped: {skipped[0]}" if skipped else ""))
    return Annotations(episodes, tuple(skipped))


def _records(file: Path) -> list[Any]:
    try:
        content = file.read_bytes()
        records = json.loads(gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content)
    except OSError as error:
        raise ValueError(f"{file} can't be read: {error.strerror or error}") from None
    except (EOFError, zlib.error, ValueError) as error:
        raise ValueError(f"{file} is no whole JSON, plain or gzipped: {error}") from None
    if not isinstance(records, list):
        raise ValueError(f"{file} must be a list of records, not {type(records).__name__}")
    return records


def _called(record: Any) -> str:
    return f"path {record['path_id']}" if isinstance(record, Mapping) and "path_id" in record else "without path_id"


def _instructions(record: Any, graphs: Mapping[str, Graph]) -> Iterator[tuple[str, str, str]]:
    """Name, text and what is wrong of every instruction of a record; one line where the whole record is wrong."""
    if trouble := _trouble(record, graphs):
        yield "", "", trouble
        return
    for number, text in enumerate(record["instructions"]):
        name = f"{record['path_id']}_{number}"
        if not isinstance(text, str):
            yield name, "", f"instruction {number} is {type(text).__name__}, not a text"
        elif not split_words(text):
            yield name, "", f"instruction {number} is empty"
        else:
            yield name, text.strip(), ""


def _trouble(record: Any, graphs: Mapping[str, Graph]) -> str:
    """What is wrong with a record; nothing where all is well."""
    if not isinstance(record, Mapping):
        return f"it is {type(record).__name__}, not an object"
    if missing := [key for key in KEYS if key not in record]:
        return f"it lacks {', '.join(missing)}"
    graph = graphs.get(record["scan"]) if isinstance(record["scan"], str) else None
    if graph is None:
        return f"there is no graph of scan {record['scan']!r}"
    path, heading, instructions = record["path"], record["heading"], record["instructions"]
    if not isinstance(heading, int | float) or isinstance(heading, bool) or not abs(heading) <= LARGEST:
        return f"its heading is {heading!r}, not a finite number"
    if not isinstance(instructions, list) or not instructions:
        return "it has no instructions"
    if not isinstance(path, list) or not path:
        return "its path is empty"
    for name in path:
        if not isinstance(name, str) or name not in graph.number:
            return f"viewpoint {name!r} is not in the graph of {graph.scan}"
    for one, other in pairwise(path):
        if one != other and not graph.joined[graph.number[one], graph.number[other]]:
            return f"its path jumps from {one} to {other}, which no edge of {graph.scan} joins"
    return ""


def _episode(record: Mapping[str, Any], name: str, text: str, graph: Graph) -> Episode:
    path = np.array([graph.number[viewpoint] for viewpoint in record["path"]], dtype=np.int32)
    secret = len(path) == 1 and "distance" not in record
    return Episode(
        instruction=text,
        place=graph,
        start=(Start(int(path[0]), float(record["heading"])),),
        goals=() if secret else (int(path[-1]),),
        family=graph.scan,
        name=name,
        reference=path[:, None],
    )


def mirrored(episode: Episode, words: str) -> Episode:
    """An episode with left and right exchanged in its building; words: the instruction that says so."""
    (start,) = episode.start
    graph: Graph = episode.place
    return replace(
        episode,
        instruction=words,
        place=graph.mirror,
        start=(Start(start.viewpoint, -start.heading % (2 * math.pi)),),
        name=f"{episode.name}/mirror",
    )


def path_of(episode: Episode) -> NDArray[np.int32]:
    """The viewpoints of the path an episode's instruction was written for, by number."""
    assert episode.reference is not None  # every episode here has one
    return episode.reference[:, 0].astype(np.int32)


def skipped_summary(skipped: Sequence[str]) -> str:
    """How many records were left out, and why the first of them was."""
    return f"{len(skipped)} broken records were skipped; the first: {skipped[0]}"
