"""Living through episodes: the loop of observing, deciding and moving, and the record it leaves."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, Generic

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vln.agent import Agent, Decision, Memory, Observation, cut, joined
from vln.policies import drawn, drawn_of, likeliest
from vln.streams import Stream
from vln.world import S, World, put

# How to act: from the decision [B] and the teacher's optimal moves (bool [B, moves], or points; None when nobody was
# asked) to moves [B].
Act = Callable[[Decision, Tensor | None, torch.Generator], Tensor]


def greedy(decision: Decision, best: Tensor | None, rng: torch.Generator) -> Tensor:
    """The likeliest move."""
    return likeliest(decision.policy)


def sample(decision: Decision, best: Tensor | None, rng: torch.Generator) -> Tensor:
    """A move drawn from the policy."""
    return drawn(decision.policy, rng)


def follow_teacher(decision: Decision, best: Tensor | None, rng: torch.Generator) -> Tensor:
    """One of the teacher's moves, all alike."""
    return _taught(best, rng)


def mix(share: float, greedily: float = 0.0, stop: int | None = None) -> Act:
    """The teacher's move with this probability, else the agent's own (scheduled sampling; 0 is DAgger).

    greedily: of the slots, the share in which the agent's own move is its likeliest; in the others it is drawn. Who is
    judged by the likeliest moves can turn left and right for ever where it is unsure. Drawn moves soon end such a loop,
    so whoever learns from these alone never learns to leave one.

    stop: the number of the move that ends an episode, where there is one. One of the agent's own that the teacher would
    not make is replaced by the teacher's move: an episode ended too early teaches nothing about what comes after
    (Bengio et al. 2015, arXiv:1506.03099; Ross et al. 2011, arXiv:1011.0686).
    """

    def act(decision: Decision, best: Tensor | None, rng: torch.Generator) -> Tensor:
        taught = follow_teacher(decision, best, rng)
        own = sample(decision, best, rng)
        by_chance = len(own) - round(greedily * len(own))
        own[by_chance:] = greedy(decision, best, rng)[by_chance:]
        draw = torch.rand(len(own), generator=rng, device=own.device)
        replaced = draw < share
        if stop is not None:
            replaced |= (own == stop) & (taught != stop)
        return torch.where(replaced.view(-1, *[1] * (own.dim() - 1)), taught, own)

    return act


def _taught(best: Tensor | None, rng: torch.Generator) -> Tensor:
    if best is None:
        raise ValueError("to follow a teacher there must be one: pass label=world.teacher")
    return drawn_of(best.float(), rng) if best.dtype == torch.bool else best


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

    def cut(self, memory: Memory) -> "Course[S]":
        """The same with this memory, from which no gradient flows back; nor from the state, where that is in tensors.

        So a window of truncated BPTT ends.
        """
        known = {field.name: getattr(self.state, field.name) for field in fields(self.state)}
        flowing: Any = {name: values.detach() for name, values in known.items() if isinstance(values, Tensor)}
        return replace(self, state=replace(self.state, **flowing), memory=cut(memory))


@dataclass(frozen=True)
class Rollout:
    """What happened in a window of T steps to B slots, time first.

    observation: [T, B, ...] by name.
    starts: bool [T, B], where a new episode begins.
    memory: [B, ...], before the first step.
    moves: [T, B] or, of points, [T, B, coordinates].
    answer: [T, B], the right answers to the world's question, or None.
    best: bool [T, B, moves] or points, the teacher's moves, or None.
    ended, succeeded: bool [T, B], whether the episode ended with this action, and well.
    error: [T, B], the distance to go before the action.
    decision: what was decided on the way, where gradients flow through the world; else None.
    """

    observation: Observation
    starts: Tensor
    memory: Memory
    moves: Tensor
    answer: Tensor | None
    best: Tensor | None
    ended: Tensor
    succeeded: Tensor
    error: Tensor
    decision: Decision | None = None


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

    A world in tensors (World.on) is recorded in tensors: they stay on the device, and gradients flow through them.
    """
    device = next(agent.parameters()).device
    state, stream, starts, memory = course.state, course.stream, course.starts, course.memory
    slots = len(state)
    # Of arrays or of tensors, as the world is: no type says which.
    record: Any = _Tape(device) if world.in_tensors else _Record(world, steps, slots, device)
    for time in range(steps):
        observation = world.observe(state)
        best = label(state) if label else None
        record.before(time, observation, best, starts, world.error(state))
        clock("world")
        advice = None if best is None else record.tensor(best)
        if act is None:
            chosen = _taught(advice, rng)
        else:
            observed, starting = record.moment(time)
            decision, memory = agent.step(observed, memory, starting)
            chosen = act(decision, advice, rng)
            if world.graded and decision.answer is not None:
                state = world.reply(state, record.array(decision.answer.detach()))
            record.decided(decision)
        moves = record.array(chosen)
        clock("agent")
        before, state = state, world.step(state, moves)
        if world.answers and (label or world.graded):
            # Asked afterwards: a world that is somebody else's tells only then what was right.
            record.answered(time, world.answer(before))
        starts = world.terminated(state) | world.truncated(state)
        record.after(time, moves, starts, world.success(state))
        if starts.any():
            slots_done = np.flatnonzero(starts)
            episode, stream = stream.draw(slots_done, len(world.episodes))
            state = put(state, slots_done, world.begin(episode))
        clock("world")
    lived = record.rollout(course.memory)
    return lived, replace(course, state=state, stream=stream, starts=starts, memory=memory)


class _Record:
    """Arrays that a window is written into step by step, so that nothing is stacked afterwards."""

    def __init__(self, world: World[Any], steps: int, slots: int, device: torch.device) -> None:
        self.device = device
        self.observation = {
            name: np.empty((steps, slots, *space.shape), dtype=space.dtype)  # type: ignore[misc]
            for name, space in world.spaces.items()
        }
        # What is not told at the first step is told at none.
        self.best: NDArray[Any] | None = None
        self.answer: NDArray[np.int64] | None = None
        self.starts, self.ended, self.succeeded = (np.empty((steps, slots), dtype=np.bool_) for _ in range(3))
        space = world.move_space
        self.moves = np.empty((steps, slots, *space.shape), dtype=space.dtype)  # type: ignore[misc]
        self.error = np.empty((steps, slots), dtype=np.float32)

    def tensor(self, values: NDArray[Any]) -> Tensor:
        return torch.from_numpy(values).to(self.device)

    def array(self, values: Tensor) -> NDArray[Any]:
        values = values.detach().cpu()
        return (values.float() if values.is_floating_point() else values).numpy()

    def before(
        self,
        time: int,
        observation: dict[str, NDArray[Any]],
        best: NDArray[Any] | None,
        starts: NDArray[np.bool_],
        error: NDArray[np.float32],
    ) -> None:
        for name, values in self.observation.items():
            values[time] = observation[name]
        if best is not None:
            if self.best is None:
                self.best = np.empty((len(self.starts), *best.shape), dtype=best.dtype)
            self.best[time] = best
        self.starts[time], self.error[time] = starts, error

    def answered(self, time: int, answer: NDArray[np.int64]) -> None:
        if self.answer is None:
            self.answer = np.empty(self.starts.shape, dtype=np.int64)
        self.answer[time] = answer

    def decided(self, decision: Decision) -> None:
        """What is learned from is decided again, over the whole window at once."""

    def after(
        self,
        time: int,
        moves: NDArray[Any],
        ended: NDArray[np.bool_],
        success: NDArray[np.bool_],
    ) -> None:
        self.moves[time] = moves
        self.ended[time], self.succeeded[time] = ended, ended & success

    def moment(self, time: int) -> tuple[Observation, Tensor]:
        observation = {name: self.tensor(values[time]) for name, values in self.observation.items()}
        return observation, self.tensor(self.starts[time])

    def rollout(self, memory: Memory) -> Rollout:
        return Rollout(
            observation={name: self.tensor(values) for name, values in self.observation.items()},
            starts=self.tensor(self.starts),
            memory=memory,
            moves=self.tensor(self.moves),
            answer=None if self.answer is None else self.tensor(self.answer),
            best=None if self.best is None else self.tensor(self.best),
            ended=self.tensor(self.ended),
            succeeded=self.tensor(self.succeeded),
            error=self.tensor(self.error),
        )


class _Tape:
    """The same for a world in tensors: they are kept as they come, gradients and all, and stacked at the end."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.kept: defaultdict[str, list[Tensor]] = defaultdict(list)
        self.observations: list[Observation] = []
        self.decisions: list[Decision] = []

    def tensor(self, values: Any) -> Tensor:
        """What a world tells that is in tensors, on their device; what lies beside them, in arrays, is sent there."""
        return values if isinstance(values, Tensor) else torch.from_numpy(values).to(self.device)

    def array(self, values: Tensor) -> Tensor:
        return values

    def before(self, time: int, observation: Observation, best: Any, starts: Any, error: Tensor) -> None:
        self.observations.append(observation)
        told = {"best": best, "starts": starts, "error": error}
        self._keep({name: values for name, values in told.items() if values is not None})

    def answered(self, time: int, answer: Any) -> None:
        self._keep({"answer": answer})

    def decided(self, decision: Decision) -> None:
        if torch.is_grad_enabled():
            self.decisions.append(decision)

    def after(self, time: int, moves: Tensor, ended: NDArray[np.bool_], success: Tensor) -> None:
        self._keep({"moves": moves, "ended": ended, "success": success})

    def moment(self, time: int) -> tuple[Observation, Tensor]:
        return self.observations[time], self.kept["starts"][time]

    def rollout(self, memory: Memory) -> Rollout:
        kept = {name: torch.stack(values) for name, values in self.kept.items()}
        names = self.observations[0]
        return Rollout(
            observation={name: torch.stack([seen[name] for seen in self.observations]) for name in names},
            starts=kept["starts"],
            memory=memory,
            moves=kept["moves"],
            answer=kept.get("answer"),
            best=kept.get("best"),
            ended=kept["ended"],
            succeeded=kept["ended"] & kept["success"],
            error=kept["error"],
            decision=joined(self.decisions) if self.decisions else None,
        )

    def _keep(self, told: dict[str, Any]) -> None:
        for name, values in told.items():
            self.kept[name].append(self.tensor(values))
