"""Judging: an agent lives every episode of a split once, and what became of each is kept."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic

import numpy as np
import torch
from numpy.typing import NDArray

from vln.agent import Agent, Decision, Memory
from vln.metrics import Outcome
from vln.outcomes import outcome_of
from vln.rollouts import Act, greedy
from vln.world import S, World, take

SLOTS = 256  # episodes judged side by side


@dataclass(frozen=True)
class Moment(Generic[S]):
    """One step of a batch of episodes while they are judged: k of them are still going on.

    slots: int64 [k], which of the batch these are. state: before the move. decision: [k]. moves: int64 [k]. after: the
    state after the move. ended: bool [k].
    """

    slots: NDArray[np.int64]
    state: S
    decision: Decision
    moves: NDArray[np.int64]
    after: S
    ended: NDArray[np.bool_]


@torch.no_grad()
def moments(
    world: World[S],
    agent: Agent,
    begun: S,
    act: Act,
    rng: torch.Generator,
    label: Callable[[S], NDArray[np.bool_]] | None = None,
) -> Iterator[Moment[S]]:
    """Live what has begun, side by side and each to its end, yielding every step. Ended episodes are left behind."""
    device = next(agent.parameters()).device
    slots, state = np.arange(len(begun)), begun
    memory = agent.initial(len(slots))
    starts = torch.ones(len(slots), dtype=torch.bool, device=device)
    while len(slots):
        observation = {
            name: torch.from_numpy(np.asarray(values)).to(device) for name, values in world.observe(state).items()
        }
        decision, memory = agent.step(observation, memory, starts)
        best = torch.from_numpy(label(state)).to(device) if label else None
        moves = act(decision, best, rng).cpu().numpy()
        after = world.step(state, moves)
        ended = world.terminated(after) | world.truncated(after)
        yield Moment(slots, state, decision, moves, after, ended)
        left = np.flatnonzero(~ended)
        slots, state = slots[left], take(after, left)
        memory = _take_memory(memory, torch.from_numpy(left).to(device))
        starts = torch.zeros(len(left), dtype=torch.bool, device=device)


def _take_memory(memory: Memory, rows: torch.Tensor) -> Memory:
    return {name: values[rows] for name, values in memory.items()}


@contextmanager
def as_judged(agent: Agent) -> Iterator[None]:
    """The agent as it is when not training (no dropout); afterwards it is in the mode it was in."""
    training = agent.training
    agent.eval()
    try:
        yield
    finally:
        agent.train(training)


def evaluate(
    world: World[Any],
    agent: Agent,
    episodes: Sequence[int] | None = None,
    act: Act = greedy,
    label: Callable[[Any], NDArray[np.bool_]] | None = None,
    seed: int = 0,
) -> list[Outcome]:
    """The outcome of each of these episodes (all of the world's unless given), in their order.

    The agent is judged as it is when not training (no dropout) and left in the mode it was in. seed: of the acting,
    where it draws.
    """
    chosen = list(range(len(world.episodes))) if episodes is None else list(episodes)
    rng = torch.Generator(next(agent.parameters()).device).manual_seed(seed)
    outcomes = []
    with as_judged(agent):
        for first in range(0, len(chosen), SLOTS):
            outcomes += _judge(world, agent, chosen[first : first + SLOTS], act, rng, label)
    return outcomes


def _judge(
    world: World[Any],
    agent: Agent,
    episodes: Sequence[int],
    act: Act,
    rng: torch.Generator,
    label: Callable[[Any], NDArray[np.bool_]] | None,
) -> list[Outcome]:
    begun = world.begin(np.asarray(episodes, dtype=np.int64))
    shortest = world.error(begun)
    trails = np.zeros((world.max_steps + 1, len(episodes), 2), dtype=np.int16)
    trails[0] = world.position(begun)
    outcomes: dict[int, Outcome] = {}
    for moment in moments(world, agent, begun, act, rng, label):
        trails[moment.after.steps, moment.slots] = world.position(moment.after)
        for place in np.flatnonzero(moment.ended):
            slot = int(moment.slots[place])
            trail = trails[: int(moment.after.steps[place]) + 1, slot]
            outcomes[slot] = outcome_of(world, moment.after, int(place), trail, float(shortest[slot]))
    return [outcomes[slot] for slot in range(len(episodes))]
