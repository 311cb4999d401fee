"""The checker for cells passes ours, on every device's way of running, and names every promise that is broken."""

from typing import Any

import pytest
import torch
from test_cells import anywhere  # noqa: F401  # a fixture
from torch import Tensor, nn

from vln.agents import check_cell
from vln.agents.recurrent.cells import Cell, States
from vln.agents.recurrent.core import CELLS


class Plain(Cell):
    """The shortest cell: a step at a time, h = tanh(W x + U h)."""

    def __init__(self, inputs: int, size: int) -> None:
        super().__init__()
        self.size, self.states = size, {"hidden": (size,)}
        self.lead, self.back = nn.Linear(inputs, size), nn.Linear(size, size)

    def forget(self, hidden: Tensor, begins: Tensor) -> Tensor:
        return hidden.masked_fill(begins[:, None], 0)

    def forward(self, inputs: Tensor, before: States, episode_starts: Tensor, inside: bool) -> tuple[Tensor, States]:
        hidden, outputs = before[0].to(inputs.dtype), []
        for now, begins in zip(inputs, episode_starts, strict=True):
            hidden = self.step(now, self.forget(hidden, begins))
            outputs.append(hidden)
        return torch.stack(outputs), (hidden,)

    def step(self, now: Tensor, hidden: Tensor) -> Tensor:
        return torch.tanh(self.lead(now) + self.back(hidden))


class Other(Plain):
    """What any other cell does, if nothing is written otherwise."""


class NoSize(Plain):
    def __init__(self, inputs: int, size: int) -> None:
        super().__init__(inputs, size)
        self.size = size + 1


class NoStates(Plain):
    def __init__(self, inputs: int, size: int) -> None:
        super().__init__(inputs, size)
        self.states = {}


class OtherStates(Plain):
    def __init__(self, inputs: int, size: int) -> None:
        super().__init__(inputs, size)
        self.states = {"hidden": (size,), "cell": (size,)}


class Never(Plain):
    def forget(self, hidden: Tensor, begins: Tensor) -> Tensor:
        return hidden


class Leaky(Plain):
    """Values are right, but gradients go through the start."""

    def forget(self, hidden: Tensor, begins: Tensor) -> Tensor:
        return hidden - hidden.detach() * begins[:, None]


class Looser(Plain):
    """A gradient is lost."""

    def step(self, now: Tensor, hidden: Tensor) -> Tensor:
        return torch.tanh(self.lead(now) + self.back(hidden.detach()))


class Mixing(Plain):
    def step(self, now: Tensor, hidden: Tensor) -> Tensor:
        return super().step(now - now.mean(dim=0), hidden)


class Random(Plain):
    def step(self, now: Tensor, hidden: Tensor) -> Tensor:
        return super().step(now + torch.randn_like(now), hidden)


class Backwards(Plain):
    """The whole is not its parts: outputs are normalised over time."""

    def forward(self, inputs: Tensor, before: States, episode_starts: Tensor, inside: bool) -> tuple[Tensor, States]:
        outputs, after = super().forward(inputs, before, episode_starts, inside)
        return outputs - outputs.mean(dim=0), after


class Wide(Plain):
    def forward(self, inputs: Tensor, before: States, episode_starts: Tensor, inside: bool) -> tuple[Tensor, States]:
        outputs, after = super().forward(inputs, before, episode_starts, inside)
        return torch.cat([outputs, outputs], dim=-1), after


class Single(Plain):
    """Only float32 is computed in."""

    def forward(self, inputs: Tensor, before: States, episode_starts: Tensor, inside: bool) -> tuple[Tensor, States]:
        outputs, after = super().forward(inputs, before, episode_starts, inside)
        return outputs.float(), after


class Gateless(Plain):
    keeps = "forget"


class Careless(Plain):
    def forward(self, inputs: Tensor, before: States, episode_starts: Tensor, inside: bool) -> tuple[Tensor, States]:
        return super().forward(inputs, before, episode_starts if inside else episode_starts & False, inside)


BROKEN: dict[type[Any], str] = {
    NoSize: "size is 5, but 4 was asked for",
    NoStates: "states are not the shape of every state",
    OtherStates: r"states after it are not .*\(4, 4\), \(4, 4\)",
    Never: "an episode is not what it is alone",
    Leaky: "a gradient leaks into the episode before",
    Looser: "gradient of .*: it is not the slope by finite differences",
    Mixing: "a row depends on the others",
    Random: "the same inputs give other outputs",
    Backwards: "a sequence at once is not its steps one by one: outputs",
    Wide: r"outputs are not \(7, 4, 4\): \(7, 4, 8\)",
    Single: "bfloat16: outputs are torch.float32",
    Gateless: "keeps names no gate: 'forget'",
    Careless: "a sequence at once is not its steps one by one",
}


@pytest.mark.usefixtures("anywhere")
@pytest.mark.parametrize("kind", CELLS)
def test_our_cells_keep_their_promises(kind: str) -> None:
    check_cell(CELLS[kind])


def test_a_cell_of_ones_own_passes() -> None:
    check_cell(Plain, inputs=5, size=6)


@pytest.mark.parametrize("cell", BROKEN, ids=lambda cell: cell.__name__)
def test_a_broken_promise_is_named(cell: type[Any]) -> None:
    with pytest.raises(AssertionError, match=BROKEN[cell]):
        check_cell(cell)


def test_what_is_no_module_is_named() -> None:
    with pytest.raises(AssertionError, match=r"no torch\.nn\.Module but dict"):
        check_cell(lambda inputs, size: {})  # type: ignore[arg-type,return-value]


def test_randomness_elsewhere_is_left_alone() -> None:
    torch.manual_seed(3)
    first = torch.rand(2)
    torch.manual_seed(3)
    check_cell(Plain)
    assert torch.equal(torch.rand(2), first)
