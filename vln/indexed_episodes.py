"""Episodes that are only numbers, of which nothing else is known beforehand."""

from dataclasses import dataclass

from vln.episode import Episode, Episodes


@dataclass(frozen=True)
class Somewhere:
    """The place of an episode that is not ours to know."""

    identity: str


@dataclass(frozen=True)
class IndexedEpisodes(Episodes):
    """Episodes that are only counted: what is in them the environment decides, by their numbers and the split."""

    split: str
    size: int

    def __len__(self) -> int:
        return self.size

    def write(self, number: int) -> Episode:
        return Episode("", Somewhere(self.split), (), (), self.split, f"{self.split}/{number}")
