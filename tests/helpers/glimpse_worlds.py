"""Small worlds of glimpses, of every kind, that tests share."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np

from vln.envs.glimpse.canvas import PlacedImages
from vln.envs.glimpse.find import FoundImages
from vln.envs.glimpse.frames import Frames
from vln.envs.glimpse.image_splits import LabelledImages
from vln.envs.glimpse.pairs import Pairs
from vln.envs.glimpse.questions import DIGITS, WORDS
from vln.envs.glimpse.sensor import GlimpseSensor
from vln.envs.glimpse.world import Glimpses
from vln.language import Vocabulary

CLASSES = ("dark", "dim", "bright")


@cache
def noise(count: int = 12, side: int = 10, channels: int = 1) -> LabelledImages:
    """Pictures of noise, of three classes."""
    rng = np.random.default_rng(5)
    images = rng.integers(0, 256, (count, side, side, channels), dtype=np.uint8)
    return LabelledImages(images, np.arange(count) % len(CLASSES), CLASSES)


def glimpses(canvas: int | None = None, clutter: int = 0, channels: int = 1, **options: Any) -> Glimpses:
    """A world of these pictures."""
    scenes = PlacedImages(noise(channels=channels), "train", canvas, clutter, endless=True)
    return Glimpses(scenes, Vocabulary(()), **{"eye": GlimpseSensor(4), "looks": 4, **options})


@cache
def digits(count: int = 30, side: int = 10) -> LabelledImages:
    """Pictures of noise that pass for digits."""
    images = np.random.default_rng(6).integers(0, 256, (count, side, side, 1), dtype=np.uint8)
    return LabelledImages(images, np.arange(count) % 10, DIGITS)


def finding(**options: Any) -> Glimpses:
    """A world in which words say what to look for."""
    scenes = FoundImages(digits(), "train", questions=20, endless=True)
    return Glimpses(scenes, Vocabulary(WORDS), **{"eye": GlimpseSensor(6, scales=3), "looks": 4, **options})


def moving(asked: str) -> Glimpses:
    """A world in which what one looks at moves."""
    return Glimpses(
        Frames(digits(), "train", asked, canvas=18, endless=True), Vocabulary(()), GlimpseSensor(6), looks=5
    )


def reading(how: str) -> Glimpses:
    """A world of two digits."""
    return Glimpses(Pairs(digits(), "train", how, endless=True), Vocabulary(()), GlimpseSensor(6), looks=4)


# Every way to move, to begin, and to have the eye moved; grey and coloured, plain and cluttered, one scale and three;
# every kind of scene.
KINDS: dict[str, Callable[[], Glimpses]] = {
    "looks at points": glimpses,
    "looks relatively": partial(glimpses, move="relative", limit=0.4),
    "walks": partial(glimpses, move="discrete"),
    "walks and stops": partial(glimpses, move="discrete", stops=True, stride=3),
    "begins anywhere": partial(glimpses, start="random"),
    "begins at a point": partial(glimpses, start=(0.5, -0.25)),
    "looks anywhere": partial(glimpses, gaze="random"),
    "scans": partial(glimpses, gaze="scan"),
    "stares": partial(glimpses, gaze="centre"),
    "three scales": partial(glimpses, eye=GlimpseSensor(4, scales=3), canvas=16, clutter=2),
    "colours, an odd patch": partial(glimpses, eye=GlimpseSensor(3, scales=2), channels=3),
    "no contrast": partial(glimpses, eye=GlimpseSensor(5, contrast=False), canvas=13),
    "finds": finding,
    "finds by walking": partial(finding, move="discrete"),
    "sees which way it goes": partial(moving, "way"),
    "sees what it is now": partial(moving, "now"),
    "adds": partial(reading, "sum"),
    "reads": partial(reading, "both"),
}
