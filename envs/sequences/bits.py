"""Classic memory tasks of recurrent networks, with lengths as options."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vln.episode import Episode, Episodes
from vln.language import Vocabulary
from vln.tasks import Baseline, Task

from .world import NOTHING, SequenceEpisode, Sequences

SPLITS = {"train": 16384, "val": 512, "val_longer": 512}  # how many lines there are in each
SEED = 1

# From a generator, how many lines and how many steps to what is given [lines, T(, n)] and asked [lines, T].
Draw = Callable[[np.random.Generator, int, int], tuple[NDArray[Any], NDArray[Any]]]

BITS = ("0", "1")


def repeated_ones(rng: np.random.Generator, lines: int, length: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Whether this bit and the one before are both ones."""
    bits = rng.integers(2, size=(lines, length))
    before = np.pad(bits, ((0, 0), (1, 0)))[:, :-1]
    return bits, bits & before


def parities(rng: np.random.Generator, lines: int, length: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Whether the ones so far are odd in number."""
    bits = rng.integers(2, size=(lines, length))
    return bits, bits.cumsum(axis=1) % 2


def repeats(
    symbols: int, lag: int, rng: np.random.Generator, lines: int, length: int
) -> tuple[NDArray[Any], NDArray[Any]]:
    """The symbol that was given so many steps ago (RepeatPrevious; Morad et al. 2023, arXiv:2303.01859)."""
    inputs = rng.integers(symbols, size=(lines, length))
    targets = np.full_like(inputs, NOTHING)
    targets[:, lag:] = inputs[:, :-lag]
    return inputs, targets


def copies(
    symbols: int, count: int, rng: np.random.Generator, lines: int, length: int
) -> tuple[NDArray[Any], NDArray[Any]]:
    """So many symbols, a wait of `length` steps, a sign to begin, and then the symbols are to be said in their order.

    Hochreiter & Schmidhuber 1997; as in Arjovsky et al. 2016 (arXiv:1511.06464), but that nothing is asked meanwhile.
    """
    said = rng.integers(symbols, size=(lines, count))
    inputs = np.full((lines, count + length + count), symbols)  # a blank
    inputs[:, :count] = said
    inputs[:, count + length - 1] = symbols + 1  # the sign
    targets = np.full_like(inputs, NOTHING)
    targets[:, -count:] = said
    return inputs, targets


def sums(rng: np.random.Generator, lines: int, length: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """The sum of the two numbers that are marked, one in each half (Hochreiter & Schmidhuber 1997)."""
    half = length // 2
    inputs = np.zeros((lines, length, 2), dtype=np.float32)
    inputs[..., 0] = rng.random((lines, length))
    marks = np.stack([rng.integers(half, size=lines), rng.integers(half, length, size=lines)], axis=1)
    rows = np.arange(lines)[:, None]
    inputs[rows, marks, 1] = 1
    targets = np.full((lines, length), np.nan, dtype=np.float32)
    targets[:, -1] = inputs[rows, marks, 0].sum(axis=1)
    return inputs, targets


@dataclass(frozen=True)
class SampledSequences(Episodes):
    """Lines drawn at random: what is given and asked of all of them, and their family."""

    split: str
    family: str
    inputs: NDArray[Any]
    targets: NDArray[Any]

    def __len__(self) -> int:
        return len(self.inputs)

    def write(self, number: int) -> Episode:
        name = f"{self.split}/{number}"
        line = SequenceEpisode(f"{self.family}/{name}", self.inputs[number], self.targets[number])
        return Episode("", line, (), (), self.family, name)


def sequence_task(
    name: str,
    draw: Draw,
    length: int,
    eval_factor: int = 1,
    least: int = 1,
    symbols: int = 0,
    answers: Sequence[str] = (),
    inputs: Sequence[str] = (),
) -> Task:
    """A task of lines that a function draws; in split val_longer they are `eval_factor` times as long.

    least: how short a line can be. symbols: how many may be given, 0 where numbers are; inputs: their names. answers:
    the names of what may be answered; none where that is a number.
    """
    if length < least:
        raise ValueError(f"a line of {name} has at least {least} steps, not {length}")
    if eval_factor < 1:
        raise ValueError(f"lines of val_longer are at least as long as the others, not {eval_factor} times")

    def source(split: str) -> Sequence[Episode]:
        rng = np.random.default_rng([SEED, list(SPLITS).index(split)])
        return SampledSequences(
            split, name, *draw(rng, SPLITS[split], length * (eval_factor if split == "val_longer" else 1))
        )

    def world(episodes: Sequence[Episode], vocabulary: Vocabulary) -> Sequences:
        return Sequences(episodes, vocabulary, symbols, answers, inputs)

    blind = {"blind": Baseline(without=("input",))}
    return Task(name, source, world, tuple(SPLITS), Vocabulary(()), "val", test_split="val", baselines=blind)


def repeatones(length: int = 20, eval_factor: int = 10) -> Task:
    """Bits; at every step, whether this one and the one before are ones.

    length: Number of steps of a line. eval_factor: Factor of the length in split val_longer.
    """
    return sequence_task("repeatones", repeated_ones, length, eval_factor, symbols=2, answers=BITS)


def parity(length: int = 20, eval_factor: int = 10) -> Task:
    """Bits; at every step, whether the ones so far are odd in number.

    length: Number of steps of a line. eval_factor: Factor of the length in split val_longer.
    """
    return sequence_task("parity", parities, length, eval_factor, symbols=2, answers=BITS)


def repeatprevious(length: int = 40, eval_factor: int = 10, symbols: int = 4, lag: int = 4) -> Task:
    """Symbols; at every step, which one was given `lag` steps before.

    length: Number of steps of a line. eval_factor: Factor of the length in split val_longer.
    symbols: Number of different symbols. lag: Number of steps between a symbol and its repetition.
    """
    _at_least(1, symbols=symbols, lag=lag)
    draw = partial(repeats, symbols, lag)
    return sequence_task(
        "repeatprevious", draw, length, eval_factor, lag + 1, symbols, _named(symbols), _named(symbols)
    )


def copy(length: int = 20, eval_factor: int = 10, symbols: int = 8, count: int = 10) -> Task:
    """`count` symbols, to be said again after `length` steps.

    length: Number of steps to wait. eval_factor: Factor of the wait in split val_longer.
    symbols: Number of different symbols. count: Number of symbols to repeat.
    """
    _at_least(1, symbols=symbols, count=count)
    named, draw = _named(symbols), partial(copies, symbols, count)
    return sequence_task("copy", draw, length, eval_factor, 1, symbols + 2, named, (*named, "_", "?"))


def adding(length: int = 20, eval_factor: int = 10) -> Task:
    """Numbers from 0 to 1, two of them marked; in the end, their sum.

    length: Number of steps of a line. eval_factor: Factor of the length in split val_longer.
    """
    return sequence_task("adding", sums, length, eval_factor, least=2)


def _named(symbols: int) -> tuple[str, ...]:
    return tuple(chr(ord("a") + number) if symbols <= 26 else str(number) for number in range(symbols))


def _at_least(least: int, **counts: int) -> None:
    for name, count in counts.items():
        if count < least:
            raise ValueError(f"{name} must be at least {least}, not {count}")
