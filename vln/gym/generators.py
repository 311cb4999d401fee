"""Random generators of environments: the next episode of each, from Gymnasium's own seeds."""

from collections.abc import Sequence
from operator import index
from typing import SupportsIndex

import numpy as np
from gymnasium.error import Error
from numpy.typing import NDArray

from vln.kernels import kernel

_WORD = 2**64


def checked_seed(seed: SupportsIndex) -> int:
    """A seed as a plain number. Raises Gymnasium's Error, as its own environments do, when it is none or negative."""
    try:
        number = index(seed)
    except TypeError:
        raise Error(f"a seed is a whole number, not {seed!r}") from None
    if number < 0:
        raise Error(f"a seed is at least 0, not {number}")
    return number


def drawn_episode(rng: np.random.Generator, total: int) -> int:
    """The next episode, below `total`, of one environment. What `Generators` draw for many."""
    return int(rng.random() * total)


class Generators:
    """The generators of the slots of a vector environment, as arrays: that of a seed is `np_random(seed)` of Gymnasium.

    words: uint64 [B, 4], the state and the increment of each slot's PCG64 (O'Neill 2014), the high word first.
    """

    def __init__(self, words: NDArray[np.uint64]) -> None:
        self.words = words

    @classmethod
    def of(cls, seeds: Sequence[int]) -> "Generators":
        words = np.empty((len(seeds), 4), dtype=np.uint64)
        if max(seeds) < _WORD:
            _seed(np.array(seeds, dtype=np.uint64), words)
            return cls(words)
        return cls.from_numpy([np.random.Generator(np.random.PCG64(seed)) for seed in seeds])

    @classmethod
    def from_numpy(cls, generators: Sequence[np.random.Generator]) -> "Generators":
        """The same generators as arrays. Raises ValueError where one is not of NumPy's default kind."""
        words = np.empty((len(generators), 4), dtype=np.uint64)
        for row, generator in zip(words, generators, strict=True):
            if not isinstance(generator.bit_generator, np.random.PCG64):
                raise ValueError(f"a generator here is one of PCG64, not {generator}")
            state = generator.bit_generator.state["state"]
            row[:] = [word for number in (state["state"], state["inc"]) for word in divmod(number, _WORD)]
        return cls(words)

    def to_numpy(self) -> tuple[np.random.Generator, ...]:
        """The generators as NumPy's own. They are copies: to draw from one changes nothing here."""
        generators = []
        for high, low, inc_high, inc_low in self.words.tolist():
            bits = np.random.PCG64(0)
            state = bits.state
            state["state"] = {"state": high * _WORD + low, "inc": inc_high * _WORD + inc_low}
            bits.state = state
            generators.append(np.random.Generator(bits))
        return tuple(generators)

    def put(self, slots: NDArray[np.int64], others: "Generators") -> None:
        """Replace the generators of these slots."""
        self.words[slots] = others.words

    def draw(self, slots: NDArray[np.int64], total: int) -> NDArray[np.int64]:
        """The next episode, below `total`, of each of these slots."""
        chosen = np.empty(len(slots), dtype=np.int64)
        _draw_episodes(self.words, slots, total, chosen)
        return chosen


@kernel
def _draw_episodes(words, slots, total, chosen):
    for place, slot in enumerate(slots):
        _advance(words[slot])
        high, low = words[slot, 0], words[slot, 1]
        turn, mixed = high >> np.uint64(58), high ^ low
        bits = (mixed >> turn) | (mixed << ((np.uint64(64) - turn) & np.uint64(63)))
        chosen[place] = np.int64(np.float64(bits >> np.uint64(11)) * 2.0**-53 * total)


@kernel
def _advance(words):
    """One step of PCG64: a linear congruential generator of 128 bits."""
    high, low = words[0], words[1]
    by_high, by_low = np.uint64(0x2360ED051FC65DA4), np.uint64(0x4385DF649FCCF645)
    words[0] = _high(low, by_low) + high * by_low + low * by_high + words[2]
    words[1] = low * by_low + words[3]
    words[0] += np.uint64(words[1] < words[3])


@kernel
def _high(one, other):
    """The high 64 bits of a product of 128."""
    half, shift = np.uint64(0xFFFFFFFF), np.uint64(32)
    low, middle = (one & half) * (other & half), (one >> shift) * (other & half)
    middle += low >> shift
    across = (one & half) * (other >> shift) + (middle & half)
    return (one >> shift) * (other >> shift) + (middle >> shift) + (across >> shift)


@kernel
def _seed(seeds, words):
    """NumPy's SeedSequence of every seed below 2^64, and PCG64 seeded from it."""
    pool, given = np.empty(4, dtype=np.uint32), np.empty(4, dtype=np.uint64)
    for slot in range(len(seeds)):
        _mix(seeds[slot], pool)
        _generate(pool, given)
        state, inc = given[:2], given[2:]
        words[slot, 2] = (inc[0] << np.uint64(1)) | (inc[1] >> np.uint64(63))
        words[slot, 3] = (inc[1] << np.uint64(1)) | np.uint64(1)
        words[slot, 0], words[slot, 1] = words[slot, 2], words[slot, 3]  # a step from 0
        low = words[slot, 1] + state[1]
        words[slot, 0] += state[0] + np.uint64(low < state[1])
        words[slot, 1] = low
        _advance(words[slot])


@kernel
def _mix(seed, pool):
    factor = np.uint32(0x43B0D7E5)
    for place in range(4):
        part = np.uint32(seed >> np.uint64(32 * place)) if place < 2 else np.uint32(0)
        pool[place], factor = _hashed(part, factor, np.uint32(0x931E8875))
    for source in range(4):
        for target in range(4):
            if source != target:
                value, factor = _hashed(pool[source], factor, np.uint32(0x931E8875))
                value = np.uint32(np.uint32(0xCA01F9DD) * pool[target] - np.uint32(0x4973F715) * value)
                pool[target] = value ^ (value >> np.uint32(16))


@kernel
def _generate(pool, given):
    factor = np.uint32(0x8B51F9DD)
    for place in range(4):
        low, factor = _hashed(pool[2 * place % 4], factor, np.uint32(0x58F38DED))
        high, factor = _hashed(pool[(2 * place + 1) % 4], factor, np.uint32(0x58F38DED))
        given[place] = (np.uint64(high) << np.uint64(32)) | np.uint64(low)


@kernel
def _hashed(value, factor, multiplier):
    value = np.uint32(value ^ factor)
    factor = np.uint32(factor * multiplier)
    value = np.uint32(value * factor)
    return np.uint32(value ^ (value >> np.uint32(16))), factor
