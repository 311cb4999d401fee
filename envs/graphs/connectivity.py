"""Navigation graphs as Matterport3DSimulator publishes them: a JSON file for each scan, in a folder or a .tar.gz."""

import gzip
import hashlib
import io
import json
import os
import sys
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pooch
from numpy.typing import NDArray

from .graph import Graph

ENDING = "_connectivity.json"
ARCHIVE = "connectivity.tar.gz"
FORMAT = 1  # of what is cached; another number makes it anew


def find_connectivity(folder: Path) -> Path:
    """Where the graphs lie: in this folder, in its folder `connectivity`, or in its archive. Raises ValueError."""
    for place in (folder / "connectivity", folder):
        if any(place.glob(f"[!.]*{ENDING}")):
            return place
    if (folder / ARCHIVE).is_file():
        return folder / ARCHIVE
    raise ValueError(f"{folder} holds no graphs: neither *{ENDING}, nor connectivity/*{ENDING}, nor {ARCHIVE}")


def read_graphs(source: Path, cache: Path | None = None) -> dict[str, Graph]:
    """The graph of every scan, by name, in the order of names.

    source: a folder of files SCAN_connectivity.json, or a .tar.gz that holds them. cache: the folder where the graphs
    and their shortest paths are kept until the files change; the user's own cache folder unless given.

    Raises ValueError, with file, viewpoint and reason, when something is wrong with a file.
    """
    files = dict(sorted(_contents(source)))
    if not files:
        raise ValueError(f"{source} holds no file that ends in {ENDING}")
    told = hashlib.sha256()
    for name, content in files.items():
        told.update(f"{name} {len(content)} ".encode() + content)
    kept = (cache or Path(pooch.os_cache("vln"))) / f"graphs-{FORMAT}-{told.hexdigest()[:32]}.npz"
    graphs = _recall(kept)
    if graphs is None:
        graphs = {name: read_graph(name, content) for name, content in files.items()}
        _keep(kept, graphs)
    return graphs


def read_graph(scan: str, content: bytes | str) -> Graph:
    """The graph of one scan from its JSON. Raises ValueError with file, viewpoint and reason."""
    where = f"{scan}{ENDING}"
    try:
        records = json.loads(content)
    except ValueError as error:
        raise ValueError(f"{where} is no JSON: {error}") from None
    if not isinstance(records, list) or not records:
        raise ValueError(f"{where} must be a list of viewpoints, at least one")
    named: dict[str, int] = {}
    for number, record in enumerate(records):
        _check(where, number, record, len(records))
        name = record["image_id"]
        if name in named:
            raise ValueError(f"{where}: viewpoint {name} is there twice, as number {named[name]} and {number}")
        named[name] = number
    included = np.array([record["included"] for record in records])
    unobstructed = np.array([record["unobstructed"] for record in records], dtype=np.bool_)
    one_way = np.argwhere(unobstructed & ~unobstructed.T)
    if len(one_way):
        here, there = (records[number]["image_id"] for number in one_way[0])
        raise ValueError(f"{where}: from {here} the way to {there} is unobstructed, but not the way back")
    if unobstructed.diagonal().any():
        loop = records[int(unobstructed.diagonal().argmax())]["image_id"]
        raise ValueError(f"{where}: an edge leads from {loop} to itself")
    kept = np.flatnonzero(included)
    if not len(kept):
        raise ValueError(f"{where}: no viewpoint is included")
    names = tuple(records[number]["image_id"] for number in kept)
    position = np.array([[records[number]["pose"][place] for place in (3, 7, 11)] for number in kept], dtype=np.float64)
    edges = np.argwhere(np.triu(unobstructed[np.ix_(kept, kept)])).astype(np.int32)
    return Graph.of(scan, names, position, edges)


def _check(where: str, number: int, record: Any, count: int) -> None:
    """Raises ValueError when a record is not one of a viewpoint among so many."""
    if not isinstance(record, Mapping):
        raise ValueError(f"{where}: viewpoint number {number} is {type(record).__name__}, not an object")
    missing = [key for key in ("image_id", "pose", "included", "unobstructed") if key not in record]
    if missing:
        raise ValueError(f"{where}: viewpoint number {number} lacks {', '.join(missing)}")
    here = f"{where}: viewpoint {record['image_id']!r} (number {number})"
    if not isinstance(record["image_id"], str) or not record["image_id"]:
        raise ValueError(f"{here}: image_id must be a text")
    if not isinstance(record["included"], bool):
        raise ValueError(f"{here}: included must be true or false, not {record['included']!r}")
    pose = record["pose"]
    if not isinstance(pose, list) or len(pose) != 16 or not all(_finite(value) for value in pose):
        raise ValueError(f"{here}: pose must be 16 finite numbers, not {pose!r:.120}")
    edges = record["unobstructed"]
    if not isinstance(edges, list) or not all(isinstance(edge, bool) for edge in edges):
        raise ValueError(f"{here}: unobstructed must be a list of true and false")
    if len(edges) > count and any(edges[count:]):
        missing_node = count + edges[count:].index(True)
        raise ValueError(f"{here}: an edge leads to viewpoint number {missing_node}, and there are only {count}")
    if len(edges) != count:
        raise ValueError(f"{here}: unobstructed says something of {len(edges)} viewpoints, and there are {count}")


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def _contents(source: Path) -> Iterator[tuple[str, bytes]]:
    """Name of a scan and content of its file, for every scan."""
    if source.is_dir():
        for file in source.glob(f"[!.]*{ENDING}"):
            yield file.name.removesuffix(ENDING), file.read_bytes()
        return
    if not source.is_file():
        raise ValueError(f"there is no file or folder {source}")
    try:
        content = source.read_bytes()
        # Whole at first: gzip's checksum is at its end, and what tarfile can't read it takes for an archive's end.
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            for member in archive:
                file = Path(member.name)
                if member.isfile() and file.name.endswith(ENDING) and not file.name.startswith("."):
                    opened = archive.extractfile(member)
                    assert opened is not None  # for it is a file
                    yield file.name.removesuffix(ENDING), opened.read()
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise ValueError(f"{source} can't be read as an archive: {error}") from None


def _keep(file: Path, graphs: Mapping[str, Graph]) -> None:
    """Write graphs to a file, whole or not at all. Where there is no room for it, it is only done again next time."""
    each = list(graphs.values())
    arrays: dict[str, NDArray[Any]] = {
        "scans": np.array(list(graphs)),
        "viewpoints": np.array([name for graph in each for name in graph.viewpoints]),
        "nodes": np.array([len(graph) for graph in each]),
        "edges": np.array([len(graph.edges) for graph in each]),
        "position": np.concatenate([graph.position for graph in each]),
        "pairs": np.concatenate([graph.edges for graph in each]),
        "distance": np.concatenate([graph.distance.ravel() for graph in each]),
    }
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=file.parent) as aside:
            whole = Path(aside, file.name)
            np.savez(whole, **arrays)  # type: ignore[arg-type]  # its other arguments have names of their own
            os.replace(whole, file)
    except OSError:
        return


def _recall(file: Path) -> dict[str, Graph] | None:
    """The graphs that a file keeps; None where it is not there or not whole."""
    try:
        with np.load(file, allow_pickle=False) as kept:
            arrays = {name: kept[name] for name in kept.files}
        scans, nodes = arrays["scans"].tolist(), arrays["nodes"]
        names = np.split(arrays["viewpoints"], np.cumsum(nodes)[:-1])
        position = np.split(arrays["position"], np.cumsum(nodes)[:-1])
        pairs = np.split(arrays["pairs"], np.cumsum(arrays["edges"])[:-1])
        distance = np.split(arrays["distance"], np.cumsum(nodes**2)[:-1])
        return {
            scan: Graph(scan, tuple(names[at].tolist()), position[at], pairs[at], distance[at].reshape(size, size))
            for at, (scan, size) in enumerate(zip(scans, nodes.tolist(), strict=True))
        }
    except (OSError, ValueError, TypeError, LookupError, EOFError, zipfile.BadZipFile):
        return None
