"""Attention: over the items of a sequence (words, hops), and over the places of a view."""

import math

import torch
from torch import Tensor, nn

from vln.agents.encoders.sequences import EncodedSequence

IMPOSSIBLE = -1e9  # a score of what can't be chosen; finite, so that no gradient is 0 times infinity


class SequenceAttention(nn.Module):
    """Soft dot-product attention over the items of a sequence (Luong et al. 2015, arXiv:1508.04025)."""

    def __init__(self, query: int, size: int) -> None:
        super().__init__()
        self.ask = nn.Linear(query, size, bias=False)

    def forward(self, query: Tensor, read: EncodedSequence) -> tuple[Tensor, Tensor]:
        """What was attended to [T, B, size] and the weights [T, B, L], for what was in mind [T, B, query]."""
        time, slots = read.which.shape
        asked = self.ask(query) / math.sqrt(read.items.shape[-1])
        # What is asked is brought to the sequences, and not the items of each to every moment: they are many more.
        column = torch.arange(time, device=query.device)[:, None].expand(time, slots)
        together = asked.new_zeros(len(read.items), time, asked.shape[-1])
        together[read.which, column] = asked
        scores = torch.bmm(together, read.items.transpose(1, 2)).float()
        weights = scores.masked_fill(~read.real[:, None], -math.inf).softmax(dim=-1).to(read.items.dtype)
        heard = torch.bmm(weights, read.items)
        return heard[read.which, column], weights[read.which, column]


class SpatialAttention(nn.Module):
    """Attention over the places of a view, asked for by what an agent has in mind.

    An encoder sees in the light of the whole instruction; this finds what the words of the moment speak of, and says
    what is there and where that is. directions: how many places there are, where each always lies in the same
    direction; 0 where what is there tells where it is.
    """

    def __init__(self, query: int, channels: int, directions: int, size: int) -> None:
        super().__init__()
        self.ask = nn.Linear(query, size)
        self.key = nn.Linear(channels, size, bias=False)
        self.value = nn.Linear(channels, size, bias=False)
        self.key_place = nn.Parameter(torch.zeros(directions, size)) if directions else None
        self.value_place = nn.Parameter(torch.randn(directions, size) / math.sqrt(size)) if directions else None

    def forward(self, query: Tensor, places: Tensor, real: Tensor | None = None) -> Tensor:
        """What is found, [..., size], for queries [..., query] and what is at every place, [..., places, channels].

        real: bool [..., places], where there is anything; everywhere unless given.
        """
        asked = self.ask(query)
        # What is asked is brought to the features, and not each of them to what is asked: the same, for much less.
        scores = torch.einsum("...pc,...c->...p", places, asked @ self.key.weight)
        if self.key_place is not None:
            scores = scores + asked @ self.key_place.T
        if real is not None:
            scores = scores.masked_fill(~real, IMPOSSIBLE)
        weights = (scores / math.sqrt(asked.shape[-1])).float().softmax(dim=-1).to(places.dtype)
        found = self.value(torch.einsum("...p,...pc->...c", weights, places))
        return found if self.value_place is None else found + weights @ self.value_place
