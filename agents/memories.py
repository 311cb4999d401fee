"""Recurrent memories: cells that run over a sequence of any length and forget where an episode begins."""

import math

import torch
from torch import Tensor, nn


class Recurrent(nn.Module):
    """One or more layers of an Elman (tanh), GRU or LSTM cell with resets inside the sequence.

    The input is multiplied for all times at once; only the recurrence walks through time. Equations and weights are
    those of torch.nn.RNN, GRU and LSTM, which a test compares with. Elman 1990; Cho et al. 2014 (arXiv:1406.1078);
    Hochreiter & Schmidhuber 1997.
    """

    def __init__(self, kind: str, inputs: int, hidden: int, layers: int = 1) -> None:
        super().__init__()
        if kind not in CELLS:
            raise ValueError(f"no memory is called {kind!r}; there are {', '.join(CELLS)}")
        self.kind, self.hidden, self.layers = kind, hidden, layers
        self.states = 2 if kind == "lstm" else 1
        gates = {"elman": 1, "gru": 3, "lstm": 4}[kind]
        bound = 1 / math.sqrt(hidden)
        self.input_weights = nn.ParameterList()
        self.hidden_weights = nn.ParameterList()
        self.input_biases = nn.ParameterList()
        self.hidden_biases = nn.ParameterList()
        for layer in range(layers):
            sizes = (gates * hidden, inputs if layer == 0 else hidden)
            self.input_weights.append(torch.empty(sizes).uniform_(-bound, bound))
            self.hidden_weights.append(torch.empty(gates * hidden, hidden).uniform_(-bound, bound))
            self.input_biases.append(torch.empty(gates * hidden).uniform_(-bound, bound))
            self.hidden_biases.append(torch.empty(gates * hidden).uniform_(-bound, bound))
            if kind == "lstm":
                # Remembering is where an LSTM should begin (Gers et al. 2000; Jozefowicz et al. 2015).
                nn.init.ones_(self.hidden_biases[layer].data[hidden : 2 * hidden])

    def initial(self, batch: int) -> Tensor:
        """[B, layers, states, hidden], all zero; an LSTM has two states, hidden and cell."""
        return self.hidden_biases[0].new_zeros(batch, self.layers, self.states, self.hidden)

    def forward(self, inputs: Tensor, memory: Tensor, starts: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs [T, B, hidden] and the memory after them, for inputs [T, B, features] and starts bool [T, B]."""
        after = []
        cell = CELLS[self.kind]
        keep = (~starts).to(inputs.dtype)[..., None].unbind(0)
        for layer in range(self.layers):
            driven = nn.functional.linear(inputs, self.input_weights[layer], self.input_biases[layer])
            state = tuple(memory[:, layer].to(driven.dtype).unbind(1))
            outputs = []
            for drive, kept in zip(driven.unbind(0), keep, strict=True):
                state = tuple(part * kept for part in state)
                state = cell(drive, state, self.hidden_weights[layer], self.hidden_biases[layer])
                outputs.append(state[0])
            inputs = torch.stack(outputs)
            after.append(torch.stack(state, dim=1))
        return inputs, torch.stack(after, dim=1).to(memory.dtype)


State = tuple[Tensor, ...]


def _elman(drive: Tensor, state: State, weight: Tensor, bias: Tensor) -> State:
    return (torch.tanh(drive + nn.functional.linear(state[0], weight, bias)),)


def _gru(drive: Tensor, state: State, weight: Tensor, bias: Tensor) -> State:
    (hidden,) = state
    reset_in, update_in, new_in = drive.chunk(3, dim=-1)
    reset_hidden, update_hidden, new_hidden = nn.functional.linear(hidden, weight, bias).chunk(3, dim=-1)
    reset, update = torch.sigmoid(reset_in + reset_hidden), torch.sigmoid(update_in + update_hidden)
    new = torch.tanh(new_in + reset * new_hidden)
    return (new + update * (hidden - new),)


def _lstm(drive: Tensor, state: State, weight: Tensor, bias: Tensor) -> State:
    hidden, cell = state
    gates = drive + nn.functional.linear(hidden, weight, bias)
    entering, forgetting, new, leaving = gates.chunk(4, dim=-1)
    cell = torch.sigmoid(forgetting) * cell + torch.sigmoid(entering) * torch.tanh(new)
    return torch.sigmoid(leaving) * torch.tanh(cell), cell


CELLS = {"elman": _elman, "gru": _gru, "lstm": _lstm}
