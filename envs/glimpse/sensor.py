"""The glimpse sensor: a small patch around a location, at several scales, normalised in contrast."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numba import prange
from numpy.typing import NDArray
from torch import Tensor

from vln.kernels import kernel, shared_kernel
from vln.spaces import Glimpse

# What contrast is divided by is never less: faint noise stays faint. Brightness goes from 0 to 1.
LEAST_CONTRAST = 0.1
FEW = 200_000  # pixels looked at by a whole batch: below it, sharing them out among threads takes longer


@dataclass(frozen=True)
class GlimpseSensor:
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

    def space(self, channels: int) -> Glimpse:
        """Of a glimpse of a picture of so many channels."""
        return Glimpse(*self.shape(channels), -self.brightest if self.contrast else 0, self.brightest)

    @property
    def brightest(self) -> float:
        """No number in a glimpse is larger."""
        return 1 / LEAST_CONTRAST if self.contrast else 1.0

    def look(self, canvas: NDArray[np.uint8], where: NDArray[np.float32]) -> NDArray[np.float32]:
        """Glimpses [B, patch, patch, scales * channels] of pictures [B, height, width, channels] at where [B, 2]."""
        channels = canvas.shape[-1]
        glimpse = np.empty((len(canvas), *self.shape(channels)), dtype=np.float32)
        pixels = len(canvas) * channels * sum((self.patch * 2**scale) ** 2 for scale in range(self.scales))
        look = _look.serial if pixels < FEW else _look
        look(
            canvas, self.centre(canvas, where), self.scales, np.float32(LEAST_CONTRAST if self.contrast else 0), glimpse
        )
        return glimpse

    def centre(self, canvas: NDArray[np.uint8], where: NDArray[np.float32]) -> NDArray[np.float32]:
        """Where on the canvases points are, in pixels (x, y) from the upper left corner, [B, 2]."""
        height, width = canvas.shape[1:3]
        middle = np.array([width, height], dtype=np.float32) / np.float32(2)
        return (middle + where * self.reach(height, width)).astype(np.float32, copy=False)

    def look_back(
        self, canvas: NDArray[np.uint8], where: NDArray[np.float32], gradient: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """The gradient [B, 2] at where of something whose gradient at the glimpses is given."""
        centre = self.centre(canvas, where)
        back = np.empty_like(centre)
        _look_back(canvas, centre, self.scales, np.float32(LEAST_CONTRAST if self.contrast else 0), gradient, back)
        return back * self.reach(*canvas.shape[1:3])

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
        across, down = self.reach(height, width).tolist()  # numbers, which need not be sent to the device
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
    def forward(ctx: Any, canvas: Tensor, where: Tensor, eye: GlimpseSensor) -> Tensor:
        ctx.save_for_backward(canvas, where)
        ctx.eye = eye
        return torch.from_numpy(eye.look(canvas.numpy(), where.detach().numpy()))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, Tensor, None]:
        canvas, where = ctx.saved_tensors
        back = ctx.eye.look_back(canvas.numpy(), where.detach().numpy(), gradients[0].contiguous().numpy())
        return None, torch.from_numpy(back), None


@kernel(fastmath=True)
def _sum_rows(rows, first_row, lower_share, block, span, line):
    """Add up the rows of pixels that one row of a patch covers; first_row: the uppermost of them.

    span: where on the line it begins and ends that there are pixels, and how many to skip to the first of them.
    """
    begin, end, shift = span
    line[:] = 0
    for below in range(block + 1):
        row = first_row + below
        if row < 0 or row >= len(rows):
            continue
        share = np.float32(1)
        if below == 0:
            share -= lower_share
        elif below == block:
            share = lower_share
        # Slices, whose places are all counted from 0, so that the sum is made of vectors.
        pixels, summed = rows[row, shift + begin : shift + end], line[begin:end]
        for pixel in range(len(pixels)):
            summed[pixel] += share * np.float32(pixels[pixel])


@kernel(fastmath=True)
def _differ_rows(rows, first_row, block, span, edge):
    """How that sum changes when the eye goes down: the row that comes in, less the one that goes out."""
    begin, end, shift = span
    edge[:] = 0
    for row, change in ((first_row, np.float32(-1)), (first_row + block, np.float32(1))):
        if row < 0 or row >= len(rows):
            continue
        pixels, changed = rows[row, shift + begin : shift + end], edge[begin:end]
        for pixel in range(len(pixels)):
            changed[pixel] += change * np.float32(pixels[pixel])


@kernel(fastmath=True)
def _sum_columns(line, place, right_share, block, channels):
    """Add up the columns of such a line that one number of a patch covers, from this place on."""
    place = np.uint64(place)
    seen = (np.float32(1) - right_share) * line[place]
    for _ in range(block - 1):
        place += np.uint64(channels)
        seen += line[place]
    return seen + right_share * line[place + np.uint64(channels)]


@kernel(fastmath=True)
def _frame(centre, patch, block, width, channels):
    """Of a patch: its first row and column, how far the eye is beyond them, and the span of its lines (_sum_rows)."""
    left = centre[0] - np.float32(patch * block) / np.float32(2)
    top = centre[1] - np.float32(patch * block) / np.float32(2)
    first_column, first_row = np.int64(np.floor(left)), np.int64(np.floor(top))
    begin = max(0, -first_column * channels)
    end = max(begin, min((patch * block + 1) * channels, (width - first_column) * channels))
    span = (begin, end, first_column * channels)
    return first_row, np.float32(left - first_column), np.float32(top - first_row), span


@shared_kernel(fastmath=True)
def _look(canvas, centre, scales, least_contrast, glimpse):
    slots, height, width, channels = canvas.shape
    patch = glimpse.shape[1]
    rows_of_pixels = canvas.reshape(slots, height, width * channels)
    for slot in prange(slots):
        rows, longest = rows_of_pixels[slot], np.empty((patch * (1 << (scales - 1)) + 1) * channels, np.float32)
        for scale in range(scales):
            block, first = 1 << scale, scale * channels
            first_row, right_share, lower_share, span = _frame(centre[slot], patch, block, width, channels)
            line = longest[: (patch * block + 1) * channels]
            scaled = np.float32(1) / np.float32(255 * block * block)
            mean = np.float32(0)
            for down in range(patch):
                _sum_rows(rows, first_row + down * block, lower_share, block, span, line)
                for across in range(patch):
                    for channel in range(channels):
                        place = across * block * channels + channel
                        seen = _sum_columns(line, place, right_share, block, channels) * scaled
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


@shared_kernel(fastmath=True)
def _look_back(canvas, centre, scales, least_contrast, gradient, back):
    """Looks again as _look does, and sees how every number of a patch changes with the centre."""
    slots, height, width, channels = canvas.shape
    patch = gradient.shape[1]
    rows_of_pixels = canvas.reshape(slots, height, width * channels)
    for slot in prange(slots):
        rows, longest = rows_of_pixels[slot], np.empty((2, (patch * (1 << (scales - 1)) + 1) * channels), np.float32)
        seen = np.empty((3, patch, patch, channels), np.float32)  # itself, its change with x and that with y
        back[slot] = 0
        for scale in range(scales):
            block = 1 << scale
            first_row, right_share, lower_share, span = _frame(centre[slot], patch, block, width, channels)
            line, edge = longest[0, : (patch * block + 1) * channels], longest[1, : (patch * block + 1) * channels]
            scaled = np.float32(1) / np.float32(255 * block * block)
            for down in range(patch):
                _sum_rows(rows, first_row + down * block, lower_share, block, span, line)
                _differ_rows(rows, first_row + down * block, block, span, edge)
                for across in range(patch):
                    for channel in range(channels):
                        place = across * block * channels + channel
                        last = np.uint64(place + block * channels)
                        seen[0, down, across, channel] = (
                            _sum_columns(line, place, right_share, block, channels) * scaled
                        )
                        seen[1, down, across, channel] = (line[last] - line[np.uint64(place)]) * scaled
                        seen[2, down, across, channel] = (
                            _sum_columns(edge, place, right_share, block, channels) * scaled
                        )
            _add_back(seen, gradient[slot, :, :, scale * channels : (scale + 1) * channels], least_contrast, back[slot])


@kernel(fastmath=True)
def _add_back(seen, given, least_contrast, back):
    """Add what a patch's gradient is at the centre, back through the evening out of contrast."""
    patch, _, channels = given.shape
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
                back[0] += slope * reaching * seen[1, down, across, channel]
                back[1] += slope * reaching * seen[2, down, across, channel]
