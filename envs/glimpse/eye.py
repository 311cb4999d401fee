"""The eye: a small patch around where it looks, at several scales, evened out in contrast."""

from dataclasses import dataclass

import numpy as np
import torch
from numba import njit, prange
from numpy.typing import NDArray
from torch import Tensor

# What contrast is divided by is never less: faint noise stays faint. Brightness goes from 0 to 1.
LEAST_CONTRAST = 0.1
FEW = 200_000  # pixels looked at by a whole batch: below it, sharing them out among threads takes longer


@dataclass(frozen=True)
class Eye:
    """How a glimpse is made of a picture.

    patch: pixels a side. scales: how many patches around one centre; each covers twice the side of the one before, in
    means of 2x2, 4x4, ... pixels. So the eye sees sharply where it looks and coarsely around that (Mnih et al. 2014,
    arXiv:1406.6247).
    contrast: whether to take away each patch's mean and divide by its standard deviation, over pixels and colours. A
    difference in brightness then looks the same in a bright place and in a dark one.

    It looks at points (x, y) from -1 to 1: at the ends the finest patch lies flush with the picture's edge. Between
    pixels it sees their bilinear mixture; outside the picture it is dark.
    """

    patch: int = 8
    scales: int = 1
    contrast: bool = True

    def __post_init__(self) -> None:
        for name in ("patch", "scales"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")

    def shape(self, channels: int) -> tuple[int, int, int]:
        """Of a glimpse: rows, columns, and the channels of one scale after those of another, the finest first."""
        return self.patch, self.patch, self.scales * channels

    def reach(self, height: int, width: int) -> NDArray[np.float32]:
        """How many pixels (x, y) the eye's centre can go from the picture's. Raises ValueError for a large patch."""
        if self.patch > min(height, width):
            raise ValueError(f"a patch of {self.patch}x{self.patch} is larger than the picture of {height}x{width}")
        room = np.array([width - self.patch, height - self.patch], dtype=np.float32)
        return room / np.float32(2)

    @property
    def brightest(self) -> float:
        """No number in a glimpse is larger."""
        return 1 / LEAST_CONTRAST if self.contrast else 1.0

    def look(self, canvas: NDArray[np.uint8], where: NDArray[np.float32]) -> NDArray[np.float32]:
        """Glimpses [B, patch, patch, scales * channels] of pictures [B, height, width, channels] at where [B, 2]."""
        _, height, width, channels = canvas.shape
        centre = (np.array([width, height], dtype=np.float32) / 2 + where * self.reach(height, width)).astype(
            np.float32
        )
        glimpse = np.empty((len(canvas), *self.shape(channels)), dtype=np.float32)
        pixels = len(canvas) * channels * sum((self.patch * 2**scale) ** 2 for scale in range(self.scales))
        look = _look_serial if pixels < FEW else _look_parallel
        look(canvas, centre, self.scales, np.float32(LEAST_CONTRAST if self.contrast else 0), glimpse)
        return glimpse

    def look_through(self, canvas: Tensor, where: Tensor) -> Tensor:
        """The same in tensors, canvas [B, channels, height, width] from 0 to 1; gradients reach both.

        A patch is read off by one matrix from each side, whose rows weigh pixels as the bilinear mixture does.
        """
        height, width = canvas.shape[-2:]
        across, down = torch.from_numpy(self.reach(height, width)).to(where).unbind()
        columns = self._weights(width / 2 + where[:, 0] * across, width)
        rows = self._weights(height / 2 + where[:, 1] * down, height)
        # All scales at once, and for each of them the pairs [rows, columns] of its patch.
        seen = torch.einsum("bsph,bchw->bscpw", rows, canvas)
        patches = torch.einsum("bscpw,bsqw->bscpq", seen, columns)
        if self.contrast:
            whole = (2, 3, 4)
            difference = patches - patches.mean(dim=whole, keepdim=True)
            patches = difference / (difference.square().mean(dim=whole, keepdim=True) + LEAST_CONTRAST**2).sqrt()
        return patches.permute(0, 3, 4, 1, 2).flatten(3)

    def _weights(self, centre: Tensor, size: int) -> Tensor:
        """How much each pixel of a line [size] counts for each place of a patch, [B, scales, patch, size]."""
        places = torch.arange(self.patch, device=centre.device)[:, None]
        pixels = torch.arange(size, device=centre.device)
        weights = []
        for block in (2**scale for scale in range(self.scales)):
            begin = centre[:, None, None] - self.patch * block / 2 + places * block
            # Of so many pixels in a row the sum of hats: rising over one pixel, flat, and falling over one.
            beyond = pixels - begin
            weights.append(torch.minimum(beyond + 1, block - beyond).clamp(0, 1) / block)
        return torch.stack(weights, dim=1)


def _look(canvas, centre, scales, least_contrast, glimpse):
    slots, height, width, channels = canvas.shape
    patch = glimpse.shape[1]
    rows_of_pixels = canvas.reshape(slots, height, width * channels)
    for slot in prange(slots):
        # One line of a patch before its columns are summed up: the blended rows of pixels that it covers.
        line = np.empty((patch * (1 << (scales - 1)) + 1) * channels, np.float32)
        for scale in range(scales):
            block = 1 << scale
            left = centre[slot, 0] - np.float32(patch * block) / np.float32(2)
            top = centre[slot, 1] - np.float32(patch * block) / np.float32(2)
            first_column, first_row = np.int64(np.floor(left)), np.int64(np.floor(top))
            right_share, lower_share = np.float32(left - first_column), np.float32(top - first_row)
            long = (patch * block + 1) * channels
            begin = max(0, -first_column * channels)
            end = max(begin, min(long, (width - first_column) * channels))
            shift = first_column * channels
            scaled = np.float32(1) / np.float32(255 * block * block)
            first = scale * channels
            mean = np.float32(0)
            for down in range(patch):
                line[:long] = 0
                for below in range(block + 1):
                    row = first_row + down * block + below
                    if row < 0 or row >= height:
                        continue
                    share = np.float32(1)
                    if below == 0:
                        share -= lower_share
                    elif below == block:
                        share = lower_share
                    # Slices, whose places are all counted from 0, so that the sum is made of vectors.
                    pixels, summed = rows_of_pixels[slot, row, shift + begin : shift + end], line[begin:end]
                    for place in range(len(pixels)):
                        summed[place] += share * np.float32(pixels[place])
                for across in range(patch):
                    for channel in range(channels):
                        place = np.uint64(across * block * channels + channel)
                        seen = (np.float32(1) - right_share) * line[place]
                        for _ in range(block - 1):
                            place += np.uint64(channels)
                            seen += line[place]
                        seen = (seen + right_share * line[place + np.uint64(channels)]) * scaled
                        glimpse[slot, down, across, first + channel] = seen
                        mean += seen
            if least_contrast == 0:
                continue
            count = np.float32(patch * patch * channels)
            mean /= count
            spread = np.float32(0)
            for down in range(patch):
                for across in range(patch):
                    for channel in range(first, first + channels):
                        glimpse[slot, down, across, channel] -= mean
                        spread += glimpse[slot, down, across, channel] ** 2
            evened = np.float32(1) / np.sqrt(spread / count + least_contrast**2)
            for down in range(patch):
                for across in range(patch):
                    for channel in range(first, first + channels):
                        glimpse[slot, down, across, channel] *= evened


_look_serial = njit(cache=True, fastmath=True)(_look)
_look_parallel = njit(cache=True, parallel=True, fastmath=True)(_look)
