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

SLOTS = 256  # episodes lived side by side


@dataclass(frozen=True)
class Step(Generic[S]):
    """One step of a batch of episodes while they are judged: k of them are still going on.

    slots: int64 [k], which of the batch these are. state: before the move. decision: [k]. memory: [k, ...], what is
    remembered with it. moves: [k], the actions that are taken (see
    vln.actions). after: the state after the move (and the answer). ended: [k].
    """

    rows: NDArray[np.int64]
    state: S
    decision: Decision
    memory: Memory
    actions: Action
    next_state: S
    dones: NDArray[np.bool_]


@torch.no_grad()
def moments(
    world: World[S],
    agent: Agent,
    begun: S,
    act: Act,
    rng: torch.Generator,
    label: Callable[[S], Action] | None = None,
    planned: NDArray[np.int64] | None = None,
) -> Iterator[Step[S]]:
    """Live what has begun, side by side and each to its end, yielding every step. Ended episodes are left behind.

    planned: the moves [T, B] to make, whatever the agent decides; without a plan `act` chooses them.
    """
    device = next(agent.parameters()).device
    slots, state = np.arange(len(begun)), begun
    memory = agent.initial(len(slots))
    episode_starts = torch.ones(len(slots), dtype=torch.bool, device=device)
    for time in count():
        if not len(slots):
            return
        decision, memory = agent.step(observed(world, state, device), memory, episode_starts)
        if planned is None:
            best = each_part(lambda part: torch.from_numpy(part).to(device), label(state)) if label else None
            moves = each_part(lambda part: part.cpu().numpy(), act(decision, best, rng))
        else:
            moves = planned[time, slots]
        replied = state
        if world.scores_answers and decision.answer is not None:
            replied = world.give_answer(state, decision.answer.float().cpu().numpy())
        after = world.step(replied, moves)
        ended = world.terminated(after) | world.truncated(after)
        yield Step(slots, state, decision, memory, moves, after, ended)
        left = np.flatnonzero(~ended)
        slots, state = slots[left], take(after, left)
        memory = rows_of(memory, left)
        episode_starts = torch.zeros(len(left), dtype=torch.bool, device=device)


def batches(episodes: Sequence[int]) -> Iterator[NDArray[np.int64]]:
    """The numbers of episodes, as many at a time as are lived side by side."""
    for first in range(0, len(episodes), SLOTS):
        yield np.asarray(episodes[first : first + SLOTS], dtype=np.int64)


def observed(world: World[S], state: S, device: torch.device) -> Observation:
    """What the world shows of a state, as an agent takes it."""
    return {name: torch.from_numpy(np.asarray(values)).to(device) for name, values in world.observe(state).items()}


def rows_of(memory: Memory, rows: NDArray[np.int64]) -> Memory:
    """The memory of these rows of the batch alone, in order."""
    return {name: values[torch.from_numpy(rows).to(values.device)] for name, values in memory.items()}


@contextmanager
def evaluation_mode(agent: Agent) -> Iterator[None]:
    """The agent as it is when not training (no dropout); afterwards it is in the mode it was in."""
    training = agent.training
    agent.eval()
    try:
        yield
    finally:
        agent.train(training)
