"""What learning descends: functions of what was decided and what had happened. Losses add up."""

import torch
from torch import Tensor
from torch.distributions import Normal
from torch.nn import functional

from vln.agent import Decision
from vln.policies import likeliest, log_likelihood, log_likelihood_of_any
from vln.rollouts import Rollout


def imitation(decision: Decision, rollout: Rollout) -> Tensor:
    """Minus the log of the summed probability of all the teacher's optimal moves, averaged over the window.

    Several moves are often equally good; which of them the agent prefers is its own business.
    """
    if rollout.best is None:
        raise ValueError("nobody was asked for the best moves: pass label=world.teacher to rollout()")
    return -log_likelihood_of_any(decision.policy, rollout.best).mean()


def right(decision: Decision, rollout: Rollout) -> Tensor:
    """The share of moments at which the likeliest move is one of the teacher's, of those at which not every move is.

    It is told of a training, not descended.
    """
    assert rollout.best is not None
    asked = ~rollout.best.all(dim=-1)
    hit = rollout.best.gather(-1, likeliest(decision.policy)[..., None])[..., 0]
    return (hit & asked).sum() / asked.sum().clamp(min=1)


def squared_error(decision: Decision, rollout: Rollout) -> Tensor:
    """Mean squared difference between the likeliest points and the teacher's, where it has one.

    It is told of a training, not descended.
    """
    assert rollout.best is not None
    apart = (likeliest(decision.policy) - rollout.best).square()
    asked = ~torch.isnan(apart)
    return torch.where(asked, apart, 0).sum() / asked.sum().clamp(min=1)


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
    weights = torch.where(rollout.ended, 1.0, early).flatten()
    return (weights * each).sum() / weights.sum().clamp(min=1)


def returns(decision: Decision, rollout: Rollout) -> Tensor:
    """What each action still led to [T, B]: 1 where its episode went well.

    Of an episode that the window does not see the end of, it is what the agent expected at the window's last moment.
    """
    to_come = decision.value[-1].detach()
    found = []
    for ended, succeeded in zip(rollout.ended.flip(0), rollout.succeeded.flip(0), strict=True):
        to_come = torch.where(ended, succeeded.to(to_come.dtype), to_come)
        found.append(to_come)
    return torch.stack(found[::-1])


def reinforce(decision: Decision, rollout: Rollout) -> Tensor:
    """REINFORCE (Williams 1992): its gradient is, on average, minus that of the share of episodes that go well.

    What the agent expected, its value, is the baseline: it takes away variance and no gradient flows through it. The
    move that an episode's last answer comes with moves nothing where it is a point; a choice may be what ended it.
    """
    surplus = returns(decision, rollout) - decision.value.detach()
    if isinstance(decision.policy, Normal):
        surplus = surplus.masked_fill(rollout.ended, 0)
    return -(surplus * log_likelihood(decision.policy, rollout.moves)).sum(dim=0).mean()


def expecting(decision: Decision, rollout: Rollout) -> Tensor:
    """Mean squared difference between the value and what came of it."""
    return (decision.value - returns(decision, rollout)).square().mean()
