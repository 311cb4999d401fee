"""What chance decides about an episode: numbers that are functions of the episode's key and of what they are for.

So a canvas can be painted again from its key, and the place of something on it be told without painting it.
"""

import numpy as np
from numpy.typing import NDArray

from vln.kernels import kernel
from vln.learning.episode_sampler import scramble


@kernel
def chance(key, what):
    """A number from 0 up to 1, drawn uniformly for an episode and a purpose."""
    return np.float64(scramble(scramble(key) + np.uint64(what)) >> np.uint64(11)) / np.float64(1 << 53)


def chances(keys: NDArray[np.uint64], what: NDArray[np.uint64], count: int) -> NDArray[np.float32]:
    """So many numbers from 0 up to 1 for each episode, [B, count]; what: [B], the first one's purpose."""
    drawn = np.empty((len(keys), count), dtype=np.float32)
    _draw_chances(keys, what, drawn)
    return drawn


@kernel
def _draw_chances(keys, what, drawn):
    for slot in range(len(keys)):
        for number in range(drawn.shape[1]):
            drawn[slot, number] = chance(keys[slot], what[slot] + np.uint64(number))
