"""Conversion: views read from the files that others publish, checked one by one, and written as one array."""

import base64
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from vln.pages.progress import Show

from .graph_batch import VIEWS

FEATURES, VIEWPOINTS = "features.npy", "viewpoints.txt"  # what is written
COLUMNS = ("scanId", "viewpointId", "image_w", "image_h", "vfov", "features")  # of a .tsv

Pair = tuple[str, str]  # scan and viewpoint
Record = tuple[str, Pair, NDArray[Any]]  # where in its file it is, whose and what: one viewpoint


def write_records(folder: Path, source: Path, records: Iterable[Record]) -> None:
    """Write views as a folder that can be mapped, which is there when it is whole, and not before.

    Raises ValueError with the source, the place in it and what is wrong there.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as place:
        partial = Path(place) / folder.name
        partial.mkdir()
        with (partial / FEATURES).open("wb") as file:
            rows = _write_features(file, source, records)
            _settle(file)
        with (partial / VIEWPOINTS).open("w", encoding="utf-8") as names:
            names.writelines(f"{scan} {viewpoint}\n" for scan, viewpoint in rows)
            _settle(names)
        os.replace(partial, folder)


def _settle(file: IO[Any]) -> None:
    """Have it on the disk before the folder gets its name: a power cut must not leave that without this."""
    file.flush()
    os.fsync(file.fileno())


def _write_features(file: IO[bytes], source: Path, records: Iterable[Record]) -> dict[Pair, int]:
    """Write the records one after the other, for memory may not hold them all; where each of them is."""
    rows: dict[Pair, int] = {}
    first = np.empty(0)
    for where, pair, found in records:
        if problem := _problem(pair, found):
            raise ValueError(f"{source}, {where}: {problem}")
        if pair in rows:
            raise ValueError(f"{source}, {where}: viewpoint {' '.join(pair)} is there a second time")
        with np.errstate(over="ignore"):
            views = found if found.dtype == np.float16 else found.astype("<f4")
        if not np.isfinite(views).all():
            view = int(np.flatnonzero(~np.isfinite(views).all(axis=1))[0])
            raise ValueError(f"{source}, {where}: NaN or infinite numbers in view {view}")
        if not rows:
            first = views
            _write_head(file, 0, first)
        if (views.shape, views.dtype) != (first.shape, first.dtype):
            raise ValueError(f"{source}, {where}: {shape_of(views)}, where the first is {shape_of(first)}")
        file.write(views.tobytes())
        rows[pair] = len(rows)
    if not rows:
        raise ValueError(f"{source} holds no viewpoints")
    file.seek(0)
    _write_head(file, len(rows), first)
    return rows


def _write_head(file: IO[bytes], count: int, views: NDArray[np.floating]) -> None:
    """Of features.npy; NumPy leaves room in it for every count."""
    descr = np.lib.format.dtype_to_descr(views.dtype)
    head = {"descr": descr, "fortran_order": False, "shape": (count, *views.shape)}
    np.lib.format.write_array_header_1_0(file, head)


def _problem(pair: Pair, views: NDArray[Any]) -> str | None:
    if views.dtype.kind != "f" or views.ndim != 2 or len(views) != VIEWS or not views.size:
        return f"{shape_of(views)}; the views of a viewpoint are float [{VIEWS}, D]"
    if len(f"{pair[0]} {pair[1]}".split()) != 2 or not all(pair):
        return f"a scan and a viewpoint are a word each, not {pair[0]!r} and {pair[1]!r}"
    return None


def shape_of(views: NDArray[Any]) -> str:
    return f"{views.dtype} {list(views.shape)}"


def _tsv(path: Path, show: Show) -> Iterator[Record]:
    whole = path.stat().st_size
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            fields = line.rstrip(b"\r\n").split(b"\t")
            if fields == [b""] or fields == [column.encode() for column in COLUMNS]:
                continue
            if len(fields) != len(COLUMNS):
                raise ValueError(
                    f"{path}, row {number}: {len(fields)} columns, not the {len(COLUMNS)} {', '.join(COLUMNS)}"
                )
            scan, viewpoint = (field.decode(errors="replace") for field in fields[:2])
            yield f"row {number}", (scan, viewpoint), _decoded(fields[-1], f"{path}, row {number}")
            show(file.tell(), whole)


def _decoded(features: bytes, where: str) -> NDArray[np.float32]:
    try:
        content = base64.b64decode(features, validate=True)
    except ValueError as error:
        raise ValueError(f"{where}: features are no base64: {error}") from None
    if not content or len(content) % (4 * VIEWS):
        raise ValueError(
            f"{where}: features are {len(content)} bytes, no multiple of {VIEWS} views of 4 bytes a number"
        )
    return np.frombuffer(content, dtype="<f4").reshape(VIEWS, -1)


def _hdf5(path: Path, show: Show) -> Iterator[Record]:
    try:
        import h5py
    except ImportError as missing:
        raise ImportError(f"{path} is read with h5py ({missing}): pip install h5py") from missing
    try:
        with h5py.File(path, "r") as file:
            for number, (key, found) in enumerate(file.items(), start=1):
                scan, _, viewpoint = key.rpartition("_")
                if not scan or not viewpoint:
                    raise ValueError(f"{path}, key {key!r}: it is not SCAN_VIEWPOINT")
                if not isinstance(found, h5py.Dataset):
                    raise ValueError(f"{path}, key {key!r}: it is no dataset")
                yield f"key {key!r}", (scan, viewpoint), np.asarray(found[()])
                show(number, len(file))
    except OSError as error:
        raise ValueError(f"{path} can not be read as HDF5: {error}") from None


RECORDS = {".tsv": _tsv, ".h5": _hdf5, ".hdf5": _hdf5}
