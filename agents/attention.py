"""Attention: over the items of a sequence (words, hops), and over the places of a view."""

import math

import torch
from torch import Tensor, nn

from vln.agents.encoders.sequences import EncodedSequence

IMPOSSIBLE = -1e9  # score of impossible choices; finite, so that no gradient is 0 times infinity


class SequenceAttention(nn.Module):
    """Soft dot-product attention over the items of a sequence (Luong et al. 2015, arXiv:1508.04025)."""

    def __init__(self, query: int, size: int) -> None:
        super().__init__()
        self.ask = nn.Linear(query, size, bias=False)

    def forward(self, query: Tensor, sequence: EncodedSequence) -> tuple[Tensor, Tensor]:
        """The attended features [T, B, size] and the weights [T, B, L] for queries [T, B, query]."""
        time, batch = sequence.which.shape
        projected = self.ask(query) / math.sqrt(sequence.items.shape[-1])
        # Queries are gathered by sequence, and not the items of sequences at every step: these are many more.
        column = torch.arange(time, device=query.device)[:, None].expand(time, batch)
        gathered = projected.new_zeros(len(sequence.items), time, projected.shape[-1])
        gathered[sequence.which, column] = projected
        scores = torch.bmm(gathered, sequence.items.transpose(1, 2)).float()
        weights = scores.masked_fill(~sequence.real[:, None], -math.inf).softmax(dim=-1).to(sequence.items.dtype)
        attended = torch.bmm(weights, sequence.items)
        return attended[sequence.which, column], weights[sequence.which, column]


class SpatialAttention(nn.Module):
    """Attention over the places of a view, with the core's output and the attended words as the query.

    An encoder's features depend on the whole instruction; this attention finds what the attended words name, and has
    its features and direction. directions: number of places, if each always lies in the same direction; else 0.
    """

    def __init__(self, query: int, channels: int, directions: int, size: int) -> None:
        super().__init__()
        self.ask = nn.Linear(query, size)
        self.key = nn.Linear(channels, size, bias=False)
        self.value = nn.Linear(channels, size, bias=False)
        self.key_place = nn.Parameter(torch.zeros(directions, size)) if directions else None
        self.value_place = nn.Parameter(torch.randn(directions, size) / math.sqrt(size)) if directions else None

    def forward(self, query: Tensor, places: Tensor, real: Tensor | None = None) -> Tensor:
        """The attended features, [..., size], for queries [..., query] and places [..., places, channels].

        real: bool [..., places], the places that exist; all unless given.
        """
        projected = self.ask(query)
        # The query is projected to the channels, and not each place to the query's size: the same, for much less.
        scores = torch.einsum("...pc,...c->...p", places, projected @ self.key.weight)
        if self.key_place is not None:
            scores = scores + projected @ self.key_place.T
        if real is not None:
            scores = scores.masked_fill(~real, IMPOSSIBLE)
        weights = (scores / math.sqrt(projected.shape[-1])).float().softmax(dim=-1).to(places.dtype)
        attended = self.value(torch.einsum("...p,...pc->...c", weights, places))
        return attended if self.value_place is None else attended + weights @ self.value_place
