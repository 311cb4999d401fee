"""Agents that do not learn: the floors of every table, and the ceiling."""

from collections.abc import Sequence
from typing import Any

import torch
from gymnasium import Space
from gymnasium.spaces import Discrete
from torch import Tensor, nn
from torch.distributions import Categorical, Normal

from vln.agent import Agent, Decision, Memory, Observation
from vln.judging import Contender
from vln.rollouts import follow_teacher, sample
from vln.world import World


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


class Guess(Agent):
    """Makes any move, and finds every answer as probable as any other."""

    def __init__(self, moves: Space[Any], answers: int) -> None:
        super().__init__()
        self.choices = int(moves.n) if isinstance(moves, Discrete) else 0
        self.answers = answers
        self.place = nn.Parameter(torch.zeros(()), requires_grad=False)  # tells the device

    def initial(self, batch: int) -> Memory:
        return {}

    def forward(self, observation: Observation, memory: Memory, starts: Tensor) -> tuple[Decision, Memory]:
        value, answer = self.place.expand(starts.shape), self.place.expand(*starts.shape, self.answers)
        if self.choices:
            logits = self.place.expand(*starts.shape, self.choices)
            return Decision(Categorical(logits=logits, validate_args=False), value, answer=answer), memory
        middle = self.place.expand(*starts.shape, 2)
        # As wide as it is, most points beyond the edge are brought back to it: it looks along the edges and across.
        policy = Normal(middle, torch.ones_like(middle), validate_args=False)
        return Decision(policy, value, answer=answer), memory


STRAIGHT = 0.8  # how often the forward-biased agent goes forward; the other moves share the rest


def scripted_for(world: World[Any]) -> dict[str, Contender]:
    """The rows of a world's table that need no training.

    Where answers are graded nobody who has not learned knows one: there is only chance, who looks anywhere and guesses.
    """
    return (
        {"chance": Contender(Guess(world.move_space, world.answers), sample)}
        if world.graded
        else scripted(len(world.moves))
    )


def scripted(moves: int) -> dict[str, Contender]:
    """The rows of who moves by rote. random: every move alike, `stop` among them. stop: stops at once.

    straight: mostly the first move, which is `forward`. expert: one of the optimal moves at every step.
    """
    rest = (1 - STRAIGHT) / (moves - 1)
    return {
        "random": Contender(Habit([1 / moves] * moves), sample),
        "stop": Contender(Habit([0.0] * (moves - 1) + [1.0])),
        "straight": Contender(Habit([STRAIGHT] + [rest] * (moves - 1)), sample),
        "expert": Contender(Habit([1 / moves] * moves), follow_teacher, told=True),
    }
