"""An agent: from what it observes and remembers to what it decides and remembers."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vln import policies
from vln.policies import Policy

# What an agent carries from step to step: tensors whose first axis is the batch, by name.
Memory = dict[str, Tensor]
# What a world shows: [time, batch, ...] or, for one step, [batch, ...], by name.
Observation = dict[str, Tensor]


@dataclass(frozen=True)
class Decision:
    """What an agent makes of what it has observed, [T, B] or, for one step, [B].

    policy: over moves (see vln.policies). value: what it expects still to come, [T, B]. attention: the weight of every
    word, [T, B, L], of an agent that attends to its instruction. answer: logits of the answers to the world's question,
    [T, B, answers].
    """

    policy: Policy
    value: Tensor
    attention: Tensor | None = None
    answer: Tensor | None = None


class Agent(nn.Module):
    """Observation and memory in, decision and memory out. Agents know spaces, not worlds.

    `forward` takes whole sequences and is what learns; `step` is the same for one moment and is what acts. Both agree,
    a test says so. Memory is reset where `starts` is True: there a new episode begins, wherever in the sequence it is.

    word_rows: the names of the weights that have a row for every token id. An agent that begins with the weights of one
    that knew other words keeps the rows of the words both know. unheeded: the options it was made with that change
    nothing in it.
    """

    word_rows: tuple[str, ...] = ()
    unheeded: Sequence[str] = ()

    @abstractmethod
    def initial(self, batch: int) -> Memory:
        """The memory of one who has seen nothing."""

    @abstractmethod
    def forward(self, observation: Observation, memory: Memory, starts: Tensor) -> tuple[Decision, Memory]:
        """Decisions [T, B] for observations [T, B, ...], the memory [B, ...] before them and starts [T, B]."""

    def step(self, observation: Observation, memory: Memory, starts: Tensor) -> tuple[Decision, Memory]:
        """The decision [B] at one moment. Override it where a sequence's work need not be done at every step."""
        moment = {name: values[None] for name, values in observation.items()}
        decision, memory = self(moment, memory, starts[None])
        return at(decision, 0), memory


def at(decision: Decision, time: int) -> Decision:
    """The decision [B] at one time of a sequence's [T, B]."""
    attention, answer = (None if values is None else values[time] for values in (decision.attention, decision.answer))
    return Decision(policies.at(decision.policy, time), decision.value[time], attention, answer)


def joined(moments: Sequence[Decision]) -> Decision:
    """The decisions [T, B] of a sequence from those [B] of its moments."""

    def stacked(values: Sequence[Tensor | None]) -> Tensor | None:
        given = [value for value in values if value is not None]
        # Later moments may know of longer instructions.
        longest = max((value.shape[-1] for value in given), default=0)
        each = [nn.functional.pad(value, (0, longest - value.shape[-1])) for value in given]
        return torch.stack(each) if each else None

    return Decision(
        policies.joined([moment.policy for moment in moments]),
        torch.stack([moment.value for moment in moments]),
        stacked([moment.attention for moment in moments]),
        stacked([moment.answer for moment in moments]),
    )


def cut(memory: Memory) -> Memory:
    """The same memory, from which no gradient flows back: where a window of truncated BPTT ends."""
    return {name: values.detach() for name, values in memory.items()}


def restart(values: Tensor, starts: Tensor) -> Tensor:
    """Memory [B, ...], zero where starts [B] is True."""
    return values.masked_fill(starts.view(-1, *[1] * (values.dim() - 1)), 0)
