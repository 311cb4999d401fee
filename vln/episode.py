"""An episode: an instruction, a place, and what counts as done."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from vln.language import PADDING, Vocabulary


@dataclass(frozen=True, eq=False)
class Episode:
    """An instruction, a place, and what counts as done.

    instruction: text.
    place: place of the episode (a House, a building's graph, a picture); its `identity` (str) tells places apart.
    start: start of the agent in the place's own terms (in rooms: row, column, heading).
    goals: stages to reach, in order, in the place's own terms; the agent stops at the last one. Empty where it is
        unknown what counts as done: then no error is finite, and nothing is a success.
    family: kind of the instruction, by which results are broken down.
    name: name of the episode, unique in its split.
    reference: positions [n, ...] of the path to compare with (nDTW, CLS), or None for the shortest path.
    clauses: ends of the clauses of a turn-by-turn instruction, except the last: places on the shortest path, in the
        place's own terms; empty where they are unknown.
    """

    instruction: str
    place: Any
    start: tuple[Any, ...]
    goals: tuple[Any, ...]
    family: str
    name: str = ""
    reference: NDArray[np.integer] | None = None
    clauses: tuple[Any, ...] = ()


def places(episodes: Sequence[Episode]) -> set[str]:
    """The identities of the places of these episodes."""
    return {episode.place.identity for episode in episodes}


class Episodes(Sequence[Episode]):
    """Episodes that are made on access, of which there may be very many."""

    @abstractmethod
    def write(self, number: int) -> Episode:
        """The episode of this number, from 0."""

    @overload
    def __getitem__(self, number: int) -> Episode: ...
    @overload
    def __getitem__(self, number: slice) -> list[Episode]: ...
    def __getitem__(self, number: int | slice) -> Episode | list[Episode]:
        if isinstance(number, slice):
            return [self.write(one) for one in range(*number.indices(len(self)))]
        if not -len(self) <= number < len(self):
            raise IndexError(f"there are {len(self)} episodes, none has the number {number}")
        return self.write(number % len(self))

    def __iter__(self) -> Iterator[Episode]:
        return map(self.write, range(len(self)))


def tokens_of(texts: Iterable[str], vocabulary: Vocabulary, words: int) -> NDArray[np.int32]:
    """The token ids of instructions, [texts, words], padded; more than `words` where one of them is longer."""
    ids = [vocabulary.encode_all(text) for text in texts]
    tokens = np.full((len(ids), max([words, *map(len, ids)])), PADDING, dtype=np.int32)
    for row, numbers in zip(tokens, ids, strict=True):
        row[: len(numbers)] = numbers
    return tokens
