"""Handwritten digits: MNIST from its IDX files, and those of scikit-learn."""

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .image_splits import ImageSplits, LabelledImages, album_of, shuffled

CLASSES = tuple("0123456789")
HELD_OUT = 10_000  # pictures, the last of MNIST's training set: split val, by which agents are chosen
HANDWRITTEN_SHARES = (2 / 3, 1 / 6)  # of the 1,797 of scikit-learn, which has no splits: train and val

_FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
_UNSIGNED_BYTE = 8  # the one type of IDX that pictures and labels have


def mnist(folder: Path | str) -> ImageSplits:
    """MNIST (LeCun, Bottou, Bengio & Haffner 1998) from the four IDX files in a folder, gzipped or not.

    Split val is the last 10,000 pictures of the training set.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(
            f"MNIST is read from a folder with {_FILES['train'][0]} and three more; there is no {folder}. "
            "scripts/get_data.py mnist loads it"
        )
    found = {split: _digits(*(_file(folder, name) for name in names)) for split, names in _FILES.items()}
    known = found["train"]
    if len(known) <= HELD_OUT:
        raise ValueError(f"{folder} has {len(known)} pictures to train on; {HELD_OUT} of them are held out")
    first, last = slice(0, len(known) - HELD_OUT), slice(len(known) - HELD_OUT, len(known))
    return album_of({"train": known.part(first), "val": known.part(last), "test": found["test"]})


def handwritten() -> ImageSplits:
    """1,797 digits of 8x8 pixels that come with scikit-learn (Alpaydin & Kaynak 1998), dealt out to three splits."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = np.round(digits.images * (255 / 16)).astype(np.uint8)[..., None]
    return album_of(shuffled(LabelledImages(images, digits.target.astype(np.int64), CLASSES), HANDWRITTEN_SHARES))


def read_idx(path: Path) -> NDArray[np.uint8]:
    """The array in an IDX file of unsigned bytes, gzipped or not. Raises ValueError that says what is wrong with it."""
    try:
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{path} is damaged or cut off: {error}") from None
    if len(content) < 4 or content[:2] != b"\0\0":
        raise ValueError(f"{path} is no IDX file: it begins with {content[:4].hex(' ') or 'nothing'}")
    kind, dimensions = content[2], content[3]
    if kind != _UNSIGNED_BYTE:
        raise ValueError(
            f"{path} holds numbers of IDX type {kind:#x}; only unsigned bytes (0x8) are pictures or labels"
        )
    begin = 4 + 4 * dimensions
    if len(content) < begin:
        raise ValueError(f"{path} is cut off in its head, after {len(content)} bytes")
    shape = struct.unpack(f">{dimensions}I", content[4:begin])
    expected = begin + int(np.prod(shape))
    if len(content) != expected:
        what = "cut off" if len(content) < expected else "too long"
        raise ValueError(f"{path} is {what}: {list(shape)} take {expected} bytes, it has {len(content)}")
    return np.frombuffer(content, dtype=np.uint8, offset=begin).reshape(shape)


def _digits(images: Path, labels: Path) -> LabelledImages:
    drawn, named = read_idx(images), read_idx(labels)
    if drawn.ndim != 3 or named.ndim != 1 or len(drawn) != len(named):
        raise ValueError(f"{images} has {list(drawn.shape)} and {labels} {list(named.shape)}: they don't fit together")
    return LabelledImages(drawn[..., None], named.astype(np.int64), CLASSES)


def _file(folder: Path, name: str) -> Path:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise ValueError(f"there is neither {name} nor {name}.gz in {folder}")
