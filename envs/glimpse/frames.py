"""Moving pictures: their direction, or their present class."""

import math

import numpy as np
from numpy.typing import NDArray

from vln.kernels import kernel

from .chance import chance, chances
from .image_splits import LabelledImages
from .pasting import lay
from .scene_source import EpisodeIndex, SceneSource

WAYS = {  # a unit of way, in columns and rows
    "right": (1.0, 0.0),
    "down right": (math.sqrt(0.5), math.sqrt(0.5)),
    "down": (0.0, 1.0),
    "down left": (-math.sqrt(0.5), math.sqrt(0.5)),
    "left": (-1.0, 0.0),
    "up left": (-math.sqrt(0.5), -math.sqrt(0.5)),
    "up": (0.0, -1.0),
    "up right": (math.sqrt(0.5), -math.sqrt(0.5)),
}
ASKED = ("way", "now")
CHANGE = 0.3  # how probable it is that with the next frame another picture takes the place of the one that moves
LEAST_ROOM = 4  # pixels that there must be for moving, on either axis

WAY, LEFT, TOP, FIRST_CHANGE = range(4)  # what chance decides about an episode
FRAME_NUMBERS = 2  # of each frame after the first: whether the picture changes, and into which


class Frames(SceneSource):
    """A picture that moves in a straight line, bouncing off the canvas's edges, a frame for every look.

    asked: "way", where it was going when it set out (many frames, one answer); or "now", what it is in this frame
    (every frame has its own answer), while now and then another picture takes its place.
    speed: pixels a frame. canvas: its side; twice that of the picture unless given.
    """

    changes = True

    def __init__(
        self,
        pictures: LabelledImages,
        split: str,
        asked: str = "way",
        canvas: int | None = None,
        speed: float = 1.5,
        endless: bool = False,
        seed: int = 0,
    ) -> None:
        height, width, channels = pictures.shape
        side = canvas or 2 * max(height, width)
        if asked not in ASKED:
            raise ValueError(f"of what moves is asked {' or '.join(ASKED)}, not {asked!r}")
        if side < max(height, width) + LEAST_ROOM:
            raise ValueError(f"on a canvas of {side}x{side} a picture of {height}x{width} has no room to move")
        if not speed > 0:
            raise ValueError(f"what moves goes more than 0 pixels a frame, not {speed}")
        self.pictures, self.asked, self.speed = pictures, asked, speed
        self.deck = EpisodeIndex(len(pictures), split, endless, seed)
        self.shape, self.picture = (side, side, channels), (height, width)
        self.answers = tuple(WAYS) if asked == "way" else pictures.classes

    def paint(self, episode: NDArray[np.int64], time: NDArray[np.int32]) -> NDArray[np.uint8]:
        canvas = np.zeros((len(episode), *self.shape), dtype=np.uint8)
        lay(self.pictures.images, self._shown(episode, time), self._places(episode, time), canvas)
        return canvas

    def answer(self, episode: NDArray[np.int64], time: NDArray[np.int32]) -> NDArray[np.int64]:
        if self.asked == "way":
            return self._way(episode)
        return self.pictures.labels[self._shown(episode, time)]

    def box(self, episode: NDArray[np.int64], time: NDArray[np.int32]) -> NDArray[np.float32]:
        place = self._places(episode, time)
        height, width = self.picture
        return np.concatenate([place, place + np.array([width, height])], axis=1).astype(np.float32)

    def _way(self, episode: NDArray[np.int64]) -> NDArray[np.int64]:
        what = np.full(len(episode), WAY, dtype=np.uint64)
        return (chances(self.deck.keys(episode), what, 1)[:, 0] * len(WAYS)).astype(np.int64)

    def _places(self, episode: NDArray[np.int64], time: NDArray[np.int32]) -> NDArray[np.int64]:
        """Left and top of the picture in the frame of this time, [B, 2]."""
        height, width = self.picture
        room = np.array([self.shape[1] - width, self.shape[0] - height])
        begin = chances(self.deck.keys(episode), np.full(len(episode), LEFT, dtype=np.uint64), 2) * room
        gone = np.array(list(WAYS.values()))[self._way(episode)] * self.speed * np.asarray(time)[:, None]
        # On a line folded at both edges: back and forth in twice the room.
        folded = np.mod(begin + gone, 2 * room)
        return np.rint(np.minimum(folded, 2 * room - folded)).astype(np.int64)

    def _shown(self, episode: NDArray[np.int64], time: NDArray[np.int32]) -> NDArray[np.int64]:
        """Which picture is shown in the frame of this time."""
        shown = self.deck.thing(episode)
        if self.asked == "now":
            shown = shown.copy()
            _change(self.deck.keys(episode), np.asarray(time), len(self.pictures), shown)
        return shown


@kernel
def _change(keys, time, pictures, shown):
    for slot in range(len(keys)):
        for frame in range(time[slot]):
            what = FIRST_CHANGE + frame * FRAME_NUMBERS
            if chance(keys[slot], what) < CHANGE:
                shown[slot] = np.int64(chance(keys[slot], what + 1) * pictures)
