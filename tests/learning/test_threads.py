"""How many threads a training uses: chosen by what they cost, seldom changed, and never where a number was given."""

import random
from collections.abc import Callable
from itertools import groupby
from pathlib import Path

import pytest
import torch
from helpers.tiny import tiny_agent, tiny_world

from vln.learning import threads
from vln.learning.config import TrainConfig
from vln.learning.threads import LEAST_APART, MOST_APART, ThreadChoice, choices
from vln.learning.training import train

Seconds = Callable[[int, int], float]  # of an update with so many threads, and its number


def numbers_used(seconds: Seconds, updates: int, most: int = 4) -> list[int]:
    choice = choices(most)
    counts = [next(choice)]
    for update in range(updates):
        counts.append(choice.send(seconds(counts[-1], update)))
    return counts


def noisy(seconds: Callable[[int], float]) -> Seconds:
    """Every third update takes half as long again, and now and then one takes ten times as long."""
    rng = random.Random(0)
    return lambda count, update: seconds(count) * rng.choice([1, 1, 1.5]) * (10 if rng.random() < 0.03 else 1)


@pytest.mark.parametrize(
    ("seconds", "fastest"),
    [({1: 1.0, 2: 1.5, 4: 3.0}, 1), ({1: 1.4, 2: 1.0, 4: 2.0}, 2), ({1: 4.0, 2: 2.0, 4: 1.0}, 4)],
)
def test_the_fastest_number_is_found_in_a_few_updates_and_kept(seconds: dict[int, float], fastest: int) -> None:
    counts = numbers_used(noisy(seconds.__getitem__), MOST_APART // 2)
    assert set(counts[25:]) == {fastest}
    assert sum(count != fastest for count in counts) < 17


def test_what_is_hardly_faster_is_not_worth_a_change() -> None:
    counts = numbers_used(lambda count, update: 0.95 if count == 1 else 1.0, MOST_APART // 2)
    assert counts[-1] == counts[0] == 4


def test_when_another_program_slows_it_down_it_is_measured_again_and_again_when_that_has_ended() -> None:
    def seconds(count: int, update: int) -> float:
        beside = 300 <= update < 900
        return {1: 1.2, 2: 1.0, 4: 0.8}[count] * (count * 2 if beside else 1)

    counts = numbers_used(seconds, 3000)
    assert (counts[250], counts[450], counts[-1]) == (4, 1, 4)


def test_however_the_speed_jumps_there_is_an_end_to_measuring() -> None:
    rng = random.Random(1)
    counts = numbers_used(lambda count, update: rng.choice([1, 8]) * (1 + 5 * (update // 20 % 2)), 2000)
    changes = len(list(groupby(counts)))
    assert changes < 2000 / LEAST_APART * 12  # of which each measurement makes up to ten


def test_a_training_takes_the_number_that_is_chosen_and_one_without_a_choice_never_changes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "cores", lambda: 4)
    config, used = TrainConfig(updates=8, num_envs=2, unroll_length=4), list[int]()
    assert train(
        tiny_world(), tiny_agent(), config, tmp_path / "chosen", live=False, threads=ThreadChoice(use=used.append)
    )
    assert {1, 2, 4} >= set(used) > {4}
    before = torch.get_num_threads()
    assert train(tiny_world(), tiny_agent(), config, tmp_path / "fixed", live=False)
    assert torch.get_num_threads() == before
