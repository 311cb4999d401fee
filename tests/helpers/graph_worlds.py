"""Small buildings as graphs, in files and as worlds, that tests share, and a slow second opinion on their distances."""

import io
import json
import math
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import numpy as np

from vln.envs.graphs.annotations import Start
from vln.envs.graphs.graph import Graph
from vln.envs.graphs.graph_batch import GraphBatch
from vln.envs.graphs.path_descriptions import PathDescriptions
from vln.envs.graphs.world import Graphs
from vln.episode import Episode
from vln.language import Vocabulary

Point = Sequence[float]

# A hall of five viewpoints that leads north, a room to its east, stairs from its end to a gallery above it, a twin of
# its end 0.2 mm away, and a cupboard that no way leads to. Metres, z up.
HALL: dict[str, Point] = {
    "a": (0.0, 0.0, 0.0),
    "b": (0.2, 2.1, 0.0),
    "c": (0.0, 4.3, 0.0),
    "d": (0.3, 6.2, 0.1),
    "e": (0.0, 8.4, 0.0),
    "s": (2.6, 5.0, 0.0),
    "u": (-1.0, 9.8, 2.4),
    "v": (-0.8, 5.1, 2.6),
    "t": (0.0002, 8.4, 0.0),
    "x": (-3.0, 2.0, 0.0),
}
WAYS = ("ab", "bc", "ac", "cd", "de", "cs", "sd", "eu", "uv", "et")

# A record of annotations in it.
RECORD: dict[str, Any] = {
    "distance": 4.31,
    "scan": "hall",
    "path_id": 7,
    "path": ["a", "b", "c"],
    "heading": 1.5,
    "instructions": ["Walk down the hall. ", "Turn right before the door.", "go on"],
}


def graph(positions: Mapping[str, Point] = HALL, ways: Iterable[str] = WAYS, scan: str = "hall") -> Graph:
    """The graph of viewpoints with names of one letter; each way is named by its two ends."""
    names = tuple(positions)
    edges = sorted(sorted(names.index(end) for end in way) for way in ways)
    return Graph.of(scan, names, np.array(list(positions.values())), np.array(edges, dtype=np.int32).reshape(-1, 2))


def line(*places: float) -> Graph:
    """Viewpoints a, b, c, ... so many metres along a line to the north, each joined to the next."""
    names = ascii_lowercase[: len(places)]
    positions = {name: (0.0, place, 0.0) for name, place in zip(names, places, strict=True)}
    return graph(positions, (names[at : at + 2] for at in range(len(names) - 1)), "line")


def scattered(seed: int, viewpoints: int = 9) -> Graph:
    """Viewpoints anywhere in a box, some pairs of them joined; not every place can be reached from every other."""
    rng = np.random.default_rng(seed)
    position = rng.uniform((0, 0, 0), (9, 9, 4), (viewpoints, 3))
    edges = np.argwhere(np.triu(rng.random((viewpoints, viewpoints)) < 0.3, 1)).astype(np.int32)
    return Graph.of(f"scattered {seed}", tuple(ascii_lowercase[:viewpoints]), position, edges)


def slow_distances(positions: Sequence[Point], edges: Iterable[Sequence[int]]) -> list[list[float]]:
    """Metres along shortest paths between all viewpoints, as Floyd and Warshall find them."""
    each = range(len(positions))
    found = [[0.0 if here == there else math.inf for there in each] for here in each]
    for here, there in edges:
        found[here][there] = found[there][here] = math.dist(positions[here], positions[there])
    for over in each:
        for here in each:
            for there in each:
                found[here][there] = min(found[here][there], found[here][over] + found[over][there])
    return found


def asked(place: Graph, path: str, heading: float = 0.0, secret: bool = False) -> Episode:
    """An episode along viewpoints with names of one letter."""
    nodes = np.array([place.number[name] for name in path], dtype=np.int32)
    return Episode(
        instruction=f"go to {path[-1]}",
        place=place,
        start=(Start(int(nodes[0]), heading),),
        goals=() if secret else (int(nodes[-1]),),
        family=place.scan,
        name=f"{place.identity} {path}",
        reference=nodes[:, None],
    )


def world(episodes: Sequence[Episode], **options: Any) -> Graphs:
    """The world of these episodes and of their buildings."""
    places = {episode.place.identity: episode.place for episode in episodes}
    vocabulary = Vocabulary.of(episode.instruction for episode in episodes)
    return Graphs(episodes, vocabulary, GraphBatch.of(list(places.values())), **{"max_words": 6, **options})


def hall_world(**options: Any) -> Graphs:
    """Episodes in two buildings and a mirror image, of one of which the goal is secret."""
    hall, other = graph(), scattered(3)
    paths = [("abc", 0.4), ("acde", 2.0), ("vuedc", 5.9), ("se", 3.1), ("a", 1.0), ("etede", 4.0)]
    episodes = [asked(place, path, heading) for place in (hall, hall.mirror) for path, heading in paths]
    return world([*episodes, asked(hall, "a", secret=True), asked(other, "ab"), asked(other, "ce")], **options)


def telling_world(**options: Any) -> PathDescriptions:
    """What is to be said of some paths in the hall."""
    hall = graph()
    episodes = [asked(hall, path) for path in ("abc", "acde", "vuedc", "se", "a")]
    vocabulary = Vocabulary.of(episode.instruction for episode in episodes)
    return PathDescriptions(episodes, vocabulary, GraphBatch.of([hall]), **{"max_steps": 5, **options})


def connectivity(
    positions: Mapping[str, Point] = HALL, ways: Iterable[str] = WAYS, excluded: str = ""
) -> list[dict[str, Any]]:
    """The records of a connectivity file, as Matterport3DSimulator's are; the camera of each has been turned."""
    names, joined = list(positions), {frozenset(way) for way in ways}
    return [
        {
            "image_id": name,
            "pose": [0.0, -1.0, 0.0, x, 1.0, 0.0, 0.0, y, 0.0, 0.0, 1.0, z, 0.0, 0.0, 0.0, 1.0],
            "included": name not in excluded,
            "visible": [True] * len(names),
            "unobstructed": [frozenset((name, other)) in joined for other in names],
            "height": 1.5,
        }
        for name, (x, y, z) in positions.items()
    ]


def write_folder(folder: Path, **scans: Any) -> Path:
    """A folder of connectivity files, of what they hold by scan."""
    folder.mkdir(parents=True, exist_ok=True)
    for scan, records in scans.items():
        (folder / f"{scan}_connectivity.json").write_text(json.dumps(records))
    return folder


def write_archive(file: Path, **scans: Any) -> Path:
    """The same as an archive, in which they lie in a folder, beside what else such an archive has."""
    content = {f"connectivity/{scan}_connectivity.json": json.dumps(records) for scan, records in scans.items()}
    with tarfile.open(file, "w:gz") as archive:
        for name, text in {"connectivity/README.md": "Graphs.", "connectivity/scans.txt": "hall\n", **content}.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return file
