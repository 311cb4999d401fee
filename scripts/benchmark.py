"""Measure the speed of environments, trainings and recurrent cores.

    python scripts/benchmark.py worlds --json worlds.json
    python scripts/benchmark.py training --threads 1 2
    python scripts/benchmark.py glimpses
    python scripts/benchmark.py graphs --data DIR
    python scripts/benchmark.py memories
    python scripts/benchmark.py busy --data DIR

A speed is the median over repeats; beside it stands the best, which other programs on the machine disturbed least.
MiniGrid (arXiv:2306.13831) is measured too where it is installed.
"""

import thread_waiting  # noqa: F401  # before torch is loaded

import json
import sys
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import gymnasium
import numpy as np
import torch
import tyro
from busy_speeds import Busy, busy_speeds
from errors import plainly
from glimpse_speeds import Glimpsing, glimpse_speeds
from graph_speeds import Walking, graph_speeds
from memory_speeds import Remembering, memory_speeds
from numpy.typing import NDArray
from rich.console import Console
from speeds import Speed, conditions, measure, show
from torch import Tensor, nn

from vln.agents.config import AgentConfig
from vln.agents.recurrent_agent import RecurrentAgent
from vln.envs.registry import make_task
from vln.gym.env import TaskEnv
from vln.gym.vector_env import TaskVectorEnv
from vln.learning.config import TrainConfig
from vln.learning.devices import keep_memory, use_threads
from vln.learning.learner import Learner
from vln.learning.rollouts import RolloutState, follow_teacher, rollout
from vln.learning.rules import Imitation
from vln.tasks import Task

# How often the moves of a benchmark say `stop`: as good as never, as learners do, and one time in four.
STOPS = {"never stop": 0.0, "5 % stop": 0.05, "uniform moves": 0.25}


@dataclass(frozen=True)
class Worlds:
    """Steps and frames per second of the worlds."""

    task: str = "goto"
    """Task whose training split is measured."""
    num_envs: int = 1024
    """Number of environments."""
    threads: int = 1
    """CPU threads."""
    repeats: int = 9
    """Number of measurements of each speed."""
    seconds: float = 0.5
    """Seconds of one measurement."""
    json: Path | None = None
    """File to write the figures to, as JSON."""


@dataclass(frozen=True)
class Training:
    """Steps per second of imitation training from symbols, and of a bare loop of the same network."""

    task: str = "goto"
    """Task to train on."""
    num_envs: int = 256
    """Number of environments."""
    unroll_length: int = 64
    """Steps of an unroll."""
    hidden: int = 256
    """Units of the LSTM."""
    threads: tuple[int, ...] = (1, 2)
    """CPU threads, measured one number after the other."""
    repeats: int = 5
    """Number of measurements of each speed."""
    json: Path | None = None
    """File to write the figures to, as JSON."""


def drawn_moves(stops: float, slots: int) -> Iterator[NDArray[np.int64]]:
    """Moves [slots] without end, drawn beforehand: `stop` with this probability, any other alike."""
    rng = np.random.default_rng(0)
    moves = np.where(rng.random((512, slots)) < stops, 3, rng.integers(3, size=(512, slots)))
    while True:
        yield from moves


def vector_steps(task: Task, slots: int, stops: float) -> Iterator[int]:
    vector = TaskVectorEnv(task.open("train"), slots)
    vector.reset(seed=0)
    for moves in drawn_moves(stops, slots):
        vector.step(moves)
        yield slots


def single_steps(env: gymnasium.Env[Any, int], moves: Iterator[int]) -> Iterator[int]:
    env.reset(seed=0)
    while True:
        for move in islice(moves, 100):
            _, _, terminated, truncated, _ = env.step(move)
            if terminated or truncated:
                env.reset()
        yield 100


def frames(task: Task, slots: int, ask: Callable[[Any, Any], Any], **view: Any) -> Iterator[int]:
    """What `ask` gives for the states of agents that wander about, one state after the other."""
    world = task.open("train", track_sight=True, **view)
    states = [world.begin(np.arange(slots) % len(world.episodes))]
    for moves in islice(drawn_moves(0, slots), 30):
        states.append(world.step(states[-1], moves))
    while True:
        for state in states:
            ask(world, state)
            yield slots


def minigrid_steps() -> Iterator[int]:
    import minigrid  # noqa: F401  # it registers its environments

    env = gymnasium.make("MiniGrid-FourRooms-v0")
    rng = np.random.default_rng(0)
    return single_steps(env, iter(lambda: int(rng.integers(3)), None))


def world_speeds(options: Worlds) -> dict[str, Speed]:
    task = make_task(options.task)
    slots, observe = options.num_envs, lambda world, state: world.observe(state)
    works: dict[str, tuple[str, Iterator[int]]] = {}
    for name, stops in STOPS.items():
        works[f"vector of {slots}, symbols, {name}"] = "steps", vector_steps(task, slots, stops)
    for name, stops in STOPS.items():
        moves = (int(move) for row in drawn_moves(stops, 64) for move in row)
        works[f"one environment, symbols, {name}"] = "steps", single_steps(TaskEnv(task.open("train")), moves)
    for view, size in (("symbols", 7), ("first_person", 64), ("first_person", 32), ("top_down", 56)):
        works[f"{view} {size}x{size}"] = "frames", frames(task, slots, observe, view=view, size=size)
    works["expert"] = "answers", frames(task, slots, lambda world, state: world.expert(state))
    works["teacher"] = "answers", frames(task, slots, lambda world, state: world.teacher(state))
    if find_spec("minigrid"):
        works["MiniGrid, one environment"] = "steps", minigrid_steps()
    return {name: measure(unit, work, options.repeats, options.seconds) for name, (unit, work) in works.items()}


class PlainLSTM(nn.Module):
    """What torch offers for an LSTM with resets, in the place of a navigator's core: LSTMCell, step by step."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(inputs, hidden)

    def forward(self, inputs: Tensor, memory: Tensor, episode_starts: Tensor) -> tuple[Tensor, Tensor]:
        hidden, cell = memory.to(inputs.dtype).chunk(2, dim=1)
        outputs = []
        for moment, begins in zip(inputs, episode_starts, strict=True):
            keep = (~begins)[:, None]
            hidden, cell = self.cell(moment, (hidden * keep, cell * keep))
            outputs.append(hidden)
        return torch.stack(outputs), torch.cat([hidden, cell], dim=1)


def bare_windows(learner: Learner[Any]) -> Iterator[int]:
    """Learn from one recorded window again and again: the same network and loss, but no world and no acting."""
    config, world, agent = learner.config, learner.world, deepcopy(learner.agent)
    with torch.no_grad():
        course = RolloutState.begin(world, agent, config.num_envs, config.seed)
        lived, _ = rollout(world, agent, course, config.unroll_length, follow_teacher, torch.Generator(), world.teacher)
    assert isinstance(agent, RecurrentAgent)
    agent.core = PlainLSTM(agent.core.inputs, agent.core.hidden)  # type: ignore[assignment]
    optimizer = torch.optim.Adam(agent.parameters(), lr=1e-3)
    while True:
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bool(config.bfloat16)):
            decision, _ = agent(lived.observation, lived.memory, lived.episode_starts)
            loss = Imitation(config).loss(decision, lived)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(agent.parameters(), config.max_grad_norm)
        optimizer.step()
        yield config.num_envs * config.unroll_length


def whole_windows(learner: Learner[Any]) -> Iterator[int]:
    """Learn as trainings do: live a window, ask the teacher, descend."""
    while True:
        learner.learn()
        yield learner.config.num_envs * learner.config.unroll_length


def training_speeds(options: Training) -> dict[str, Speed]:
    world = make_task(options.task).open("train", track_sight=True)
    speeds = {}
    for threads in options.threads:
        use_threads(threads)
        for half in (False, True):
            torch.manual_seed(0)
            agent = RecurrentAgent(world.spaces, world.action_space, config=AgentConfig(hidden=options.hidden))
            config = TrainConfig(
                num_envs=options.num_envs, unroll_length=options.unroll_length, teacher_share_end=1.0, bfloat16=half
            )
            learner = Learner.begin(world, agent, config)
            bare, whole = bare_windows(learner), whole_windows(learner)
            # In turns, so that what else the machine does slows both.
            turns = [(measure("steps", bare, 1, 0), measure("steps", whole, 1, 0)) for _ in range(options.repeats)]
            ours, theirs = ([turn[place].repeats[0] for turn in turns] for place in (1, 0))
            name = f"{'bfloat16' if half else 'float32'}, threads {threads}"
            speeds[f"bare loop, {name}"] = Speed("steps", theirs)
            speeds[f"training, {name}"] = Speed("steps", ours)
            shares = [one / other for one, other in zip(ours, theirs, strict=True)]
            speeds[f"training / bare loop, {name}"] = Speed("share", shares)
    return speeds


def main(options: Worlds | Training | Glimpsing | Walking | Remembering | Busy) -> dict[str, Any]:
    """Measure, print the table, and write the figures where they are wanted."""
    circumstances = conditions(options.threads)
    keep_memory()  # as a training does
    if isinstance(options, Worlds):
        use_threads(options.threads)
        speeds = world_speeds(options)
    elif isinstance(options, Glimpsing):
        speeds = glimpse_speeds(options)
    elif isinstance(options, Walking):
        speeds = graph_speeds(options)
    elif isinstance(options, Remembering):
        speeds = memory_speeds(options)
    elif isinstance(options, Busy):
        speeds = busy_speeds(options)
    else:
        speeds = training_speeds(options)
    rows = {name: speed.figures for name, speed in speeds.items()}
    figures = {"conditions": circumstances, "rows": rows}
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    Console().print(show(speeds, circumstances))
    return figures


Options = (
    Annotated[Worlds, tyro.conf.subcommand("worlds")]
    | Annotated[Training, tyro.conf.subcommand("training")]
    | Annotated[Glimpsing, tyro.conf.subcommand("glimpses")]
    | Annotated[Walking, tyro.conf.subcommand("graphs")]
    | Annotated[Remembering, tyro.conf.subcommand("memories")]
    | Annotated[Busy, tyro.conf.subcommand("busy")]
)

if __name__ == "__main__":
    with plainly():
        main(tyro.cli(Options, args=sys.argv[1:], description=__doc__))
