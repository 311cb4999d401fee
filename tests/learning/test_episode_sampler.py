"""Streams of episodes: each slot's is its own, whatever its neighbours do."""

import numpy as np
from numpy.typing import NDArray

from vln.learning.episode_sampler import EpisodeSampler

TOTAL = 50


def draws(stream: EpisodeSampler, times: int) -> NDArray[np.int64]:
    """The next episodes [times, B] of every slot."""
    drawn = []
    for _ in range(times):
        episode, stream = stream.draw(np.arange(len(stream.key)), TOTAL)
        drawn.append(episode)
    return np.array(drawn)


def test_a_slot_draws_the_same_episodes_whatever_the_number_of_slots() -> None:
    many = draws(EpisodeSampler.of(5, 8), 20)
    for slot in range(8):
        assert np.array_equal(draws(EpisodeSampler.of(5 + slot, 1), 20)[:, 0], many[:, slot])


def test_a_slot_draws_the_same_episodes_in_whatever_order_others_draw() -> None:
    stream, drawn = EpisodeSampler.of(5, 3), []
    for slots in ([0, 1, 2], [1], [2, 0], [1], [1, 2], [0]):
        episode, stream = stream.draw(np.array(slots), TOTAL)
        drawn += [found for slot, found in zip(slots, episode, strict=True) if slot == 0]
    assert drawn == draws(EpisodeSampler.of(5, 1), 3)[:, 0].tolist()


def test_drawing_leaves_the_stream_as_it_was() -> None:
    stream = EpisodeSampler.of(5, 3)
    assert np.array_equal(draws(stream, 4), draws(stream, 4))


def test_neighbouring_seeds_draw_unrelated_episodes_all_of_them_alike_often() -> None:
    drawn = draws(EpisodeSampler.of(0, 200), 200)
    counts = np.bincount(drawn.ravel(), minlength=TOTAL)
    expected = drawn.size / TOTAL
    assert len(counts) == TOTAL
    assert ((counts - expected) ** 2 / expected).sum() < 90  # chi-square, 49 degrees of freedom: once in 3000 streams
    assert abs(np.mean(drawn[:, 1:] == drawn[:, :-1]) - 1 / TOTAL) < 0.003
    assert abs(np.mean(drawn[1:] == drawn[:-1]) - 1 / TOTAL) < 0.003


def test_the_largest_seed_is_a_seed_like_any_other() -> None:
    assert draws(EpisodeSampler.of(2**63, 4), 2).shape == (2, 4)
