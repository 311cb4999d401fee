"""Agents that do not learn: the floors of every table, and the ceiling."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.distributions import Categorical

from vln.agent import Agent, Decision, Memory, Observation
from vln.judging import Contender
from vln.rollouts import follow_teacher, sample


class Habit(Agent):
    """Chooses every move with a fixed probability, whatever it sees or hears."""

    def __init__(self, probabilities: Sequence[float]) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.tensor(probabilities).log(), requires_grad=False)

    def initial(self, batch: int) -> Memory:
        return {}

    def forward(self, observation: Observation, memory: Memory, starts: Tensor) -> tuple[Decision, Memory]:
        logits = self.logits.expand(*starts.shape, -1)
        return Decision(Categorical(logits=logits, validate_args=False), torch.zeros_like(logits[..., 0])), memory


STRAIGHT = 0.8  # how often the forward-biased agent goes forward; the other moves share the rest


def scripted(moves: int) -> dict[str, Contender]:
    """The rows that need no training. random: every move alike, `stop` among them. stop: stops at once.

    straight: mostly the first move, which is `forward`. expert: one of the optimal moves at every step.
    """
    rest = (1 - STRAIGHT) / (moves - 1)
    return {
        "random": Contender(Habit([1 / moves] * moves), sample),
        "stop": Contender(Habit([0.0] * (moves - 1) + [1.0])),
        "straight": Contender(Habit([STRAIGHT] + [rest] * (moves - 1)), sample),
        "expert": Contender(Habit([1 / moves] * moves), follow_teacher, told=True),
    }
