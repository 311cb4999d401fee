"""The generators of many slots are NumPy's, seeded as Gymnasium seeds one."""

from typing import Any

import numpy as np
import pytest
from gymnasium.error import Error
from gymnasium.utils.seeding import np_random

from vln.gym.generators import Generators, checked_seed, drawn_episode

SEEDS = [0, 1, 2**31, 2**32 - 1, 2**32, 2**63, 2**64 - 1, 0x123456789ABCDEF0]


@pytest.mark.parametrize("seeds", [SEEDS, [*SEEDS, 2**64, 2**64 + 5, 2**128 - 1, 2**200]], ids=["short", "long"])
def test_many_draw_what_gymnasium_s_generators_draw(seeds: list[int]) -> None:
    many, ones = Generators.of(seeds), [np_random(seed)[0] for seed in seeds]
    for total in (1, 7, 32_000, 2**40):
        for _ in range(20):
            drawn = many.draw(np.arange(len(seeds)), total)
            assert drawn.tolist() == [drawn_episode(one, total) for one in ones]
    for mine, its in zip(many.to_numpy(), ones, strict=True):
        assert mine.bit_generator.state["state"] == its.bit_generator.state["state"]


def test_a_slot_draws_for_itself_alone() -> None:
    many, alone = Generators.of([4, 5, 6]), Generators.of([5])
    drawn = [many.draw(np.array(slots), 50) for slots in ([0, 1, 2], [1], [0], [2, 1])]
    assert [drawn[0][1], drawn[1][0], drawn[3][1]] == [alone.draw(np.array([0]), 50)[0] for _ in range(3)]


def test_episodes_are_drawn_alike_often() -> None:
    drawn = [Generators.of(list(range(200)))]
    counts = np.bincount(np.concatenate([drawn[0].draw(np.arange(200), 50) for _ in range(200)]), minlength=50)
    assert ((counts - 800) ** 2 / 800).sum() < 90  # chi-square, 49 degrees of freedom: once in 3000


def test_another_kind_of_generator_is_refused() -> None:
    with pytest.raises(ValueError, match="PCG64"):
        Generators.from_numpy([np.random.Generator(np.random.MT19937(0))])


@pytest.mark.parametrize("seed", [-1, np.int64(-1), 1.0, "1", None])
def test_what_is_no_seed_is_refused_as_gymnasium_does(seed: Any) -> None:
    with pytest.raises(Error, match="a seed is"):
        checked_seed(seed)
