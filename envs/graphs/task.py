"""Room-to-Room as a task: instructions that people wrote about paths through 90 real buildings."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property, wraps
from pathlib import Path
from typing import Any

import numpy as np

from vln.episode import Episode
from vln.language import Vocabulary
from vln.tasks import Baseline, Task, TaskSpec
from vln.world import World

from .annotations import Annotations, find_annotations, mirrored, read_annotations, skipped_summary
from .back_translation import rescore_by_speaker
from .connectivity import find_connectivity, read_graphs
from .graph import Graph
from .graph_batch import GraphBatch
from .mirror_words import exchange_sides
from .path_descriptions import PathDescriptions
from .trajectories import write_paths
from .world import BASELINES, Graphs

SPLITS = ("train", "held_out", "val_seen", "val_unseen", "test")
FILE = "file"  # the split of a file of the user's own
PROBES = 1024  # episodes of held_out that an agent in training is judged in: fewer tell too little
AT_LEAST = 3  # times: words that occur less often in train are unknown ones


@dataclass(frozen=True, eq=False)
class RoomToRoom:
    """Where the episodes of R2R come from, split by split.

    annotations: a file of its format, or a pattern with {split} in it; R2R's own in `data` unless given.
    validation_scans: the number of scans of train that are kept aside, to choose agents by; they are split held_out.
    mirror: whether train has every episode with left and right exchanged, too. extra_annotations: a file of further
    episodes to train on, as a speaker leaves them.
    """

    data: Path
    annotations: str | None
    skip_broken: bool
    validation_scans: int
    mirror: bool
    extra_annotations: str | None = None

    def __call__(self, split: str) -> list[Episode]:
        if split not in ("train", "held_out"):
            return self._read(split).episodes
        apart, annotations = self.held_out, [self._read("train")]
        episodes = [one for one in annotations[0].episodes if (one.place.scan in apart) == (split == "held_out")]
        if split == "train" and self.extra_annotations:
            annotations.append(_read(Path(self.extra_annotations), self.data, self.skip_broken))
            episodes += annotations[1].episodes
        if split == "train" and self.mirror:
            foreign = frozenset().union(*(found.foreign for found in annotations))
            images = ((one, exchange_sides(one.instruction)) for one in episodes if one.name not in foreign)
            episodes = [*episodes, *(mirrored(one, words) for one, words in images if words is not None)]
        return episodes

    @cached_property
    def held_out(self) -> frozenset[str]:
        """The scans of train that are kept aside: always the same ones for the same number."""
        scans = sorted({episode.place.scan for episode in self._read("train").episodes})
        if self.validation_scans >= len(scans):
            raise ValueError(
                f"train has {len(scans)} scans: {self.validation_scans} can't be kept aside "
                f"(--validation-scans 0 for none)"
            )
        return frozenset(np.random.default_rng(0).permutation(scans)[: self.validation_scans].tolist())

    @cached_property
    def splits(self) -> tuple[str, ...]:
        if self.annotations and "{split}" not in self.annotations:
            return (FILE,)
        return tuple(split for split in SPLITS if split != "held_out" or self.validation_scans)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The words of train; of a file of the user's own they are those of R2R, where it is there."""
        apart = self.held_out if FILE not in self.splits else frozenset()
        try:
            file = find_annotations(self.data / "r2r", "train")
        except ValueError:
            known = self._read(self.splits[0])
        else:
            known = _read(file, self.data, self.skip_broken)
        return Vocabulary.of((one.instruction for one in known.episodes if one.place.scan not in apart), AT_LEAST)

    def left_out(self, split: str) -> frozenset[str]:
        """The names of the instructions of a split's broken records, where they have any."""
        return self._read("train" if split == "held_out" else split).left_out

    def _read(self, split: str) -> Annotations:
        if self.annotations:
            file = Path(self.annotations.replace("{split}", split))
        else:
            file = find_annotations(self.data / "r2r", split)
        return _read(file, self.data, self.skip_broken)


def r2r(
    data: Path | str | None = None,
    annotations: Path | str | None = None,
    skip_broken: bool = False,
    validation_scans: int = 5,
    mirror: bool = True,
    extra_annotations: Path | str | None = None,
) -> Task:
    """Room-to-Room (Anderson et al. 2018, arXiv:1711.07280), or other annotations of its format.

    data: Folder that holds `matterport/` (the graphs) and `r2r/` (R2R_train.json and so on, plain or gzipped).
    annotations: Another annotations file, whose episodes are then split "file", or a pattern with {split} in it
    (R4R_{split}.json).
    skip_broken: Whether to leave out broken records and print their number, instead of an error at the first.
    validation_scans: Number of scans of train to hold out, as split held_out, for validation.
    mirror: Whether to train on mirror images too, with left and right exchanged in their English words.
    extra_annotations: File of further episodes to train on, as speak.py writes it.
    """
    source = source_of(data, annotations, skip_broken, validation_scans, mirror, extra_annotations)

    @wraps(Graphs, updated=())
    def world(episodes: Sequence[Episode], vocabulary: Vocabulary, **options: Any) -> Graphs:
        return Graphs(episodes, vocabulary, atlas_for(source.data, episodes), **options)

    task = task_of("r2r", source, world, BASELINES, shuffled=True)
    return replace(task, rescorer=rescore_by_speaker, write_paths=write_paths)


def speak(
    data: Path | str | None = None,
    annotations: Path | str | None = None,
    skip_broken: bool = False,
    validation_scans: int = 5,
    mirror: bool = True,
) -> Task:
    """The same turned round: say what somebody is to do who shall walk a path.

    data, annotations, skip_broken, validation_scans, mirror: as of task r2r.
    """
    source = source_of(data, annotations, skip_broken, validation_scans, mirror)

    @wraps(PathDescriptions, updated=())
    def world(episodes: Sequence[Episode], vocabulary: Vocabulary, **options: Any) -> PathDescriptions:
        return PathDescriptions(episodes, vocabulary, atlas_for(source.data, episodes), **options)

    return task_of("r2r-speaker", source, world, baselines={})


TASKS = {"r2r": TaskSpec(r2r, Graphs), "r2r-speaker": TaskSpec(speak, PathDescriptions)}


def source_of(
    data: Path | str | None,
    annotations: Path | str | None = None,
    skip_broken: bool = False,
    validation_scans: int = 5,
    mirror: bool = True,
    extra_annotations: Path | str | None = None,
) -> RoomToRoom:
    """Where the episodes come from. Raises ValueError when an argument is not what `r2r` says."""
    if data is None:
        raise ValueError("r2r needs data: the folder that holds matterport/ and r2r/ (--data DIR)")
    if validation_scans < 0:
        raise ValueError(f"validation_scans is a number of scans, not {validation_scans}")
    files = [str(file) if file else None for file in (annotations, extra_annotations)]
    return RoomToRoom(Path(data), files[0], skip_broken, validation_scans, mirror, files[1])


def task_of(
    name: str,
    source: RoomToRoom,
    world: Callable[..., World[Any]],
    baselines: Mapping[str, Baseline],
    shuffled: bool = False,
) -> Task:
    splits = source.splits
    choosing = next(split for split in ("held_out", "val_seen", FILE) if split in splits)
    judging = next(split for split in ("val_unseen", FILE) if split in splits)
    return Task(name, source, world, splits, lambda: source.vocabulary, choosing, PROBES, judging, baselines, shuffled)


def atlas_for(data: Path, episodes: Sequence[Episode]) -> GraphBatch:
    """The atlas that these episodes need: with mirror images where one of them is in one."""
    return atlas_of(data, any(episode.place.mirrored for episode in episodes))


def graphs_in(folder: Path) -> Mapping[str, Graph]:
    """The graphs in a folder, read once."""
    return _graphs_in(folder.absolute())


def atlas_of(data: Path, images: bool) -> GraphBatch:
    """All graphs as one atlas; with images, their mirror images too."""
    return _atlas_of(data.absolute(), images)


# What is kept is named by whole paths, for a program may change its folder; what is written anew is read anew.
@cache
def _graphs_in(folder: Path) -> Mapping[str, Graph]:
    return read_graphs(find_connectivity(folder))


@cache
def _atlas_of(data: Path, images: bool) -> GraphBatch:
    graphs = list(graphs_in(data / "matterport").values())
    return GraphBatch.of([*graphs, *(graph.mirror for graph in graphs)] if images else graphs)


def _read(file: Path, data: Path, skip_broken: bool) -> Annotations:
    written = file.stat() if file.is_file() else None
    return _read_once(file.absolute(), data.absolute(), skip_broken, written and (written.st_mtime_ns, written.st_size))


@cache
def _read_once(file: Path, data: Path, skip_broken: bool, written: tuple[int, int] | None) -> Annotations:
    found = read_annotations(file, graphs_in(data / "matterport"), skip_broken)
    if found.skipped:
        warnings.warn(skipped_summary(found.skipped), stacklevel=2)
    return found
