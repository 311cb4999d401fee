"""Where and on how much of the machine to compute."""

import os

import numba
import torch


def best_device() -> str:
    """A GPU when there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def use_threads(count: int | None = None) -> int:
    """Set how many CPU threads torch and Numba use, all cores that this process may run on unless given."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    count = count or allowed
    torch.set_num_threads(count)
    most: int = vars(numba.config)["NUMBA_NUM_THREADS"]  # set when it is imported, where type checkers can't see it
    numba.set_num_threads(min(count, most))
    return count
