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
    """One thing to live through.

    instruction: what a person says, as text.
    place: where it happens; its `identity` (str) tells places apart (a House, a building's graph, a picture).
    start: where and how the agent begins, in the place's own terms (in rooms: row, column, heading).
    goals: the stages to reach, in order; the last one is where to stop. In the place's own terms. None where nobody
        says what counts as done: then no error is finite, and nothing is a success.
    family: the kind of instruction, by which results are split.
    name: which episode this is, unique in its split.
    reference: positions [n, ...] of the path a judge compares with (nDTW, CLS), or None for the shortest path.
    clauses: where the clauses of an instruction that says the way end, but for the last: places on the shortest path,
    in the place's own terms. None are known unless given.
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
    """The identities of the places these episodes happen in."""
    return {episode.place.identity for episode in episodes}


class Episodes(Sequence[Episode]):
    """Episodes that are written one by one when they are asked for, of which there may be very many."""

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
    for row, those in zip(tokens, ids, strict=True):
        row[: len(those)] = those
    return tokens
