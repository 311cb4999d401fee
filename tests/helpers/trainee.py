"""A small training that a test can run in a process of its own, to be killed or interrupted there.

python tests/trainee.py FOLDER SIGNAL UPDATE
"""

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from tiny import SMALL, Kind, loss_of, tiny_agent, tiny_world
from torch import Tensor

from vln.agent import Decision
from vln.devices import use_threads
from vln.interruptions import stop_status
from vln.lessons import Lessons
from vln.rollouts import Rollout
from vln.training import train

LESSONS = Lessons(updates=45, slots=2, window=4, warm_up=5, averaged=0.9)
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
        return loss_of(LESSONS)(decision, rollout)

    agent = tiny_agent(Kind(replace(SMALL, dropout=0.1)))
    return train(tiny_world(), agent, LESSONS, folder, {"of": "tiny"}, resume, loss, SAVE_EVERY, live, **others)


if __name__ == "__main__":
    use_threads(1)  # as the tests do
    done = train_here(Path(sys.argv[1]), hit=(signal.Signals[sys.argv[2]], int(sys.argv[3])), live=True)
    sys.exit(0 if done else stop_status())
