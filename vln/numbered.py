"""Episodes of which nothing is known beforehand but how many there are."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

from vln.episode import Episode


@dataclass(frozen=True)
class Somewhere:
    """The place of an episode that is not ours to know."""

    identity: str


@dataclass(frozen=True)
class Numbered(Sequence[Episode]):
    """Episodes that are only counted: what is in them the environment decides, by their numbers and the split."""

    split: str
    size: int

    def __len__(self) -> int:
        return self.size

    @overload
    def __getitem__(self, number: int) -> Episode: ...
    @overload
    def __getitem__(self, number: slice) -> list[Episode]: ...
    def __getitem__(self, number: int | slice) -> Episode | list[Episode]:
        if isinstance(number, slice):
            return [self._episode(one) for one in range(*number.indices(self.size))]
        if not -self.size <= number < self.size:
            raise IndexError(f"there are {self.size} episodes, none has the number {number}")
        return self._episode(number % self.size)

    def __iter__(self) -> Iterator[Episode]:
        return map(self._episode, range(self.size))

    def _episode(self, number: int) -> Episode:
        return Episode("", Somewhere(self.split), (), (), self.split, f"{self.split}/{number}")
