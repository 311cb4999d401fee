"""Linear recurrences h[t] = decay[t] * h[t-1] + drive[t] over a whole sequence at once, differentiable."""

import math
from typing import Any

import numba
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vln.kernels import shared_kernel


def linear_scan(decay: Tensor, drive: Tensor, first: Tensor, episode_starts: Tensor) -> Tensor:
    """The states h [T, B, N] of h[t] = decay[t] * h[t-1] + drive[t], real or complex.

    decay: [T, B, N], or with 1 in the place of T and B where it is always and everywhere the same. drive: [T, B, N].
    first: [B, N], the state before the first. episode_starts: bool [T, B]; where it is True, h[t] = drive[t].

    On a CPU one pass through memory, slots in parallel. Elsewhere as many steps as twice the root of T, each of many
    times at once (Blelloch 1990; Martin & Cundy 2018, arXiv:1709.04057).
    """
    if len(drive) == 1:
        return torch.where(episode_starts[..., None], drive, decay * first + drive)
    states: Tensor = _Scan.apply(decay, drive, first, episode_starts)
    return states


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, decay: Tensor, drive: Tensor, first: Tensor, episode_starts: Tensor) -> Tensor:
        states = _scanned(decay, drive, first, episode_starts)
        ctx.save_for_backward(decay, first, episode_starts, states)
        return states

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        decay, first, episode_starts, states = ctx.saved_tensors
        # What a state is worth is what it is worth now, and what it is worth as the next one's past: the same
        # recurrence, backwards. A start ends it for the state before.
        later = decay.conj().expand_as(states)[1:] if len(decay) > 1 else decay.conj()
        worth = _scanned_back(later, gradients[0], episode_starts)
        before = torch.cat([first[None], states[:-1]]).masked_fill_(episode_starts[..., None], 0)
        to_decay = (worth * before.conj()).sum_to_size(decay.shape) if ctx.needs_input_grad[0] else None
        to_first = (decay[0].conj() * worth[0]).masked_fill(episode_starts[0][:, None], 0)
        return to_decay, worth, to_first, None


def _scanned(decay: Tensor, drive: Tensor, first: Tensor, episode_starts: Tensor) -> Tensor:
    if not runs_kernels(drive):
        return _in_chunks(_kept(decay, episode_starts), drive, first)
    states = torch.empty_like(drive, memory_format=torch.contiguous_format)
    _ahead(*map(_array, (decay, drive, first, episode_starts, states)))
    return states


def _scanned_back(later: Tensor, gradient: Tensor, episode_starts: Tensor) -> Tensor:
    """worth[t] = gradient[t] + later[t] * worth[t+1], where t+1 is no start; later [T - 1 or 1, B or 1, N]."""
    if not runs_kernels(gradient):
        kept = _kept(later, episode_starts[1:]).flip(0)
        kept = torch.cat([torch.zeros_like(kept[:1]), kept])
        return _in_chunks(kept, gradient.flip(0), torch.zeros_like(gradient[0])).flip(0)
    worth = torch.empty_like(gradient, memory_format=torch.contiguous_format)
    _back(*map(_array, (later, gradient, episode_starts, worth)))
    return worth


def runs_kernels(values: Tensor) -> bool:
    """Whether what lies there is computed by kernels of our own."""
    return values.device.type == "cpu"


def _kept(decay: Tensor, episode_starts: Tensor) -> Tensor:
    """The decays [T, B, N] of every step, 0 where an episode starts."""
    return decay.expand(*episode_starts.shape, decay.shape[-1]).masked_fill(episode_starts[..., None], 0)


def _in_chunks(decay: Tensor, drive: Tensor, first: Tensor) -> Tensor:
    """Within every chunk of times first, all chunks at once; then what each chunk is given by the one before."""
    times = len(drive)
    length = math.isqrt(times - 1) + 1
    padding = (0, 0) * (drive.dim() - 1) + (0, -times % length)
    # [chunks, length, B, N]; what is padded comes after the last state that is asked for.
    decay, states = (torch.nn.functional.pad(of, padding).unflatten(0, (-1, length)).clone() for of in (decay, drive))
    for time in range(1, length):
        states[:, time] += decay[:, time] * states[:, time - 1]
        decay[:, time] *= decay[:, time - 1]
    carried = first
    for chunk in range(len(states)):
        states[chunk] += decay[chunk] * carried
        carried = states[chunk, -1]
    return states.flatten(0, 1)[:times]


def _array(values: Tensor) -> NDArray[Any]:
    return np.ascontiguousarray(values.detach().resolve_conj().numpy())


@shared_kernel(fastmath={"contract"})
def _ahead(
    decay: NDArray[Any],
    drive: NDArray[Any],
    first: NDArray[Any],
    episode_starts: NDArray[np.bool_],
    states: NDArray[Any],
) -> None:
    times, slots, size = drive.shape
    for slot in numba.prange(slots):
        one = np.int64(slot) if decay.shape[1] > 1 else 0
        for time in range(times):
            now = decay[time if len(decay) > 1 else 0, one]
            if episode_starts[time, slot]:
                states[time, slot] = drive[time, slot]
            elif time == 0:
                for n in range(size):
                    states[time, slot, n] = now[n] * first[slot, n] + drive[time, slot, n]
            else:
                for n in range(size):
                    states[time, slot, n] = now[n] * states[time - 1, slot, n] + drive[time, slot, n]


@shared_kernel(fastmath={"contract"})
def _back(later: NDArray[Any], gradient: NDArray[Any], episode_starts: NDArray[np.bool_], worth: NDArray[Any]) -> None:
    times, slots, size = gradient.shape
    for slot in numba.prange(slots):
        one = np.int64(slot) if later.shape[1] > 1 else 0
        for back in range(times):
            time = times - 1 - back
            if back == 0 or episode_starts[time + 1, slot]:
                worth[time, slot] = gradient[time, slot]
            else:
                then = later[time if len(later) > 1 else 0, one]
                for n in range(size):
                    worth[time, slot, n] = then[n] * worth[time + 1, slot, n] + gradient[time, slot, n]
