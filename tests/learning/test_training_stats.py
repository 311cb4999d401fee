"""What a training tells of itself: means over a page, and speed by the steps that were lived."""

from pathlib import Path

import pytest
from helpers.tiny import tiny_agent, tiny_world

from vln.learning.config import TrainConfig
from vln.learning.training import train
from vln.learning.training_stats import TrainingStats


def test_a_page_holds_what_was_written_since_the_last() -> None:
    ledger = TrainingStats(steps=10)
    kept = ledger.write({"loss": 2.0, "episodes": 3, "successes": 1, "clipped": 1.0})
    ledger.write({"loss": 1.0, "episodes": 1, "successes": 1, "clipped": 0.0})
    told = ledger.read(2)
    assert kept == {"loss": 2.0}
    assert (told["clip_rate"], told["success"]) == (0.5, 0.5)
    ledger.write({"loss": 1.0, "episodes": 0, "successes": 0, "clipped": 0.0})
    assert ledger.read(3)["clip_rate"] == 0
    again = TrainingStats(steps=10)
    again.resume(ledger.arrays())
    assert list(again.recent) == [True, False, False, True]


def test_a_window_longer_than_an_episode_counts_only_the_steps_that_are_lived(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = []

    def begun(lived: int) -> TrainingStats:
        steps.append(lived)
        return TrainingStats(lived)

    monkeypatch.setattr("vln.learning.training.TrainingStats", begun)
    world = tiny_world()
    config = TrainConfig(updates=1, num_envs=2, unroll_length=10 * world.max_steps)
    train(world, tiny_agent(), config, tmp_path, live=False)
    assert steps == [2 * world.max_steps]
