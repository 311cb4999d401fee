"""Ensembles: several agents whose policies are averaged."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vln import policies
from vln.agent import Agent, Decision, Memory, Observation


class Ensemble(Agent):
    """Each member remembers for itself; moves are chosen by the mean of the members' probabilities.

    Attention and answers are the means too, where every member gives them.
    """

    def __init__(self, members: Sequence[Agent]) -> None:
        super().__init__()
        if not members:
            raise ValueError("an ensemble needs at least one member")
        self.members = nn.ModuleList(members)

    def initial(self, batch: int) -> Memory:
        return self._together([member.initial(batch) for member in self._agents])

    def forward(self, observation: Observation, memory: Memory, episode_starts: Tensor) -> tuple[Decision, Memory]:
        told = [member(observation, self._part(memory, n), episode_starts) for n, member in enumerate(self._agents)]
        return self._mean([decision for decision, _ in told]), self._together([part for _, part in told])

    def step(self, observation: Observation, memory: Memory, episode_starts: Tensor) -> tuple[Decision, Memory]:
        told = [
            member.step(observation, self._part(memory, n), episode_starts) for n, member in enumerate(self._agents)
        ]
        return self._mean([decision for decision, _ in told]), self._together([part for _, part in told])

    @property
    def _agents(self) -> list[Agent]:
        return list(self.members)  # type: ignore[arg-type]  # a ModuleList does not say of what

    @staticmethod
    def _together(memories: Sequence[Memory]) -> Memory:
        return {f"{n}.{name}": values for n, memory in enumerate(memories) for name, values in memory.items()}

    @staticmethod
    def _part(memory: Memory, number: int) -> Memory:
        mine = f"{number}."
        return {name.removeprefix(mine): values for name, values in memory.items() if name.startswith(mine)}

    @staticmethod
    def _mean(decisions: Sequence[Decision]) -> Decision:
        def mean(values: Sequence[Tensor | None]) -> Tensor | None:
            given = [value for value in values if value is not None]
            return torch.stack(given).mean(dim=0) if len(given) == len(values) else None

        policy = policies.average([decision.policy for decision in decisions])
        value = torch.stack([decision.value for decision in decisions]).mean(dim=0)
        attention, answer = mean([one.attention for one in decisions]), mean([one.answer for one in decisions])
        return Decision(policy, value, attention, answer)
