"""Agents: from observations and memory to decisions and memory."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vln import policies
from vln.policies import Policy

# The recurrent state of an agent: tensors [B, ...] by name.
Memory = dict[str, Tensor]
# Observations [T, B, ...] or, for one step, [B, ...], by name.
Observation = dict[str, Tensor]
# Scores that are added to the log-likelihoods [B, W] of the paths of a beam search before the best is chosen, from the
# numbers of their episodes [B] and their actions [T, B, W]. Minus infinity excludes a path.
Rescorer = Callable[[NDArray[np.int64], NDArray[np.int64]], Tensor]


@dataclass(frozen=True)
class Decision:
    """The output of an agent, [T, B] or, for one step, [B].

    policy: distribution of the action (see vln.policies). value: estimate of what the learning rule says (return,
    success or distance), [T, B]. attention: weights of the words, [T, B, L], of an agent that attends to its
    instruction. answer: logits of the answers to the world's question, [T, B, answers]. Raises TypeError for a policy
    of another kind.
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
        """The decision [B] at one step of a sequence [T, B]."""
        attention, answer = (None if values is None else values[time] for values in (self.attention, self.answer))
        return Decision(self.policy[time], self.value[time], attention, answer)

    @classmethod
    def stack(cls, decisions: "Sequence[Decision]") -> "Decision":
        """The decisions [T, B] of a sequence from those [B] of its steps."""

        def stacked(values: Sequence[Tensor | None]) -> Tensor | None:
            present = [value for value in values if value is not None]
            # Instructions of later steps may be longer.
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

    `forward` takes sequences and is used for learning; `step` is the same for one step and is used for acting. Both
    agree, which a test holds. Memory is reset where `episode_starts` is True, anywhere in a sequence: a new episode
    begins there.

    word_rows: names of the weights with a row for every token id. When an agent is initialized from one with another
    vocabulary, the rows of the words of both carry over. unused_options: options of its config without effect.
    """

    word_rows: tuple[str, ...] = ()
    unused_options: Sequence[str] = ()

    @abstractmethod
    def initial(self, batch: int) -> Memory:
        """The memory before the first step."""

    @abstractmethod
    def forward(self, observation: Observation, memory: Memory, episode_starts: Tensor) -> tuple[Decision, Memory]:
        """Decisions [T, B] for observations [T, B, ...], the memory [B, ...] before them and episode_starts [T, B]."""

    def step(self, observation: Observation, memory: Memory, episode_starts: Tensor) -> tuple[Decision, Memory]:
        """The decision [B] at one step. Override it where work of a sequence need not be repeated at every step."""
        sequence = {name: values[None] for name, values in observation.items()}
        decision, memory = self(sequence, memory, episode_starts[None])
        return decision[0], memory


def detach(memory: Memory) -> Memory:
    """The same memory, cut from the graph: the end of an unroll of truncated BPTT."""
    return {name: values.detach() for name, values in memory.items()}


def restart(values: Tensor, episode_starts: Tensor) -> Tensor:
    """Memory [B, ...], zero where episode_starts [B] is True."""
    return values.masked_fill(episode_starts.view(-1, *[1] * (values.dim() - 1)), 0)
