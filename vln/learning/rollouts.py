"""Rollouts: the loop of observing, deciding and acting through a window of time, and the record that it leaves."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, Generic

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
from vln.world import S, World, put, take

# How to act: from the decision [B] and the teacher's optimal actions (as of World.expert; None when nobody was asked)
# to actions [B].
Act = Callable[[Decision, Action | None, torch.Generator], Action]


def greedy(decision: Decision, best: Action | None, rng: torch.Generator) -> Action:
    """The likeliest action."""
    return decision.policy.mode()


def sample(decision: Decision, best: Action | None, rng: torch.Generator) -> Action:
    """An action drawn from the policy."""
    return decision.policy.sample(rng)


def follow_teacher(decision: Decision, best: Action | None, rng: torch.Generator) -> Action:
    """One of the teacher's actions, all alike."""
    return teachers_action(best, rng)


def scheduled_sampling(share: float, greedy_fraction: float = 0.0, stop: int | None = None) -> Act:
    """The teacher's action with this probability, else the agent's own (Bengio et al. 2015, arXiv:1506.03099; 0 is
    DAgger, Ross et al. 2011, arXiv:1011.0686).

    greedy_fraction: the share of environments in which the agent's own action is its likeliest; in the others it is
    drawn. An agent that is judged by its likeliest actions can turn left and right for ever where it is unsure. Drawn
    actions soon end such a loop, so an agent that learns from these alone never learns to leave one.

    stop: the number of the action that ends an episode, where there is one. One of the agent's own that the teacher
    would not take is replaced by the teacher's: an episode ended too early teaches nothing about what comes after.
    """

    def act(decision: Decision, best: Action | None, rng: torch.Generator) -> Action:
        taught = follow_teacher(decision, best, rng)
        own = sample(decision, best, rng)
        likeliest = greedy(decision, best, rng)
        count = len(first_part(own))
        by_chance = count - round(greedy_fraction * count)
        draws = torch.rand(count, generator=rng, device=first_part(own).device)

        def mixed(taught: Tensor, own: Tensor, likeliest: Tensor) -> Tensor:
            own = torch.cat([own[:by_chance], likeliest[by_chance:]])
            replaced = draws < share
            if stop is not None:
                replaced = replaced | ((own == stop) & (taught != stop))
            return torch.where(replaced.view(-1, *[1] * (own.dim() - 1)), taught, own)

        return each_part(mixed, taught, own, likeliest)

    return act


def teachers_action(best: Action | None, rng: torch.Generator) -> Action:
    """One of the optimal actions, all alike; 0 where any number will do. Raises ValueError where nobody was asked."""
    if best is None:
        raise ValueError("to follow a teacher there must be one: pass label=world.teacher")
    return each_part(lambda part: draw(part.float(), rng) if part.dtype == torch.bool else part.nan_to_num(0), best)


@dataclass(frozen=True)
class RolloutState(Generic[S]):
    """Where a batch of environments stands between two windows.

    state: of their episodes. sampler: of the episodes to come. episode_starts: bool [B], whether an episode begins.
    memory: the agent's. rewards: what rewards are reckoned from.
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
        """The same with this memory, from which no gradient flows back; nor from what the world has in tensors.

        So a window of truncated BPTT ends.
        """
        known = {field.name: getattr(self.state, field.name) for field in fields(self.state)}
        flowing: Any = {name: values.detach() for name, values in known.items() if isinstance(values, Tensor)}
        state = replace(self.state, **flowing)
        return replace(self, state=state, memory=detach(memory), rewards=self.rewards.detach())


@dataclass(frozen=True)
class Rollout:
    """What happened in a window of T steps to B environments, time first.

    observation: [T, B, ...] by name.
    episode_starts: bool [T, B], where a new episode begins.
    memory: [B, ...], before the first step.
    actions: [T, B], numbers [T, B, n], or a dict of these (see vln.actions).
    answer: [T, B], the right answers to the world's question, or None.
    teacher_actions: the teacher's, as of World.expert, [T, B, ...], or None.
    reward: float32 [T, B], of the action: what a Gymnasium environment of this world gives (see vln.rewards).
    terminated, truncated: bool [T, B], whether the action ended the episode, or the limit of steps did.
    successes: bool [T, B], whether the episode ended with this action, and well.
    error: [T, B], the distance to go before the action.
    decision: what was decided on the way, where gradients flow through the world; else None.

    Where values were asked for, [T, B] without gradients; else None:
    log_prob: of the action, under the policy that acted. value: what the agent expected before the action. next_value:
    what it expected after it: 0 where the episode terminated; where it was truncated, of its last observation, with the
    memory of that episode.
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

        def chosen(values: Any) -> Any:
            return each_part(lambda part: part[:, environments], values)

        parts: dict[str, Any] = {"memory": {name: part[environments] for name, part in self.memory.items()}}
        for field in (one for one in fields(self) if one.name not in parts):
            values = getattr(self, field.name)
            if isinstance(values, Decision):
                raise ValueError("what was decided with gradients through a world can't be learned from in parts")
            parts[field.name] = None if values is None else chosen(values)
        return Rollout(**parts)


def rollout(
    world: World[S],
    agent: Agent,
    begun: RolloutState[S],
    steps: int,
    act: Act | None,
    rng: torch.Generator,
    label: Callable[[S], Any] | None = None,
    clock: Callable[[str], None] = lambda part: None,
    values: bool = False,
) -> tuple[Rollout, RolloutState[S]]:
    """Let every environment take this many actions; where an episode ends the next one begins with the next step.

    act: how to choose actions; None follows the teacher without asking the agent what it would do (teacher forcing).
    label: the teacher to ask at every state. clock: told "world" or "agent" after each part's work, to measure it.
    values: whether to keep log_prob, value and next_value; the agent is asked once more at the window's end, and once
    wherever episodes are truncated.

    The state that is returned holds the memory of acting; gradients are in it if they were on. An agent that did not
    act remembers nothing new: then `agent.forward` over the window gives the memory to go on with.

    A world in tensors (World.on) is recorded in tensors: they stay on the device, and gradients flow through them.
    """
    if values and act is None:
        raise ValueError("an agent that does not act expects nothing: pass `act`, or leave out values")
    device = next(agent.parameters()).device
    state, sampler, episode_starts, memory, rewards = (
        begun.state,
        begun.sampler,
        begun.episode_starts,
        begun.memory,
        begun.rewards,
    )
    # Of arrays or of tensors, as the world is: no type says which.
    record: Any = TensorBuffer(device) if world.uses_tensors else ArrayBuffer(world, steps, len(state), device)
    for time in range(steps):
        observation = world.observe(state)
        best = label(state) if label else None
        record.before(time, observation, best, episode_starts, rewards.error)
        clock("world")
        advice = None if best is None else each_part(record.tensor, best)
        if act is None:
            action = teachers_action(advice, rng)
        else:
            observed, starting = record.moment(time)
            decision, memory = agent.step(observed, memory, starting)
            action = act(decision, advice, rng)
            if world.scores_answers and decision.answer is not None:
                state = world.give_answer(state, record.array(decision.answer.detach()))
            record.decided(decision, action, values)
        action = each_part(record.array, action)
        clock("agent")
        before, state = state, world.step(state, action)
        if world.num_answers and (label or world.scores_answers):
            # Asked afterwards: a world that is somebody else's tells only then what was right.
            record.answered(time, world.correct_answer(before))
        terminated, truncated, success = world.terminated(state), world.truncated(state), world.success(state)
        episode_starts = terminated | truncated
        rewards, reward = rewards.after(world.error(state), success & record.native(episode_starts))
        record.after(time, action, reward, terminated, truncated, success)
        if values:
            cut_off = np.flatnonzero(truncated)
            record.cut_off(time, cut_off, _value(agent, record, world, take(state, cut_off), memory, cut_off))
        if episode_starts.any():
            over = np.flatnonzero(episode_starts)
            episode, sampler = sampler.draw(over, len(world.episodes))
            begun_anew = world.begin(episode)
            state = put(state, over, begun_anew)
            rewards = rewards.begun(over, world.error(begun_anew))
        clock("world")
    if values:
        going_on = np.flatnonzero(~episode_starts)
        record.cut_off(steps - 1, going_on, _value(agent, record, world, take(state, going_on), memory, going_on))
    lived = Rollout(memory=begun.memory, **record.fields())
    return lived, replace(
        begun, state=state, sampler=sampler, episode_starts=episode_starts, memory=memory, rewards=rewards
    )


@torch.no_grad()
def _value(agent: Agent, record: Any, world: World[S], state: S, memory: Memory, rows: NDArray[np.int64]) -> Tensor:
    """What an agent that remembers these rows of a memory expects at their states [n]; it forgets that it was asked."""
    if not len(rows):
        return torch.zeros(0, device=record.device)
    where = torch.from_numpy(rows).to(record.device)
    observation = {name: record.tensor(values) for name, values in world.observe(state).items()}
    none = torch.zeros(len(rows), dtype=torch.bool, device=record.device)
    return agent.step(observation, {name: values[where] for name, values in memory.items()}, none)[0].value
