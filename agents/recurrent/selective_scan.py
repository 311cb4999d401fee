"""The selective scan of S6: its states are many times as large as its inputs, so on a CPU they are never all stored."""

import math
from typing import Any

import numba
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vln.kernels import shared_kernel

from . import parallel_scan as scan

KEPT = 32  # steps from one kept state to the next; those between are computed again on the way back


def selective_scan(
    pace: Tensor,
    rates: Tensor,
    inputs: Tensor,
    entering: Tensor,
    telling: Tensor,
    first: Tensor,
    episode_starts: Tensor,
) -> tuple[Tensor, Tensor]:
    """What the states h [T, B, D, N] tell, [T, B, D], and the last of them [B, D, N] (arXiv:2312.00752, algorithm 2).

    h[t] = exp(-pace[t] rates) h[t-1] + pace[t] inputs[t] entering[t], and what is told is the sum over N of
    telling[t] h[t].

    pace, inputs: [T, B, D]. rates: [D, N], above 0. entering, telling: [T, B, N]. first: [B, D, N], the state before.
    episode_starts: bool [T, B]; where it is True, nothing was remembered. All float32.
    """
    if len(pace) > 1 and scan.runs_kernels(pace):
        told, last = _Selective.apply(pace, rates, inputs, entering, telling, first, episode_starts)
        return told, last
    decay = torch.exp(-pace[..., None] * rates)
    drive = (pace * inputs)[..., None] * entering[..., None, :]
    states = scan.linear_scan(decay.flatten(2), drive.flatten(2), first.flatten(1), episode_starts).view_as(drive)
    return torch.einsum("tbdn,tbn->tbd", states, telling), states[-1]


class _Selective(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *given: Tensor) -> tuple[Tensor, Tensor]:
        pace, *_, first, _ = given
        kept = first.new_empty((len(pace) - 1) // KEPT + 1, *first.shape)
        told, last = torch.empty_like(pace, memory_format=torch.contiguous_format), torch.empty_like(first)
        _ahead(*map(_array, (*given, kept, told, last)))
        ctx.save_for_backward(*given, kept)
        return told, last

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        pace, rates, inputs, entering, telling, first, episode_starts, kept = ctx.saved_tensors
        to_pace, to_inputs = torch.empty_like(pace), torch.empty_like(inputs)
        to_entering, to_telling = torch.empty_like(entering), torch.empty_like(telling)
        to_rates, to_first = torch.zeros_like(first), gradients[1].clone()
        found = (to_pace, to_rates, to_inputs, to_entering, to_telling, to_first)
        known = (pace, rates, inputs, entering, telling, episode_starts, kept, gradients[0])
        _back(*map(_array, known), *(of.numpy() for of in found))
        return to_pace, to_rates.sum(dim=0), to_inputs, to_entering, to_telling, to_first, None


def _array(values: Tensor) -> NDArray[Any]:
    return np.ascontiguousarray(values.detach().numpy())


@shared_kernel(fastmath=True)
def _ahead(
    pace: NDArray[np.float32],
    rates: NDArray[np.float32],
    inputs: NDArray[np.float32],
    entering: NDArray[np.float32],
    telling: NDArray[np.float32],
    first: NDArray[np.float32],
    episode_starts: NDArray[np.bool_],
    kept: NDArray[np.float32],
    told: NDArray[np.float32],
    last: NDArray[np.float32],
) -> None:
    times, slots, wide = pace.shape
    for slot in numba.prange(slots):
        state = first[slot].copy()
        for time in range(times):
            if episode_starts[time, slot]:
                state[:] = 0
            if time % KEPT == 0:
                kept[time // KEPT, slot] = state
            for channel in range(wide):
                step = pace[time, slot, channel]
                taken = step * inputs[time, slot, channel]
                whole = np.float32(0)
                for kind in range(rates.shape[1]):
                    decay = math.exp(-step * rates[channel, kind])
                    state[channel, kind] = decay * state[channel, kind] + taken * entering[time, slot, kind]
                    whole += state[channel, kind] * telling[time, slot, kind]
                told[time, slot, channel] = whole
        last[slot] = state


@shared_kernel(fastmath=True)
def _back(
    pace: NDArray[np.float32],
    rates: NDArray[np.float32],
    inputs: NDArray[np.float32],
    entering: NDArray[np.float32],
    telling: NDArray[np.float32],
    episode_starts: NDArray[np.bool_],
    kept: NDArray[np.float32],
    gradient: NDArray[np.float32],
    to_pace: NDArray[np.float32],
    to_rates: NDArray[np.float32],
    to_inputs: NDArray[np.float32],
    to_entering: NDArray[np.float32],
    to_telling: NDArray[np.float32],
    worth: NDArray[np.float32],
) -> None:
    """worth: what the last states are worth [B, D, N]; in the end, what the first are."""
    times, slots, wide = pace.shape
    kinds = rates.shape[1]
    for slot in numba.prange(slots):
        states = np.empty((KEPT + 1, wide, kinds), dtype=np.float32)
        decays = np.empty((KEPT, wide, kinds), dtype=np.float32)
        for chunk in range(len(kept) - 1, -1, -1):
            begin = chunk * KEPT
            length = min(KEPT, times - begin)
            states[0] = kept[chunk, slot]
            for ahead in range(length):
                time = begin + ahead
                gone = episode_starts[time, slot]
                for channel in range(wide):
                    step = pace[time, slot, channel]
                    taken = step * inputs[time, slot, channel]
                    for kind in range(kinds):
                        decay = np.float32(0) if gone else math.exp(-step * rates[channel, kind])
                        decays[ahead, channel, kind] = decay
                        before = states[ahead, channel, kind]
                        states[ahead + 1, channel, kind] = decay * before + taken * entering[time, slot, kind]
            for ahead in range(length - 1, -1, -1):
                time = begin + ahead
                to_entering[time, slot] = 0
                to_telling[time, slot] = 0
                for channel in range(wide):
                    step, given = pace[time, slot, channel], inputs[time, slot, channel]
                    telled = gradient[time, slot, channel]
                    slower, taken = np.float32(0), np.float32(0)
                    for kind in range(kinds):
                        decay = decays[ahead, channel, kind]
                        now = worth[slot, channel, kind] + telled * telling[time, slot, kind]
                        faded = now * decay * states[ahead, channel, kind]
                        to_telling[time, slot, kind] += telled * states[ahead + 1, channel, kind]
                        to_entering[time, slot, kind] += now * step * given
                        to_rates[slot, channel, kind] -= faded * step
                        slower -= faded * rates[channel, kind]
                        taken += now * entering[time, slot, kind]
                        worth[slot, channel, kind] = now * decay
                    to_pace[time, slot, channel] = slower + taken * given
                    to_inputs[time, slot, channel] = taken * step
