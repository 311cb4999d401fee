"""Devices: CPU or GPU, threads and memory."""

import ctypes
import os
import platform

import numba
import torch

from vln.kernels import was_forked


def best_device() -> str:
    """A GPU when there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def quick_in_half(device: str | torch.device) -> bool:
    """Whether a device has bfloat16 arithmetic of its own. A CPU that has none computes in it ten times slower."""
    if torch.device(device).type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def use_threads(count: int | None = None) -> int:
    """Set how many CPU threads torch and Numba use, all cores that this process may run on unless given.

    A process that was forked has one thread, see _use_one_thread, and can't have more: RuntimeError.
    """
    if was_forked() and (count or 1) > 1:
        raise RuntimeError(
            f"a forked process can't use {count} threads, for those it would wait for stayed behind in its parent: "
            "use 1, or start it with multiprocessing's `spawn` or `forkserver`"
        )
    count = count or (1 if was_forked() else cores())
    torch.set_num_threads(count)
    most: int = vars(numba.config)["NUMBA_NUM_THREADS"]  # set when it is imported, where type checkers can't see it
    numba.set_num_threads(min(count, most))
    return count


def cores() -> int:
    """How many this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _use_one_thread() -> None:
    """Torch's threads stay behind in the process that is forked: a child that waits for them waits for ever."""
    torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_use_one_thread)


# The names of what mallopt(3) sets: above how many free bytes some are given back, and from which size on memory is
# asked for piece by piece; this one can't be set higher with every version of the library.
MOST_KEPT_FREE, LEAST_APART = -1, -3
GIBIBYTE, LARGEST_OF_LEAST_APART = 1 << 30, 32 << 20


def keep_memory() -> bool:
    """Have this process keep the memory it frees for what it asks for next. Returns whether the system lets it choose.

    The tensors of a window are large. By default the GNU C library gives their memory back to the system when they are
    freed and asks for it anew at the next update, page by page and cleared: as much as a tenth of an update's time.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    choose = ctypes.CDLL(None).mallopt
    return bool(choose(MOST_KEPT_FREE, GIBIBYTE) and choose(LEAST_APART, LARGEST_OF_LEAST_APART))
