"""Losses: functions of decisions and of the rollout that they were made in. Losses add up."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from vln.agent import Decision
from vln.learning.rollouts import Rollout


def imitation_loss(decision: Decision, rollout: Rollout) -> Tensor:
    """Minus the log of the summed probability of all the teacher's optimal actions, averaged over the rollout.

    Several actions are often optimal; no preference among them is taught.
    """
    if rollout.teacher_actions is None:
        raise ValueError("there are no teacher's actions: pass label=world.teacher to rollout()")
    return -decision.policy.log_prob_of_any(rollout.teacher_actions).mean()


DISTANCE_UNIT = 20.0  # moves: in this unit the distances that a value learns are of the order of one


def progress_loss(decision: Decision, rollout: Rollout) -> Tensor:
    """Mean squared difference between the value and minus the distance to go (progress monitor; arXiv:1901.03035).

    Infinite distances (no path, or a secret goal) are left out.
    """
    known = torch.isfinite(rollout.error)
    error = torch.where(known, rollout.error, 0) / DISTANCE_UNIT
    return (known * (decision.value + error).square()).mean()


def answer_loss(decision: Decision, rollout: Rollout, early: float = 1.0) -> Tensor:
    """Cross-entropy of the answers to the world's question, in nats; 0 without a question or an answer.

    early: weight of answers before the last one of an episode, whose weight is 1.
    """
    if decision.answer is None or rollout.answer is None:
        return decision.value.new_zeros(())
    each = functional.cross_entropy(decision.answer.flatten(0, 1), rollout.answer.flatten(), reduction="none")
    if early == 1:
        return each.mean()
    weights = torch.where(rollout.dones, 1.0, early).flatten()
    return (weights * each).sum() / weights.sum().clamp(min=1)


def pathwise_loss(rollout: Rollout) -> Tensor:
    """Minus the mean reward of an environment: with gradients through the world, its descent removes the error."""
    return -rollout.reward.mean()


def returns(reward: Tensor, dones: Tensor, last: Tensor, discount: float = 1.0) -> Tensor:
    """The discounted sum of the rewards from each action to the end of its episode, [T, B].

    reward: [T, B]. dones: bool [T, B]. last: [B], the expected return at the last step, its own reward included; it
    counts where the episode goes on.
    """
    following, backwards = last, []
    for time in reversed(range(len(reward))):
        onward = last if time == len(reward) - 1 else reward[time] + discount * following
        following = torch.where(dones[time], reward[time], onward)
        backwards.append(following)
    return torch.stack(backwards[::-1])


def reinforce_loss(decision: Decision, rollout: Rollout, returns: Tensor, idle: Tensor | None = None) -> Tensor:
    """REINFORCE (Williams 1992): its gradient is, on average, minus that of the expected return.

    returns: [T, B]. The agent's value is the baseline: it reduces variance, and no gradient flows through it. idle:
    bool [T, B], actions without effect, if any.
    """
    advantage = returns - decision.value.detach()
    if idle is not None:
        advantage = advantage.masked_fill(idle, 0)
    return -(advantage * decision.policy.log_prob(rollout.actions)).sum(dim=0).mean()


def value_loss(decision: Decision, returns: Tensor) -> Tensor:
    """Mean squared difference between the value and the return, [T, B]."""
    return (decision.value - returns).square().mean()


class Advantages(NamedTuple):
    """advantage: of each action over the value. returns: advantage and value together; [T, B] each."""

    advantage: Tensor
    returns: Tensor


def gae(rollout: Rollout, discount: float = 0.99, trace: float = 0.95) -> Advantages:
    """Generalised advantage estimation (Schulman et al. 2015, arXiv:1506.02438), from a rollout with values.

    discount, trace: gamma and lambda. A truncated episode counts with the value of its last observation; a
    terminated one has no further value. Raises ValueError for a rollout without values.
    """
    if rollout.value is None or rollout.next_value is None:
        raise ValueError("advantages need what the agent expected: pass values=True to rollout(), or set Rule.values")
    td_errors = rollout.reward.detach() + discount * rollout.next_value - rollout.value
    onward = discount * trace * (~rollout.dones)
    advantage, each = torch.zeros_like(td_errors[0]), []
    for time in reversed(range(len(td_errors))):
        advantage = td_errors[time] + onward[time] * advantage
        each.append(advantage)
    advantages = torch.stack(each[::-1])
    return Advantages(advantages, advantages + rollout.value)
