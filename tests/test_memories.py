"""Recurrent cells: equal to PyTorch's own, in outputs and gradients, and forgetful where an episode begins."""

import pytest
import torch
from tiny import KINDS
from torch import Tensor, nn

from vln.agents.memories import Recurrent

STEPS, SLOTS, INPUTS, HIDDEN = 7, 4, 3, 5
TORCH = {"elman": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


@pytest.fixture(params=[(kind, layers) for kind in KINDS for layers in (1, 2, 3)], ids=str)
def memory(request: pytest.FixtureRequest) -> Recurrent:
    torch.manual_seed(0)
    kind, layers = request.param
    return Recurrent(kind, INPUTS, HIDDEN, layers)


def torch_copy(memory: Recurrent) -> nn.RNNBase:
    """PyTorch's own cell with the same weights."""
    own = TORCH[memory.kind](INPUTS, HIDDEN, memory.layers)
    for layer in range(memory.layers):
        weights = (memory.input_weights, memory.hidden_weights, memory.input_biases, memory.hidden_biases)
        for name, values in zip(("weight_ih", "weight_hh", "bias_ih", "bias_hh"), weights, strict=True):
            getattr(own, f"{name}_l{layer}").data.copy_(values[layer].data)
    return own


def given(memory: Recurrent) -> tuple[Tensor, Tensor]:
    """Inputs [T, B, features] and a memory [B, layers, states, hidden] that ask for gradients."""
    inputs, before = torch.randn(STEPS, SLOTS, INPUTS), torch.randn_like(memory.initial(SLOTS))
    return inputs.requires_grad_(), before.requires_grad_()


def run_torch(own: nn.RNNBase, inputs: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
    """As Recurrent does, by PyTorch's own cell, which wants the layers first and every state by itself."""
    states = [part.transpose(0, 1).contiguous() for part in before.unbind(2)]
    outputs, after = own(inputs, tuple(states) if len(states) > 1 else states[0])
    after = after if isinstance(after, tuple) else (after,)
    return outputs, torch.stack([part.transpose(0, 1) for part in after], dim=2)


def test_outputs_and_memory_are_those_of_torch(memory: Recurrent) -> None:
    inputs, before = given(memory)
    outputs, after = memory(inputs, before, torch.zeros(STEPS, SLOTS, dtype=torch.bool))
    expected, expected_after = run_torch(torch_copy(memory), inputs, before)
    torch.testing.assert_close(outputs, expected)
    torch.testing.assert_close(after, expected_after)


def test_gradients_are_those_of_torch(memory: Recurrent) -> None:
    inputs, before = given(memory)
    own = torch_copy(memory)
    weight = torch.randn(STEPS, SLOTS, HIDDEN)

    def gradients(cell: nn.Module, outputs: Tensor, after: Tensor) -> list[Tensor]:
        score = (outputs * weight).sum() + after.square().sum()
        return list(torch.autograd.grad(score, [inputs, before, *cell.parameters()]))

    ours = gradients(memory, *memory(inputs, before, torch.zeros(STEPS, SLOTS, dtype=torch.bool)))
    theirs = gradients(own, *run_torch(own, inputs, before))
    # Ours are listed by kind, torch's by layer.
    by_layer = [ours[2 + kind * memory.layers + layer] for layer in range(memory.layers) for kind in range(4)]
    for one, other in zip([*ours[:2], *by_layer], theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_a_start_forgets_as_if_the_pieces_were_run_apart(memory: Recurrent) -> None:
    inputs, before = given(memory)
    starts = torch.zeros(STEPS, SLOTS, dtype=torch.bool)
    starts[0, 1] = starts[3, 2] = starts[5, 2] = starts[STEPS - 1, 3] = True
    outputs, after = memory(inputs, before, starts)
    nothing = torch.zeros(STEPS, 1, dtype=torch.bool)
    for slot in range(SLOTS):
        cuts = [time for time in range(1, STEPS) if starts[time, slot]]
        state = memory.initial(1) if starts[0, slot] else before[slot : slot + 1]
        for first, last in zip([0, *cuts], [*cuts, STEPS], strict=True):
            piece, state = memory(inputs[first:last, slot : slot + 1], state, nothing[first:last])
            torch.testing.assert_close(outputs[first:last, slot], piece[:, 0])
            end, state = state, memory.initial(1)
        torch.testing.assert_close(after[slot], end[0])


def test_in_the_beginning_nothing_is_remembered(memory: Recurrent) -> None:
    assert memory.initial(SLOTS).shape == (SLOTS, memory.layers, memory.states, HIDDEN)
    assert not memory.initial(SLOTS).any()
