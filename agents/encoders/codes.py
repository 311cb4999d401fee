"""Codes: views whose cells are described by whole numbers."""

from typing import Any

import torch
from gymnasium import Space
from torch import Tensor, nn

from vln.agents.config import AgentConfig
from vln.spaces import Codes

from .encoder import Encoded, Encoder, Film, encode_places, keep_variance

CHANNELS = 48


class CodesEncoder(Encoder):
    """Embeddings of a cell's codes, then convolutions, over views of whole numbers [T, B, rows, columns, layers].

    The share `view_dropout` of all codes is hidden, as if not seen, while training: so that a few places are not
    learned by heart.
    """

    sees = True

    def __init__(self, space: Space[Any], context: int, config: AgentConfig) -> None:
        super().__init__(space, context, config)
        assert isinstance(space, Codes)
        rows, columns = space.shape[:2]
        highest = torch.as_tensor(space.high[0, 0].astype(int))
        # One table for all layers: each has its own stretch of it.
        offsets = torch.cat([torch.zeros(1, dtype=torch.long), (highest + 1).cumsum(0)])
        self.register_buffer("offsets", offsets[:-1], persistent=False)
        self.offsets: Tensor
        self.embed = nn.EmbeddingBag(int(offsets[-1]), CHANNELS, mode="sum")
        near, far = ((3, 3), (3, 3)) if rows == columns else ((3, 1), (rows, 1))
        self.see = nn.Conv2d(CHANNELS, CHANNELS, near, padding=(1, near[1] // 2))
        self.film = Film(context, CHANNELS) if context else None
        self.find = nn.Conv2d(CHANNELS, CHANNELS, far)
        self.name = nn.Linear(CHANNELS * (rows + 1 - far[0]) * (columns + 1 - far[1]), config.view_dim)
        self.dropout = config.view_dropout
        self.size, self.channels, self.directions = config.view_dim, CHANNELS, rows * columns
        keep_variance(self)

    def forward(self, observed: Tensor, context: Tensor | None) -> Encoded:
        view = observed.flatten(0, 1)
        if self.training and self.dropout > 0:
            view = view.masked_fill(torch.rand(view.shape, device=view.device) < self.dropout, 0)
        codes = (view.long() + self.offsets).flatten(0, -2)
        features = self.see(self.embed(codes).view(*view.shape[:-1], CHANNELS).permute(0, 3, 1, 2))
        return encode_places(features, context, self.film, self.find, self.name, len(observed))
