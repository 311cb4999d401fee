"""Living through episodes: the loop of observing, deciding and moving, and the record it leaves."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Generic

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vln.agent import Agent, Decision, Memory, Observation
from vln.streams import Stream
from vln.world import S, World, put

# How to act: from the decision [B] and the teacher's optimal moves (bool [B, moves]; None when nobody was asked) to
# moves [B].
Act = Callable[[Decision, Tensor | None, torch.Generator], Tensor]


def greedy(decision: Decision, best: Tensor | None, rng: torch.Generator) -> Tensor:
    """The likeliest move."""
    return decision.policy.logits.argmax(dim=-1)


def sample(decision: Decision, best: Tensor | None, rng: torch.Generator) -> Tensor:
    """A move drawn from the policy."""
    return _draw(decision.policy.probs, rng)


def follow_teacher(decision: Decision, best: Tensor | None, rng: torch.Generator) -> Tensor:
    """One of the teacher's moves, all alike."""
    return _taught(best, rng)


def mix(share: float, greedily: float = 0.0) -> Act:
    """The teacher's move with this probability, else the agent's own (scheduled sampling; 0 is DAgger).

    greedily: of the slots, the share in which the agent's own move is its likeliest; in the others it is drawn. Who is
    judged by the likeliest moves can turn left and right for ever where it is unsure. Drawn moves soon end such a loop,
    so whoever learns from these alone never learns to leave one.

    A `stop` of the agent's own that the teacher would not make is replaced by the teacher's move: an episode ended too
    early teaches nothing about what comes after (Bengio et al. 2015, arXiv:1506.03099; Ross et al. 2011,
    arXiv:1011.0686).
    """

    def act(decision: Decision, best: Tensor | None, rng: torch.Generator) -> Tensor:
        taught = follow_teacher(decision, best, rng)
        own = sample(decision, best, rng)
        drawn = len(own) - round(greedily * len(own))
        own[drawn:] = greedy(decision, best, rng)[drawn:]
        stop = decision.policy.logits.shape[-1] - 1
        too_early = (own == stop) & (taught != stop)
        draw = torch.rand(own.shape, generator=rng, device=own.device)
        return torch.where((draw < share) | too_early, taught, own)

    return act


def _taught(best: Tensor | None, rng: torch.Generator) -> Tensor:
    if best is None:
        raise ValueError("to follow a teacher there must be one: pass label=world.teacher")
    return _draw(best.float(), rng)


def _draw(weights: Tensor, rng: torch.Generator) -> Tensor:
    return torch.multinomial(weights, 1, generator=rng).squeeze(-1)


@dataclass(frozen=True)
class Course(Generic[S]):
    """Where a batch of slots stands between two windows: their episodes, their streams of episodes, the memory."""

    state: S
    stream: Stream
    starts: NDArray[np.bool_]
    memory: Memory

    @classmethod
    def begin(cls, world: World[S], agent: Agent, slots: int, seed: int) -> "Course[S]":
        episode, stream = Stream.of(seed, slots).draw(np.arange(slots), len(world.episodes))
        return cls(world.begin(episode), stream, np.ones(slots, dtype=np.bool_), agent.initial(slots))


@dataclass(frozen=True)
class Rollout:
    """What happened in a window of T steps to B slots, time first.

    observation: [T, B, ...] by name.
    starts: bool [T, B], where a new episode begins.
    memory: [B, ...], before the first step.
    moves: [T, B].
    answer: [T, B], the right answers to the world's question, or None.
    best: bool [T, B, moves], the teacher's moves, or None.
    rewards: [T, B], the error each move removed.
    ended, succeeded: bool [T, B], whether the episode ended with this move, and well.
    error: [T, B], the distance to go before the move.
    """

    observation: Observation
    starts: Tensor
    memory: Memory
    moves: Tensor
    answer: Tensor | None
    best: Tensor | None
    rewards: Tensor
    ended: Tensor
    succeeded: Tensor
    error: Tensor


def rollout(
    world: World[S],
    agent: Agent,
    course: Course[S],
    steps: int,
    act: Act | None,
    rng: torch.Generator,
    label: Callable[[S], NDArray[np.bool_]] | None = None,
    clock: "Callable[[str], None]" = lambda part: None,
) -> tuple[Rollout, Course[S]]:
    """Let every slot make this many moves; a slot whose episode ends begins its next one with the next step.

    act: how to choose moves; None follows the teacher without asking the agent what it would do (teacher forcing).
    label: the teacher to ask at every state. clock: told "world" or "agent" after each part's work, to measure it.
    The course that is returned holds the memory of acting; gradients are in it if they were on. Who did not act
    remembers nothing new: then `agent.forward` over the window gives the memory to go on with.
    """
    device = next(agent.parameters()).device
    state, stream, starts, memory = course.state, course.stream, course.starts, course.memory
    slots = len(state)
    record = _Record(world, steps, slots, len(world.moves) if label else 0)
    for time in range(steps):
        observation = world.observe(state)
        best = label(state) if label else None
        record.before(time, observation, best, starts, world.error(state))
        if label and world.answers:
            record.answer[time] = world.answer(state)
        clock("world")
        advice = None if best is None else torch.from_numpy(best).to(device)
        if act is None:
            chosen = _taught(advice, rng)
        else:
            observed, starting = record.moment(time, device)
            decision, memory = agent.step(observed, memory, starting)
            chosen = act(decision, advice, rng)
        moves = chosen.cpu().numpy()
        clock("agent")
        state = world.step(state, moves)
        starts = world.terminated(state) | world.truncated(state)
        record.after(time, moves, world.error(state), starts, starts & world.success(state))
        if starts.any():
            slots_done = np.flatnonzero(starts)
            episode, stream = stream.draw(slots_done, len(world.episodes))
            state = put(state, slots_done, world.begin(episode))
        clock("world")
    lived = record.rollout(course.memory, device)
    return lived, replace(course, state=state, stream=stream, starts=starts, memory=memory)


class _Record:
    """Arrays that a window is written into step by step, so that nothing is stacked afterwards."""

    def __init__(self, world: World[Any], steps: int, slots: int, moves: int) -> None:
        self.observation = {
            name: np.empty((steps, slots, *space.shape), dtype=space.dtype)  # type: ignore[misc]
            for name, space in world.spaces.items()
        }
        self.best = np.empty((steps, slots, moves), dtype=np.bool_)
        self.starts, self.ended, self.succeeded = (np.empty((steps, slots), dtype=np.bool_) for _ in range(3))
        self.moves = np.empty((steps, slots), dtype=np.int64)
        self.answer = np.empty((steps, slots if moves and world.answers else 0), dtype=np.int64)
        self.error, self.error_after = (np.empty((steps, slots), dtype=np.float32) for _ in range(2))

    def before(
        self,
        time: int,
        observation: dict[str, NDArray[Any]],
        best: NDArray[np.bool_] | None,
        starts: NDArray[np.bool_],
        error: NDArray[np.float32],
    ) -> None:
        for name, values in self.observation.items():
            values[time] = observation[name]
        if best is not None:
            self.best[time] = best
        self.starts[time], self.error[time] = starts, error

    def after(
        self,
        time: int,
        moves: NDArray[np.int64],
        error: NDArray[np.float32],
        ended: NDArray[np.bool_],
        succeeded: NDArray[np.bool_],
    ) -> None:
        # Where no way leads on, nothing was removed: a reward is always finite.
        self.error_after[time] = np.where(np.isfinite(error), error, self.error[time])
        self.moves[time] = moves
        self.ended[time], self.succeeded[time] = ended, succeeded

    def moment(self, time: int, device: torch.device) -> tuple[Observation, Tensor]:
        observation = {name: torch.from_numpy(values[time]).to(device) for name, values in self.observation.items()}
        return observation, torch.from_numpy(self.starts[time]).to(device)

    def rollout(self, memory: Memory, device: torch.device) -> Rollout:
        def send(values: NDArray[Any]) -> Tensor:
            return torch.from_numpy(values).to(device)

        return Rollout(
            observation={name: send(values) for name, values in self.observation.items()},
            starts=send(self.starts),
            memory=memory,
            moves=send(self.moves),
            answer=send(self.answer) if self.answer.shape[-1] else None,
            best=send(self.best) if self.best.shape[-1] else None,
            rewards=send(self.error - self.error_after),
            ended=send(self.ended),
            succeeded=send(self.succeeded),
            error=send(self.error),
        )
