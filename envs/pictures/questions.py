"""Questions about pictures: a picture and a question are observed, and the action is the answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vln.episode import Episode, tokens_of
from vln.language import Vocabulary
from vln.spaces import Words
from vln.state import State
from vln.tasks import BLIND_AND_DEAF, Task
from vln.world import World

from .painted import SIZES, DrawScene, PaintedScene, PaintScene, enlarge, painted_episodes, picture_space, pictures_of

WORDS = 12  # token ids of a question, unless one is longer

Ask = Callable[[Any, np.random.Generator], tuple[str, Any]]


class PictureQuestions(World[State]):
    """Answer a question about a picture. A move is an answer, and ends the episode; see `picture_questions`.

    The picture is observed as `view`, and the question as `instruction`. The error is how many right answers are still
    to be given: 1, until it was given.

    answers: the names of all answers, or a function that gives them. max_words: token ids of a question, more where
    one is longer.
    """

    max_steps = 1
    unit = "answers"
    step_name = "answer"
    headline = "accuracy"
    verdicts = ("right", "wrong")
    measures_nll = True

    def __init__(
        self,
        episodes: Sequence[Episode],
        vocabulary: Vocabulary,
        answers: Sequence[str] | Callable[[], Sequence[str]],
        max_words: int = WORDS,
    ) -> None:
        self.episodes, self.vocabulary = episodes, vocabulary
        self.action_names = tuple(answers() if callable(answers) else answers)
        if unknown := sorted({episode.goals[0] for episode in episodes} - set(self.action_names)):
            raise ValueError(f"{', '.join(unknown)} is right, but no answer; there are {', '.join(self.action_names)}")
        self.pictures = pictures_of(episodes)
        self.truth = np.array([self.action_names.index(episode.goals[0]) for episode in episodes])
        self.tokens = tokens_of((episode.instruction for episode in episodes), vocabulary, max_words)
        self.spaces = {
            "view": picture_space(self.pictures),
            "instruction": Words(self.tokens.shape[1], len(vocabulary)),
        }

    @property
    def stop(self) -> None:
        """There is no such move: an answer may be called so."""
        return

    def begin(self, episode: NDArray[np.int64]) -> State:
        return State.fresh(episode, previous=len(self.action_names), least_error=1)

    def observe(self, state: State) -> dict[str, NDArray[Any]]:
        return {"view": self.pictures[state.episode], "instruction": self.tokens[state.episode]}

    def step(self, state: State, move: NDArray[np.int64]) -> State:
        steps, stopped = state.steps + np.int32(1), np.ones(len(state), dtype=np.bool_)
        after = replace(state, steps=steps, previous=move.astype(np.int64), stopped=stopped)
        return replace(after, least_error=np.minimum(state.least_error, self.error(after)))

    def error(self, state: State) -> NDArray[np.float32]:
        return (state.previous != self.truth[state.episode]).astype(np.float32)

    def expert(self, state: State) -> NDArray[np.bool_]:
        return np.eye(len(self.action_names), dtype=np.bool_)[self.truth[state.episode]]

    def draw(
        self, state: State, slot: int, path: NDArray[Any], colours: NDArray[np.uint8] | None = None
    ) -> NDArray[np.uint8]:
        return enlarge(self.pictures[state.episode[slot]])


def picture_questions(
    name: str,
    scene: DrawScene,
    paint: PaintScene,
    ask: Ask,
    answers: Sequence[str] | None = None,
    sizes: Mapping[str, int] = SIZES,
    seed: int = 0,
) -> Task:
    """The task of answering questions about pictures, from three functions of your own.

    scene: from a generator to what there is to see, of any type. paint: from that to its picture, uint8 [height, width]
    or [height, width, 1 or 3]; agents with convolutions need 16 pixels a side. ask: from a scene and a generator to a
    question and the right answer, whose name is its text. answers: the names of all answers; those of split train, by
    alphabet, unless given. sizes: how many scenes there are in every split, `train` among them.
    """

    def write(place: PaintedScene, rng: np.random.Generator, split: str) -> Episode:
        question, answer = ask(place.scene, rng)
        return Episode(question, place, (), (str(answer),), name)

    def answers_of_train() -> Sequence[str]:
        return sorted({episode.goals[0] for episode in source("train")})

    source, splits = painted_episodes(scene, paint, write, sizes, seed), tuple(sizes)
    return Task(
        name,
        source,
        partial(PictureQuestions, answers=answers or answers_of_train),
        splits=splits,
        validation_split=splits[1] if len(splits) > 1 else splits[0],
        test_split=splits[-1],
        baselines=BLIND_AND_DEAF,
        shuffled=True,
    )
