"""Playing episodes to their end, step by step: shared by evaluation, replays and beam search."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Generic

import numpy as np
import torch
from numpy.typing import NDArray

from vln.actions import Action, each_part
from vln.agent import Agent, Decision, Memory, Observation
from vln.learning.rollouts import Act
from vln.state import S, take
from vln.world import World

NUM_ENVS = 256  # episodes played side by side


@dataclass(frozen=True)
class Step(Generic[S]):
    """One step of a batch of episodes, of which k still go on.

    rows: int64 [k], their places in the batch. state: before the action. decision: [k]. memory: [k, ...], after the
    decision. actions: [k] (see vln.actions). next_state: after the action and the answer. dones: [k].
    """

    rows: NDArray[np.int64]
    state: S
    decision: Decision
    memory: Memory
    actions: Action
    next_state: S
    dones: NDArray[np.bool_]


@torch.no_grad()
def play(
    world: World[S],
    agent: Agent,
    start: S,
    act: Act,
    rng: torch.Generator,
    label: Callable[[S], Action] | None = None,
    planned: NDArray[np.int64] | None = None,
) -> Iterator[Step[S]]:
    """Play a batch of episodes from their first state, side by side and each to its end, and yield every step.

    planned: actions [T, B] to take, whatever the agent decides; without a plan `act` chooses them.
    """
    device = next(agent.parameters()).device
    rows, state = np.arange(len(start)), start
    memory = agent.initial(len(rows))
    episode_starts = torch.ones(len(rows), dtype=torch.bool, device=device)
    for time in count():
        if not len(rows):
            return
        decision, memory = agent.step(observed(world, state, device), memory, episode_starts)
        if planned is None:
            teacher = each_part(lambda part: torch.from_numpy(part).to(device), label(state)) if label else None
            actions = each_part(lambda part: part.cpu().numpy(), act(decision, teacher, rng))
        else:
            actions = planned[time, rows]
        answered = state
        if world.scores_answers and decision.answer is not None:
            answered = world.give_answer(state, decision.answer.float().cpu().numpy())
        next_state = world.step(answered, actions)
        dones = world.terminated(next_state) | world.truncated(next_state)
        yield Step(rows, state, decision, memory, actions, next_state, dones)
        running = np.flatnonzero(~dones)
        rows, state = rows[running], take(next_state, running)
        memory = rows_of(memory, running)
        episode_starts = torch.zeros(len(running), dtype=torch.bool, device=device)


def batches(episodes: Sequence[int]) -> Iterator[NDArray[np.int64]]:
    """The numbers of episodes in batches of NUM_ENVS."""
    for first in range(0, len(episodes), NUM_ENVS):
        yield np.asarray(episodes[first : first + NUM_ENVS], dtype=np.int64)


def observed(world: World[S], state: S, device: torch.device) -> Observation:
    """The observation of a state in tensors."""
    return {name: torch.from_numpy(np.asarray(values)).to(device) for name, values in world.observe(state).items()}


def rows_of(memory: Memory, rows: NDArray[np.int64]) -> Memory:
    """These rows of a memory, in order."""
    return {name: values[torch.from_numpy(rows).to(values.device)] for name, values in memory.items()}


@contextmanager
def evaluation_mode(agent: Agent) -> Iterator[None]:
    """The agent in evaluation mode (no dropout); its mode before is restored."""
    training = agent.training
    agent.eval()
    try:
        yield
    finally:
        agent.train(training)
