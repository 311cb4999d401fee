"""Candidates: items to choose among, each a vector of a few numbers."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vln.agents.config import AgentConfig
from vln.spaces import Candidates

from .encoder import Encoded, keep_variance


class CandidatesEncoder(nn.Module):
    """Candidates, told by one or more float [T, B, K, numbers], seen one by one in the light of a context.

    Where the rows of all of these are of zeros, there is none. Its places are the features of every candidate
    [T, B, K, size], zero where there is none.

    The share `view_dropout` of the features is left out while training, the same ones of all candidates in a whole
    window: as if the place were another (environment dropout; Tan et al. 2019, arXiv:1904.04195).
    """

    directions = 0
    sees = True

    def __init__(self, spaces: Sequence[Candidates], context: int, config: AgentConfig) -> None:
        super().__init__()
        self.size = self.channels = config.view_dim
        self.dropout = config.view_dropout
        self.see = nn.Linear(sum(space.shape[-1] for space in spaces), self.size)
        self.film = nn.Linear(context, 2 * self.size) if context else None
        self.name = nn.Linear(self.size, self.size)
        self.gather = nn.Linear(2 * self.size, self.size)
        keep_variance(self)
        if self.film:
            nn.init.normal_(self.film.weight, std=0.01)

    def forward(self, observed: Sequence[Tensor], context: Tensor | None) -> Encoded:
        real = torch.stack([(numbers != 0).any(dim=-1) for numbers in observed]).any(dim=0)
        time, slot, _ = real.nonzero(as_tuple=True)
        # Most candidates are none: only those that are one go through the layers.
        features = self.see(torch.cat([numbers[real].to(self.see.weight.dtype) for numbers in observed], dim=-1))
        if self.film is not None and context is not None:
            scale, shift = self.film(context)[time, slot].chunk(2, dim=-1)
            features = features * (1 + scale) + shift
        features = self.name(features.relu()).relu()
        if self.training and self.dropout > 0:
            clear = features.new_empty(real.shape[1], self.size).bernoulli_(1 - self.dropout) / (1 - self.dropout)
            features = features * clear[slot]
        each = features.new_zeros(*real.shape, self.size)
        each[real] = features
        mean = each.sum(dim=2) / real.sum(dim=2, keepdim=True).clamp(min=1)
        seen = self.gather(torch.cat([mean, each.amax(dim=2)], dim=-1)).relu()
        return Encoded(seen, each, real)
