"""Pictures, and glimpses of pictures, as vectors."""

from typing import Any

import torch
from gymnasium import Space
from torch import Tensor, nn

from vln.agents.config import AgentConfig
from vln.spaces import Glimpse, Location, Picture

from .encoder import Encoded, Encoder, Film, encode_places, keep_variance

LEAST_SIDE = 16  # pixels, of pictures for PictureEncoder
WHITEST = 4.0  # value of white after scaling; black is 0
DIFFERENCES = 1.5  # factor of filters that see differences: neighbouring pixels differ little
FIRST_CHANNELS, CHANNELS = 32, 64
FEW_PLACES = 8  # places a side of the last layer


class PictureEncoder(Encoder):
    """Convolutions over pictures [T, B, rows, columns, channels] of at least 16 pixels a side."""

    sees = True

    def __init__(self, space: Space[Any], context: int, config: AgentConfig) -> None:
        super().__init__(space, context, config)
        assert isinstance(space, Picture)
        rows, columns, colours = space.shape
        if min(rows, columns) < LEAST_SIDE:
            raise ValueError(f"{rows}x{columns} pixels are too small for three strides: use it as a Glimpse")
        low, high = float(space.low.min()), float(space.high.max())
        # Black is 0: otherwise the first layer would begin with large activations on an empty ground.
        self.factor, self.shift = WHITEST / (high - low), -low * WHITEST / (high - low)
        self.see = nn.Sequential(
            # The second covers each place once: as accurate, and a training is a fifth faster.
            nn.Conv2d(colours, 32, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(32, 48, 2, stride=2),
        )
        self.film = Film(context, 48) if context else None
        self.find = nn.Conv2d(48, 48, 3, stride=2, padding=1)
        with torch.no_grad():
            seen = self.see(torch.zeros(1, colours, rows, columns))
            flat = self.find(seen).numel()
        self.name = nn.Linear(flat, config.view_dim)
        self.size, self.channels, self.directions = config.view_dim, 48, seen[0, 0].numel()
        keep_variance(self)
        first = self.see[0]
        assert isinstance(first, nn.Conv2d)
        _see_differences(first)

    def forward(self, observed: Tensor, context: Tensor | None) -> Encoded:
        # The frames are stored channels last, which is also how convolutions on a CPU like them.
        pixels = observed.flatten(0, 1).permute(0, 3, 1, 2).to(self.name.weight.dtype)
        features = self.see(pixels * self.factor + self.shift)
        return encode_places(features, context, self.film, self.find, self.name, len(observed))


@torch.no_grad()
def _see_differences(layer: nn.Conv2d) -> None:
    """Initialize every other filter to see differences alone, without a response to a ground of any brightness.

    The others see brightness, too: with half of each, small shapes on black are learned as fast as by filters that see
    brightness, and rooms full of walls nearly as fast as where grey is 0.
    """
    filters = layer.weight[::2]
    filters -= filters.mean(dim=(2, 3), keepdim=True)
    filters *= DIFFERENCES


class GlimpseEncoder(Encoder):
    """Small pictures [T, B, rows, columns, channels]: a layer of all pixels, or convolutions (`view_encoder`).

    A Glimpse is used as it is; other pictures are scaled so that no number is larger than 1.
    """

    sees = True

    def __init__(self, space: Space[Any], context: int, config: AgentConfig) -> None:
        super().__init__(space, context, config)
        assert isinstance(space, Picture)
        rows, columns, channels = space.shape
        self.size = config.view_dim
        largest = float(max(abs(space.low.min()), abs(space.high.max())))
        self.factor = 1.0 if isinstance(space, Glimpse) else 1 / max(1.0, largest)
        if config.view_encoder == "linear":
            first = nn.Linear(rows * columns * channels, self.size)
            self.what = nn.Sequential(nn.Flatten(), first, nn.ReLU(), nn.Linear(self.size, self.size))
        else:
            self.what = _convolutions(rows, columns, channels, self.size)
        self.film = Film(context, self.size) if context else None
        keep_variance(self)

    def forward(self, observed: Tensor, context: Tensor | None) -> Encoded:
        pixels = observed.flatten(0, 1).to(next(self.what.parameters()).dtype)
        features = self.what(pixels if self.factor == 1 else pixels * self.factor)
        if self.film and context is not None:
            features = self.film(features, context.flatten(0, 1))
        return Encoded(torch.relu(features).unflatten(0, observed.shape[:2]))


class LocationEncoder(nn.Module):
    """The location of a glimpse, float [..., coordinates], as a vector that the glimpse's features are multiplied by.

    A stroke means something else at another location (Ba et al. 2015, arXiv:1412.7755).
    """

    def __init__(self, space: Location, size: int) -> None:
        super().__init__()
        self.where = nn.Sequential(nn.Linear(space.shape[0], size // 2), nn.ReLU(), nn.Linear(size // 2, size))
        self.size = size
        keep_variance(self)

    def forward(self, where: Tensor, what: Tensor | None) -> Tensor:
        """Features of glimpse and location [..., size]; without a glimpse, of the location alone."""
        place = self.where(where.to(self.where[0].weight.dtype))  # type: ignore[arg-type]
        return torch.relu(place) if what is None else what * (1 + place)


def _convolutions(rows: int, columns: int, channels: int, size: int) -> nn.Sequential:
    """A layer of 3x3, further ones with a stride until few places are left, and a layer over all of these."""
    layers: list[nn.Module] = [_ChannelsFirst(), nn.Conv2d(channels, FIRST_CHANNELS, 3, padding=1), nn.ReLU()]
    before = FIRST_CHANNELS
    while before == FIRST_CHANNELS or max(rows, columns) > FEW_PLACES:
        layers += [nn.Conv2d(before, CHANNELS, 3, stride=2, padding=1), nn.ReLU()]
        rows, columns, before = -(-rows // 2), -(-columns // 2), CHANNELS
    return nn.Sequential(*layers, _ChannelsLast(), nn.Flatten(), nn.Linear(CHANNELS * rows * columns, size))


class _ChannelsFirst(nn.Module):
    def forward(self, view: Tensor) -> Tensor:
        return view.permute(0, 3, 1, 2)


class _ChannelsLast(nn.Module):
    """Back to their order in memory: features that are copied into another order are slow to differentiate."""

    def forward(self, features: Tensor) -> Tensor:
        return features.permute(0, 2, 3, 1)
