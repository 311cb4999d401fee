"""ImageSplits: labelled pictures, split by split."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SPLITS = ("train", "val", "test")


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """Pictures of one size and what each of them is.

    images: uint8 [n, height, width, channels], grey (1 channel) or red, green, blue (3).
    labels: int64 [n], below the number of classes.
    classes: the names of the classes.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        images, labels = self.images, self.labels
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] not in (1, 3) or 0 in images.shape:
            raise ValueError(f"pictures are uint8 [n, height, width, 1 or 3], not {images.dtype} {list(images.shape)}")
        if labels.shape != images.shape[:1] or labels.dtype.kind not in "iu":
            raise ValueError(f"{len(images)} pictures need as many labels, not {labels.dtype} {list(labels.shape)}")
        wrong = (labels < 0) | (labels >= len(self.classes))
        if wrong.any():
            number = int(np.flatnonzero(wrong)[0])
            raise ValueError(
                f"picture {number} is of class {labels[number]}, but there are {len(self.classes)} classes"
            )

    def __len__(self) -> int:
        return len(self.images)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width, channels."""
        return self.images.shape[1:]

    def part(self, chosen: NDArray[np.int64] | slice) -> "LabelledImages":
        """Some of the pictures."""
        return LabelledImages(self.images[chosen], self.labels[chosen], self.classes)

    def grey(self) -> "LabelledImages":
        """The same without colour, by the luma of ITU-R BT.601."""
        if self.shape[-1] == 1:
            return self
        luma = self.images @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
        return LabelledImages(np.round(luma).astype(np.uint8)[..., None], self.labels, self.classes)


# From the name of a split to its pictures. Pictures of `val` choose among agents, those of `test` are for the end.
ImageSplits = Callable[[str], LabelledImages]


def album_of(pictures: dict[str, LabelledImages]) -> ImageSplits:
    """An album of pictures that lie in arrays, by split.

    Raises ValueError when classes, sizes or colours differ between splits.
    """
    first, *others = pictures
    for split in others:
        one, other = pictures[first], pictures[split]
        if one.classes != other.classes:
            differing = sorted(set(one.classes) ^ set(other.classes)) or list(other.classes)
            raise ValueError(f"the classes of split {split!r} are not those of {first!r}: see {', '.join(differing)}")
        if one.shape != other.shape:
            raise ValueError(f"pictures of split {split!r} are {other.shape}, those of {first!r} {one.shape}")
    return lambda split: _found(pictures, split)


def shuffled(
    pictures: LabelledImages, shares: tuple[float, float] = (0.7, 0.15), seed: int = 0
) -> dict[str, LabelledImages]:
    """Pictures that come in one heap, dealt out to train, val and the rest, test; the same seed deals alike."""
    order = np.random.default_rng(seed).permutation(len(pictures))
    ends = np.round(np.cumsum(shares) * len(pictures)).astype(int)
    parts = dict(zip(SPLITS, np.split(order, ends), strict=True))
    if not all(len(part) for part in parts.values()):
        raise ValueError(f"{len(pictures)} pictures are too few to be dealt out to {', '.join(SPLITS)}")
    return {split: pictures.part(part) for split, part in parts.items()}


def _found(pictures: dict[str, LabelledImages], split: str) -> LabelledImages:
    if split not in pictures:
        raise ValueError(f"there are no pictures of split {split!r}; there are {', '.join(pictures)}")
    return pictures[split]
