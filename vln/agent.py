"""An agent: from what it observes and remembers to what it decides and remembers."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vln import policies
from vln.policies import Policy

# What an agent carries from step to step: tensors whose first axis is the batch, by name.
Memory = dict[str, Tensor]
# What a world shows: [time, batch, ...] or, for one step, [batch, ...], by name.
Observation = dict[str, Tensor]
# What is added to the log-likelihoods of whole plans [B, W] before the best is chosen: of the numbers of their episodes
# [B] and their actions [T, B, W]. Minus infinity gives a plan up.
Rescorer = Callable[[NDArray[np.int64], NDArray[np.int64]], Tensor]


@dataclass(frozen=True)
class Decision:
    """What an agent makes of what it has observed, [T, B] or, for one step, [B].

    policy: of its action (see vln.policies). value: what it expects still to come, [T, B]. attention: the weight of
    every word, [T, B, L], of an agent that attends to its instruction. answer: logits of the answers to the world's
    question, [T, B, answers]. Raises TypeError for a policy of another kind.
    """

    policy: Policy
    value: Tensor
    attention: Tensor | None = None
    answer: Tensor | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.policy, Policy):
            kind = f"{type(self.policy).__module__}.{type(self.policy).__name__}"
            raise TypeError(f"a policy is one of vln.policies (Categorical, Gaussian, Product), not {kind}")

    def __getitem__(self, time: int) -> "Decision":
        """The decision [B] at one time of a sequence's [T, B]."""
        attention, answer = (None if values is None else values[time] for values in (self.attention, self.answer))
        return Decision(self.policy[time], self.value[time], attention, answer)

    @classmethod
    def stack(cls, decisions: "Sequence[Decision]") -> "Decision":
        """The decisions [T, B] of a sequence from those [B] of its steps."""

        def stacked(values: Sequence[Tensor | None]) -> Tensor | None:
            present = [value for value in values if value is not None]
            # Later steps may know of longer instructions.
            longest = max((value.shape[-1] for value in present), default=0)
            each = [nn.functional.pad(value, (0, longest - value.shape[-1])) for value in present]
            return torch.stack(each) if each else None

        return cls(
            policies.stack([decision.policy for decision in decisions]),
            torch.stack([decision.value for decision in decisions]),
            stacked([decision.attention for decision in decisions]),
            stacked([decision.answer for decision in decisions]),
        )


class Agent(nn.Module):
    """Observation and memory in, decision and memory out. Agents know spaces, not worlds.

    `forward` takes whole sequences and is what learns; `step` is the same for one moment and is what acts. Both agree,
    a test says so. Memory is reset where `episode_starts` is True: there a new episode begins, wherever in the sequence
    it is.

    word_rows: the names of the weights that have a row for every token id. An agent that begins with the weights of one
    that knew other words keeps the rows of the words both know. unused_options: the options it was made with that
    change nothing in it.
    """

    word_rows: tuple[str, ...] = ()
    unused_options: Sequence[str] = ()

    @abstractmethod
    def initial(self, batch: int) -> Memory:
        """The memory of one who has seen nothing."""

    @abstractmethod
    def forward(self, observation: Observation, memory: Memory, episode_starts: Tensor) -> tuple[Decision, Memory]:
        """Decisions [T, B] for observations [T, B, ...], the memory [B, ...] before them and episode_starts [T, B]."""

    def step(self, observation: Observation, memory: Memory, episode_starts: Tensor) -> tuple[Decision, Memory]:
        """The decision [B] at one moment. Override it where a sequence's work need not be done at every step."""
        moment = {name: values[None] for name, values in observation.items()}
        decision, memory = self(moment, memory, episode_starts[None])
        return decision[0], memory


def detach(memory: Memory) -> Memory:
    """The same memory, from which no gradient flows back: where a window of truncated BPTT ends."""
    return {name: values.detach() for name, values in memory.items()}


def restart(values: Tensor, episode_starts: Tensor) -> Tensor:
    """Memory [B, ...], zero where starts [B] is True."""
    return values.masked_fill(episode_starts.view(-1, *[1] * (values.dim() - 1)), 0)
