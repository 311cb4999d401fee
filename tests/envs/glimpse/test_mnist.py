"""MNIST's files: read when they are whole, refused by name when they are not."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from vln.envs.glimpse.image_splits import SPLITS
from vln.envs.glimpse.mnist import HELD_OUT, mnist, read_idx


def idx(array: NDArray[np.uint8], kind: int = 8) -> bytes:
    return bytes([0, 0, kind, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


CUBE = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)


def test_an_idx_file_reads_the_same_gzipped_and_plain(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(idx(CUBE))
    (tmp_path / "zipped").write_bytes(gzip.compress(idx(CUBE), mtime=0))
    for name in ("plain", "zipped"):
        np.testing.assert_array_equal(read_idx(tmp_path / name), CUBE)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (idx(CUBE)[:-1], r"cut off: \[2, 3, 4\] take 40 bytes, it has 39"),
        (idx(CUBE)[:9], "cut off in its head, after 9 bytes"),
        (idx(CUBE) + b"\0", r"too long: \[2, 3, 4\] take 40 bytes, it has 41"),
        (gzip.compress(idx(CUBE), mtime=0)[:-12], "damaged or cut off"),
        (gzip.compress(idx(CUBE), mtime=0)[:5], "damaged or cut off"),
        (gzip.compress(idx(CUBE), mtime=0) + b"rest", "damaged or cut off"),
        (b"\x89PNG and more", "no IDX file: it begins with 89 50 4e 47"),
        (b"", "no IDX file: it begins with nothing"),
        (idx(CUBE, kind=0xD), "numbers of IDX type 0xd; only unsigned bytes"),
    ],
)
def test_a_file_that_is_not_whole_is_refused_by_name(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "pictures-idx3-ubyte").write_bytes(content)
    with pytest.raises(ValueError, match=f"pictures-idx3-ubyte .*{message}"):
        read_idx(tmp_path / "pictures-idx3-ubyte")


def small_mnist(root: Path, training: int = HELD_OUT + 3) -> Path:
    """A folder like MNIST's, of tiny pictures; those to train on are gzipped."""
    for start, count, pack, ending in (("train", training, gzip.compress, ".gz"), ("t10k", 7, bytes, "")):
        pixels = np.arange(2 * count, dtype=np.uint8).reshape(count, 2, 1)
        (root / f"{start}-images-idx3-ubyte{ending}").write_bytes(pack(idx(pixels)))
        (root / f"{start}-labels-idx1-ubyte{ending}").write_bytes(pack(idx(np.arange(count, dtype=np.uint8) % 10)))
    return root


def test_the_last_pictures_of_mnist_are_held_out(tmp_path: Path) -> None:
    album = mnist(small_mnist(tmp_path))
    assert [len(album(split)) for split in SPLITS] == [3, HELD_OUT, 7]
    assert album("val").images[0, :, 0, 0].tolist() == [6, 7]
    assert album("val").labels[0] == 3


def test_a_folder_without_all_of_mnist_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"train-images-idx3-ubyte and three more; there is no .*nowhere"):
        mnist(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="10000 pictures to train on; 10000 of them are held out"):
        mnist(small_mnist(tmp_path, training=HELD_OUT))
    labels = tmp_path / "t10k-labels-idx1-ubyte"
    labels.write_bytes(idx(np.zeros(6, dtype=np.uint8)))
    with pytest.raises(ValueError, match=r"t10k-images-idx3-ubyte has \[7, 2, 1\] and .*t10k-labels-idx1-ubyte \[6\]"):
        mnist(tmp_path)
    labels.unlink()
    with pytest.raises(ValueError, match=rf"neither t10k-labels-idx1-ubyte nor .*\.gz in {tmp_path}"):
        mnist(tmp_path)
