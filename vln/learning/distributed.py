"""Distributed training: processes with environments of their own, one mean gradient and the same weights."""

import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from vln.learning.devices import use_threads
from vln.screens import screen

T = TypeVar("T")

FOLLOWED = 75  # exit status of a process that ended since another one did
PATIENCE = timedelta(days=30)  # one that has ended is noticed at once; one that was stopped (Ctrl-Z) may go on


@dataclass(frozen=True)
class Processes:
    """One process of several. rank: its number, from 0. size: how many there are. Alone, all of this does nothing."""

    rank: int = 0
    world_size: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this is the process that tells and saves."""
        return self.rank == 0

    def mean(self, values: Tensor) -> Tensor:
        """The mean of every process's values, the same in all of them to the last bit."""
        if self.world_size > 1:
            with _connected():
                dist.all_reduce(values)
            values /= self.world_size
        return values

    def max(self, number: int) -> int:
        """The largest of every process's numbers."""
        if self.world_size == 1:
            return number
        numbers = torch.tensor(number)
        with _connected():
            dist.all_reduce(numbers, dist.ReduceOp.MAX)
        return int(numbers)

    def gather(self, part: T) -> list[T]:
        """Every process's part, by rank, for the one that leads; the others get an empty list."""
        if self.world_size == 1:
            return [part]
        parts: list[Any] | None = [None] * self.world_size if self.is_main else None
        with _connected():
            dist.gather_object(part, parts)
        return parts or []


SINGLE_PROCESS = Processes()


def launch(size: int, work: Callable[[Processes], T]) -> T:
    """Do the work in so many processes at once, this one leading, and give what it returned here.

    The threads that this process uses are shared out among them. `work` must be something that can be pickled. When one
    process fails the others end too. Raises ChildProcessError, which says how, when it was another one than this.
    """
    if size < 1:
        raise ValueError(f"a team has at least one process, not {size}")
    if size == 1:
        return work(SINGLE_PROCESS)
    threads = max(1, torch.get_num_threads() // size)
    with tempfile.TemporaryDirectory() as folder:
        meeting = str(Path(folder) / "meeting")
        others = [_Follower(rank, size, threads, meeting, work) for rank in range(1, size)]
        try:
            for other in others:
                other.wait()
            result = _join(meeting, 0, size, threads, work, others)
            for other in others:
                other.process.join(timeout=10)
            return result
        except _Lost as lost:
            ends = [end for other in others if (end := other.end())]
            raise ChildProcessError(f"{'; '.join(ends) or lost}. What was saved before is whole") from None
        finally:
            for other in others:
                other.process.kill()  # SIGTERM would only ask a training to stop
                other.process.join()


class _Lost(ConnectionError):
    """Another process of the team can't be reached."""


class _Follower:
    """Another process of a team, as the one that leads sees it."""

    def __init__(self, rank: int, size: int, threads: int, meeting: str, work: Callable[[Processes], Any]) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._news, here = spawn.Pipe(duplex=False)
        arguments = (meeting, rank, size, threads, work, here)
        self.process = spawn.Process(target=_follow, args=arguments, name=f"process {rank} of {size}", daemon=True)
        self.process.start()
        here.close()

    def wait(self) -> None:
        """Wait until it is there. Raises _Lost when it ends before."""
        try:
            self._news.recv()
        except EOFError:
            raise _Lost from None

    def end(self) -> str:
        """How it ended of itself; empty when it has not, or followed the others."""
        self.process.join(timeout=5)
        code, name = self.process.exitcode, f"{self.process.name} (pid {self.process.pid})"
        if code in (None, 0, FOLLOWED):
            return ""
        if code < 0:
            return f"{name} was killed by {signal.Signals(-code).name}"
        try:
            return f"{name} failed:\n{self._news.recv()}"
        except EOFError:
            return f"{name} ended with exit status {code}"


def _follow(
    meeting: str, rank: int, size: int, threads: int, work: Callable[[Processes], Any], leader: Connection
) -> None:
    """Work with the process that leads, in another one, for as long as it is there."""
    watch = threading.Thread(target=_leave_after_the_leader, daemon=True)
    watch.start()
    status = 0
    try:
        leader.send("")
        _join(meeting, rank, size, threads, work)
    except (_Lost, KeyboardInterrupt):
        watch.join(timeout=0.5)  # it ends this process and says why, if it is the leader that is lost
        status = FOLLOWED
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except Exception:
        status = 1
        with suppress(OSError):
            leader.send(traceback.format_exc())
    # Gloo's threads may outlive the interpreter and then abort the process with a message nobody needs
    # (github.com/pytorch/pytorch/pull/179291). Its work is done, so it goes without taking the interpreter down.
    for stream in (screen(sys.stdout), screen(sys.stderr)):
        stream.flush()
    os._exit(status)


def _leave_after_the_leader() -> None:
    """End this process when the one that leads is gone, whatever it may be waiting for."""
    leader = multiprocessing.parent_process()
    assert leader is not None
    wait([leader.sentinel])
    print(f"process {leader.pid}, which led this training, is gone; so {os.getpid()} ends", file=screen(sys.stderr))
    os._exit(FOLLOWED)


def _join(
    meeting: str, rank: int, size: int, threads: int, work: Callable[[Processes], T], others: Sequence[_Follower] = ()
) -> T:
    before = torch.get_num_threads()
    use_threads(threads)
    try:
        _meet(meeting, rank, size, others)
        return work(Processes(rank, size))
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()
        use_threads(before)


def _meet(meeting: str, rank: int, size: int, others: Sequence[_Follower]) -> None:
    """Connect all processes. Raises _Lost when one of the others ends before that."""
    connect = partial(dist.init_process_group, "gloo", rank=rank, world_size=size, timeout=PATIENCE)
    lost: list[_Lost] = []

    def meet() -> None:
        try:
            with _connected():
                connect(store=dist.FileStore(meeting, size))
                dist.barrier()  # nobody begins, and can fail, before all have met
        except _Lost as error:
            lost.append(error)

    # It does not return where somebody never comes, so it is done, and then left, in a thread.
    meeting_thread = threading.Thread(target=meet, daemon=True)
    meeting_thread.start()
    while meeting_thread.is_alive():
        meeting_thread.join(timeout=0.1)
        if meeting_thread.is_alive() and not all(other.process.is_alive() for other in others):
            lost.append(_Lost("another process of the team ended before all had met"))
            break
    if lost:
        # Where it fails torch goes on counting its groups, and would never meet those that have counted none.
        dist.distributed_c10d._world.group_count = 0
        raise lost[0]


@contextmanager
def _connected() -> Iterator[None]:
    """Raise _Lost where the connection to another process breaks."""
    try:
        yield
    except RuntimeError as error:
        raise _Lost(f"the connection to another process of the team broke: {error}") from None
