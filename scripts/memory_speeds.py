"""How fast memories are learned with, beside torch's own and beside a walk step by step; a part of benchmark.py."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from speeds import Speed, measure
from torch import Tensor, nn

from vln.agents.recurrent.core import Recurrent
from vln.learning.devices import use_threads

BARE: dict[str, Callable[[int, int], nn.Module]] = {"lstm": nn.LSTM, "gru": nn.GRU, "elman": nn.RNN}
SCANNED = ("mingru", "minlstm", "lru", "s6")


@dataclass(frozen=True)
class Remembering:
    """Steps per second of learning with every memory, forwards and backwards."""

    batch: int = 256
    """Number of sequences of gated cells, beside torch's own."""
    unroll_length: int = 64
    """Steps of these sequences."""
    hidden: int = 256
    """Units of these cells."""
    long_batch: int = 8
    """Number of sequences of linear cells, beside the same cell step by step."""
    long_unroll_length: int = 1024
    """Steps of these sequences."""
    long_hidden: int = 128
    """Units of these cells."""
    threads: int = 1
    """CPU threads."""
    repeats: int = 5
    """Number of measurements of each speed."""
    json: Path | None = None
    """File to write the figures to, as JSON."""


def memory_speeds(options: Remembering) -> dict[str, Speed]:
    use_threads(options.threads)
    torch.manual_seed(0)
    speeds: dict[str, Speed] = {}
    for kind, make in BARE.items():
        inputs = torch.randn(options.unroll_length, options.batch, options.hidden)
        ours = learned(Recurrent(kind, options.hidden, options.hidden), inputs)
        theirs = learned_bare(make(options.hidden, options.hidden), inputs)
        speeds |= compared(kind, ours, "torch's own", theirs, options.repeats)
    for kind in SCANNED:
        inputs = torch.randn(options.long_unroll_length, options.long_batch, options.long_hidden)
        memory = Recurrent(kind, options.long_hidden, options.long_hidden)
        speeds |= compared(kind, learned(memory, inputs), "step by step", walked(memory, inputs), options.repeats)
    return speeds


def compared(kind: str, ours: Iterator[int], what: str, theirs: Iterator[int], repeats: int) -> dict[str, Speed]:
    """Both speeds, measured in turns, so that what else the machine does slows both; and how many times ours is."""
    next(ours), next(theirs)
    turns = [(measured(ours), measured(theirs)) for _ in range(repeats)]
    one, other = ([turn[place] for turn in turns] for place in (0, 1))
    shares = [mine / yours for mine, yours in zip(one, other, strict=True)]
    return {
        kind: Speed("steps", one),
        f"{kind}, {what}": Speed("steps", other),
        f"{kind} / {what}": Speed("share", shares),
    }


def measured(work: Iterator[int]) -> float:
    return measure("steps", work, 1, 0).repeats[0]


def learned(memory: Recurrent, inputs: Tensor) -> Iterator[int]:
    """The gradient of whole sequences, in which no episode starts."""
    before, episode_starts = memory.initial(inputs.shape[1]), torch.zeros(inputs.shape[:2], dtype=torch.bool)
    while True:
        outputs, _ = memory(inputs, before, episode_starts)
        outputs.sum().backward()
        yield episode_starts.numel()


def learned_bare(memory: nn.Module, inputs: Tensor) -> Iterator[int]:
    while True:
        outputs, _ = memory(inputs)
        outputs.sum().backward()
        yield inputs.shape[0] * inputs.shape[1]


def walked(memory: Recurrent, inputs: Tensor) -> Iterator[int]:
    """The same, a step at a time, as when acting."""
    episode_starts = torch.zeros(1, inputs.shape[1], dtype=torch.bool)
    while True:
        state, told = memory.initial(inputs.shape[1]), []
        for moment in inputs:
            outputs, state = memory(moment[None], state, episode_starts)
            told.append(outputs)
        torch.cat(told).sum().backward()
        yield inputs.shape[0] * inputs.shape[1]
