"""Encoders: from an observation to a vector, and to features of its places where it has several."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from gymnasium import Space
from torch import Tensor, nn

from vln.agents.config import AgentConfig


class Encoded(NamedTuple):
    """An observation as vectors [T, B, size].

    places: [T, B, places, channels], what is at each of its places, where it has such. real: bool [T, B, places],
    which of them there are; all of them where it is None.
    """

    vector: Tensor
    places: Tensor | None = None
    real: Tensor | None = None


class Encoder(nn.Module):
    """One observation as a vector at every moment.

    size: of the vector. channels: of what is at a place; 0 where it has no places. directions: how many places there
    are, where each always lies in the same direction; 0 where what is there tells where it is. sees: whether it is a
    view, of which a world's question may be asked.

    Of somebody's own it may be any nn.Module with a `size`, whose forward takes the same and gives a vector or Encoded.
    It is made by a function of the same arguments as ours: space, of a single observation; context, the size of what
    is known of the whole episode (an instruction), or 0; config, the options of the agent.
    """

    size: int
    channels: int = 0
    directions: int = 0
    sees: bool = False

    def __init__(self, space: Space[Any], context: int, config: AgentConfig) -> None:
        super().__init__()

    @abstractmethod
    def forward(self, observed: Tensor, context: Tensor | None) -> Encoded:
        """What is observed, [T, B, ...], in the light of a context [T, B, context], if there is one."""


# What makes one, of a space, the size of what is known of the whole episode (or 0), and options.
MakeEncoder = Callable[[Space[Any], int, AgentConfig], nn.Module]


class Film(nn.Module):
    """Scales and shifts every channel by what the instruction says (Perez et al. 2018, arXiv:1709.07871)."""

    def __init__(self, context: int, channels: int) -> None:
        super().__init__()
        self.modulate = nn.Linear(context, 2 * channels)

    def forward(self, features: Tensor, context: Tensor) -> Tensor:
        """Features [N, channels, ...] modulated by contexts [N, context]."""
        scale, shift = self.modulate(context).unflatten(1, (-1, *[1] * (features.dim() - 2))).chunk(2, dim=1)
        return features * (1 + scale) + shift


def encode_places(
    features: Tensor, context: Tensor | None, film: Film | None, find: nn.Conv2d, name: nn.Linear, time: int
) -> Encoded:
    """What is at every place of views [T * B, channels, rows, columns], and each view as one vector.

    context: [T, B, context], by which film modulates what is seen. find, name: from there to the vector.
    """
    if film is not None and context is not None:
        features = film(features, context.flatten(0, 1))
    features = torch.relu(features)
    vector = torch.relu(name(torch.relu(find(features)).flatten(1)))
    places = features.flatten(2).transpose(1, 2)
    return Encoded(vector.unflatten(0, (time, -1)), places.unflatten(0, (time, -1)))


def keep_variance(encoder: nn.Module) -> None:
    """Begin with weights that carry variance through rectified layers (He et al. 2015, arXiv:1502.01852).

    PyTorch's own beginnings shrink it by half a layer, and the eye is slow to learn that there is anything to see.
    """
    for part in encoder.modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
            nn.init.zeros_(part.bias)  # type: ignore[arg-type]
