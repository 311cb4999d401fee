"""A team: processes that train one agent together, each with slots of its own and the same weights."""

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from vln.devices import use_threads

T = TypeVar("T")


@dataclass(frozen=True)
class Team:
    """One process of several. rank: its number, from 0. size: how many there are. Alone, all of this does nothing."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this is the process that tells and saves."""
        return self.rank == 0

    def mean(self, values: Tensor) -> Tensor:
        """The mean of every process's values, the same in all of them to the last bit."""
        if self.size > 1:
            dist.all_reduce(values)
            values /= self.size
        return values

    def any(self, flag: bool) -> bool:
        """Whether it is so in any process."""
        return flag if self.size == 1 else self.mean(torch.tensor(float(flag))).item() > 0

    def gather(self, part: T) -> list[T]:
        """Every process's part, by rank, for the one that leads; the others get an empty list."""
        if self.size == 1:
            return [part]
        parts: list[Any] | None = [None] * self.size if self.leads else None
        dist.gather_object(part, parts)
        return parts or []


ALONE = Team()


def assemble(size: int, work: Callable[[Team], T]) -> T:
    """Do the work in so many processes at once, this one leading, and give what it returned here.

    The CPU's threads are shared out among them. `work` must be something that can be pickled. When one process fails
    the others end too.
    """
    if size < 1:
        raise ValueError(f"a team has at least one process, not {size}")
    if size == 1:
        return work(ALONE)
    with tempfile.TemporaryDirectory() as folder:
        meeting = str(Path(folder) / "meeting")
        spawn = multiprocessing.get_context("spawn")
        others = [
            spawn.Process(target=_follow, args=(meeting, rank, size, work), daemon=True) for rank in range(1, size)
        ]
        for other in others:
            other.start()
        try:
            return _join(meeting, 0, size, work)
        finally:
            for other in others:
                other.join(timeout=10)
                other.terminate()


def _follow(meeting: str, rank: int, size: int, work: Callable[[Team], Any]) -> None:
    _join(meeting, rank, size, work)
    # Gloo's threads may outlive the interpreter and then abort the process with a message nobody needs
    # (github.com/pytorch/pytorch/pull/179291). Its work is done, so it goes without taking the interpreter down.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _join(meeting: str, rank: int, size: int, work: Callable[[Team], T]) -> T:
    threads = torch.get_num_threads()
    use_threads(max(1, use_threads() // size))
    dist.init_process_group("gloo", store=dist.FileStore(meeting, size), rank=rank, world_size=size)
    try:
        return work(Team(rank, size))
    finally:
        dist.destroy_process_group()
        use_threads(threads)
