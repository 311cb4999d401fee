"""What learning descends: functions of what was decided and what had happened. Losses add up."""

from torch import Tensor

from vln.agent import Decision
from vln.rollouts import Rollout

LEAST_PROBABILITY = 1e-6  # of the teacher's moves, so that a sure mistake has a finite loss


def imitation(decision: Decision, rollout: Rollout) -> Tensor:
    """Minus the log of the summed probability of all the teacher's optimal moves, averaged over the window.

    Several moves are often equally good; which of them the agent prefers is its own business.
    """
    if rollout.best is None:
        raise ValueError("nobody was asked for the best moves: pass label=world.teacher to rollout()")
    likely = (decision.policy.probs * rollout.best).sum(dim=-1)
    return -likely.clamp(min=LEAST_PROBABILITY).log().mean()


DISTANCE_UNIT = 20.0  # moves: the distances a value learns are of the order of one in this unit


def distance(decision: Decision, rollout: Rollout) -> Tensor:
    """Mean squared difference between the value and minus the distance still to go (progress; arXiv:1901.03035)."""
    return (decision.value + rollout.error / DISTANCE_UNIT).square().mean()


def entropy(decision: Decision) -> Tensor:
    """Mean entropy of the policy, in nats."""
    return decision.policy.entropy().mean()
