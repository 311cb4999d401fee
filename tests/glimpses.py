"""Small worlds of glimpses, of every kind, that tests share."""

from functools import cache
from typing import Any

import numpy as np

from vln.envs.glimpse.eye import Eye
from vln.envs.glimpse.pictures import Pictures
from vln.envs.glimpse.scenes import Placed
from vln.envs.glimpse.world import Glimpses
from vln.language import Vocabulary

CLASSES = ("dark", "dim", "bright")


@cache
def noise(count: int = 12, side: int = 10, channels: int = 1) -> Pictures:
    """Pictures of noise, of three classes."""
    rng = np.random.default_rng(5)
    images = rng.integers(0, 256, (count, side, side, channels), dtype=np.uint8)
    return Pictures(images, np.arange(count) % len(CLASSES), CLASSES)


def glimpses(canvas: int | None = None, clutter: int = 0, channels: int = 1, **options: Any) -> Glimpses:
    """A world of these pictures."""
    scenes = Placed(noise(channels=channels), "train", canvas, clutter, endless=True)
    return Glimpses(scenes, Vocabulary(()), **{"eye": Eye(4), "looks": 4, **options})


# Every way to move, to begin, and to have the eye moved; grey and coloured, plain and cluttered, one scale and three.
KINDS: dict[str, dict[str, Any]] = {
    "looks at points": {},
    "looks relatively": {"move": "relative", "limit": 0.4},
    "walks": {"move": "discrete"},
    "walks and stops": {"move": "discrete", "stops": True, "stride": 3},
    "begins anywhere": {"start": "random"},
    "begins at a point": {"start": (0.5, -0.25)},
    "looks anywhere": {"gaze": "random"},
    "scans": {"gaze": "scan"},
    "stares": {"gaze": "centre"},
    "three scales": {"eye": Eye(4, scales=3), "canvas": 16, "clutter": 2},
    "colours, an odd patch": {"eye": Eye(3, scales=2), "channels": 3},
    "no contrast": {"eye": Eye(5, contrast=False), "canvas": 13},
}
