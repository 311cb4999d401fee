"""Precomputed images of viewpoints: 36 views of each as vectors, read from the files that others publish.

Of the views, index 12 * (elevation + 1) + heading, elevation is -1 down, 0 level or 1 up, in steps of 30 degrees, and
heading 0 to 11, in steps of 30 degrees clockwise from +y (Anderson et al., 2018, arXiv:1711.07280).
"""

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
import pooch
from numpy.typing import NDArray

from vln.episode import Episode
from vln.pages.progress import Show, counted, unseen

from .conversion import FEATURES, RECORDS, VIEWPOINTS, Pair, Record, shape_of, write_records
from .graph_batch import NONE, VIEWS, GraphBatch

Index = int | slice | NDArray[np.integer]

_DAMAGED = (ValueError, OverflowError, SyntaxError, TokenError)  # what NumPy raises


@dataclass(frozen=True, eq=False)
class Images:
    """The views of many viewpoints, left on the disk until they are asked for.

    file: what errors name. features: float16 or float32 [N, 36, D], mapped from a file. rows: where in features a
    viewpoint is, in their order.
    """

    file: Path
    features: np.memmap
    rows: Mapping[Pair, int]

    def __reduce__(self) -> tuple[Any, ...]:
        # A map is pickled as all that it holds: gigabytes, where another process can map the same file.
        return _mapped, (Path(str(self.features.filename)), self.file)

    @property
    def size(self) -> int:
        """D, of how many numbers a view is."""
        return self.features.shape[-1]

    def known(self, scan: str, viewpoint: str) -> bool:
        return (scan, viewpoint) in self.rows

    def of(self, scan: str, viewpoint: str) -> NDArray[np.float32]:
        """The views of one viewpoint, [36, D]. Raises ValueError as `table` and its index do."""
        return self.table([(scan, viewpoint)])[0].astype(np.float32)

    def table(self, pairs: Sequence[Pair]) -> "Table":
        """The views of these viewpoints in this order, none of which is read yet.

        Raises ValueError with the first of those that are missing and their number.
        """
        if missing := [pair for pair in pairs if pair not in self.rows]:
            first = ", ".join(" ".join(pair) for pair in missing[:3])
            more = ", ..." if len(missing) > 3 else ""
            raise ValueError(f"{self.file} lacks {len(missing)} of {len(pairs)} viewpoints: {first}{more}")
        return Table(self, np.array([self.rows[pair] for pair in pairs], dtype=np.int64))


@dataclass(frozen=True, eq=False)
class Table:
    """An array [N, 36, D], in the precision of its file, of which only what an index asks for is read.

    rows: int64 [N], where in images.features its viewpoints are.
    """

    images: Images
    rows: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[NDArray[np.floating]]:
        return (self[number] for number in range(len(self)))

    @property
    def shape(self) -> tuple[int, int, int]:
        return len(self), VIEWS, self.images.size

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.images.features.dtype

    def __getitem__(self, index: Index | tuple[Index, Index]) -> NDArray[np.floating]:
        """table[viewpoints], [..., 36, D] for integers [...], or table[viewpoints, views], [..., D] for two of a shape.

        Raises ValueError where what is read is not finite: of a file of one's own nobody has looked at that before.
        """
        viewpoints, *views = index if isinstance(index, tuple) else (index,)
        rows = self.rows[viewpoints]
        found = np.asarray(self.images.features[(rows, *views)])
        if not np.isfinite(found).all():
            bad = next(row for row in np.ravel(rows) if not np.isfinite(self.images.features[row]).all())
            raise ValueError(f"{self.images.file}: NaN or infinite numbers at {' '.join(list(self.images.rows)[bad])}")
        return found


def images_of(features: Path | str, episodes: Sequence[Episode], atlas: GraphBatch) -> Table:
    """The images of every node of the atlas; in buildings without an episode there need not be any."""
    visited = sorted({atlas.number[episode.place.identity] for episode in episodes})
    if any(atlas.graphs[number].mirrored for number in visited):
        raise ValueError("nobody has images of mirrored buildings: train without these (mirror=False; --no-mirror)")
    with counted(f"converting {features}") as show:
        images = read_images(features, show=show)
    pairs = [(atlas.graphs[number].scan, name) for number in visited for name in atlas.graphs[number].viewpoints]
    rows = np.full(len(atlas.graph), NONE, dtype=np.int64)
    rows[np.isin(atlas.graph, visited)] = images.table(pairs).rows
    return Table(images, rows)


def read_images(path: Path | str, cache: Path | None = None, show: Show = unseen) -> Images:
    """Images from a file of one of these kinds, told by its suffix.

    - .tsv, of Anderson et al. (2018, arXiv:1711.07280): scanId, viewpointId, image_w, image_h, vfov and features, with
      tabs between, where features are base64 of float32 [36, D], little-endian.
    - .h5 or .hdf5, of HAMT (Chen et al., 2021, arXiv:2110.13309): a dataset [36, D] of floats named SCAN_VIEWPOINT for
      each viewpoint, and nothing else. Needs h5py.
    - .npy, or a folder with features.npy: float16 or float32 [N, 36, D], and beside it viewpoints.txt with a line
      `SCAN VIEWPOINT` for each of the N. `write_images` makes it.

    The first two can't be mapped: what is in them is written as the third into the cache, the first time and when the
    file has changed, which takes as many bytes again, and minutes.
    Raises ValueError with the file, the place in it and what is wrong there, and ImportError where h5py is missing.

    cache: a folder, by default pooch.os_cache("vln").
    show: called while a file is converted with how much of it is done and how much there is.
    """
    path = Path(path)
    if not path.exists():
        raise ValueError(f"there are no images at {path}")
    if path.is_dir():
        return _mapped(path / FEATURES, path)
    kind = path.suffix.lower()
    if kind == ".npy":
        return _mapped(path, path)
    if kind not in RECORDS:
        raise ValueError(f"images are read from a folder, .npy, {', '.join(RECORDS)}; {path} is none of them")
    return _converted(path, Path(cache or pooch.os_cache("vln")), RECORDS[kind](path, show))


def write_images(folder: Path | str, pairs: Sequence[Pair], features: Iterable[NDArray[np.floating]]) -> None:
    """Write views, float [36, D] for each of the viewpoints, as a folder that `read_images` maps.

    They are kept as float32, or float16 where they are that. The folder is there when it is whole, and not before.
    Raises ValueError with the record and what is wrong with it, or when the folder is there already.
    """
    folder = Path(folder)
    if folder.exists():
        raise ValueError(f"{folder} is there already: move it away, or write to another")
    write_records(folder, folder, _given(folder, pairs, features))


def _given(folder: Path, pairs: Sequence[Pair], features: Iterable[NDArray[np.floating]]) -> Iterator[Record]:
    for number, (pair, views) in enumerate(zip_longest(pairs, features), start=1):
        if pair is None or views is None:
            what = "more" if pair is None else "fewer"
            raise ValueError(f"{folder}: there are {what} features than the {len(pairs)} viewpoints they are for")
        yield f"record {number}", pair, np.asarray(views)


def _mapped(file: Path, named: Path) -> Images:
    """The array in this file, with the names beside it. named: what errors name that come later."""
    names = file.with_name(VIEWPOINTS)
    for needed in (file, names):
        if not needed.is_file():
            raise ValueError(f"images are {file.name} with {VIEWPOINTS} beside it; there is no {needed}")
    try:
        features = np.lib.format.open_memmap(file, mode="r")
    except _DAMAGED as error:
        raise ValueError(f"{file} can not be mapped as NumPy's .npy: {error}") from None
    fitting = features.ndim == 3 and features.shape[1] == VIEWS and features.size > 0
    if features.dtype not in (np.float16, np.float32) or not fitting:
        raise ValueError(f"{file} has {shape_of(features)}; images are float16 or float32 [N, {VIEWS}, D]")
    rows = _rows(names)
    if len(rows) != len(features):
        raise ValueError(f"{file} has {len(features)} viewpoints and {names} {len(rows)}: they don't fit together")
    return Images(named, features, rows)


def _rows(names: Path) -> dict[Pair, int]:
    rows: dict[Pair, int] = {}
    for number, line in enumerate(names.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        words = line.split()
        if len(words) != 2:
            raise ValueError(f"{names}, line {number}: {line!r} is not a scan and a viewpoint")
        if (words[0], words[1]) in rows:
            raise ValueError(f"{names}, line {number}: {line!r} is there a second time")
        rows[words[0], words[1]] = len(rows)
    return rows


def _converted(path: Path, cache: Path, records: Iterable[Record]) -> Images:
    """What is in the cache of this file as it is now; the records are read only where that is nothing whole."""
    name = f"images-{hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:16]}"
    facts = path.stat()
    folder = cache / f"{name}-{facts.st_size}-{facts.st_mtime_ns}"
    try:
        return _mapped(folder / FEATURES, path)
    except ValueError:
        for old in cache.glob(f"{name}-*"):  # damaged, or of the file before it changed
            shutil.rmtree(old, ignore_errors=True)
    try:
        write_records(folder, path, records)
    except OSError:
        if not folder.is_dir():
            raise
        # Another process was faster, and its folder is as good.
    return _mapped(folder / FEATURES, path)
