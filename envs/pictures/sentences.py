"""Sentences about pictures: a picture is observed, and a true sentence is said word by word."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from gymnasium.spaces import Discrete
from numpy.typing import NDArray

from vln.episode import Episode
from vln.language import FIRST_WORD, PADDING, UNKNOWN, Vocabulary, split_words
from vln.state import State
from vln.tasks import Baseline, Task
from vln.world import World

from .painted import SIZES, DrawScene, PaintedScene, PaintScene, enlarge, painted_episodes, picture_space, pictures_of

WORDS = 12  # of a sentence, at most, unless more are asked for

Sentences = Callable[[Any], Sequence[str]]
Judge = Callable[[Any, str], float]


@dataclass(frozen=True)
class SentenceState(State):
    """A State, and the sentence so far.

    said: int32 [B, words], token ids, padded. untrue: float32 [B], 1 less how true the sentence is as it stands.
    """

    said: NDArray[np.int32]
    untrue: NDArray[np.float32]


class PictureSentences(World[SentenceState]):
    """Say something true of a picture. A move is a word, or `stop` after the last; see `picture_sentences`.

    The picture is observed as `view`, and the word said last as `previous`. The error is 1 less how true the sentence
    is as it stands, and success to have stopped where it is 0. The expert says any of the true sentences that begin
    with what has been said; where it knows none, it goes on with those that are most like it, word for word.

    max_steps: the most words of a sentence, the stop included. tolerance: the largest error that counts as true.
    """

    unit = "truth"
    step_name = "word"
    headline = "accuracy"
    verdicts = ("true", "untrue")
    display = "sentence"

    def __init__(
        self,
        episodes: Sequence[Episode],
        vocabulary: Vocabulary,
        judge: Judge,
        max_steps: int = WORDS + 1,
        tolerance: float = 0.0,
    ) -> None:
        self.episodes, self.vocabulary, self.judge = episodes, vocabulary, judge
        self.max_steps, self.tolerance = max_steps, tolerance
        self.action_names = (*vocabulary.words, "stop")  # move m is token m + FIRST_WORD
        self.pictures = pictures_of(episodes)
        self.spaces = {"view": picture_space(self.pictures), "previous": Discrete(len(self.action_names) + 1)}
        self._sentences = [self._can_be_said(episode) for episode in episodes]

    def begin(self, episode: NDArray[np.int64]) -> SentenceState:
        return SentenceState.fresh(
            episode,
            previous=len(self.action_names),
            least_error=1,
            said=np.full((len(episode), self.max_steps), PADDING, dtype=np.int32),
            untrue=np.ones(len(episode), dtype=np.float32),  # nothing is true that was not said
        )

    def observe(self, state: SentenceState) -> dict[str, NDArray[Any]]:
        return {"view": self.pictures[state.episode], "previous": state.previous.copy()}

    def step(self, state: SentenceState, move: NDArray[np.int64]) -> SentenceState:
        stopped, said = move == self.stop, state.said.copy()
        said[np.arange(len(state)), state.steps] = np.where(stopped, PADDING, move + FIRST_WORD)
        after = replace(
            state,
            steps=state.steps + np.int32(1),
            previous=move.astype(np.int64),
            length=state.length + np.float32(1) * ~stopped,
            stopped=stopped,
            said=said,
        )
        untrue = np.where(stopped, state.untrue, self._judged(after))
        return replace(after, untrue=untrue, least_error=np.minimum(state.least_error, untrue))

    def error(self, state: SentenceState) -> NDArray[np.float32]:
        return state.untrue.copy()

    def expert(self, state: SentenceState) -> NDArray[np.bool_]:
        best = np.zeros((len(state), len(self.action_names)), dtype=np.bool_)
        for row, (episode, words) in enumerate(zip(state.episode.tolist(), self._words(state), strict=True)):
            best[row, self._continuations(self._sentences[episode], words)] = True
        best[state.untrue <= self.tolerance, self.stop] = True
        return best

    def measure(self, final: SentenceState) -> dict[str, NDArray[np.float64]]:
        """How true the sentence is, from 0 to 1, and how many words it has."""
        return {"truth": 1.0 - final.untrue.astype(np.float64), "words": final.length.astype(np.float64)}

    def draw(
        self, state: SentenceState, slot: int, path: NDArray[Any], colours: NDArray[np.uint8] | None = None
    ) -> NDArray[np.uint8]:
        return enlarge(self.pictures[state.episode[slot]])

    def _words(self, state: SentenceState) -> list[tuple[int, ...]]:
        """The tokens of every sentence so far."""
        return [tuple(token for token in row if token != PADDING) for row in state.said.tolist()]

    def _judged(self, state: SentenceState) -> NDArray[np.float32]:
        untrue = np.ones(len(state), dtype=np.float32)
        for row, (episode, words) in enumerate(zip(state.episode.tolist(), self._words(state), strict=True)):
            if words:
                text = " ".join(self.vocabulary.decode(words))
                untrue[row] = 1 - truth_of(self.judge, self.episodes[episode].place.scene, text)
        return untrue

    def _continuations(self, sentences: Sequence[tuple[int, ...]], words: tuple[int, ...]) -> list[int]:
        """The moves that go on with the sentences that have the most words of what was said, each in its place."""
        alike = [sum(map(int.__eq__, ids, words)) for ids in sentences]
        near = [ids for ids, count in zip(sentences, alike, strict=True) if count == max(alike)]
        place, stop = len(words), len(self.action_names) - 1
        return [ids[place] - FIRST_WORD if place < len(ids) else stop for ids in near]

    def _can_be_said(self, episode: Episode) -> list[tuple[int, ...]]:
        """The tokens of the true sentences whose words are known and which are not too long.

        Raises ValueError where there is none.
        """
        sentences = [tuple(self.vocabulary.encode_all(text)) for text in episode.goals]
        found = [ids for ids in sentences if UNKNOWN not in ids and len(ids) < self.max_steps]
        if not found:
            raise ValueError(
                f"no true sentence of {episode.name} can be said in {self.max_steps - 1} words that are known: "
                f"{', '.join(map(repr, episode.goals))}; take more max_steps, or a vocabulary with these words"
            )
        return found


def truth_of(judge: Judge, scene: Any, sentence: str) -> float:
    """How true a sentence is, from 0 to 1. Raises ValueError for any other number."""
    truth = float(judge(scene, sentence))
    if not 0 <= truth <= 1:
        raise ValueError(f"judge gives {truth} for {sentence!r}; how true a sentence is goes from 0 to 1")
    return truth


def picture_sentences(
    name: str,
    scene: DrawScene,
    paint: PaintScene,
    sentences: Sentences,
    judge: Judge,
    sizes: Mapping[str, int] = SIZES,
    seed: int = 0,
) -> Task:
    """The task of saying something true of pictures, from four functions of your own.

    scene: from a generator to what there is to see, of any type. paint: from that to its picture, uint8 [height, width]
    or [height, width, 1 or 3]; agents with convolutions need 16 pixels a side. sentences: the true ones that a teacher
    says. judge: how true any sentence is of a scene, from 0 to 1, or whether it is; it is given words in lower case,
    divided by single spaces. sizes: how many scenes there are in every split, `train` among them.

    Raises ValueError, when episodes are written, where `judge` does not call a sentence of `sentences` true.
    """

    def write(place: PaintedScene, rng: np.random.Generator, split: str) -> Episode:
        said = tuple(sentences(place.scene))
        for text in said:
            words = " ".join(split_words(text))
            if (truth := truth_of(judge, place.scene, words)) < 1:
                raise ValueError(f"sentences gives {text!r} for {place.scene!r}, but judge says {truth:g} of {words!r}")
        if not said:
            raise ValueError(f"sentences gives none for {place.scene!r}: a teacher needs one")
        return Episode("", place, (), said, name)

    source = painted_episodes(scene, paint, write, sizes, seed)
    splits = tuple(sizes)
    return Task(
        name,
        source,
        partial(PictureSentences, judge=judge),
        splits=splits,
        words=lambda: Vocabulary.of(text for episode in source("train") for text in episode.goals),
        validation_split=splits[1] if len(splits) > 1 else splits[0],
        test_split=splits[-1],
        baselines={"blind": Baseline(without=("view",))},
    )
