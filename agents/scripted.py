"""Agents that do not learn: the floors of every table."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.distributions import Categorical

from vln.agent import Agent, Decision, Memory, Observation


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


def stopping(moves: int) -> Habit:
    """Stops at once."""
    return Habit([0.0] * (moves - 1) + [1.0])


def random(moves: int) -> Habit:
    """Every move alike, `stop` among them."""
    return Habit([1 / moves] * moves)


def straight(moves: int) -> Habit:
    """Mostly the first move, which is `forward`."""
    return Habit([STRAIGHT] + [(1 - STRAIGHT) / (moves - 1)] * (moves - 1))
