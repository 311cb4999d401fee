"""What learning descends: functions of what was decided and what had happened. Losses add up."""

import math

from torch import Tensor
from torch.nn import functional

from vln.agent import Decision
from vln.rollouts import Rollout


def imitation(decision: Decision, rollout: Rollout) -> Tensor:
    """Minus the log of the summed probability of all the teacher's optimal moves, averaged over the window.

    Several moves are often equally good; which of them the agent prefers is its own business.
    """
    if rollout.best is None:
        raise ValueError("nobody was asked for the best moves: pass label=world.teacher to rollout()")
    # From logits, not probabilities: where those round to zero, a sure mistake would teach nothing.
    return -decision.policy.logits.masked_fill(~rollout.best, -math.inf).logsumexp(dim=-1).mean()


DISTANCE_UNIT = 20.0  # moves: the distances a value learns are of the order of one in this unit


def distance(decision: Decision, rollout: Rollout) -> Tensor:
    """Mean squared difference between the value and minus the distance still to go (progress; arXiv:1901.03035)."""
    return (decision.value + rollout.error / DISTANCE_UNIT).square().mean()


def answering(decision: Decision, rollout: Rollout) -> Tensor:
    """Cross-entropy of the answers to the world's question, in nats; 0 where nothing is asked or answered."""
    if decision.answer is None or rollout.answer is None:
        return decision.value.new_zeros(())
    return functional.cross_entropy(decision.answer.flatten(0, 1), rollout.answer.flatten())


def entropy(decision: Decision) -> Tensor:
    """Mean entropy of the policy, in nats."""
    return decision.policy.entropy().mean()
