"""The number of threads of a training: the fastest one by measurement."""

import time
from collections import deque
from collections.abc import Callable, Generator
from statistics import median
from typing import ParamSpec, TypeVar

import torch

from vln.learning.devices import cores, use_threads
from vln.learning.distributed import SINGLE_PROCESS, Processes

P = ParamSpec("P")
R = TypeVar("R")

# Numbers of updates
WARM_UP = 3  # before the first measurement: kernels are loaded, memory is asked for
BLOCK = 2  # with one number of threads, before it is another's turn
ROUNDS = 3  # of a measurement: every number that may still win has a turn in each
RECENT = 10  # whose median tells how fast a training is now
LEAST_APART = 100  # from one measurement to the next, however slow it is
MOST_APART = 1000  # then it is measured again, for it may be that more threads have become free

HOPELESS = 1.4  # times as slow as the fastest: out after a round
BETTER = 0.9  # of the time of the number in use: less is not worth a change, or chance would make many
FALLEN = 2.0  # times as slow as when it was chosen: time to measure again


class ThreadChoice:
    """Chooses again and again how many threads torch and kernels use, up to this process's share of the cores.

    Of a team, all processes choose the same, by the mean of what they measure.
    """

    def __init__(self, team: Processes = SINGLE_PROCESS, use: Callable[[int], object] = use_threads) -> None:
        self.team, self.use = team, use
        self._choices = choices(max(1, cores() // team.world_size))
        self.count = next(self._choices)
        use(self.count)

    def timing(self, update: Callable[P, R]) -> Callable[P, R]:
        """The same update of a training, which is timed wherever it is called."""

        def timed(*arguments: P.args, **named: P.kwargs) -> R:
            begin = time.perf_counter()
            result = update(*arguments, **named)
            seconds = torch.tensor(time.perf_counter() - begin, dtype=torch.float64)
            before, self.count = self.count, self._choices.send(self.team.mean(seconds).item())
            if self.count != before:
                self.use(self.count)
            return result

        return timed


def choices(most: int) -> Generator[int, float, None]:
    """Without end: how many threads to use in the next update. What is sent is how many seconds that took."""
    count = most
    for _ in range(WARM_UP):
        yield count
    while True:
        count, usual = yield from _measure(count, most)
        recent: deque[float] = deque(maxlen=RECENT)
        for update in range(MOST_APART):
            recent.append((yield count))
            if update >= LEAST_APART and median(recent) > FALLEN * usual:
                break


def _measure(current: int, most: int) -> Generator[int, float, tuple[int, float]]:
    """The fastest of 1, 2, 4, ... and the most threads, in turns that share what disturbs them; and its seconds."""
    seconds: dict[int, list[float]] = {count: [] for count in (*_powers_below(most), most)}
    medians: dict[int, float] = {}
    for _ in range(ROUNDS):
        for count, taken in seconds.items():
            for _ in range(BLOCK):
                taken.append((yield count))
        medians = {count: median(taken) for count, taken in seconds.items()}
        slowest = HOPELESS * min(medians.values())
        seconds = {count: taken for count, taken in seconds.items() if medians[count] <= slowest}
    fastest = min(medians, key=lambda count: medians[count])
    if current in seconds and medians[fastest] > BETTER * medians[current]:
        fastest = current
    return fastest, medians[fastest]


def _powers_below(most: int) -> list[int]:
    return [1 << power for power in range((most - 1).bit_length())]
