"""Seeing: a view as one vector, in the light of the instruction."""

import math

import numpy as np
import torch
from gymnasium.spaces import Box
from torch import Tensor, nn

from .shape import Shape

LEAST_SIDE = 16  # pixels
WHITE = 255


def keep_variance(eye: nn.Module) -> None:
    """Begin with weights that carry variance through rectified layers (He et al. 2015, arXiv:1502.01852).

    PyTorch's own beginnings shrink it by half a layer, and the eye is slow to learn that there is anything to see.
    """
    for part in eye.modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
            nn.init.zeros_(part.bias)  # type: ignore[arg-type]


class Film(nn.Module):
    """Scales and shifts every channel by what the instruction says (Perez et al. 2018, arXiv:1709.07871)."""

    def __init__(self, words: int, channels: int) -> None:
        super().__init__()
        self.modulate = nn.Linear(words, 2 * channels)

    def forward(self, features: Tensor, whole: Tensor | None) -> Tensor:
        if whole is None:
            return features
        scale, shift = self.modulate(whole)[..., None, None].chunk(2, dim=1)
        return features * (1 + scale) + shift


class PixelEye(nn.Module):
    """Convolutions over pictures [N, rows, columns, channels], uint8 up to 255 or floats between bounds.

    As every eye it gives what is seen as one vector [N, size], and the features [N, channels, rows, columns] it is of.
    """

    def __init__(self, space: Box, words: int, size: int = 192, channels: tuple[int, int, int] = (32, 48, 48)) -> None:
        super().__init__()
        rows, columns, colours = space.shape
        if min(rows, columns) < LEAST_SIDE:
            small = f"{rows}x{columns} pixels are too small to see by"
            raise ValueError(f"frames of {small}; take at least {LEAST_SIDE}x{LEAST_SIDE}")
        first, second, third = channels
        low, high = float(space.low.min()), float(space.high.max())
        # From -2 to nearly 2, whatever the bounds.
        self.factor, self.shift = 255 / (high - low) / 64, -2 - low * 255 / (high - low) / 64
        self.see = nn.Sequential(
            nn.Conv2d(colours, first, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(first, second, 4, stride=2, padding=1),
        )
        self.film = Film(words, second) if words else None
        self.find = nn.Conv2d(second, third, 3, stride=2, padding=1)
        with torch.no_grad():
            seen = self.see(torch.zeros(1, colours, rows, columns))
            flat = self.find(seen).numel()
        self.places = seen[0, 0].numel()
        self.name = nn.Linear(flat, size)
        self.size, self.channels = size, second
        keep_variance(self)

    def forward(self, view: Tensor, whole: Tensor | None) -> tuple[Tensor, Tensor]:
        # The frames are stored channels last, which is also how convolutions on a CPU like them.
        features = self.see(view.permute(0, 3, 1, 2).to(self.name.weight.dtype) * self.factor + self.shift)
        features = torch.relu(self.film(features, whole) if self.film else features)
        return torch.relu(self.name(torch.relu(self.find(features)).flatten(1))), features


class SymbolEye(nn.Module):
    """Embeddings of a cell's codes, then convolutions, over views uint8 [N, rows, columns, layers].

    A square view is a map: what lies side by side in it is near. The columns of any other are ways to look, each of
    which is seen in the same manner. fog: the share of all codes hidden, as if not seen, while training: so that a few
    places are not learned by heart.
    """

    def __init__(self, space: Box, words: int, size: int = 192, fog: float = 0.0, channels: int = 48) -> None:
        super().__init__()
        rows, columns = space.shape[:2]
        highest = torch.as_tensor(space.high[0, 0].astype(int))
        # One table for all layers: each has its own stretch of it.
        offsets = torch.cat([torch.zeros(1, dtype=torch.long), (highest + 1).cumsum(0)])
        self.register_buffer("offsets", offsets[:-1], persistent=False)
        self.offsets: Tensor
        self.embed = nn.EmbeddingBag(int(offsets[-1]), channels, mode="sum")
        near, far = ((3, 3), (3, 3)) if rows == columns else ((3, 1), (rows, 1))
        self.see = nn.Conv2d(channels, channels, near, padding=(1, near[1] // 2))
        self.film = Film(words, channels) if words else None
        self.find = nn.Conv2d(channels, channels, far)
        self.name = nn.Linear(channels * (rows + 1 - far[0]) * (columns + 1 - far[1]), size)
        self.fog = fog
        self.size, self.channels, self.places = size, channels, rows * columns
        keep_variance(self)

    def forward(self, view: Tensor, whole: Tensor | None) -> tuple[Tensor, Tensor]:
        if self.training and self.fog > 0:
            view = view.masked_fill(torch.rand(view.shape, device=view.device) < self.fog, 0)
        codes = (view.long() + self.offsets).flatten(0, -2)
        cells = self.embed(codes).view(*view.shape[:-1], self.channels).permute(0, 3, 1, 2)
        features = self.see(cells)
        features = torch.relu(self.film(features, whole) if self.film else features)
        return torch.relu(self.name(torch.relu(self.find(features)).flatten(1))), features


class SecondLook(nn.Module):
    """Attention over the places of a view, asked for by what an agent has in mind.

    An eye sees in the light of the whole instruction; a second look finds what the words of the moment speak of, and
    says what is there and where that is. places: how many there are, where each always lies in the same direction; 0
    where what is there tells where it is.
    """

    def __init__(self, query: int, channels: int, places: int, size: int) -> None:
        super().__init__()
        self.ask = nn.Linear(query, size)
        self.key = nn.Linear(channels, size, bias=False)
        self.value = nn.Linear(channels, size, bias=False)
        self.key_place = nn.Parameter(torch.zeros(places, size)) if places else None
        self.value_place = nn.Parameter(torch.randn(places, size) / math.sqrt(size)) if places else None

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


IMPOSSIBLE = -1e9  # a score of what can't be chosen; finite, so that no gradient is 0 times infinity


def eye_for(space: Box, words: int, size: int, fog: float = 0.0) -> PixelEye | SymbolEye:
    """The eye for a kind of view, told by its space. Raises ValueError where it is neither pictures nor codes.

    Pictures are uint8 from 0 to 255, of any number of channels, or floats between two finite bounds. Codes are integers
    from 0 to less than 255.
    """
    return PixelEye(space, words, size) if is_picture(space) else SymbolEye(space, words, size, fog)


def is_picture(space: Box) -> bool:
    """Whether these are pictures and not codes. Raises ValueError where they may be either, or neither."""
    if len(space.shape) != 3:
        raise ValueError(f"no eye here sees a view of shape {space.shape}; expected rows, columns, channels")
    low, high = space.low.min(), space.high.max()
    if np.issubdtype(space.dtype, np.floating):
        if np.isfinite([low, high]).all() and low < high:
            return True
        raise ValueError(f"a picture of floats has finite bounds, from black to white, not {low} and {high}")
    if space.dtype == np.uint8 and high == WHITE:
        return True
    if low != 0 or high >= WHITE:
        what = f"a view of {space.dtype} from {low} to {high}"
        raise ValueError(f"{what} is neither a picture (uint8 up to {WHITE}) nor codes (from 0 to less than {WHITE})")
    return False


class GlimpseEye(nn.Module):
    """Glimpses float [T, B, rows, columns, channels] and the places they were taken at [T, B, 2], as vectors.

    What is seen and where are each brought to a vector, and these are multiplied (Ba et al. 2015, arXiv:1412.7755): a
    stroke means something else at another place. view: the shape of a glimpse, or None for an eye that is blind.
    where: whether it is told the place. words: the size of an instruction it sees by, or 0.
    """

    def __init__(self, view: tuple[int, ...] | None, where: bool, words: int, shape: Shape) -> None:
        super().__init__()
        self.size = shape.sight
        self.where = self.what = self.film = None
        if where:
            self.where = nn.Sequential(
                nn.Linear(2, shape.sight // 2), nn.ReLU(), nn.Linear(shape.sight // 2, self.size)
            )
        if view is not None:
            rows, columns, channels = view
            if shape.eye == "linear":
                self.what = nn.Sequential(
                    nn.Flatten(),
                    nn.Linear(rows * columns * channels, self.size),
                    nn.ReLU(),
                    nn.Linear(self.size, self.size),
                )
            else:
                self.what = _convolutions(rows, columns, channels, self.size)
            self.film = nn.Linear(words, 2 * self.size) if words else None
        keep_variance(self)

    def forward(self, view: Tensor | None, where: Tensor | None, whole: Tensor | None) -> Tensor:
        features: Tensor | None = None
        if self.what is not None and view is not None:
            seen = view.to(_dtype(self.what))
            features = self.what(seen.flatten(0, 1)).unflatten(0, view.shape[:2])
            if self.film is not None and whole is not None:
                scale, shift = self.film(whole).chunk(2, dim=-1)
                features = features * (1 + scale) + shift
            features = torch.relu(features)
        if self.where is not None and where is not None:
            place = self.where(where.to(_dtype(self.where)))
            features = torch.relu(place) if features is None else features * (1 + place)
        assert features is not None, "an eye is told what is there, or where it looks"
        return features


FIRST_CHANNELS, CHANNELS = 32, 64
FEW_PLACES = 8  # a side: as many as are kept apart in the end


def _convolutions(rows: int, columns: int, channels: int, size: int) -> nn.Sequential:
    """A layer of 3x3, others with a stride until few places are left, and all of these as one vector."""
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
    """Back to how they lie in memory: features that are copied into another order are slow to differentiate."""

    def forward(self, features: Tensor) -> Tensor:
        return features.permute(0, 2, 3, 1)


def _dtype(part: nn.Module) -> torch.dtype:
    return next(part.parameters()).dtype
