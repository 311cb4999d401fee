"""Candidates: ways one could go, each told by a few numbers, and the choice among them."""

from collections.abc import Sequence

import torch
from gymnasium.spaces import Box
from torch import Tensor, nn

from .eyes import IMPOSSIBLE, keep_variance


class CandidateEye(nn.Module):
    """Candidates, told by one or more float [T, B, K, numbers], seen one by one in the light of the instruction.

    Where a row of the first of these is of zeros, there is none.

    It gives what is seen as one vector [T, B, size], the features of every candidate [T, B, K, size], zero where there
    is none, and which there are [T, B, K].

    fog: the share of the features left out while training, the same ones of all candidates in a whole window: as if
    the place were another (environment dropout; Tan et al. 2019, arXiv:1904.04195).
    """

    def __init__(self, spaces: Sequence[Box], words: int, size: int = 192, fog: float = 0.0) -> None:
        super().__init__()
        numbers = sum(space.shape[-1] for space in spaces)
        self.size, self.fog = size, fog
        self.see = nn.Linear(numbers, size)
        self.film = nn.Linear(words, 2 * size) if words else None
        self.name = nn.Linear(size, size)
        self.gather = nn.Linear(2 * size, size)
        keep_variance(self)
        if self.film:
            nn.init.normal_(self.film.weight, std=0.01)

    def forward(self, told: Sequence[Tensor], whole: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        real = (told[0] != 0).any(dim=-1)
        time, slot, _ = real.nonzero(as_tuple=True)
        # Most candidates are none: only those that are one go through the layers.
        features = self.see(torch.cat([numbers[real].to(self.see.weight.dtype) for numbers in told], dim=-1))
        if self.film is not None and whole is not None:
            scale, shift = self.film(whole)[time, slot].chunk(2, dim=-1)
            features = features * (1 + scale) + shift
        features = self.name(features.relu()).relu()
        if self.training and self.fog > 0:
            clear = features.new_empty(real.shape[1], self.size).bernoulli_(1 - self.fog) / (1 - self.fog)
            features = features * clear[slot]
        each = features.new_zeros(*real.shape, self.size)
        each[real] = features
        mean = each.sum(dim=2) / real.sum(dim=2, keepdim=True).clamp(min=1)
        seen = self.gather(torch.cat([mean, each.amax(dim=2)], dim=-1)).relu()
        return seen, each, real


class Pointer(nn.Module):
    """How good each candidate is, and how good it is to stop, for one who has something in mind (arXiv:1506.03134)."""

    def __init__(self, mind: int, size: int) -> None:
        super().__init__()
        self.ask = nn.Linear(mind, size)
        self.answer = nn.Linear(size, size)
        self.good = nn.Linear(size, 1)
        last_of_stop = nn.Linear(size, 1)
        self.stop = nn.Sequential(nn.Linear(mind + size, size), nn.ReLU(), last_of_stop)
        for last in (self.good, last_of_stop):
            # A policy that begins by choosing every move alike explores, and its first losses are small.
            nn.init.normal_(last.weight, std=0.01)
            nn.init.zeros_(last.bias)

    def forward(self, mind: Tensor, each: Tensor, real: Tensor) -> Tensor:
        """Logits [T, B, K + 1], `stop` the last, from what is in mind [T, B, mind] and candidates as of an eye."""
        time, slot, _ = real.nonzero(as_tuple=True)
        asked = (self.answer(each[real]) + self.ask(mind)[time, slot]).relu()
        scores = self.good(asked).squeeze(-1).float()
        going = scores.new_full(real.shape, IMPOSSIBLE)
        going[real] = scores
        # To stop is judged beside the way one would go.
        weights = going.softmax(dim=-1).to(each.dtype)
        ahead = torch.einsum("tbk,tbks->tbs", weights, each)
        stopping = self.stop(torch.cat([mind, ahead], dim=-1)).float()
        return torch.cat([going, stopping], dim=-1)


def only_possible(logits: Tensor, possible: Tensor) -> Tensor:
    """The logits [..., moves] of a policy that never makes a move that is not possible."""
    return logits.masked_fill(possible == 0, IMPOSSIBLE)
