"""Symbols and numbers as vectors."""

from math import prod
from typing import Any

import torch
from gymnasium import Space
from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete
from torch import Tensor, nn

from vln.agents.config import AgentConfig

from .encoder import Encoded, Encoder

ACTION_SIZE = 16  # of the last action, as a vector
POSE_SIZE = 32  # of the pose, as a vector
FEW = 64  # numbers that the core is given as they are


class SymbolEncoder(Encoder):
    """A symbol: a vector that is learned, or where config.word_dim is 0 all zeros but for a one."""

    def __init__(self, space: Space[Any], context: int, config: AgentConfig) -> None:
        super().__init__(space, context, config)
        assert isinstance(space, Discrete)
        self.first, self.count = int(space.start), int(space.n)
        self.size = config.word_dim or self.count
        self.embed = nn.Embedding(self.count, self.size) if config.word_dim else None
        self.kind = nn.Buffer(torch.zeros(0), persistent=False)  # of the numbers an agent computes with

    def forward(self, observed: Tensor, context: Tensor | None) -> Encoded:
        symbol = observed - self.first if self.first else observed
        if self.embed is not None:
            return Encoded(self.embed(symbol))
        return Encoded(nn.functional.one_hot(symbol.long(), self.count).to(self.kind.dtype))


class SymbolsEncoder(Encoder):
    """Several symbols or bits [T, B, ...]: the sum of one vector each, learned for every value of every entry."""

    def __init__(self, space: Space[Any], context: int, config: AgentConfig) -> None:
        super().__init__(space, context, config)
        assert isinstance(space, MultiBinary | MultiDiscrete)
        counts, start = torch.full((prod(space.shape),), 2), torch.zeros(prod(space.shape), dtype=torch.long)
        if isinstance(space, MultiDiscrete):
            counts, start = torch.as_tensor(space.nvec.flatten()), torch.as_tensor(space.start.flatten())
        first = torch.cat([torch.zeros(1, dtype=torch.long), counts.cumsum(0)])
        self.register_buffer("offsets", first[:-1] - start, persistent=False)
        self.offsets: Tensor
        self.size = config.word_dim or int(first[-1])
        self.embed = nn.EmbeddingBag(int(first[-1]), self.size, mode="sum")
        if not config.word_dim:
            nn.init.eye_(self.embed.weight)
            self.embed.weight.requires_grad_(False)

    def forward(self, observed: Tensor, context: Tensor | None) -> Encoded:
        rows = observed.flatten(0, 1).flatten(1).long() + self.offsets
        return Encoded(self.embed(rows).unflatten(0, observed.shape[:2]))


class LastActionEncoder(Encoder):
    """The action taken last, as a short vector."""

    size = ACTION_SIZE

    def __init__(self, space: Space[Any], context: int, config: AgentConfig) -> None:
        super().__init__(space, context, config)
        assert isinstance(space, Discrete)
        self.embed = nn.Embedding(int(space.n), ACTION_SIZE)

    def forward(self, observed: Tensor, context: Tensor | None) -> Encoded:
        return Encoded(self.embed(observed))


class PoseEncoder(Encoder):
    """A pose, as a vector."""

    size = POSE_SIZE

    def __init__(self, space: Space[Any], context: int, config: AgentConfig) -> None:
        super().__init__(space, context, config)
        assert isinstance(space, Box)
        self.stand = nn.Linear(space.shape[0], POSE_SIZE)

    def forward(self, observed: Tensor, context: Tensor | None) -> Encoded:
        return Encoded(self.stand(observed.to(self.stand.weight.dtype)))


class NumbersEncoder(Encoder):
    """A few numbers as they are; many, as features of what is seen, as what a layer makes of them."""

    def __init__(self, space: Space[Any], context: int, config: AgentConfig) -> None:
        super().__init__(space, context, config)
        numbers = prod(space.shape or ())
        self.watch = nn.Linear(numbers, config.view_dim) if numbers > FEW else None
        self.size = config.view_dim if self.watch else numbers
        self.kind = nn.Buffer(torch.zeros(0), persistent=False)  # of the numbers an agent computes with

    def forward(self, observed: Tensor, context: Tensor | None) -> Encoded:
        numbers = observed.reshape(*observed.shape[:2], -1).to(self.kind.dtype)
        return Encoded(self.watch(numbers).relu() if self.watch else numbers)
