"""How fast pictures are looked at, and how fast agents are trained to; a part of benchmark.py."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from speeds import Speed, measure

from vln.agents.config import AgentConfig
from vln.agents.registry import agent_for
from vln.envs.registry import make_task
from vln.gym.env import TaskEnv
from vln.gym.vector_env import TaskVectorEnv
from vln.learning.config import TrainConfig
from vln.learning.devices import use_threads
from vln.learning.learner import Learner
from vln.learning.rules import RULES
from vln.world import World

# Pictures of 28x28 pixels as they are, and cluttered: the task's options and the world's.
PLACES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "28x28, 8x8": ({}, {"patch": 8}),
    "60x60 cluttered, 12x12x3": ({"canvas": 60, "clutter": 4}, {"patch": 12, "scales": 3}),
}
NET = AgentConfig(memory="elman", hidden=256, view_dim=128)  # of about the size of Mnih et al. (2014, arXiv:1406.6247)


@dataclass(frozen=True)
class Glimpsing:
    """Steps per second of the worlds of glimpses, and pictures per second of trainings in them."""

    num_envs: int = 1024
    """Number of environments of the worlds."""
    batches: tuple[int, ...] = (128, 512)
    """Pictures of a batch."""
    looks: int = 6
    """Number of looks of an episode."""
    threads: int = 2
    """CPU threads of trainings; worlds are measured with one."""
    repeats: int = 7
    """Number of measurements of each speed."""
    seconds: float = 1.0
    """Seconds of one measurement."""
    json: Path | None = None
    """File to write the figures to, as JSON."""


def glimpse_speeds(options: Glimpsing) -> dict[str, Speed]:
    speeds = {}
    use_threads(1)
    for place, (about, seen) in PLACES.items():
        world = make_task("glimpse", {"pictures": "font_digits", **about}).open("train", looks=options.looks, **seen)
        vector = _steps(TaskVectorEnv(world, options.num_envs), options.num_envs)
        speeds[f"{place}, vector of {options.num_envs}"] = measure("steps", vector, options.repeats, options.seconds)
        speeds[f"{place}, one environment"] = measure("steps", _steps(TaskEnv(world)), options.repeats, options.seconds)
    use_threads(options.threads)
    for place, (about, seen) in PLACES.items():
        world = make_task("glimpse", {"pictures": "font_digits", **about}).open("train", looks=options.looks, **seen)
        for rule in ("reinforce", "pathwise"):
            for batch in options.batches:
                for half in (False, True):
                    name = f"{place}, {rule}, batch {batch}, {'bfloat16' if half else 'float32'}"
                    config = TrainConfig(
                        rule=rule, num_envs=batch, unroll_length=options.looks, bfloat16=half, early_answer_weight=0.0
                    )
                    speeds[name] = measure("pictures", _learned(world, config), options.repeats, options.seconds)
    return speeds


def _steps(env: Any, slots: int = 0) -> Iterator[int]:
    """Steps with actions drawn beforehand; slots: of a vector environment, 0 for a single one."""
    rng, shape = np.random.default_rng(0), (slots,) if slots else ()
    answers = env.unwrapped.world.num_answers
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


def _learned(world: World[Any], config: TrainConfig) -> Iterator[int]:
    torch.manual_seed(0)
    agent = agent_for(world, NET)
    learner = Learner.begin(
        world.differentiable("cpu") if RULES[config.rule].differentiates_world else world, agent, config
    )
    while True:
        learner.learn()
        yield config.num_envs
