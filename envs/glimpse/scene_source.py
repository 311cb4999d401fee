"""SceneSource: the canvas of each episode, and the correct answer."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from vln.episode import Episode, Episodes

VARIANTS = 1 << 20  # of each thing there is to see, where every episode of a training is to be another


@dataclass(frozen=True)
class Picture:
    """Where an episode of glimpses takes place."""

    identity: str


@dataclass(frozen=True)
class EpisodeIndex:
    """Which episodes there are: so many things to see, each in one variant or, for training, in VARIANTS.

    split, seed: what makes the chance of these episodes their own.
    """

    things: int
    split: str
    endless: bool
    seed: int

    def __len__(self) -> int:
        return self.things * (VARIANTS if self.endless else 1)

    def thing(self, episode: NDArray[np.int64]) -> NDArray[np.int64]:
        """Which thing there is to see in each of these episodes [B]."""
        return episode % self.things

    def keys(self, episode: NDArray[np.int64]) -> NDArray[np.uint64]:
        """What makes an episode's chance its own, [B]."""
        return episode.astype(np.uint64) ^ self._salt

    def name(self, number: int) -> str:
        """Of one episode, by its number."""
        variant, thing = divmod(number, self.things)
        return f"{self.split}/{thing}" + (f"/{variant}" if self.endless else "")

    @cached_property
    def _salt(self) -> np.uint64:
        return np.uint64(np.random.SeedSequence([self.seed, *map(ord, self.split)]).generate_state(1, np.uint64)[0])


class SceneSource(Episodes):
    """Episodes that differ in what lies on the canvas; they are as many as are asked for and written when needed.

    deck: which there are. shape: of the canvas, height, width, channels. picture: height and width of one thing on it.
    answers: their names. changes: whether what lies on the canvas, or what is right, changes while one looks.
    sayings: the instructions that are given, where any are; `said` tells which.
    """

    deck: EpisodeIndex
    shape: tuple[int, int, int]
    picture: tuple[int, int]
    answers: tuple[str, ...]
    changes: bool = False
    sayings: Sequence[str] = ()

    @abstractmethod
    def paint(self, episode: NDArray[np.int64], time: NDArray[np.int32]) -> NDArray[np.uint8]:
        """The canvases [B, height, width, channels] of these episodes after so many moves."""

    @abstractmethod
    def answer(self, episode: NDArray[np.int64], time: NDArray[np.int32]) -> NDArray[np.int64]:
        """The right answers [B] after so many moves."""

    @abstractmethod
    def box(self, episode: NDArray[np.int64], time: NDArray[np.int32]) -> NDArray[np.float32]:
        """What is worth looking at, [B, 4]: left, top, right and bottom, in pixels of the canvas."""

    def said(self, episode: NDArray[np.int64]) -> NDArray[np.int64]:
        """Which of the sayings is the instruction of each of these episodes."""
        return self.deck.thing(episode)

    def family(self, number: int) -> str:
        """The kind of an episode, by which results are split: what is the right answer at its beginning."""
        return self.answers[int(self._first_answer(number))]

    def __len__(self) -> int:
        return len(self.deck)

    def write(self, number: int) -> Episode:
        instruction = self.sayings[int(self.said(np.array([number]))[0])] if self.sayings else ""
        place = Picture(f"{self.deck.split}/{number % self.deck.things}")
        return Episode(
            instruction, place, (), (self._first_answer(number),), self.family(number), self.deck.name(number)
        )

    def _first_answer(self, number: int) -> int:
        return int(self.answer(np.array([number]), np.zeros(1, dtype=np.int32))[0])
