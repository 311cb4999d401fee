"""Kill trainings at random moments, and see that they end as one that was left in peace: not part of the quick tests.

PYTHONPATH=tests python -m helpers.kill_training --kills 25 --processes 1
PYTHONPATH=tests python -m helpers.kill_training --kills 25 --processes 2

Every training is killed (SIGKILL) again and again, gone on with each time, until so many kills have been made; of
several processes, one of them in turn. The exit status is 0 when all ended with the same weights, bit for bit.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import tyro
from torch import Tensor

from helpers.root import environment, program
from helpers.tiny import loss_of, tiny_agent, tiny_world
from vln.agent import Decision
from vln.learning.checkpoints import load_checkpoint
from vln.learning.config import TrainConfig
from vln.learning.devices import use_threads
from vln.learning.distributed import Processes, launch
from vln.learning.logs import METRICS_FILE, read_metrics
from vln.learning.rollouts import Rollout
from vln.learning.training import CHECKPOINT, train

CONFIG = TrainConfig(updates=400, num_envs=4, unroll_length=4, warmup_updates=5, ema_decay=0.9, bfloat16=False)
SAVE_EVERY = 10  # updates
LONGEST_LIFE = 3.0  # seconds, from when it learns until it is killed
LEARNING = "learning"  # what a process says with its number


@dataclass(frozen=True)
class Options:
    """How often to kill, and what."""

    kills: int = 25
    """How many times."""
    processes: int = 1
    """That train together."""
    seed: int = 0
    """Of the moments."""
    train: Path | None = None
    """Train in this folder, to be killed there: what this program starts itself for."""


def train_in(folder: Path, team: Processes) -> bool:
    """What is killed: a training, begun or gone on with, each of whose processes says when it first learns."""
    said = False

    def loss(decision: Decision, rollout: Rollout) -> Tensor:
        nonlocal said
        if not said:
            print(LEARNING, os.getpid(), flush=True)
        said = True
        return loss_of(CONFIG)(decision, rollout)

    config, resume = replace(CONFIG, num_processes=team.world_size), (folder / CHECKPOINT).exists()
    return train(tiny_world(), tiny_agent(), config, folder, None, resume, loss, SAVE_EVERY, live=False, team=team)


def start(folder: Path, processes: int) -> "subprocess.Popen[str]":
    command = program("kill_training", "--train", str(folder), "--processes", str(processes))
    return subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def kill_one(folder: Path, processes: int, rng: random.Random) -> str:
    """Go on with the training, kill one of its processes, wait until all have ended, and say when; empty: too late."""
    training = start(folder, processes)
    assert training.stdout is not None
    lines = (line for line in training.stdout if line.startswith(LEARNING))
    learning = [int(line.split()[1]) for line in islice(lines, processes)]
    victim = rng.choice(sorted(learning)) if learning else training.pid  # which has ended
    time.sleep(rng.uniform(0, LONGEST_LIFE))
    with suppress(ProcessLookupError):
        os.kill(victim, signal.SIGKILL)
    _, errors = training.communicate(timeout=120)  # until no process has its streams any more
    if training.returncode == 0:
        return ""
    leader = victim == training.pid
    assert training.returncode == (-signal.SIGKILL if leader else 1), errors
    assert "Traceback" not in errors, errors
    assert leader or "was killed by SIGKILL" in errors, errors
    update = load_checkpoint(folder / CHECKPOINT).facts["update"] if (folder / CHECKPOINT).exists() else 0
    return f"{'the leader' if leader else 'a follower'} was killed; saved: update {update}"


def differences(one: Path, other: Path) -> list[str]:
    """What two trainings have not in common of their checkpoints and of what they recorded, the speed left aside."""
    left, right = (load_checkpoint(folder / CHECKPOINT) for folder in (one, other))
    names = sorted(left.arrays.keys() | right.arrays.keys())
    differing = [name for name in names if not np.array_equal(left.arrays.get(name, ()), right.arrays.get(name, ()))]
    records = [
        [{name: row[name] for name in row if "share" not in name and "per_second" not in name} for row in rows]
        for rows in (read_metrics(folder / METRICS_FILE) for folder in (one, other))
    ]
    return differing + (["metrics.jsonl"] if records[0] != records[1] else [])


def main(options: Options) -> int:
    """Train in peace, then be killed, and compare."""
    use_threads(1)
    if options.train:
        try:
            return 0 if launch(options.processes, partial(train_in, options.train)) else 1
        except ChildProcessError as error:
            sys.exit(str(error))
    rng, kills, trainings, failed = random.Random(options.seed), 0, 0, 0
    with tempfile.TemporaryDirectory() as place:
        peace = Path(place) / "peace"
        start(peace, options.processes).communicate()
        while kills < options.kills:
            trainings += 1
            folder = Path(place) / str(trainings)
            while said := kill_one(folder, options.processes, rng) if kills < options.kills else "":
                kills += 1
                print(f"kill {kills}, training {trainings}: {said}", flush=True)
            start(folder, options.processes).communicate()  # what is left, if anything
            differing = differences(peace, folder)
            failed += bool(differing)
            print(f"training {trainings} ended {'otherwise in ' + ', '.join(differing) if differing else 'the same'}")
    print(f"{options.processes} processes, {kills} kills, {trainings} trainings, of which {failed} ended otherwise")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Options, description=__doc__)))
