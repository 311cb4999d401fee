"""Gated cells, each one layer: Elman's, the LSTM and the GRU, with resets inside the sequence."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

# What one layer remembers: tensors [B, ...], as many and as shaped as its `states` say.
States = tuple[Tensor, ...]


class Cell(nn.Module):
    """One layer of a memory.

    size: of its outputs. states: the name and the shape of each state of one slot. keeps: the name of the gate that
    says which share of its state a step keeps; None for a cell without one.
    """

    size: int
    states: dict[str, tuple[int, ...]]
    keeps: str | None = None

    @abstractmethod
    def forward(self, inputs: Tensor, before: States, episode_starts: Tensor, inside: bool) -> tuple[Tensor, States]:
        """Outputs [T, B, size] and the states after them, for inputs [T, B, features] and starts bool [T, B].

        inside: whether any episode starts later than at the first time. Who knows asks the device but once.
        """

    def gates(self, inputs: Tensor, before: States) -> dict[str, Tensor]:
        """How far every gate is open, by name [N, ...] from 0 to 1, at N steps of inputs [N, features] and states."""
        return {}


class Gated(Cell):
    """A cell of torch.nn with its weights, of which each gate has its rows: whole sequences are torch's own work.

    A sequence in which episodes start is walked through in time on a CPU, where that costs the least. On other devices
    its episodes are laid side by side first, and torch runs over all of them.
    """

    rows: int  # how many gates and candidates have rows in its weights

    def __init__(self, rnn: nn.RNNBase) -> None:
        super().__init__()
        self.rnn = rnn
        self.size = rnn.hidden_size

    @abstractmethod
    def walk(self, driven: Tensor, state: States, across: tuple[Tensor, Tensor]) -> States:
        """The states after a step, for the weighted inputs [B, rows * size]; the first of them is the output."""

    def forward(self, inputs: Tensor, before: States, episode_starts: Tensor, inside: bool) -> tuple[Tensor, States]:
        state = tuple(part.to(inputs.dtype).masked_fill(episode_starts[0][:, None], 0) for part in before)
        if not inside:
            return self._whole(inputs, state)
        return (
            self._stepwise(inputs, state, episode_starts)
            if self._walks(inputs)
            else self._apart(inputs, state, episode_starts)
        )

    @staticmethod
    def _walks(inputs: Tensor) -> bool:
        return inputs.device.type == "cpu"

    def _whole(self, inputs: Any, state: States) -> tuple[Any, States]:
        given = tuple(part[None].contiguous() for part in state)
        outputs, after = self.rnn(inputs, given if len(given) > 1 else given[0])
        return outputs, tuple(part[0] for part in (after if isinstance(after, tuple) else (after,)))

    def _stepwise(self, inputs: Tensor, state: States, episode_starts: Tensor) -> tuple[Tensor, States]:
        # The input is multiplied for all times at once; only the recurrence walks through time.
        driven = self._driven(inputs)
        keep = (~episode_starts).to(inputs.dtype)[..., None].unbind(0)
        outputs, across = [], self.across
        for time, drive in enumerate(driven.unbind(0)):
            if time > 0:
                state = tuple(part * keep[time] for part in state)
            state = self.walk(drive, state, across)
            outputs.append(state[0])
        return torch.stack(outputs), state

    def _apart(self, inputs: Tensor, state: States, episode_starts: Tensor) -> tuple[Tensor, States]:
        """Every episode a row of its own, as long as it is in this window."""
        first = episode_starts.clone()
        first[0] = True
        number = first.T.flatten().cumsum(0).view_as(first.T).T - 1  # [T, B], slot by slot, each in its order
        time = torch.arange(len(episode_starts), device=episode_starts.device)[:, None].expand_as(number)
        place = time - torch.where(first, time, 0).cummax(dim=0).values
        lengths = number.flatten().bincount()
        rows = inputs.new_zeros(int(lengths.max()), len(lengths), inputs.shape[-1])
        rows[place, number] = inputs
        begun = tuple(part.new_zeros(len(lengths), *part.shape[1:]) for part in state)
        for part, given in zip(begun, state, strict=True):
            part[number[0]] = given
        packed = nn.utils.rnn.pack_padded_sequence(rows, lengths.cpu(), enforce_sorted=False)
        told, after = self._whole(packed, begun)
        outputs, _ = nn.utils.rnn.pad_packed_sequence(told)
        return outputs[place, number], tuple(part[number[-1]] for part in after)

    @property
    def across(self) -> tuple[Tensor, Tensor]:
        """The weights [rows * size, size] and the bias from one state to the next."""
        _, across, _, bias = self.rnn.all_weights[0]
        return across, bias

    def _driven(self, inputs: Tensor) -> Tensor:
        """The weighted inputs [..., rows * size]."""
        into, _, bias, _ = self.rnn.all_weights[0]
        return nn.functional.linear(inputs, into, bias)


class Elman(Gated):
    """Elman 1990, with tanh or, begun with an identity, with ReLU (Le et al. 2015, arXiv:1504.00941)."""

    rows = 1

    def __init__(self, inputs: int, size: int, bend: Callable[[Tensor], Tensor] = torch.tanh) -> None:
        super().__init__(nn.RNN(inputs, size, nonlinearity="tanh" if bend is torch.tanh else "relu"))
        self.bend, self.states = bend, {"hidden": (size,)}
        if bend is not torch.tanh:
            weights, bias = self.across
            nn.init.eye_(weights)
            nn.init.zeros_(bias)

    def walk(self, driven: Tensor, state: States, across: tuple[Tensor, Tensor]) -> States:
        return (self.bend(driven + nn.functional.linear(state[0], *across)),)


class GRU(Gated):
    """Cho et al. 2014 (arXiv:1406.1078), as torch.nn computes it: its update gate is the share that is kept."""

    rows = 3
    keeps = "update"

    def __init__(self, inputs: int, size: int) -> None:
        super().__init__(nn.GRU(inputs, size))
        self.states = {"hidden": (size,)}

    def walk(self, driven: Tensor, state: States, across: tuple[Tensor, Tensor]) -> States:
        reset, update, new_in, new_hidden = self._opened(driven, state, across)
        new = torch.tanh(new_in + reset * new_hidden)
        return (new + update * (state[0] - new),)

    def gates(self, inputs: Tensor, before: States) -> dict[str, Tensor]:
        reset, update, _, _ = self._opened(self._driven(inputs), before, self.across)
        return {"reset": reset, "update": update}

    @staticmethod
    def _opened(driven: Tensor, state: States, across: tuple[Tensor, Tensor]) -> tuple[Tensor, ...]:
        reset_in, update_in, new_in = driven.chunk(3, dim=-1)
        reset_hidden, update_hidden, new_hidden = nn.functional.linear(state[0], *across).chunk(3, dim=-1)
        opened = torch.sigmoid(reset_in + reset_hidden), torch.sigmoid(update_in + update_hidden)
        return (*opened, new_in, new_hidden)


class LSTM(Gated):
    """Hochreiter & Schmidhuber 1997; Gers et al. 2000. forget: what the bias of its forget gate begins with."""

    rows = 4
    keeps = "forget"

    def __init__(self, inputs: int, size: int, forget: float = 1.0) -> None:
        super().__init__(nn.LSTM(inputs, size))
        self.states = {"hidden": (size,), "cell": (size,)}
        # Remembering is where an LSTM should begin (Jozefowicz et al. 2015).
        nn.init.constant_(self.across[1].data[size : 2 * size], forget)

    def walk(self, driven: Tensor, state: States, across: tuple[Tensor, Tensor]) -> States:
        entering, forgetting, new, leaving = self._opened(driven, state, across)
        cell = forgetting * state[1] + entering * new
        return leaving * torch.tanh(cell), cell

    def gates(self, inputs: Tensor, before: States) -> dict[str, Tensor]:
        entering, forgetting, _, leaving = self._opened(self._driven(inputs), before, self.across)
        return {"input": entering, "forget": forgetting, "output": leaving}

    @staticmethod
    def _opened(driven: Tensor, state: States, across: tuple[Tensor, Tensor]) -> tuple[Tensor, ...]:
        entering, forgetting, new, leaving = (driven + nn.functional.linear(state[0], *across)).chunk(4, dim=-1)
        return torch.sigmoid(entering), torch.sigmoid(forgetting), torch.tanh(new), torch.sigmoid(leaving)
