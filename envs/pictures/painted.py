"""Painted scenes: places of episodes with one picture."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np
from gymnasium.spaces import Box
from numpy.typing import NDArray

from vln.episode import Episode
from vln.tasks import GeneratedEpisodes, Source

SIZES = MappingProxyType({"train": 4096, "val": 512, "test": 512})  # scenes of every split
PAGE = 256  # pixels, about, of the longer side of a picture for people

DrawScene = Callable[[np.random.Generator], Any]
PaintScene = Callable[[Any], NDArray[np.uint8]]


@dataclass(frozen=True, eq=False)
class PaintedScene:
    """The place of an episode: a scene, which is whatever a function draws, and its picture.

    picture: uint8 [height, width, channels], with 1 channel or 3.
    """

    scene: Any
    picture: NDArray[np.uint8]

    @cached_property
    def identity(self) -> str:
        """The same for the same picture."""
        return hashlib.sha256(self.picture.tobytes()).hexdigest()[:16]


def painted_episodes(
    scene: DrawScene,
    paint: PaintScene,
    write: Callable[[PaintedScene, np.random.Generator, str], Episode],
    sizes: Mapping[str, int] = SIZES,
    seed: int = 0,
) -> Source:
    """A source of episodes, one for every scene. write: what is asked of a scene, of which split.

    The generators of scenes are keyed by seed, split and number: a split is the same on every machine.
    """

    def build(rng: np.random.Generator, split: str) -> PaintedScene:
        drawn = scene(rng)
        return PaintedScene(drawn, picture_of(paint(drawn)))

    return lru_cache(maxsize=None)(
        GeneratedEpisodes(build, write, {name: (count, 1) for name, count in sizes.items()}, seed)
    )


def picture_of(painted: Any) -> NDArray[np.uint8]:
    """What was painted with an axis for its channels. Raises ValueError for what is no picture."""
    picture = np.asarray(painted)
    picture = picture[..., None] if picture.ndim == 2 else picture
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] not in (1, 3):
        form = f"{picture.dtype} {list(np.shape(painted))}"
        raise ValueError(f"paint gives {form}, but a picture is uint8 [height, width] or [height, width, 1 or 3]")
    return picture


def pictures_of(episodes: Sequence[Episode]) -> NDArray[np.uint8]:
    """The pictures of all episodes, uint8 [E, height, width, channels]. Raises ValueError where sizes differ."""
    pictures = [episode.place.picture for episode in episodes]
    if len(shapes := {picture.shape for picture in pictures}) > 1:
        raise ValueError(f"paint gives pictures of several sizes: {sorted(shapes)}; all must be of one")
    return np.stack(pictures)


def picture_space(pictures: NDArray[np.uint8]) -> Box:
    """The space of one of these pictures [E, height, width, channels]."""
    return Box(0, 255, pictures.shape[1:], np.uint8)


def enlarge(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture for people, in three colours: every pixel is a square of them."""
    factor = max(1, PAGE // max(picture.shape[:2]))
    large = picture.repeat(factor, axis=0).repeat(factor, axis=1)
    return np.ascontiguousarray(np.broadcast_to(large, (*large.shape[:2], 3)))
