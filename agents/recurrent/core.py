"""The recurrent core: stacked cells over a sequence of any length, reset where an episode begins."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from vln.agents.config import AgentConfig
from vln.options import check_options, named_by
from vln.user_files import MARK, load

from .cells import GRU, LSTM, Cell, Elman, Gated
from .linear import LRU, S6, LinearRNN, MinGRU, MinLSTM

CELLS: dict[str, Callable[..., Cell]] = {
    "elman": Elman,
    "elman-relu": partial(Elman, bend=torch.relu),
    "gru": GRU,
    "lstm": LSTM,
    "mingru": MinGRU,
    "minlstm": MinLSTM,
    "lru": LRU,
    "s6": S6,
}

FORGETTING = ("lstm", "minlstm")  # cells with a forget gate
ROTATED = ("elman", "elman-relu", "gru", "lstm")  # cells with weights from one state to the next


def bound_cell(kind: str, options: Mapping[str, Any]) -> Any:
    """What makes cells of a kind of somebody's own, with these options. Raises ValueError where it has none such."""
    if MARK not in kind:
        raise ValueError(f"memory {kind!r} takes no options of its own: {', '.join(options)}")
    check_options(kind, options, named_by(cell_of(kind)))
    return partial(cell_of(kind), **options)


def cell_of(kind: str | Callable[..., Cell]) -> Callable[..., Cell]:
    """What makes cells of this kind, from the number of inputs and the size; FILE.py:NAME is one of somebody's own."""
    if not isinstance(kind, str):
        return kind
    if MARK in kind:
        return load(kind)
    if kind not in CELLS:
        raise ValueError(f"no memory is called {kind!r}; there are {', '.join(CELLS)}, or FILE.py:NAME of your own")
    return CELLS[kind]


class Recurrent(nn.Module):
    """Layers of one kind of cell, with resets inside the sequence.

    A memory is one row of numbers [B, numbers] for every slot, whatever its cells remember; `states` takes it apart.
    Outputs of cells that are residual layers are normalised at the end.

    dropout: the share of what goes from layer to layer that is left out while training. forget: what the bias of a
    forget gate begins with, of cells that have one. orthogonal: whether the weights from state to state begin as
    rotations, of cells that have such (Saxe et al. 2014, arXiv:1312.6120).
    """

    def __init__(
        self,
        kind: str,
        inputs: int,
        hidden: int,
        layers: int = 1,
        dropout: float = 0.0,
        forget: float = 1.0,
        orthogonal: bool = False,
    ) -> None:
        super().__init__()
        self.kind, self.inputs, self.hidden, self.layers = kind, inputs, hidden, layers
        make = partial(cell_of(kind), forget=forget) if kind in FORGETTING else cell_of(kind)
        cells = [make(hidden if layer else inputs, hidden) for layer in range(layers)]
        self.cells: Sequence[Cell] = nn.ModuleList(cells)  # type: ignore[assignment]  # a list of what it was given
        self.dropout = nn.Dropout(dropout)
        self.norm = nn.RMSNorm(hidden) if isinstance(cells[0], LinearRNN) else nn.Identity()
        self._shapes = [shape for cell in cells for shape in cell.states.values()]
        self._names = [(layer, name) for layer, cell in enumerate(cells) for name in cell.states]
        if orthogonal:
            self._rotate()

    @classmethod
    def of(cls, config: AgentConfig, inputs: int) -> "Recurrent":
        """The core of an agent with this config, for so many inputs."""
        kind = config.memory
        # Only what a kind of cell has is read of the config, so that what nothing has read is known: see ConfigUse.
        forget = config.forget_bias if kind in FORGETTING else 1.0
        orthogonal = kind in ROTATED and config.orthogonal
        return cls(kind, inputs, config.hidden, config.layers, config.dropout, forget, orthogonal)

    def initial(self, batch: int) -> Tensor:
        """A memory of nothing: zeros [B, numbers], in float32."""
        return torch.zeros(batch, sum(map(prod, self._shapes)), device=next(self.parameters()).device)

    def states(self, memory: Tensor) -> dict[tuple[int, str], Tensor]:
        """What a memory [..., numbers] consists of: by layer and name the states [..., *shape]."""
        parts = memory.split(list(map(prod, self._shapes)), dim=-1)
        shaped = (part.unflatten(-1, shape) for part, shape in zip(parts, self._shapes, strict=True))
        return dict(zip(self._names, shaped, strict=True))

    def forward(self, inputs: Tensor, memory: Tensor, episode_starts: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs [T, B, hidden] and the memory after them, for inputs [T, B, features] and starts bool [T, B]."""
        inside = len(episode_starts) > 1 and bool(episode_starts[1:].any())
        states = iter(self.states(memory).values())
        after = []
        for layer, cell in enumerate(self.cells):
            before = tuple(next(states) for _ in cell.states)
            inputs, kept = cell(self.dropout(inputs) if layer else inputs, before, episode_starts, inside)
            after += [part.flatten(1).to(memory.dtype) for part in kept]
        return self.norm(inputs), torch.cat(after, dim=1)

    def _rotate(self) -> None:
        for cell in self.cells:
            if isinstance(cell, Gated):
                for gate in cell.across[0].data.chunk(cell.rows):
                    nn.init.orthogonal_(gate)
