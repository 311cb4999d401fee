"""Cells with a linear recurrence, computed for all steps at once, each a residual layer."""

import math
from abc import abstractmethod

import torch
from torch import Tensor, nn

from .cells import Cell, States
from .parallel_scan import linear_scan
from .selective_scan import selective_scan

KINDS_OF_STATE = 16  # of S6: states of every channel
TAPS = 4  # of S6: how many moments its convolution sees, the present one among them
WIDER = 2  # by how much a layer's inside is wider than it


class LinearRNN(Cell):
    """inputs + inner(normalised inputs): linear recurrences are stacked like this, or they learn badly when deep.

    Inputs of another size than the layer's are brought to it first. State is in float32, whatever the weights are in.
    """

    def __init__(self, inputs: int, size: int) -> None:
        super().__init__()
        self.size = size
        self.enter = nn.Linear(inputs, size) if inputs != size else nn.Identity()
        self.norm = nn.RMSNorm(size)

    @abstractmethod
    def inner(self, inputs: Tensor, before: States, episode_starts: Tensor) -> tuple[Tensor, States]:
        """What the recurrence makes of inputs [T, B, size], and the states after it."""

    def forward(self, inputs: Tensor, before: States, episode_starts: Tensor, inside: bool) -> tuple[Tensor, States]:
        inputs = self.enter(inputs)
        told, after = self.inner(self.norm(inputs), before, episode_starts)
        return inputs + told.to(inputs.dtype), after


class MinGRU(LinearRNN):
    """The GRU whose gates do not look at its state (Feng et al. 2024, arXiv:2410.01201)."""

    keeps = "kept"

    def __init__(self, inputs: int, size: int) -> None:
        super().__init__(inputs, size)
        wide = WIDER * size
        self.states = {"hidden": (wide,)}
        self.drive = nn.Linear(size, 2 * wide)
        self.leave = nn.Linear(wide, size)

    def gates(self, inputs: Tensor, before: States) -> dict[str, Tensor]:
        update, _ = self.drive(self.norm(self.enter(inputs))).float().chunk(2, dim=-1)
        return {"kept": torch.sigmoid(-update)}

    def inner(self, inputs: Tensor, before: States, episode_starts: Tensor) -> tuple[Tensor, States]:
        update, new = self.drive(inputs).float().chunk(2, dim=-1)
        hidden = linear_scan(torch.sigmoid(-update), torch.sigmoid(update) * new, before[0].float(), episode_starts)
        return self.leave(hidden.to(inputs.dtype)), (hidden[-1],)


class MinLSTM(LinearRNN):
    """The LSTM whose gates do not look at its state, and sum to one (Feng et al. 2024, arXiv:2410.01201).

    forget: what the bias of its forget gate begins with.
    """

    keeps = "forget"

    def __init__(self, inputs: int, size: int, forget: float = 1.0) -> None:
        super().__init__(inputs, size)
        wide = WIDER * size
        self.states = {"hidden": (wide,)}
        self.drive = nn.Linear(size, 3 * wide)
        self.leave = nn.Linear(wide, size)
        nn.init.constant_(self.drive.bias.data[:wide], forget)

    def gates(self, inputs: Tensor, before: States) -> dict[str, Tensor]:
        lead, _ = self._led(self.norm(self.enter(inputs)))
        return {"forget": torch.sigmoid(lead), "input": torch.sigmoid(-lead)}

    def _led(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """How far the forget gate is ahead of the input gate, and what would be new."""
        forgetting, entering, new = self.drive(inputs).float().chunk(3, dim=-1)
        # f / (f + i) of two sigmoids, without dividing: the sigmoid of the difference of their logarithms.
        return nn.functional.logsigmoid(forgetting) - nn.functional.logsigmoid(entering), new

    def inner(self, inputs: Tensor, before: States, episode_starts: Tensor) -> tuple[Tensor, States]:
        lead, new = self._led(inputs)
        hidden = linear_scan(torch.sigmoid(lead), torch.sigmoid(-lead) * new, before[0].float(), episode_starts)
        return self.leave(hidden.to(inputs.dtype)), (hidden[-1],)


class LRU(LinearRNN):
    """A diagonal, complex linear recurrence, and a gated layer upon it (Orvieto et al. 2023, arXiv:2303.06349).

    nearest, furthest: between which moduli the eigenvalues begin. turn: the largest of their angles at first.
    """

    keeps = "kept"

    def __init__(
        self, inputs: int, size: int, nearest: float = 0.4, furthest: float = 0.999, turn: float = math.pi / 10
    ) -> None:
        super().__init__(inputs, size)
        self.states = {"hidden": (size, 2)}  # real and imaginary part
        modulus = (torch.rand(size) * (furthest**2 - nearest**2) + nearest**2).sqrt()
        self.decay = nn.Parameter((-modulus.log()).log())
        self.angle = nn.Parameter((torch.rand(size) * turn).log())
        # So that the state is as large as what comes in, however long it is remembered.
        self.gain = nn.Parameter((1 - modulus**2).sqrt().log())
        self.drive = nn.Linear(size, 2 * size, bias=False)
        self.read = nn.Linear(2 * size, size, bias=False)
        self.through = nn.Parameter(torch.randn(size))
        self.leave = nn.Linear(size, 2 * size)
        nn.init.normal_(self.drive.weight, std=1 / math.sqrt(2 * size))
        nn.init.normal_(self.read.weight, std=1 / math.sqrt(size))

    def eigenvalues(self) -> Tensor:
        """Complex [size]: what a state is multiplied by at every step."""
        return torch.polar((-self.decay.float().exp()).exp(), self.angle.float().exp())

    def gates(self, inputs: Tensor, before: States) -> dict[str, Tensor]:
        """The moduli of the eigenvalues: no gates, for they are the same at every step."""
        return {"kept": self.eigenvalues().abs().expand(len(inputs), -1)}

    def inner(self, inputs: Tensor, before: States, episode_starts: Tensor) -> tuple[Tensor, States]:
        drive = self.drive(inputs).float().unflatten(-1, (-1, 2)) * self.gain.float().exp()[:, None]
        first = torch.view_as_complex(before[0].float().contiguous())
        states = linear_scan(self.eigenvalues()[None, None], torch.view_as_complex(drive), first, episode_starts)
        parts = torch.view_as_real(states)
        told = self.read(parts.flatten(-2).to(inputs.dtype)) + self.through * inputs
        return nn.functional.glu(self.leave(nn.functional.gelu(told))), (parts[-1],)


class S6(LinearRNN):
    """A selective state-space layer: what is kept, taken and told depends on the input (Mamba, arXiv:2312.00752)."""

    keeps = "kept"

    def __init__(self, inputs: int, size: int) -> None:
        super().__init__(inputs, size)
        wide, self.rank = WIDER * size, max(1, size // 16)
        self.states = {"hidden": (wide, KINDS_OF_STATE), "seen": (TAPS - 1, wide)}
        self.drive = nn.Linear(size, 2 * wide, bias=False)
        self.taps = nn.Parameter(torch.empty(TAPS, wide).uniform_(-1, 1) / math.sqrt(TAPS))
        self.bias = nn.Parameter(torch.zeros(wide))
        self.select = nn.Linear(wide, self.rank + 2 * KINDS_OF_STATE, bias=False)
        self.pace = nn.Linear(self.rank, wide)
        self.decay = nn.Parameter(torch.arange(1.0, KINDS_OF_STATE + 1).log().repeat(wide, 1))
        self.through = nn.Parameter(torch.ones(wide))
        self.leave = nn.Linear(wide, size, bias=False)
        # A step of a thousandth to a tenth of the time that the slowest state remembers.
        step = torch.exp(torch.rand(wide) * math.log(100) + math.log(0.001))
        with torch.no_grad():
            self.pace.bias.copy_(step + torch.log(-torch.expm1(-step)))

    def gates(self, inputs: Tensor, before: States) -> dict[str, Tensor]:
        steps = self.norm(self.enter(inputs))[None]
        pace = self._selected(steps, before, torch.zeros(steps.shape[:2], dtype=torch.bool, device=steps.device))[1]
        return {"kept": torch.exp(-pace[0, ..., None] * self.decay.float().exp())}

    def inner(self, inputs: Tensor, before: States, episode_starts: Tensor) -> tuple[Tensor, States]:
        driven, pace, entering, telling, gate, kept = self._selected(inputs, before, episode_starts)
        rates, first = self.decay.float().exp(), before[0].float()
        told, last = selective_scan(
            pace, rates, driven.float(), entering.float(), telling.float(), first, episode_starts
        )
        told = told.to(driven.dtype) + self.through * driven
        return self.leave(told * nn.functional.silu(gate)), (last, kept.transpose(0, 1).float())

    def _selected(self, inputs: Tensor, before: States, episode_starts: Tensor) -> tuple[Tensor, ...]:
        """What drives the states, their pace, what enters and what is told; what gates the outcome; what was seen."""
        driven, gate = self.drive(inputs).chunk(2, dim=-1)
        seen = torch.cat([before[1].to(driven.dtype).transpose(0, 1), driven])
        # Which episode of this window each moment belongs to; 0 is the one that went on when it began.
        episode = nn.functional.pad(episode_starts.cumsum(0), (0, 0, TAPS - 1, 0))
        driven = nn.functional.silu(self._convolved(seen, episode))
        pace, entering, telling = self.select(driven).split([self.rank, KINDS_OF_STATE, KINDS_OF_STATE], dim=-1)
        pace = nn.functional.softplus(self.pace(pace).float())
        # What an episode that is over has shown must not be seen by the next window.
        kept = seen[1 - TAPS :] * (episode[1 - TAPS :] == episode[-1])[..., None]
        return driven, pace, entering, telling, gate, kept

    def _convolved(self, seen: Tensor, episode: Tensor) -> Tensor:
        """Of every channel the weighted sum of its last moments of the same episode; seen [TAPS - 1 + T, B, wide]."""
        times = len(seen) - (TAPS - 1)
        whole = self.bias + seen[TAPS - 1 :] * self.taps[-1]
        for ago in range(1, TAPS):
            first = TAPS - 1 - ago
            same = episode[first : first + times] == episode[TAPS - 1 :]
            whole = whole + seen[first : first + times] * same[..., None] * self.taps[-1 - ago]
        return whole
