"""The eye: a small patch around where it looks, at several scales, evened out in contrast."""

from dataclasses import dataclass
from typing import Any

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

    def look_back(
        self, canvas: NDArray[np.uint8], where: NDArray[np.float32], gradient: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """The gradient [B, 2] at where of something whose gradient at the glimpses is given."""
        _, height, width, _ = canvas.shape
        reach = self.reach(height, width)
        centre = (np.array([width, height], dtype=np.float32) / 2 + where * reach).astype(np.float32)
        back = np.empty_like(centre)
        _look_back(canvas, centre, self.scales, np.float32(LEAST_CONTRAST if self.contrast else 0), gradient, back)
        return back * reach

    def look_through(self, canvas: Tensor, where: Tensor) -> Tensor:
        """The same as `look` in tensors on any device; its gradient reaches where."""
        if canvas.device.type == "cpu" and where.dtype == torch.float32:
            return _Look.apply(canvas, where, self)
        return self.look_by_matrices(canvas.permute(0, 3, 1, 2).to(where.dtype) / 255, where)

    def look_by_matrices(self, canvas: Tensor, where: Tensor) -> Tensor:
        """The same, for pictures [B, channels, height, width] from 0 to 1, which gradients reach too.

        A patch is read off by one matrix from each side, whose rows weigh pixels as the bilinear mixture does. On a
        GPU that is quick, on a CPU it is not.
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


class _Look(torch.autograd.Function):
    """Looking by the kernels, on a CPU."""

    @staticmethod
    def forward(ctx: Any, canvas: Tensor, where: Tensor, eye: Eye) -> Tensor:
        ctx.save_for_backward(canvas, where)
        ctx.eye = eye
        return torch.from_numpy(eye.look(canvas.numpy(), where.detach().numpy()))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, Tensor, None]:
        canvas, where = ctx.saved_tensors
        back = ctx.eye.look_back(canvas.numpy(), where.detach().numpy(), gradients[0].contiguous().numpy())
        return None, torch.from_numpy(back), None


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
                    for pixel in range(len(pixels)):
                        summed[pixel] += share * np.float32(pixels[pixel])
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


@njit(cache=True, parallel=True, fastmath=True)
def _look_back(canvas, centre, scales, least_contrast, gradient, back):
    """Looks again as _look does, and sees how every number of a patch changes with the centre."""
    slots, height, width, channels = canvas.shape
    patch = gradient.shape[1]
    rows_of_pixels = canvas.reshape(slots, height, width * channels)
    for slot in prange(slots):
        longest = (patch * (1 << (scales - 1)) + 1) * channels
        line, edge = np.empty(longest, np.float32), np.empty(longest, np.float32)
        seen = np.empty((3, patch, patch, channels), np.float32)  # itself, its change with x and that with y
        back[slot] = 0
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
            for down in range(patch):
                line[:long] = 0
                edge[:long] = 0
                for below in range(block + 1):
                    row = first_row + down * block + below
                    if row < 0 or row >= height:
                        continue
                    share, change = np.float32(1), np.float32(0)
                    if below == 0:
                        share, change = np.float32(1) - lower_share, np.float32(-1)
                    elif below == block:
                        share, change = lower_share, np.float32(1)
                    pixels = rows_of_pixels[slot, row, shift + begin : shift + end]
                    summed, changed = line[begin:end], edge[begin:end]
                    for pixel in range(len(pixels)):
                        summed[pixel] += share * np.float32(pixels[pixel])
                    if change != 0:
                        for pixel in range(len(pixels)):
                            changed[pixel] += change * np.float32(pixels[pixel])
                for across in range(patch):
                    for channel in range(channels):
                        place = np.uint64(across * block * channels + channel)
                        last = place + np.uint64(block * channels)
                        here = (np.float32(1) - right_share) * line[place] + right_share * line[last]
                        below_here = (np.float32(1) - right_share) * edge[place] + right_share * edge[last]
                        seen[1, down, across, channel] = (line[last] - line[place]) * scaled
                        for _ in range(block - 1):
                            place += np.uint64(channels)
                            here += line[place]
                            below_here += edge[place]
                        seen[0, down, across, channel] = here * scaled
                        seen[2, down, across, channel] = below_here * scaled
            given = gradient[slot, :, :, first : first + channels]
            mean, given_mean, both, slope = np.float32(0), np.float32(0), np.float32(0), np.float32(1)
            if least_contrast > 0:
                count = np.float32(patch * patch * channels)
                spread = np.float32(0)
                for down in range(patch):
                    for across in range(patch):
                        for channel in range(channels):
                            mean += seen[0, down, across, channel] / count
                            given_mean += given[down, across, channel] / count
                for down in range(patch):
                    for across in range(patch):
                        for channel in range(channels):
                            difference = seen[0, down, across, channel] - mean
                            spread += difference**2
                            both += difference * given[down, across, channel]
                slope = np.float32(1) / np.sqrt(spread / count + least_contrast**2)
                both *= slope * slope / count
            for down in range(patch):
                for across in range(patch):
                    for channel in range(channels):
                        reaching = given[down, across, channel]
                        if least_contrast > 0:
                            reaching -= given_mean + (seen[0, down, across, channel] - mean) * both
                        back[slot, 0] += slope * reaching * seen[1, down, across, channel]
                        back[slot, 1] += slope * reaching * seen[2, down, across, channel]
