"""Synthetic pictures, drawn when their split is first needed, each from a random generator of its own."""

from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
from numpy.typing import NDArray

from .image_splits import SPLITS, ImageSplits, LabelledImages

# From a class's number and a chance to a picture [height, width, channels].
Draw = Callable[[int, np.random.Generator], NDArray[np.uint8]]


def invented(draw: Draw, classes: tuple[str, ...], seed: int, sizes: Mapping[str, int]) -> ImageSplits:
    """So many pictures of each split, as many of each class as of another, in an order drawn by chance.

    A picture is a function of the seed, its split and its number, so that fewer pictures are the first of more.
    """
    for split, size in sizes.items():
        if split not in SPLITS:
            raise ValueError(f"pictures are invented for the splits {', '.join(SPLITS)}, not for {split!r}")
        if size < len(classes):
            raise ValueError(f"split {split!r} needs a picture of each of {len(classes)} classes, not {size} in all")

    @cache
    def album(split: str) -> LabelledImages:
        if split not in sizes:
            raise ValueError(f"there are no pictures of split {split!r}; there are {', '.join(sizes)}")
        own = (seed, SPLITS.index(split))
        labels = _evenly(len(classes), sizes[split], np.random.default_rng(own))
        images = [draw(label, np.random.default_rng((*own, number))) for number, label in enumerate(labels.tolist())]
        return LabelledImages(np.stack(images), labels, classes)

    return album


def _evenly(classes: int, size: int, chance: np.random.Generator) -> NDArray[np.int64]:
    """Labels, of which each run of as many as there are classes has every class once."""
    runs = np.tile(np.arange(classes), (-(-size // classes), 1))
    return chance.permuted(runs, axis=1).ravel()[:size]
