"""Recurrent cells: the same step by step and at once, equal to their equations, forgetful where an episode begins."""

from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from vln.agents.recurrent import parallel_scan as scan
from vln.agents.recurrent.cells import Gated
from vln.agents.recurrent.core import CELLS, Recurrent
from vln.agents.recurrent.linear import KINDS_OF_STATE, LRU, S6, TAPS, MinGRU, MinLSTM
from vln.agents.recurrent.parallel_scan import linear_scan
from vln.agents.recurrent.selective_scan import KEPT, selective_scan

STEPS, SLOTS, INPUTS, HIDDEN = 7, 4, 3, 6
TORCH: dict[str, Callable[..., nn.RNNBase]] = {
    "elman": nn.RNN,
    "elman-relu": lambda *sizes: nn.RNN(*sizes, nonlinearity="relu"),
    "gru": nn.GRU,
    "lstm": nn.LSTM,
}
WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def made(kind: str, layers: int) -> Recurrent:
    torch.manual_seed(0)
    memory = Recurrent(kind, INPUTS, HIDDEN, layers)
    for name, weights in memory.named_parameters():
        if name.endswith(("weight_hh_l0", "bias_hh_l0")):  # an identity would hide what is mixed up
            nn.init.normal_(weights, std=0.4)
    return memory


@pytest.fixture(params=[(kind, layers) for kind in CELLS for layers in (1, 2, 3)], ids=str)
def memory(request: pytest.FixtureRequest) -> Recurrent:
    return made(*request.param)


@pytest.fixture(params=[(kind, layers) for kind in TORCH for layers in (1, 2, 3)], ids=str)
def gated(request: pytest.FixtureRequest) -> Recurrent:
    return made(*request.param)


@pytest.fixture(params=["as on a CPU", "as elsewhere"])
def anywhere(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways of running over a window, the one of other devices too."""
    if request.param == "as elsewhere":
        monkeypatch.setattr(Gated, "_walks", staticmethod(lambda inputs: False))
        monkeypatch.setattr(scan, "runs_kernels", lambda values: False)


def given(memory: Recurrent, steps: int = STEPS) -> tuple[Tensor, Tensor]:
    """Inputs [T, B, features] and a memory [B, numbers] that ask for gradients."""
    inputs, before = torch.randn(steps, SLOTS, INPUTS), torch.randn_like(memory.initial(SLOTS))
    return inputs.requires_grad_(), before.requires_grad_()


def some_starts() -> Tensor:
    episode_starts = torch.zeros(STEPS, SLOTS, dtype=torch.bool)
    episode_starts[0, 1] = episode_starts[3, 2] = episode_starts[4, 2] = episode_starts[5, 2] = episode_starts[
        STEPS - 1, 3
    ] = True
    return episode_starts


def run_torch(memory: Recurrent, inputs: Tensor, before: Tensor) -> tuple[Tensor, Tensor, nn.RNNBase]:
    """As Recurrent does, by PyTorch's own stack of cells with the same weights, which wants the layers first."""
    own = TORCH[memory.kind](INPUTS, HIDDEN, memory.layers)
    for layer, cell in enumerate(memory.cells):
        for name in WEIGHTS:
            getattr(own, f"{name}_l{layer}").data.copy_(getattr(cell.rnn, f"{name}_l0").data)
    parts = before.view(SLOTS, memory.layers, -1, HIDDEN)
    states = [part.transpose(0, 1).contiguous() for part in parts.unbind(2)]
    outputs, after = own(inputs, tuple(states) if len(states) > 1 else states[0])
    after = after if isinstance(after, tuple) else (after,)
    return outputs, torch.stack([part.transpose(0, 1) for part in after], dim=2).flatten(1), own


def test_gated_cells_are_those_of_torch_in_outputs_and_gradients(gated: Recurrent) -> None:
    inputs, before = given(gated)
    weight = torch.randn(STEPS, SLOTS, HIDDEN)
    outputs, after = gated(inputs, before, torch.zeros(STEPS, SLOTS, dtype=torch.bool))
    expected, expected_after, own = run_torch(gated, inputs, before)
    torch.testing.assert_close(outputs, expected)
    torch.testing.assert_close(after, expected_after)

    def gradients(cell: nn.Module, outputs: Tensor, after: Tensor) -> list[Tensor]:
        score = (outputs * weight).sum() + after.square().sum()
        return list(torch.autograd.grad(score, [inputs, before, *cell.parameters()]))

    pairs = zip(gradients(gated, outputs, after), gradients(own, expected, expected_after), strict=True)
    for one, other in pairs:
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.usefixtures("anywhere")
def test_step_by_step_is_the_same_as_at_once_forwards_and_backwards(memory: Recurrent) -> None:
    inputs, before = given(memory)
    episode_starts, weight = some_starts(), torch.randn(STEPS, SLOTS, HIDDEN)

    def learned(outputs: Tensor, after: Tensor) -> list[Tensor]:
        score = (outputs * weight).sum() + after.square().sum()
        return [outputs, after, *torch.autograd.grad(score, [inputs, before, *memory.parameters()])]

    at_once = learned(*memory(inputs, before, episode_starts))
    told, state = [], before
    for moment, begins in zip(inputs, episode_starts, strict=True):
        outputs, state = memory(moment[None], state, begins[None])
        told.append(outputs)
    for one, other in zip(at_once, learned(torch.cat(told), state), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.usefixtures("anywhere")
def test_a_start_forgets_as_if_the_pieces_were_run_apart(memory: Recurrent) -> None:
    inputs, before = given(memory)
    episode_starts = some_starts()
    outputs, after = memory(inputs, before, episode_starts)
    nothing = torch.zeros(STEPS, 1, dtype=torch.bool)
    for slot in range(SLOTS):
        cuts = [time for time in range(1, STEPS) if episode_starts[time, slot]]
        state = memory.initial(1) if episode_starts[0, slot] else before[slot : slot + 1]
        for first, last in pairwise([0, *cuts, STEPS]):
            piece, end = memory(inputs[first:last, slot : slot + 1], state, nothing[first:last])
            torch.testing.assert_close(outputs[first:last, slot], piece[:, 0])
            state = memory.initial(1)
        torch.testing.assert_close(after[slot], end[0])


@pytest.mark.usefixtures("anywhere")
def test_a_window_goes_on_where_the_last_one_ended(memory: Recurrent) -> None:
    inputs, before = given(memory)
    episode_starts = some_starts()
    outputs, after = memory(inputs, before, episode_starts)
    for cut in range(1, STEPS):
        first, between = memory(inputs[:cut], before, episode_starts[:cut])
        second, end = memory(inputs[cut:], between, episode_starts[cut:])
        torch.testing.assert_close(torch.cat([first, second]), outputs)
        torch.testing.assert_close(end, after)


def test_in_bfloat16_it_is_about_the_same(memory: Recurrent) -> None:
    inputs, before = given(memory)
    episode_starts = some_starts()
    outputs, _ = memory(inputs, before, episode_starts)
    half, after = memory.bfloat16()(inputs.bfloat16(), before, episode_starts)
    assert half.dtype == torch.bfloat16
    assert after.dtype == before.dtype  # what is remembered loses nothing
    assert (half - outputs).abs().max() < 0.1 * outputs.abs().max()


def test_a_memory_is_taken_apart_by_layer_and_name() -> None:
    memory = Recurrent("s6", INPUTS, HIDDEN, layers=2)
    states = memory.states(memory.initial(SLOTS))
    assert list(states) == [(0, "hidden"), (0, "seen"), (1, "hidden"), (1, "seen")]
    assert states[0, "hidden"].shape == (SLOTS, 2 * HIDDEN, KINDS_OF_STATE)
    assert states[1, "seen"].shape == (SLOTS, TAPS - 1, 2 * HIDDEN)
    assert not memory.initial(SLOTS).any()


def test_between_layers_something_is_left_out_while_training(memory: Recurrent) -> None:
    left_out = Recurrent(memory.kind, INPUTS, HIDDEN, memory.layers, dropout=0.5)
    left_out.load_state_dict(memory.state_dict())
    inputs, before = given(memory)
    outputs, _ = memory(inputs, before, some_starts())
    torch.testing.assert_close(left_out.eval()(inputs, before, some_starts())[0], outputs)
    trained, _ = left_out.train()(inputs, before, some_starts())
    assert torch.equal(trained, outputs) == (memory.layers == 1)


def test_an_lstm_begins_by_remembering_and_rotations_are_by_choice() -> None:
    lstm = Recurrent("lstm", INPUTS, HIDDEN, layers=2, forget=3.0, orthogonal=True)
    for cell in lstm.cells:
        assert isinstance(cell, Gated)
        weights, bias = cell.across
        assert torch.equal(bias[HIDDEN : 2 * HIDDEN], torch.full((HIDDEN,), 3.0))
        for gate in weights.chunk(4):
            torch.testing.assert_close(gate @ gate.T, torch.eye(HIDDEN))


def test_an_unknown_memory_is_named() -> None:
    with pytest.raises(ValueError, match=r"no memory is called 'brain'; there are elman, .*s6"):
        Recurrent("brain", INPUTS, HIDDEN)


# Linear recurrences


def slow_scan(decay: Tensor, drive: Tensor, first: Tensor, episode_starts: Tensor) -> Tensor:
    states, state = [], first
    for time, begins in enumerate(episode_starts):
        state = torch.where(begins[:, None], 0, state)
        state = decay[time if len(decay) > 1 else 0] * state + drive[time]
        states.append(state)
    return torch.stack(states)


@pytest.mark.usefixtures("anywhere")
@pytest.mark.parametrize("times", [1, 2, 3, 16, 17, 50])
@pytest.mark.parametrize("kind", [torch.float64, torch.complex128], ids=str)
@pytest.mark.parametrize("always", [False, True], ids=["decays vary", "one decay"])
def test_a_scan_is_its_recurrence_forwards_and_backwards(times: int, kind: torch.dtype, always: bool) -> None:
    torch.manual_seed(times)
    decay = torch.randn(1 if always else times, 1 if always else 3, 5, dtype=kind).requires_grad_()
    drive, first = (torch.randn(*shape, dtype=kind).requires_grad_() for shape in ((times, 3, 5), (3, 5)))
    episode_starts = torch.rand(times, 3) < 0.2
    weight = torch.randn(times, 3, 5, dtype=kind)
    found = []
    for run in (linear_scan, slow_scan):
        states = run(decay, drive, first, episode_starts)
        score = (states * weight).real.sum() if kind.is_complex else (states * weight).sum()
        found.append([states, *torch.autograd.grad(score, [decay, drive, first])])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


def test_who_forgets_at_once_keeps_nothing_that_is_not_finite() -> None:
    episode_starts = torch.ones(3, 1, dtype=torch.bool)
    drive = torch.ones(3, 1, 2, requires_grad=True)
    states = linear_scan(torch.full((3, 1, 2), 1e30), drive, torch.full((1, 2), torch.inf), episode_starts)
    states.sum().backward()
    assert torch.equal(states, drive)
    assert torch.equal(drive.grad, torch.ones(3, 1, 2))  # type: ignore[arg-type]


@pytest.mark.parametrize("times", [2, KEPT, KEPT + 1, 2 * KEPT + 5])
def test_a_selective_scan_is_what_it_is_composed_of(times: int, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(times)
    slots, wide, kinds = 3, 4, 5
    pace, rates = torch.rand(times, slots, wide), torch.rand(wide, kinds) + 0.1
    inputs, weight = torch.randn(times, slots, wide), torch.randn(times, slots, wide)
    entering, telling = torch.randn(times, slots, kinds), torch.randn(times, slots, kinds)
    first, episode_starts = torch.randn(slots, wide, kinds), torch.rand(times, slots) < 0.1
    given = [of.requires_grad_() for of in (pace, rates, inputs, entering, telling, first)]
    found = []
    for kernels in (True, False):
        monkeypatch.setattr(scan, "runs_kernels", lambda values, kernels=kernels: kernels)
        told, last = selective_scan(pace, rates, inputs, entering, telling, first, episode_starts)
        score = (told * weight).sum() + last.square().sum()
        found.append([told, last, *torch.autograd.grad(score, given)])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


# The cells' equations, written again as their papers do, a step at a time


def by_hand(kind: str) -> tuple[Tensor, Tensor]:
    """Outputs of a cell and of its equations for the same inputs, one slot."""
    torch.manual_seed(1)
    cell = CELLS[kind](HIDDEN, HIDDEN)
    inputs = torch.randn(STEPS, 1, HIDDEN)
    before = tuple(torch.zeros(1, *shape) for shape in cell.states.values())
    outputs, _ = cell(inputs, before, torch.zeros(STEPS, 1, dtype=torch.bool), False)
    normal = inputs / (inputs.square().mean(-1, keepdim=True) + torch.finfo(torch.float32).eps).sqrt()
    told, hidden = [], 0
    for x, u in zip(inputs[:, 0], normal[:, 0], strict=True):
        if isinstance(cell, MinGRU):
            z, new = (cell.drive.weight @ u + cell.drive.bias).chunk(2)
            z = z.sigmoid()
            hidden = (1 - z) * hidden + z * new
            told.append(x + cell.leave(hidden))
        if isinstance(cell, MinLSTM):
            f, i, new = (cell.drive.weight @ u + cell.drive.bias).chunk(3)
            f, i = f.sigmoid(), i.sigmoid()
            hidden = f / (f + i) * hidden + i / (f + i) * new
            told.append(x + cell.leave(hidden))
        if isinstance(cell, LRU):
            modulus = torch.exp(-torch.exp(cell.decay))
            turn = torch.exp(cell.angle)
            eigenvalues = modulus * (turn.cos() + 1j * turn.sin())
            matrix = torch.complex(cell.drive.weight[0::2], cell.drive.weight[1::2]) * cell.gain.exp()[:, None]
            hidden = eigenvalues * hidden + matrix @ u.to(torch.complex64)
            # Re(C h) of C = real part - i imaginary part, as the weights are laid out.
            read = cell.read.weight[:, 0::2] @ hidden.real + cell.read.weight[:, 1::2] @ hidden.imag
            value, gate = cell.leave(nn.functional.gelu(read + cell.through * u)).chunk(2)
            told.append(x + value * gate.sigmoid())
    return outputs[:, 0], torch.stack(told)


@pytest.mark.parametrize("kind", ["mingru", "minlstm", "lru"])
def test_a_scanned_cell_is_its_papers_equations(kind: str) -> None:
    torch.testing.assert_close(*by_hand(kind), rtol=1e-4, atol=1e-5)


def test_an_lru_begins_with_a_stable_state_as_large_as_its_inputs() -> None:
    torch.manual_seed(0)
    cell = LRU(64, 64)
    modulus = cell.eigenvalues().abs()
    assert (modulus > 0.39).all()
    assert (modulus < 1).all()
    torch.testing.assert_close(cell.gain.exp(), (1 - modulus**2).sqrt(), rtol=1e-3, atol=1e-4)


def test_s6_is_its_papers_algorithm() -> None:
    torch.manual_seed(2)
    cell = S6(HIDDEN, HIDDEN)
    inputs = torch.randn(STEPS, 1, HIDDEN)
    before = tuple(torch.zeros(1, *shape) for shape in cell.states.values())
    outputs, _ = cell(inputs, before, torch.zeros(STEPS, 1, dtype=torch.bool), False)
    wide = 2 * HIDDEN
    normal = cell.norm(inputs)[:, 0]
    driven, gate = cell.drive(normal).chunk(2, dim=-1)
    # torch's own convolution, padded at the front.
    kernel = cell.taps.T[:, None]
    convolved = nn.functional.conv1d(driven.T[None], kernel, cell.bias, padding=TAPS - 1, groups=wide)[0, :, :STEPS].T
    x = convolved * convolved.sigmoid()
    selected = cell.select(x)
    state, rank = torch.zeros(wide, KINDS_OF_STATE), cell.rank
    for time in range(STEPS):
        pace = torch.log1p(torch.exp(cell.pace(selected[time, :rank])))
        entering, telling = selected[time, rank : rank + KINDS_OF_STATE], selected[time, rank + KINDS_OF_STATE :]
        for channel in range(wide):
            for kind in range(KINDS_OF_STATE):
                kept = torch.exp(-pace[channel] * (cell.decay[channel, kind].exp()))
                taken = pace[channel] * entering[kind] * x[time, channel]
                state[channel, kind] = (kept * state[channel, kind] + taken).detach()
        y = (state @ telling + cell.through * x[time]) * gate[time] * gate[time].sigmoid()
        torch.testing.assert_close(outputs[time, 0], inputs[time, 0] + cell.leave.weight @ y, rtol=1e-4, atol=1e-5)
