"""What learning descends: functions of what was decided and what had happened. Losses add up."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from vln.agent import Decision
from vln.learning.rollouts import Rollout


def imitation(decision: Decision, rollout: Rollout) -> Tensor:
    """Minus the log of the summed probability of all the teacher's optimal moves, averaged over the window.

    Several moves are often equally good; which of them the agent prefers is its own business.
    """
    if rollout.teacher_actions is None:
        raise ValueError("nobody was asked for the best moves: pass label=world.teacher to rollout()")
    return -decision.policy.log_prob_of_any(rollout.teacher_actions).mean()


DISTANCE_UNIT = 20.0  # moves: the distances a value learns are of the order of one in this unit


def distance(decision: Decision, rollout: Rollout) -> Tensor:
    """Mean squared difference between the value and minus the distance still to go (progress; arXiv:1901.03035).

    Where no way leads on, or the goal is secret, there is no such distance and nothing to learn.
    """
    known = torch.isfinite(rollout.error)
    error = torch.where(known, rollout.error, 0) / DISTANCE_UNIT
    return (known * (decision.value + error).square()).mean()


def answering(decision: Decision, rollout: Rollout, early: float = 1.0) -> Tensor:
    """Cross-entropy of the answers to the world's question, in nats; 0 where nothing is asked or answered.

    early: the weight of answers given before the last of an episode, which has 1.
    """
    if decision.answer is None or rollout.answer is None:
        return decision.value.new_zeros(())
    each = functional.cross_entropy(decision.answer.flatten(0, 1), rollout.answer.flatten(), reduction="none")
    if early == 1:
        return each.mean()
    weights = torch.where(rollout.dones, 1.0, early).flatten()
    return (weights * each).sum() / weights.sum().clamp(min=1)


def removed_error(rollout: Rollout) -> Tensor:
    """Minus the rewards of an environment, averaged over the window: with gradients through the world, to descend it is
    to remove as much of the world's error as possible."""
    return -rollout.reward.mean()


def returns(reward: Tensor, dones: Tensor, last: Tensor, discount: float = 1.0) -> Tensor:
    """The discounted sum of the rewards from each action to the end of its episode, [T, B].

    reward: [T, B]. dones: bool [T, B]. last: [B], what is still expected at the window's last step, its own reward
    included; it counts where the episode goes on then.
    """
    to_come, summed = last, []
    for time in reversed(range(len(reward))):
        onward = last if time == len(reward) - 1 else reward[time] + discount * to_come
        to_come = torch.where(dones[time], reward[time], onward)
        summed.append(to_come)
    return torch.stack(summed[::-1])


def reinforce(decision: Decision, rollout: Rollout, returns: Tensor, idle: Tensor | None = None) -> Tensor:
    """REINFORCE (Williams 1992): its gradient is, on average, minus that of the expected return.

    returns: [T, B]. The value that the agent expected is the baseline: it takes away variance, and no gradient flows
    through it. idle: bool [T, B], the actions that do nothing, if any do.
    """
    advantage = returns - decision.value.detach()
    if idle is not None:
        advantage = advantage.masked_fill(idle, 0)
    return -(advantage * decision.policy.log_prob(rollout.actions)).sum(dim=0).mean()


def value_loss(decision: Decision, returns: Tensor) -> Tensor:
    """Mean squared difference between the value and what came of it, [T, B]."""
    return (decision.value - returns).square().mean()


class Advantages(NamedTuple):
    """advantage: how much better than expected each action was. returns: advantage and value together; [T, B] each."""

    advantage: Tensor
    returns: Tensor


def gae(rollout: Rollout, discount: float = 0.99, trace: float = 0.95) -> Advantages:
    """Generalised advantage estimation (Schulman et al. 2015, arXiv:1506.02438), from a rollout with values.

    discount, trace: gamma and lambda. An episode that was cut off goes on in expectation, by the value of its last
    observation; one that terminated is worth nothing more. Raises ValueError for a rollout without values.
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
