"""Sequences as a world: an input at every step, a symbol or numbers, and an action that is the answer to it."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from gymnasium import Space
from gymnasium.spaces import Box, Discrete
from numpy.typing import NDArray

from vln.episode import Episode, Episodes
from vln.language import Vocabulary
from vln.pages.texts import written
from vln.state import State
from vln.world import World

from .map_view import draw_map

NOTHING = -1  # where nothing is asked, and any answer is as good
CLOSE = 0.04  # how near to the truth a number must be to be right (Le et al. 2015, arXiv:1504.00941)


@dataclass(frozen=True, eq=False)
class SequenceEpisode:
    """The place of an episode: what is given and asked, step by step.

    inputs: symbols int [T], or numbers from 0 to 1, float32 [T, n]. targets: the right answers, int [T] with NOTHING
    where none is asked, or float32 [T] with NaN there.
    """

    identity: str
    inputs: NDArray[Any]
    targets: NDArray[Any]


class Labelled(Episodes):
    """Lines of which it is known what is true at every step."""

    @abstractmethod
    def labels(self, episode: NDArray[np.int64], step: NDArray[np.int32]) -> dict[str, NDArray[Any]]:
        """What is true of these steps of these episodes [B], by name: bool, or numbers with NaN (see World.labels)."""


@dataclass(frozen=True)
class SequenceState(State):
    """A State, and how the answers were.

    told: float32 [B], the last answer. wrong: int32 [B], how many of those asked for were. off: float32 [B], the sum
    of their squared errors, where answers are numbers.
    """

    told: NDArray[np.float32]
    wrong: NDArray[np.int32]
    off: NDArray[np.float32]


class Sequences(World[SequenceState]):
    """Lines to answer to, one step after another; what is answered changes nothing of what is given.

    An episode ends when its line does. Its error is how many answers are still to be given or were wrong, and success
    is to have given every one right. The expert knows them; where nothing is asked any symbol is optimal, and as a
    number NaN is, which stands for any.

    symbols: how many there are to be given, or 0 where numbers are. answers_named: the names of the answers; where
    there are none, an answer is a number. text: whether what is asked is what is given next, as of a text that is
    foretold.
    """

    unit = "answers"

    def __init__(
        self,
        episodes: Sequence[Episode],
        vocabulary: Vocabulary,
        symbols: int = 0,
        answers_named: Sequence[str] = (),
        given_named: Sequence[str] = (),
        text: bool = False,
    ) -> None:
        self.episodes, self.vocabulary = episodes, vocabulary
        lines = [episode.place for episode in episodes]
        self.lengths = np.array([len(line.inputs) for line in lines], dtype=np.int32)
        self.max_steps = int(self.lengths.max())
        self.inputs, self.targets = (
            _padded([getattr(line, name) for line in lines], self.max_steps) for name in ("inputs", "targets")
        )
        self.numbers = not answers_named
        self.measures_nll = not self.numbers
        self.display, self.step_name = ("text", "character") if text else ("columns", "step")
        self.headline = "nll" if text else "squared_error" if self.numbers else "average_accuracy"
        self.verdicts = None if text else ("right", "wrong")
        self.action_names = tuple(answers_named) or ("number",)
        self.given_named = tuple(given_named) or tuple(map(str, range(symbols)))
        size = self.inputs.shape[2:]
        self.spaces: dict[str, Space[Any]] = {"input": Discrete(symbols) if symbols else Box(0, 1, size, np.float32)}
        # The optimal moves for every right answer; the last row is for NOTHING, with which one counts from the end.
        self._best = np.concatenate(
            [np.eye(len(self.action_names), dtype=np.bool_), np.ones((1, len(self.action_names)), np.bool_)]
        )
        self._is_asked = ~np.isnan(self.targets) if self.numbers else self.targets != NOTHING
        # What is asked for from every step on, to the end.
        self._still = np.flip(np.flip(self._is_asked, 1).cumsum(1, dtype=np.int32), 1)
        self._still = np.concatenate([self._still, np.zeros((len(lines), 1), np.int32)], axis=1)

    @property
    def action_space(self) -> Space[Any]:
        return Box(-np.inf, np.inf, (1,), np.float32) if self.numbers else Discrete(len(self.action_names))

    @property
    def stop(self) -> None:
        """There is no such move: a line ends by itself."""
        return

    @property
    def scripted(self) -> tuple[str, ...]:
        """Nobody stops or goes straight on, whatever symbols are called."""
        return ("random", "expert")

    def begin(self, episode: NDArray[np.int64]) -> SequenceState:
        slots = len(episode)
        return SequenceState.fresh(
            episode,
            previous=0 if self.numbers else len(self.action_names),
            least_error=self._still[episode, 0].astype(np.float32),
            stopped=self.lengths[episode] == 0,
            told=np.full(slots, np.nan, dtype=np.float32),
            wrong=np.zeros(slots, dtype=np.int32),
            off=np.zeros(slots, dtype=np.float32),
        )

    def observe(self, state: SequenceState) -> dict[str, NDArray[Any]]:
        inputs = self.inputs[state.episode, self._place(state)]
        return {"input": inputs.astype(self.spaces["input"].dtype, copy=False)}

    def step(self, state: SequenceState, move: NDArray[Any]) -> SequenceState:
        place = self._place(state)
        asked, truth = self._is_asked[state.episode, place], self.targets[state.episode, place]
        steps = state.steps + np.int32(1)
        ended = steps >= self.lengths[state.episode]
        if self.numbers:
            told = np.asarray(move, dtype=np.float32).reshape(-1)
            apart = np.where(asked, told - truth, 0)
            wrong, off, previous = ~(np.abs(apart) <= CLOSE), np.square(apart), state.previous
        else:
            previous = np.ascontiguousarray(move, dtype=np.int64)
            told = previous.astype(np.float32)
            wrong, off = asked & (previous != truth), np.zeros(len(place), dtype=np.float32)
        after = replace(
            state,
            steps=steps,
            previous=previous,
            stopped=ended,
            told=told,
            wrong=state.wrong + wrong.astype(np.int32),
            off=(state.off + off).astype(np.float32),
        )
        return replace(after, least_error=np.minimum(state.least_error, self.error(after)))

    def error(self, state: SequenceState) -> NDArray[np.float32]:
        return (self._still[state.episode, state.steps] + state.wrong).astype(np.float32)

    def expert(self, state: SequenceState) -> NDArray[Any]:
        truth = self.targets[state.episode, self._place(state)]
        if self.numbers:
            return truth[:, None].astype(np.float32)
        return self._best[truth]

    def describe_input(self, state: SequenceState, slot: int) -> tuple[str, ...]:
        row = np.atleast_1d(self.inputs[state.episode[slot], self._place(state)[slot]])
        return tuple(f"{value:.2g}" if row.dtype.kind == "f" else self.given_named[value] for value in row)

    def labels(self, state: SequenceState) -> dict[str, NDArray[Any]]:
        """What the episodes know of their steps; of others what is given and asked, and how many steps there were.

        Of symbols, which are named, whether it is this one.
        """
        place = self._place(state)
        if isinstance(self.episodes, Labelled):
            return self.episodes.labels(state.episode, place)
        inputs, targets = self.inputs[state.episode, place], self.targets[state.episode, place]
        found: dict[str, NDArray[Any]] = {"steps": state.steps.astype(np.float32)}
        if inputs.ndim == 1:
            found |= {f"given {name}": inputs == number for number, name in enumerate(self.given_named)}
        else:
            found |= {f"given {column + 1}": inputs[:, column] for column in range(inputs.shape[1])}
        if self.numbers:
            return found | {"asked": targets}
        return found | {f"asked {name}": targets == number for number, name in enumerate(self.action_names)}

    def truncated(self, state: SequenceState) -> NDArray[np.bool_]:
        return np.zeros(len(state), dtype=np.bool_)

    def measure(self, final: SequenceState) -> dict[str, NDArray[np.float64]]:
        """The share of answers that were right; of numbers, the mean squared error."""
        answered = self._still[final.episode, 0] - self._still[final.episode, final.steps]
        count = np.maximum(answered, 1)
        measured = {"average_accuracy": 1 - final.wrong / count}
        return measured | ({"squared_error": final.off.astype(np.float64) / count} if self.numbers else {})

    def position(self, state: SequenceState) -> NDArray[np.float32]:
        """[B, 1], the last answer; NaN before the first."""
        return state.told[:, None].copy()

    def draw(
        self, state: SequenceState, slot: int, path: NDArray[Any], colours: NDArray[np.uint8] | None = None
    ) -> NDArray[np.uint8]:
        """A column for each of the latest steps; with colours, the beginning of the inputs as a text if possible."""
        line: SequenceEpisode = self.episodes[int(state.episode[slot])].place
        if colours is not None and line.inputs.ndim == 1 and max(map(len, self.given_named)) == 1:
            return written("".join(self.given_named[symbol] for symbol in line.inputs[: len(colours)]), colours)
        named = () if self.numbers else self.action_names
        return draw_map(line.inputs, line.targets, path[1:, 0], self.given_named, named, CLOSE, colours)

    def _place(self, state: SequenceState) -> NDArray[np.int32]:
        return np.minimum(state.steps, self.max_steps - 1)


def _padded(rows: Sequence[NDArray[Any]], length: int) -> NDArray[Any]:
    """Rows [T, ...] of several lengths as one array; what is padded asks for nothing and gives zeros."""
    first = rows[0]
    nothing: Any = 0
    if first.ndim == 1:
        nothing = np.nan if first.dtype.kind == "f" else NOTHING
    padded = np.full((len(rows), length, *first.shape[1:]), nothing, dtype=first.dtype)
    for number, row in enumerate(rows):
        padded[number, : len(row)] = row
    return padded
