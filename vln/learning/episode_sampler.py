"""EpisodeSampler: the next episode of each environment, the same for a seed with any number of environments."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vln.kernels import kernel


@dataclass(frozen=True)
class EpisodeSampler:
    """A stream of episodes per slot, each a function of its own key alone.

    key: uint64 [B], what makes a slot's stream its own.
    count: uint64 [B], how many episodes the slot has drawn.
    """

    key: NDArray[np.uint64]
    count: NDArray[np.uint64]

    @classmethod
    def of(cls, seed: int, slots: int) -> "EpisodeSampler":
        """Slot i of a stream with seed s is slot 0 of one with seed s + i (as Gymnasium seeds its vectors)."""
        return cls(np.arange(seed, seed + slots, dtype=np.uint64), np.zeros(slots, dtype=np.uint64))

    def draw(self, slots: NDArray[np.int64], total: int) -> tuple[NDArray[np.int64], "EpisodeSampler"]:
        """The next episode, below `total`, of each of these slots; and the stream after that."""
        chosen, count = np.empty(len(slots), dtype=np.int64), self.count.copy()
        _draw(self.key, count, slots, np.uint64(total), chosen)
        return chosen, EpisodeSampler(self.key, count)


@kernel
def _draw(key, count, slots, total, chosen):
    for place, slot in enumerate(slots):
        chosen[place] = scramble(scramble(key[slot]) + count[slot]) % total
        count[slot] += np.uint64(1)


@kernel
def scramble(bits):
    """SplitMix64 (Steele, Lea & Flood 2014): neighbouring numbers become unrelated ones. Wraps around on purpose."""
    bits += np.uint64(0x9E3779B97F4A7C15)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))
