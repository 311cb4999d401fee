"""Instructions that people wrote for paths through graphs, in the format of Room-to-Room: read, checked, as episodes.

Any file of that format will do: R2R itself (Anderson et al. 2018, arXiv:1711.07280), R4R with its longer paths (Jain et
al. 2019, arXiv:1905.12255), RxR with an instruction a line (Ku et al. 2020, arXiv:2010.07954), REVERIE with several
goals of a path (Qi et al. 2020, arXiv:1904.10151), or one of your own.
"""

import math
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vln.episode import Episode
from vln.language import split_words

from .graph import Graph
from .records import Broken, Repeating, read_json

ONE = ("instr_id", "instruction_id")  # what may name a single instruction
NAMES = ("path_id", *ONE, "id")  # what may name a record
LARGEST = sys.float_info.max


@dataclass(frozen=True)
class Start:
    """Where an episode begins: at which viewpoint of its graph, and facing where, in radians clockwise from +y."""

    viewpoint: int
    heading: float


@dataclass(frozen=True)
class Annotations:
    """What a file holds.

    skipped: what was wrong with the records that were left out. left_out: the names of their instructions, where they
    have any. foreign: the names of episodes that a record says are told in another language than English.
    """

    episodes: list[Episode]
    skipped: tuple[str, ...] = ()
    left_out: frozenset[str] = frozenset()
    foreign: frozenset[str] = frozenset()


def find_annotations(folder: Path, split: str) -> Path:
    """The file of a split of R2R in a folder, plain or gzipped. Raises ValueError when there is none."""
    for name in (f"R2R_{split}.json", f"R2R_{split}.json.gz"):
        if (folder / name).is_file():
            return folder / name
    raise ValueError(f"{folder} holds neither R2R_{split}.json nor R2R_{split}.json.gz")


def read_annotations(file: Path, graphs: Mapping[str, Graph], skip_broken: bool = False) -> Annotations:
    """An episode for every instruction of a file, in its order, named PATH_NUMBER as the evaluation server does.

    A file is a list of records, or a record a line, plain or gzipped. A record is an object with scan, path (ids of
    viewpoints, start first), heading (radians, 0 is +y, growing clockwise), path_id, and instructions. Instead of
    these last there may be one `instruction`, named by instr_id, instruction_id or id; where records have an `id`,
    names are ID_NUMBER. Where the path is of one viewpoint and no distance is given the goal is kept secret, as in
    R2R's test split: such an episode has no goals.

    Raises ValueError with file, record and reason at the first record that is broken; with skip_broken, such a record
    (or a single broken instruction) is left out and its reason told.
    """
    episodes: list[Episode] = []
    skipped: list[str] = []
    left_out: set[str] = set()
    foreign: set[str] = set()
    named: dict[str, int] = {}
    for number, record in enumerate(_records(file)):
        for name, text, trouble in _instructions(record, graphs):
            if not trouble and name in named:
                trouble = f"{name} is the name of an instruction of record {named[name]} too"
            if trouble:
                told = f"{file}: record {number} ({_called(record)}): {trouble}"
                if not skip_broken:
                    raise ValueError(f"{told}\n--skip-broken leaves such records out (in Python: skip_broken=True)")
                skipped.append(told)
                left_out.update([name] if name else _names(record))
                continue
            named[name] = number
            episodes.append(_episode(record, name, text, graphs[record["scan"]]))
            if not str(record.get("language", "en")).lower().startswith("en"):
                foreign.add(name)
    if not episodes:
        raise ValueError(f"{file} holds no instruction" + (f"; skipped: {skipped[0]}" if skipped else ""))
    return Annotations(episodes, tuple(skipped), frozenset(left_out - set(named)), frozenset(foreign))


def _records(file: Path) -> Iterable[Any]:
    content = read_json(file)
    if isinstance(content, Mapping) and "scan" in content:
        return [content]  # JSON Lines of one line
    if isinstance(content, Mapping) and "episodes" in content:
        raise ValueError(
            f"{file} holds episodes of continuous environments (R2R-CE, RxR-CE), told as positions in metres; what is "
            f"read here names the viewpoints of graphs, as R2R and RxR themselves do"
        )
    if isinstance(content, Mapping) or not isinstance(content, Iterable) or isinstance(content, str):
        raise ValueError(f"{file} must be a list of records, not {type(content).__name__}")
    return content


def _called(record: Any) -> str:
    words = dict(zip(NAMES, ("path", "instruction", "instruction", "id"), strict=True))
    named = [key for key in NAMES if isinstance(record, Mapping) and key in record]
    return f"{words[named[0]]} {record[named[0]]}" if named else "without path_id"


def _instructions(record: Any, graphs: Mapping[str, Graph]) -> Iterator[tuple[str, str, str]]:
    """Name, text and what is wrong of every instruction of a record; one line where the whole record is wrong."""
    if trouble := _trouble(record, graphs):
        yield "", "", trouble
        return
    for number, (name, text) in enumerate(zip(_names(record), _texts(record), strict=True)):
        if not isinstance(text, str):
            yield name, "", f"instruction {number} is {type(text).__name__}, not a text"
        elif not split_words(text):
            yield name, "", f"instruction {number} is empty"
        else:
            yield name, text.strip(), ""


def _texts(record: Mapping[str, Any]) -> list[Any]:
    """The instructions of a record, be there many or one."""
    texts = record["instructions"] if "instructions" in record else [record.get("instruction")]
    return texts if isinstance(texts, list) else []


def _names(record: Any) -> list[str]:
    """How the instructions of a record are called; nothing where it does not say so."""
    if not isinstance(record, Mapping) or not any(key in record for key in NAMES):
        return []
    count = len(_texts(record))
    alone = [key for key in ONE if key in record]
    if count == 1 and alone:
        return [str(record[alone[0]])]
    if "instructions" not in record and "id" in record:
        return [str(record["id"])]
    base = record.get("id", record.get("path_id"))
    return [f"{base}_{number}" for number in range(count)]


def _trouble(record: Any, graphs: Mapping[str, Graph]) -> str:
    """What is wrong with a record; nothing where all is well."""
    if isinstance(record, Broken):
        return record.reason
    if not isinstance(record, Mapping):
        return f"it is {type(record).__name__}, not an object"
    if isinstance(record, Repeating):
        return f"it has two {record.name!r}"
    if missing := _missing(record):
        return f"it lacks {', '.join(missing)}"
    for key in NAMES:
        if key in record and (not isinstance(record[key], str | int | float) or isinstance(record[key], bool)):
            return f"its {key} is {record[key]!r}, which is no name"
    graph = graphs.get(record["scan"]) if isinstance(record["scan"], str) else None
    if graph is None:
        return f"there is no graph of scan {record['scan']!r}"
    path, heading = record["path"], record["heading"]
    if not isinstance(heading, int | float) or isinstance(heading, bool) or not abs(heading) <= LARGEST:
        return f"its heading is {heading!r}, not a finite number"
    if not _texts(record):
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


def _missing(record: Mapping[str, Any]) -> list[str]:
    missing = [key for key in ("scan", "path", "heading") if key not in record]
    several = isinstance(record.get("instructions"), list) and len(record["instructions"]) != 1
    if not any(key in record for key in NAMES if not several or key not in ONE):
        missing.insert(1, "path_id")
    if "instructions" not in record and "instruction" not in record:
        missing.append("instructions")
    return missing


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


def episode_from(instruction: str, graph: Any, start: Any) -> Episode:
    """An instruction of somebody's own in a graph, without a goal. start: a viewpoint's id, and degrees from +y.

    Raises ValueError where there is no such viewpoint.
    """
    if not isinstance(graph, Graph):
        raise ValueError(f"buildings are walked in a Graph (an episode's place), not in a {type(graph).__name__}")
    if not isinstance(start, Sequence) or isinstance(start, str) or len(start) != 2:
        raise ValueError(f"a start is the id of a viewpoint and a heading in degrees, not {start!r}")
    viewpoint, degrees = start
    if viewpoint not in graph.number:
        raise ValueError(
            f"{graph.scan} has no viewpoint {viewpoint!r}; there are {', '.join(graph.viewpoints[:3])}, ..."
        )
    place = Start(graph.number[viewpoint], float(np.radians(float(degrees))))
    path = np.array([[place.viewpoint]], dtype=np.int32)
    return Episode(instruction, graph, (place,), (), graph.scan, "", path)


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
