"""A small training that a test can run in a process of its own, to be killed or interrupted there.

PYTHONPATH=tests python -m helpers.trainee FOLDER SIGNAL UPDATE
"""

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from helpers.tiny import SMALL, Kind, loss_of, tiny_agent, tiny_world
from vln.agent import Decision
from vln.learning.config import TrainConfig
from vln.learning.devices import use_threads
from vln.learning.interruptions import stop_status
from vln.learning.rollouts import Rollout
from vln.learning.training import train

CONFIG = TrainConfig(updates=45, num_envs=2, unroll_length=4, warmup_updates=5, ema_decay=0.9)
SAVE_EVERY = 15


def train_here(
    folder: Path,
    resume: bool = False,
    hit: tuple[int, int] | None = None,
    meanwhile: Callable[[int], None] = lambda update: None,
    live: bool = False,
    **others: Any,
) -> bool:
    """Train a tiny agent.

    hit: a signal that this process sends itself, and in the middle of which update. meanwhile: what else is done in
    every update, counted from 1. others: of train().
    """
    updates = 0

    def loss(decision: Decision, rollout: Rollout) -> Tensor:
        nonlocal updates
        updates += 1
        meanwhile(updates)
        if hit is not None and updates == hit[1]:
            os.kill(os.getpid(), hit[0])
        return loss_of(CONFIG)(decision, rollout)

    agent = tiny_agent(Kind(replace(SMALL, dropout=0.1)))
    return train(tiny_world(), agent, CONFIG, folder, {"of": "tiny"}, resume, loss, SAVE_EVERY, live, **others)


if __name__ == "__main__":
    use_threads(1)  # as the tests do
    done = train_here(Path(sys.argv[1]), hit=(signal.Signals[sys.argv[2]], int(sys.argv[3])), live=True)
    sys.exit(0 if done else stop_status())
