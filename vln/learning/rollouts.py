"""Rollouts: the loop of observing, deciding and acting through an unroll, and the record of it."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, Generic, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vln.actions import Action, each_part, first_part
from vln.agent import Agent, Decision, Memory, Observation, detach
from vln.learning.episode_sampler import EpisodeSampler
from vln.learning.rollout_buffers import ArrayBuffer, TensorBuffer
from vln.policies import draw
from vln.rewards import Rewards
from vln.state import S, put, take
from vln.world import World

# How to act: from the decision [B] and the teacher's optimal actions (as of World.expert; None without a teacher) to
# actions [B].
Act = Callable[[Decision, Action | None, torch.Generator], Action]


def greedy(decision: Decision, teacher_actions: Action | None, rng: torch.Generator) -> Action:
    """The most likely action."""
    return decision.policy.mode()


def sample(decision: Decision, teacher_actions: Action | None, rng: torch.Generator) -> Action:
    """An action sampled from the policy."""
    return decision.policy.sample(rng)


def follow_teacher(decision: Decision, teacher_actions: Action | None, rng: torch.Generator) -> Action:
    """One of the teacher's actions, each with the same probability."""
    return one_of(teacher_actions, rng)


def scheduled_sampling(share: float, greedy_fraction: float = 0.0, stop: int | None = None) -> Act:
    """The teacher's action with this probability, else the agent's own (Bengio et al. 2015, arXiv:1506.03099; 0 is
    DAgger, Ross et al. 2011, arXiv:1011.0686).

    greedy_fraction: Fraction of the environments in which the agent's own action is greedy; in the others it is
    sampled. A greedy agent can turn left and right for ever where its policy is unsure. Sampled actions soon end such a
    loop, so an agent that learns from these alone never learns to leave one.

    stop: Number of the action that ends an episode, if any. The agent's own stop, where the teacher would not stop, is
    replaced by the teacher's action: an episode that ended too early teaches nothing about what comes after.
    """

    def act(decision: Decision, teacher_actions: Action | None, rng: torch.Generator) -> Action:
        teacher = follow_teacher(decision, teacher_actions, rng)
        sampled = sample(decision, teacher_actions, rng)
        mode = greedy(decision, teacher_actions, rng)
        count = len(first_part(sampled))
        num_sampled = count - round(greedy_fraction * count)
        draws = torch.rand(count, generator=rng, device=first_part(sampled).device)

        def mixed(teacher: Tensor, sampled: Tensor, mode: Tensor) -> Tensor:
            own = torch.cat([sampled[:num_sampled], mode[num_sampled:]])
            replaced = draws < share
            if stop is not None:
                replaced = replaced | ((own == stop) & (teacher != stop))
            return torch.where(replaced.view(-1, *[1] * (own.dim() - 1)), teacher, own)

        return each_part(mixed, teacher, sampled, mode)

    return act


def one_of(teacher_actions: Action | None, rng: torch.Generator) -> Action:
    """One of the optimal actions, each with the same probability; 0 where any number is optimal.

    Raises ValueError without a teacher.
    """
    if teacher_actions is None:
        raise ValueError("to follow a teacher there must be one: pass label=world.teacher")
    return each_part(
        lambda part: draw(part.float(), rng) if part.dtype == torch.bool else part.nan_to_num(0), teacher_actions
    )


@dataclass(frozen=True)
class RolloutState(Generic[S]):
    """A batch of environments between two unrolls.

    state: state of their episodes. sampler: source of the next episodes. episode_starts: bool [B], whether an episode
    begins. memory: memory of the agent. rewards: errors that the next rewards are computed from.
    """

    state: S
    sampler: EpisodeSampler
    episode_starts: NDArray[np.bool_]
    memory: Memory
    rewards: Rewards

    @classmethod
    def begin(cls, world: World[S], agent: Agent, count: int, seed: int) -> "RolloutState[S]":
        episode, sampler = EpisodeSampler.of(seed, count).draw(np.arange(count), len(world.episodes))
        state = world.begin(episode)
        rewards = Rewards.begin(world.error(state))
        return cls(state, sampler, np.ones(count, dtype=np.bool_), agent.initial(count), rewards)

    def detach(self, memory: Memory) -> "RolloutState[S]":
        """The same with this memory; memory and state are cut from the graph, ending an unroll of truncated BPTT."""
        by_name = {field.name: getattr(self.state, field.name) for field in fields(self.state)}
        detached: Any = {name: values.detach() for name, values in by_name.items() if isinstance(values, Tensor)}
        state = replace(self.state, **detached)
        return replace(self, state=state, memory=detach(memory), rewards=self.rewards.detach())


@dataclass(frozen=True)
class Rollout:
    """The record of T steps of B environments, time first.

    observation: [T, B, ...] by name.
    episode_starts: bool [T, B], where a new episode begins.
    memory: [B, ...], before the first step.
    actions: [T, B], numbers [T, B, n], or a dict of these (see vln.actions).
    answer: [T, B], the correct answers to the world's question, or None.
    teacher_actions: the teacher's, as of World.expert, [T, B, ...], or None.
    reward: float32 [T, B], of the action: what a Gymnasium environment of this world gives (see vln.rewards).
    terminated, truncated: bool [T, B], whether the action ended the episode, or the limit of steps did.
    successes: bool [T, B], whether the episode ended with this action, and well.
    error: [T, B], the error (distance to go, nll) before the action.
    decision: the decisions while acting, where gradients flow through the world; else None.

    With `values`, [T, B] without gradients; else None:
    log_prob: log-probability of the action under the policy that acted. value: the agent's value before the action.
    next_value: the value after it: 0 where the episode terminated; where it was truncated, the value of its last
    observation, with the memory of that episode.
    """

    observation: Observation
    episode_starts: Tensor
    memory: Memory
    actions: Action
    answer: Tensor | None
    teacher_actions: Action | None
    reward: Tensor
    terminated: Tensor
    truncated: Tensor
    successes: Tensor
    error: Tensor
    decision: Decision | None = None
    log_prob: Tensor | None = None
    value: Tensor | None = None
    next_value: Tensor | None = None

    @property
    def dones(self) -> Tensor:
        """Whether the episode ended with this action, bool [T, B]."""
        return self.terminated | self.truncated

    def __getitem__(self, environments: Tensor) -> "Rollout":
        """The rollout of these environments alone (numbers [n] below B), with all their steps."""

        def columns(values: Any) -> Any:
            return each_part(lambda part: part[:, environments], values)

        parts: dict[str, Any] = {"memory": {name: part[environments] for name, part in self.memory.items()}}
        for field in (one for one in fields(self) if one.name not in parts):
            values = getattr(self, field.name)
            if isinstance(values, Decision):
                raise ValueError("a rollout with gradients through the world can't be divided into minibatches")
            parts[field.name] = None if values is None else columns(values)
        return Rollout(**parts)


def rollout(
    world: World[S],
    agent: Agent,
    start: RolloutState[S],
    steps: int,
    act: Act | None,
    rng: torch.Generator,
    label: Callable[[S], Any] | None = None,
    clock: Callable[[str], None] = lambda part: None,
    values: bool = False,
) -> tuple[Rollout, RolloutState[S]]:
    """Let every environment take this many actions; where an episode ends the next one begins with the next step.

    act: how to choose actions; None follows the teacher without running the agent (teacher forcing).
    label: the teacher's actions at a state. clock: called with "world" or "agent" after each part's work, to time it.
    values: whether to record log_prob, value and next_value. The agent runs once more at the end of the unroll, and
    once wherever episodes are truncated.

    The memory of the state that is returned is that of acting, with its gradients if they were on. Without acting it
    is unchanged: then `agent.forward` over the rollout gives the memory to go on with.

    A world in tensors (World.differentiable) is recorded in tensors: they stay on the device, and gradients flow.
    """
    if values and act is None:
        raise ValueError("without acting there are no values: pass `act`, or leave out values")
    device = next(agent.parameters()).device
    # A buffer of arrays or of tensors, as the world is: no type says which.
    buffer: Any = TensorBuffer(device) if world.uses_tensors else ArrayBuffer(world, steps, len(start.state), device)
    now = start
    for time in range(steps):
        state, memory = now.state, now.memory
        teacher_actions = label(state) if label else None
        buffer.before(time, world.observe(state), teacher_actions, now.episode_starts, now.rewards.error)
        clock("world")
        as_tensors = None if teacher_actions is None else each_part(buffer.tensor, teacher_actions)
        if act is None:
            action = one_of(as_tensors, rng)
        else:
            observation, starts = buffer.observed(time)
            decision, memory = agent.step(observation, memory, starts)
            action = act(decision, as_tensors, rng)
            if world.scores_answers and decision.answer is not None:
                state = world.give_answer(state, buffer.array(decision.answer.detach()))
            buffer.decided(decision, action, values)
        action = each_part(buffer.array, action)
        clock("agent")
        after = world.step(state, action)
        if world.num_answers and (label or world.scores_answers):
            # Only now: an external world tells the correct answer after the step.
            buffer.answered(time, world.correct_answer(state))
        ends = Ends(world.terminated(after), world.truncated(after), world.success(after))
        rewards, reward = now.rewards.after(world.error(after), ends.success & buffer.native(ends.any))
        buffer.after(time, action, reward, ends.terminated, ends.truncated, ends.success)
        if values:
            rows = np.flatnonzero(ends.truncated)
            buffer.add_next_value(time, rows, _value(agent, buffer, world, take(after, rows), memory, rows))
        now = replace(now, state=after, memory=memory, rewards=rewards, episode_starts=ends.any)
        now = _with_next_episodes(world, now)
        clock("world")
    if values:
        rows = np.flatnonzero(~now.episode_starts)
        buffer.add_next_value(steps - 1, rows, _value(agent, buffer, world, take(now.state, rows), now.memory, rows))
    return Rollout(memory=start.memory, **buffer.fields()), now


class Ends(NamedTuple):
    """How a step ended episodes, bool [B] each."""

    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    success: Any

    @property
    def any(self) -> NDArray[np.bool_]:
        return self.terminated | self.truncated


def _with_next_episodes(world: World[S], now: RolloutState[S]) -> RolloutState[S]:
    """The same, with new episodes in the environments whose episodes have ended."""
    if not now.episode_starts.any():
        return now
    rows = np.flatnonzero(now.episode_starts)
    episode, sampler = now.sampler.draw(rows, len(world.episodes))
    first = world.begin(episode)
    rewards = now.rewards.begun(rows, world.error(first))
    return replace(now, state=put(now.state, rows, first), sampler=sampler, rewards=rewards)


@torch.no_grad()
def _value(agent: Agent, buffer: Any, world: World[S], state: S, memory: Memory, rows: NDArray[np.int64]) -> Tensor:
    """The agent's values of states [n], with these rows of a memory, which stays as it is."""
    if not len(rows):
        return torch.zeros(0, device=buffer.device)
    index = torch.from_numpy(rows).to(buffer.device)
    observation = {name: buffer.tensor(values) for name, values in world.observe(state).items()}
    no_starts = torch.zeros(len(rows), dtype=torch.bool, device=buffer.device)
    return agent.step(observation, {name: values[index] for name, values in memory.items()}, no_starts)[0].value
