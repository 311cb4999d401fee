"""Pictures from a folder: both layouts, files of every kind, and what is said of those that are wrong."""

import io
import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from vln.envs.glimpse.files import read_picture, white_of
from vln.envs.glimpse.folders import folder
from vln.envs.glimpse.image_splits import SPLITS


def save(file: Path, image: Any, **options: Any) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    picture = image if isinstance(image, Image.Image) else Image.fromarray(np.asarray(image, dtype=np.uint8))
    picture.save(file, **options)
    return file


GREY, RED = np.full((4, 5), 70), np.broadcast_to([200, 0, 0], (4, 5, 3))


def split_folder(root: Path, splits: tuple[str, ...] = ("train", "test"), count: int = 6) -> Path:
    """Pictures as bright as their number, of two classes."""
    for split in splits:
        for number in range(count):
            save(root / split / ("cat", "dog")[number % 2] / f"{number}.png", np.full((4, 5), number))
    return root


def test_a_folder_of_classes_is_dealt_out(tmp_path: Path) -> None:
    for number in range(20):
        save(tmp_path / ("cat", "dog")[number % 2] / f"{number}.png", np.full((4, 5), number))
    album, again = folder(tmp_path), folder(str(tmp_path))
    assert [len(album(split)) for split in SPLITS] == [14, 3, 3]
    assert album("train").classes == ("cat", "dog")
    dealt = {split: album(split).images[:, 0, 0, 0] for split in SPLITS}
    assert sorted(np.concatenate(list(dealt.values()))) == list(range(20))
    for split, numbers in dealt.items():
        np.testing.assert_array_equal(album(split).labels, numbers % 2)
        np.testing.assert_array_equal(again(split).images[:, 0, 0, 0], numbers)


def test_a_folder_that_is_split_stays_so(tmp_path: Path) -> None:
    album = folder(split_folder(tmp_path, SPLITS))
    for split in SPLITS:
        assert album(split).images[:, 0, 0, 0].tolist() == [0, 2, 4, 1, 3, 5]
        assert album(split).labels.tolist() == [0, 0, 0, 1, 1, 1]


def test_a_sixth_of_train_is_held_out_where_there_is_no_val(tmp_path: Path) -> None:
    album, again = folder(split_folder(tmp_path, count=12)), folder(tmp_path)
    assert [len(album(split)) for split in SPLITS] == [10, 2, 12]
    held = {split: album(split).images[:, 0, 0, 0].tolist() for split in SPLITS}
    assert sorted(held["train"] + held["val"]) == list(range(12))
    assert held["val"] == again("val").images[:, 0, 0, 0].tolist()


def test_pictures_are_grey_only_where_all_are(tmp_path: Path) -> None:
    root = split_folder(tmp_path)
    save(root / "train" / "cat" / "as-colour.jpg", np.broadcast_to(GREY[..., None], (4, 5, 3)))
    assert folder(root)("test").shape == (4, 5, 1)
    save(root / "train" / "cat" / "red.png", RED)
    album = folder(root)
    assert album("test").shape == (4, 5, 3)
    assert [200, 0, 0] in album("train").images[:, 0, 0].tolist() + album("val").images[:, 0, 0].tolist()


def last(root: Path) -> NDArray[np.uint8]:
    """The picture to test whose class and name come last."""
    return folder(root)("test").images[-1]


def shorts(*values: int) -> bytes:
    return struct.pack(f">{len(values)}H", *values)


def png(depth: int, colour: int, row: bytes, **chunks: bytes) -> bytes:
    """A file of two pixels, of a kind that Pillow does not write."""
    parts = [("IHDR", struct.pack(">IIBBBBB", 2, 1, depth, colour, 0, 0, 0)), *chunks.items()]
    parts += [("IDAT", zlib.compress(b"\0" + row)), ("IEND", b"")]
    whole = ((name.encode() + data, len(data)) for name, data in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", size) + part + struct.pack(">I", zlib.crc32(part)) for part, size in whole
    )


def jpeg(image: Image.Image) -> bytes:
    written = io.BytesIO()
    image.save(written, "JPEG", quality=100)
    return written.getvalue()


GREYS, COLOURS, PALETTE, GREY_CLEAR, COLOURS_CLEAR = 0, 2, 3, 4, 6  # the kinds of PNG
RAMP = bytes([10, 20, 30, 200, 0, 0, 0, 99, 0])
# What a file of each kind holds, and the two pixels that are seen.
KINDS: dict[str, tuple[bytes, list[list[int]]]] = {
    "1 bit": (png(1, GREYS, b"\x80"), [[255] * 3, [0] * 3]),
    "1 bit, one clear": (png(1, GREYS, b"\x80", tRNS=shorts(1)), [[0] * 3, [0] * 3]),
    "2 bits": (png(2, GREYS, b"\xd0"), [[255] * 3, [85] * 3]),
    "4 bits": (png(4, GREYS, b"\xf5"), [[255] * 3, [85] * 3]),
    "4 bits, one clear": (png(4, GREYS, b"\xf5", tRNS=shorts(15)), [[0] * 3, [85] * 3]),
    "8 bits": (png(8, GREYS, bytes([200, 100])), [[200] * 3, [100] * 3]),
    "8 bits, one clear": (png(8, GREYS, bytes([200, 100]), tRNS=shorts(200)), [[0] * 3, [100] * 3]),
    "grey and clear": (png(8, GREY_CLEAR, bytes([200, 255, 100, 0])), [[200] * 3, [0] * 3]),
    "palette": (png(1, PALETTE, b"\x80", PLTE=RAMP[:6]), [[200, 0, 0], [10, 20, 30]]),
    "palette, one clear": (png(2, PALETTE, b"\x90", PLTE=RAMP, tRNS=b"\xff\0"), [[0, 99, 0], [0, 0, 0]]),
    "colours": (png(8, COLOURS, RAMP[:6]), [[10, 20, 30], [200, 0, 0]]),
    "colours and clear": (png(8, COLOURS_CLEAR, bytes([9, 8, 7, 255, 9, 9, 9, 0])), [[9, 8, 7], [0, 0, 0]]),
    "16 bits": (png(16, GREYS, shorts(65535, 70 * 257)), [[255] * 3, [70] * 3]),
    "16 bits, one clear": (png(16, GREYS, shorts(65535, 70 * 257), tRNS=shorts(65535)), [[0] * 3, [70] * 3]),
    "16 bits and clear": (png(16, GREY_CLEAR, shorts(70 * 257, 65535, 65535, 0)), [[70] * 3, [0] * 3]),
    "16 bits of colours": (png(16, COLOURS, shorts(65535, 257, 0, 0, 514, 771)), [[255, 1, 0], [0, 2, 3]]),
    "16 bits, one colour clear": (
        png(16, COLOURS, shorts(65535, 257, 0, 0, 514, 771), tRNS=shorts(65535, 257, 0)),
        [[0, 0, 0], [0, 2, 3]],
    ),
    "16 bits of colours and clear": (
        png(16, COLOURS_CLEAR, shorts(65535, 257, 0, 65535, 9, 9, 9, 0)),
        [[255, 1, 0], [0, 0, 0]],
    ),
    "12 bits in 16": (png(16, GREYS, shorts(4095, 1365)), [[255] * 3, [85] * 3]),
    "12 bits of colours in 16": (png(16, COLOURS, shorts(4095, 1365, 0, 0, 0, 0)), [[255, 85, 0], [0, 0, 0]]),
    "labels in 16": (png(16, GREYS, shorts(3, 1)), [[255] * 3, [85] * 3]),
    "nothing in 16": (png(16, GREYS, shorts(0, 0)), [[0] * 3, [0] * 3]),
    "CMYK": (jpeg(Image.new("CMYK", (2, 1), (0, 255, 255, 0))), [[255, 0, 0]] * 2),
    "JPEG": (jpeg(Image.new("L", (2, 1), 70)), [[70] * 3] * 2),
}


@pytest.mark.parametrize(("content", "pixels"), KINDS.values(), ids=KINDS)
@pytest.mark.filterwarnings("ignore:1 pictures of 16 bits")
def test_pictures_of_every_kind_show_what_they_show_elsewhere(
    content: bytes, pixels: list[list[int]], tmp_path: Path
) -> None:
    file = tmp_path / "x.png"
    file.write_bytes(content)
    assert np.asarray(read_picture(file, white_of([file]))).tolist() == [pixels]


def test_what_pictures_of_16_bits_use_is_seen_alike_in_all_splits_and_told(tmp_path: Path) -> None:
    for split, value in (("train", 4000), ("test", 1000)):
        for name in ("cat", "dog"):
            save(tmp_path / split / name / "x.png", Image.fromarray(np.full((4, 5), value, dtype=np.uint16)))
            save(tmp_path / split / name / "y.png", GREY)
    with pytest.warns(UserWarning, match=r"4 pictures of 16 bits.*cat/x.png, have no value above 4000: 0 to 4095 are"):
        album = folder(tmp_path)
    assert album("test").images[:, 0, 0, 0].tolist() == [62, 70, 62, 70]
    assert 249 in album("train").images


@pytest.mark.parametrize("kind", ["F", "I;16B", "I"])
def test_what_is_neither_png_nor_jpeg_is_refused_by_name(kind: str, tmp_path: Path) -> None:
    save(tmp_path / "x.png", Image.new(kind, (2, 1)), format="TIFF")
    with pytest.raises(ValueError, match=r"x\.png can not be read as a picture in PNG or JPEG"):
        read_picture(tmp_path / "x.png")


def test_a_photograph_is_turned_upright(tmp_path: Path) -> None:
    lying = Image.fromarray(np.repeat(np.array([[250] * 8, [10] * 8], dtype=np.uint8), 8, axis=0))
    orientation = Image.Exif()
    orientation[0x0112] = 6  # the camera was turned: what was recorded first is the right side
    for split in ("train", "test"):
        for name in ("a", "b"):
            save(tmp_path / split / name / "x.JPG", lying.resize((8, 16)), format="JPEG", exif=orientation)
    assert last(tmp_path).shape == (8, 16, 1)
    assert last(tmp_path)[4, :, 0].tolist() == pytest.approx([10] * 8 + [250] * 8, abs=15)
    deep = Image.fromarray(np.array([[65535, 257, 0]], dtype=np.uint16))
    upright = read_picture(save(tmp_path / "deep.png", deep, exif=orientation))
    assert np.asarray(upright)[:, 0, 0].tolist() == [255, 1, 0]


def test_pictures_are_scaled_to_fit_and_lie_in_the_middle(tmp_path: Path) -> None:
    root = split_folder(tmp_path)
    fine = np.indices((16, 32)).sum(axis=0) % 2 * 200
    save(root / "test" / "dog" / "fine.png", fine)
    save(root / "test" / "dog" / "x.png", np.full((9, 3), 90))
    high, wide = folder(root, side=8)("test").images[[-1, -2], ..., 0]
    assert (wide[[0, 1, 6, 7]] == 0).all()
    assert (wide[2:6] == 100).all()
    assert high[4].tolist() == [0, 0, 90, 90, 90, 0, 0, 0]
    with pytest.raises(ValueError, match="at least 1 pixel, not 0"):
        folder(root, side=0)


def test_hidden_files_and_other_files_are_passed_over(tmp_path: Path) -> None:
    root = split_folder(tmp_path)
    for name in (".hidden.png", "notes.txt", "Thumbs.db"):
        (root / "train" / "cat" / name).write_text("no picture")
    (root / ".cache").mkdir()
    (root / "test" / ".cache").mkdir()
    (root / "test" / "cat" / "folder.png").mkdir()
    assert len(folder(root)("test")) == 6
    save(root / "test" / "cat" / "LOUD.PNG", GREY, format="PNG")
    save(root / "test" / "cat" / "photograph.jpeg", GREY)
    assert len(folder(root)("test")) == 8


def cut(file: Path) -> None:
    save(file, np.random.default_rng(0).integers(0, 256, (40, 50)))
    file.write_bytes(file.read_bytes()[:700])


def hide(*folders: Path) -> None:
    for one in folders:
        one.rename(one.parent / f".{one.name}")


# What is done to a folder that is split into train and test, and what is said of it then.
SPOILED: dict[str, tuple[Callable[[Path], Any], str]] = {
    "text": (lambda root: (root / "train/cat/x.png").write_text("?"), r"train/cat/x\.png can not be read as a picture"),
    "empty": (lambda root: (root / "train/cat/x.jpg").touch(), r"train/cat/x\.jpg can not be read as a picture"),
    "cut PNG": (lambda root: cut(root / "train/cat/x.png"), r"train/cat/x\.png can not be read .*truncated"),
    "cut JPEG": (lambda root: cut(root / "test/dog/x.jpg"), r"test/dog/x\.jpg can not be read .*truncated"),
    "bitmap": (
        lambda root: save(root / "train/cat/x.png", GREY, format="BMP"),
        r"train/cat/x\.png can not be read as a picture in PNG or JPEG",
    ),
    "larger": (
        lambda root: save(root / "test/cat/x.png", np.zeros((7, 5))),
        r"test/cat/x\.png is 7 pixels high and 5 wide, .*train/cat/0\.png 4 and 5: give a side, such as side=5",
    ),
    "no pictures": (
        lambda root: (root / "train/ant").mkdir(),
        r"train/ant is the folder of a class but has no pictures \(\.png, \.jpg, \.jpeg\)",
    ),
    "one class": (
        lambda root: hide(root / "train/dog", root / "test/dog"),
        "train needs sub-folders of at least two classes, it has 1",
    ),
    "more to train on": (
        lambda root: save(root / "train/ant/x.png", GREY),
        "test has no class 'ant', which is in split train",
    ),
    "more to test": (
        lambda root: save(root / "test/ant/x.png", GREY),
        "train has no class 'ant', which is in split test",
    ),
    "no test": (lambda root: hide(root / "test"), "has a folder train, so it needs a folder test too"),
    "no train": (
        lambda root: (root / "train").rename(root / "val"),
        "has a folder val, so it needs a folder train too",
    ),
    "empty val": (lambda root: (root / "val").mkdir(), "val needs sub-folders of at least two classes, it has 0"),
    "unknown split": (
        lambda root: (root / "valid").mkdir(),
        "split into train, test; valid is none of train, val, test: move it away",
    ),
}


@pytest.mark.parametrize(("spoil", "message"), SPOILED.values(), ids=SPOILED)
def test_a_folder_that_is_wrong_is_refused_by_name(spoil: Callable[[Path], Any], message: str, tmp_path: Path) -> None:
    spoil(split_folder(tmp_path))
    with pytest.raises(ValueError, match=f"{re.escape(str(tmp_path))}.*{message}"):
        folder(tmp_path)


def test_a_folder_with_too_little_in_it_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"there is no folder .*nowhere"):
        folder(tmp_path / "nowhere")
    with pytest.raises(
        ValueError, match=rf"{re.escape(str(tmp_path))} needs sub-folders of at least two classes, it has 0"
    ):
        folder(tmp_path)
    for name in ("cat", "dog"):
        save(tmp_path / name / "x.png", GREY)
    with pytest.raises(
        ValueError, match=rf"{re.escape(str(tmp_path))}: 2 pictures are too few to be dealt out to train, val, test"
    ):
        folder(tmp_path)


def test_a_class_may_be_called_like_a_split(tmp_path: Path) -> None:
    for number in range(10):
        save(tmp_path / ("bus", "train")[number % 2] / f"{number}.png", GREY)
    assert folder(tmp_path)("train").classes == ("bus", "train")
