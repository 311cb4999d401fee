"""How fast buildings are walked in on their graphs, and how fast agents are judged there; a part of benchmark.py."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from recipes import RECIPES
from speeds import Speed, measure

from vln.agents.registry import make_agent
from vln.envs.registry import make_task
from vln.evaluation.evaluate import evaluate
from vln.gym.env import TaskEnv
from vln.gym.vector_env import TaskVectorEnv
from vln.learning.devices import use_threads
from vln.runs.run import open_run
from vln.state import put
from vln.world import World

# The action spaces, and what is told of neighbours in them.
PLACES: dict[str, dict[str, Any]] = {
    "panoramic, local": {"view": "local"},
    "panoramic, lookahead": {"view": "lookahead"},
    "low level, local": {"view": "local", "actions": "low_level"},
}
STEPS = 64  # of a walk that is gone again and again
STOPS = 0.05  # the probability that a move of it is to stop


@dataclass(frozen=True)
class Walking:
    """Steps per second of Room-to-Room's worlds, and episodes per second of judging in them."""

    data: Path
    """Folder that holds matterport/ and r2r/."""
    run: Path | None = None
    """Folder of a run whose evaluation is timed; an untrained agent unless given."""
    num_envs: int = 1024
    """Number of environments of the worlds."""
    episodes: int | None = None
    """Number of episodes of val_unseen to evaluate; all unless given."""
    threads: int = 1
    """CPU threads."""
    repeats: int = 7
    """Number of measurements of each speed."""
    seconds: float = 1.0
    """Seconds of one measurement."""
    json: Path | None = None
    """File to write the figures to, as JSON."""


def graph_speeds(options: Walking) -> dict[str, Speed]:
    use_threads(options.threads)
    task = make_task("r2r", {"data": str(options.data)})
    speeds = {}
    for place, seen in PLACES.items():
        world = task.open("train", **seen)
        walks = {
            f"world of {options.num_envs}": ("steps", _seen(world, options.num_envs)),
            f"vector of {options.num_envs}": ("steps", _steps(world, options.num_envs)),
            "one environment": ("steps", _single_steps(world)),
            "expert": ("answers", _answers(world, options.num_envs)),
        }
        for name, (unit, work) in walks.items():
            speeds[f"{place}, {name}"] = measure(unit, work, options.repeats, options.seconds)
    # A repeat is of all the episodes, and as short as that.
    speeds["judging val_unseen"] = measure("episodes", _judged(options), options.repeats, 0)
    return speeds


def _walk(world: World[Any], slots: int) -> list[NDArray[np.int64]]:
    """Possible moves [slots], drawn beforehand along a walk from reset(seed=0)."""
    env, rng, walk = TaskVectorEnv(world, slots), np.random.default_rng(0), []
    possible = env.reset(seed=0)[0]["possible"]
    stop = possible.shape[1] - 1
    for _ in range(STEPS):
        chance = rng.random(possible.shape) * (possible > 0)
        chance[:, stop] = np.where(rng.random(slots) < STOPS, 2.0, 0.0)
        walk.append(chance.argmax(axis=1))
        possible = env.step(walk[-1])[0]["possible"]
    return walk


def _seen(world: World[Any], slots: int) -> Iterator[int]:
    """Steps, what is seen after each, and new episodes where some have ended: what a training asks of its world."""
    walk, episodes = _walk(world, slots), np.arange(slots) % len(world.episodes)
    while True:
        state = world.begin(episodes)
        for moves in walk:
            state = world.step(state, moves)
            ended = np.flatnonzero(world.terminated(state) | world.truncated(state))
            if len(ended):
                state = put(state, ended, world.begin(episodes[ended]))
            world.observe(state)
        yield slots * len(walk)


def _steps(world: World[Any], slots: int) -> Iterator[int]:
    walk, env = _walk(world, slots), TaskVectorEnv(world, slots)
    while True:
        env.reset(seed=0)
        for moves in walk:
            env.step(moves)
        yield slots * len(walk)


def _single_steps(world: World[Any]) -> Iterator[int]:
    walk, env = [int(moves[0]) for moves in _walk(world, 1)], TaskEnv(world)
    while True:
        env.reset(seed=0)
        for move in walk:
            _, _, terminated, truncated, _ = env.step(move)
            if terminated or truncated:
                env.reset()
        yield len(walk)


def _answers(world: World[Any], slots: int) -> Iterator[int]:
    states = [world.begin(np.arange(slots) % len(world.episodes))]
    for moves in _walk(world, slots)[:8]:
        states.append(world.step(states[-1], moves))
    while True:
        for state in states:
            world.expert(state)
        yield slots * len(states)


def _judged(options: Walking) -> Iterator[int]:
    if options.run:
        run = open_run(options.run, make_task, make_agent, task_options={"data": str(options.data)})
        world, agent = run.open("val_unseen"), run.agent
    else:
        recipe = RECIPES["r2r"]
        world = make_task("r2r", {"data": str(options.data)}).open("val_unseen", **recipe.world_options)
        torch.manual_seed(0)
        agent = make_agent(
            world.spaces, world.action_space, world.num_answers, asdict(recipe.agent_config), world.scores_answers
        )
    episodes = range(min(options.episodes or len(world.episodes), len(world.episodes)))
    while True:
        yield len(evaluate(world, agent, episodes))
