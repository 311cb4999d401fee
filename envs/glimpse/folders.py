"""Folders of pictures of a user: PNG and JPEG files, with a sub-folder for each class."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .files import read_picture, white_of
from .image_splits import SPLITS, ImageSplits, LabelledImages, album_of, shuffled

HELD_OUT = 1 / 6  # of the pictures to train on: split val, where the folder has none
ENDINGS = (".png", ".jpg", ".jpeg")


def folder(path: Path | str, side: int | None = None) -> ImageSplits:
    """Pictures from PATH/CLASS/*.png, dealt out to the splits, or from PATH/train/CLASS/*.png, PATH/test/CLASS/*.png.

    Of the latter, split val is PATH/val where that exists, and otherwise a sixth of train. Files end in .png, .jpg or
    .jpeg; others, and hidden ones, are passed over. Where no file has colours, pictures have one channel. What is
    transparent is dark. Where no picture of 16 bits uses more than 14 of them (as those of sensors, depths and labels),
    the bits that are used are seen as 8, in all splits alike, and a warning says so.
    side: every picture is scaled to fit into side x side pixels, in the middle of a dark square. Unless it is given all
    must have one size.
    """
    path = Path(path)
    if not path.is_dir():
        raise ValueError(f"pictures are read from a folder with a sub-folder for each class; there is no folder {path}")
    if side is not None and side < 1:
        raise ValueError(f"a side has at least 1 pixel, not {side}")
    splits = [split for split in SPLITS if (path / split).is_dir()]
    if any(_folders(path / split) for split in splits):
        return album_of(_split(path, splits, side))
    heap = _pictures({path: _files(path)}, side)[path]
    try:
        return album_of(shuffled(heap))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _split(path: Path, splits: list[str], side: int | None) -> dict[str, LabelledImages]:
    for split in ("train", "test"):
        if split not in splits:
            raise ValueError(f"{path} has a folder {splits[0]}, so it needs a folder {split} too")
    if others := [other.name for other in _folders(path) if other.name not in SPLITS]:
        raise ValueError(
            f"{path} is split into {', '.join(splits)}; {others[0]} is none of {', '.join(SPLITS)}: move it away"
        )
    files = {path / split: _files(path / split) for split in splits}
    _same_classes(files)
    found = {place.name: pictures for place, pictures in _pictures(files, side).items()}
    return found if "val" in found else {**found, **_held_out(found["train"])}


def _folders(path: Path) -> list[Path]:
    return [one for one in sorted(path.iterdir()) if one.is_dir() and not one.name.startswith(".")]


def _files(path: Path) -> dict[str, list[Path]]:
    """The picture files of each class."""
    classes = _folders(path)
    if len(classes) < 2:
        raise ValueError(f"{path} needs sub-folders of at least two classes, it has {len(classes)}")
    files = {one.name: [file for file in sorted(one.iterdir()) if _is_picture(file)] for one in classes}
    for name, those in files.items():
        if not those:
            raise ValueError(f"{path / name} is the folder of a class but has no pictures ({', '.join(ENDINGS)})")
    return files


def _is_picture(file: Path) -> bool:
    return file.suffix.lower() in ENDINGS and not file.name.startswith(".") and file.is_file()


def _same_classes(files: Mapping[Path, Mapping[str, list[Path]]]) -> None:
    for place, classes in files.items():
        for other in files:
            if missing := [name for name in files[other] if name not in classes]:
                raise ValueError(f"{place} has no class {missing[0]!r}, which is in split {other.name}")


def _pictures(files: Mapping[Path, Mapping[str, list[Path]]], side: int | None) -> dict[Path, LabelledImages]:
    """What is in each folder of classes, with colours everywhere or nowhere."""
    images: dict[Path, NDArray[np.uint8]] = {}
    white = white_of([file for classes in files.values() for those in classes.values() for file in those])
    for classes in files.values():
        for file in (file for those in classes.values() for file in those):
            picture = read_picture(file, white)
            images[file] = np.asarray(picture if side is None else _fitted(picture, side))
            first = next(iter(images))
            if images[file].shape != images[first].shape:
                (high, wide, _), (height, width, _) = images[file].shape, images[first].shape
                raise ValueError(
                    f"{file} is {high} pixels high and {wide} wide, {first} {height} and {width}: give a side, such as "
                    f"side={max(height, width)}, to which all are scaled"
                )
    channels = 1 if all((image == image[..., :1]).all() for image in images.values()) else 3
    return {
        place: LabelledImages(
            np.stack([images[file][..., :channels] for those in classes.values() for file in those]),
            np.repeat(np.arange(len(classes)), [len(those) for those in classes.values()]),
            tuple(classes),
        )
        for place, classes in files.items()
    }


def _fitted(image: Image.Image, side: int) -> Image.Image:
    scale = side / max(image.size)
    # Means of pixels where there are too many; where there are too few, those would show as blocks.
    resampling = Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR
    wide, high = (max(1, round(scale * length)) for length in image.size)
    square = Image.new("RGB", (side, side))
    square.paste(image.resize((wide, high), resampling), ((side - wide) // 2, (side - high) // 2))
    return square


def _held_out(training: LabelledImages) -> dict[str, LabelledImages]:
    """The same split train for the same pictures, without those that become split val."""
    order = np.random.default_rng(0).permutation(len(training))
    count = max(1, round(HELD_OUT * len(training)))
    return {"train": training.part(np.sort(order[count:])), "val": training.part(np.sort(order[:count]))}
