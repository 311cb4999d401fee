"""How fast pictures are looked at, and how fast agents are trained to; a part of benchmark.py."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from speeds import Speed, measure

from vln.agents.catalogue import agent_for
from vln.agents.shape import Shape
from vln.devices import use_threads
from vln.env import TaskEnv
from vln.envs.catalogue import make_task
from vln.learning import Learner
from vln.lessons import Lessons
from vln.rules import RULES
from vln.vector_env import TaskVectorEnv
from vln.world import World

# Pictures of 28x28 pixels as they are, and cluttered: the task's options and the world's.
PLACES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "28x28, 8x8": ({}, {"patch": 8}),
    "60x60 cluttered, 12x12x3": ({"canvas": 60, "clutter": 4}, {"patch": 12, "scales": 3}),
}
NET = Shape(memory="elman", hidden=256, sight=128)  # of about the size of Mnih et al. (2014, arXiv:1406.6247)


@dataclass(frozen=True)
class Glimpsing:
    """Steps per second of the worlds of glimpses, and pictures per second of trainings in them."""

    slots: int = 1024
    """Episodes side by side, of the worlds."""
    batches: tuple[int, ...] = (128, 512)
    """Pictures that are learned from at once."""
    looks: int = 6
    """How many there are at a picture."""
    threads: int = 2
    """CPU threads of trainings; worlds are measured with one."""
    repeats: int = 7
    """How often each speed is measured."""
    seconds: float = 1.0
    """How long one measurement lasts."""
    json: Path | None = None
    """Where to write the figures."""


def glimpse_speeds(options: Glimpsing) -> dict[str, Speed]:
    speeds = {}
    use_threads(1)
    for place, (about, seen) in PLACES.items():
        world = make_task("glimpse", {"pictures": "drawn", **about}).open("train", looks=options.looks, **seen)
        vector = _steps(TaskVectorEnv(world, options.slots), options.slots)
        speeds[f"{place}, vector of {options.slots}"] = measure("steps", vector, options.repeats, options.seconds)
        speeds[f"{place}, one environment"] = measure("steps", _steps(TaskEnv(world)), options.repeats, options.seconds)
    use_threads(options.threads)
    for place, (about, seen) in PLACES.items():
        world = make_task("glimpse", {"pictures": "drawn", **about}).open("train", looks=options.looks, **seen)
        for rule in ("reinforce", "pathwise"):
            for batch in options.batches:
                for half in (False, True):
                    name = f"{place}, {rule}, batch {batch}, {'bfloat16' if half else 'float32'}"
                    lessons = Lessons(rule=rule, slots=batch, window=options.looks, half=half, early=0.0)
                    speeds[name] = measure("pictures", _learned(world, lessons), options.repeats, options.seconds)
    return speeds


def _steps(env: Any, slots: int = 0) -> Iterator[int]:
    """Steps with actions drawn beforehand; slots: of a vector environment, 0 for a single one."""
    rng, shape = np.random.default_rng(0), (slots,) if slots else ()
    answers = env.unwrapped.world.answers
    actions = [
        {
            "move": rng.uniform(-1, 1, (*shape, 2)).astype(np.float32),
            "answer": rng.normal(size=(*shape, answers)).astype(np.float32),
        }
        for _ in range(64)
    ]
    env.reset(seed=0)
    while True:
        for action in actions:
            _, _, terminated, _, _ = env.step(action)
            if not slots and terminated:
                env.reset()
        yield len(actions) * max(1, slots)


def _learned(world: World[Any], lessons: Lessons) -> Iterator[int]:
    torch.manual_seed(0)
    agent = agent_for(world, NET)
    learner = Learner.begin(world.on("cpu") if RULES[lessons.rule].through else world, agent, lessons)
    while True:
        learner.learn()
        yield lessons.slots
