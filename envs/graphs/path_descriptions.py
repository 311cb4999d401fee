"""PathDescriptions: the world of a speaker. A path is observed, and its description is an action per word."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from gymnasium import Space
from gymnasium.spaces import Discrete
from numpy.typing import NDArray

from vln.episode import Episode
from vln.language import PADDING, UNKNOWN, Vocabulary
from vln.scores import bleu
from vln.spaces import Path
from vln.state import State
from vln.world import World

from .annotations import path_of
from .graph_batch import NONE, GraphBatch
from .lookahead import SECTORS
from .map_view import draw_map, page_size
from .paths import paths_of
from .world import BOUND, VIEWS

HOPS = 24  # of a path that is shown, unless one is longer
WORDS = 100  # that are said, unless more are asked for
MOVING = 2 + SECTORS + 1  # features of a hop beside those of its edge: the turn, the ways there are, whether it is one


@dataclass(frozen=True)
class PathDescriptionState(State):
    """A State, and what has been said: int32 [B, words], token ids, padded."""

    said: NDArray[np.int32]


class PathDescriptions(World[PathDescriptionState]):
    """Say what somebody is to do who shall walk a path: a speaker's world (Fried et al. 2018, arXiv:1806.02724).

    A move is a word, or `stop` after the last. What is observed does not change but for the word said last: the path,
    hop by hop, and in a last row where it ends. The expert says what a person said of this path, word for word; it
    knows no other way to say it. The error is how many of that person's words are still to be said, success to have
    said as many.

    view: Features of every edge, as in Graphs. max_steps: Number of words of the longest sentence, the stop included.
    """

    unit = "words"
    step_name = "word"
    headline = "bleu"
    verdicts = None
    display = "sentence"

    def __init__(
        self,
        episodes: Sequence[Episode],
        vocabulary: Vocabulary,
        atlas: GraphBatch,
        view: Literal["local", "lookahead"] = "lookahead",
        max_steps: int = WORDS + 1,
    ) -> None:
        if view not in VIEWS or view == "none":
            raise ValueError(f"a path is told by view local or lookahead, not {view!r}")
        self.episodes, self.vocabulary, self.max_steps = episodes, vocabulary, max_steps
        self.action_names = ("<unknown>", *vocabulary.words, "stop")  # move m is token m + 1
        self.path = show_paths(episodes, atlas, atlas.local if view == "local" else atlas.lookahead)
        self.tokens = np.full((len(episodes), max_steps), PADDING, dtype=np.int32)
        for number, episode in enumerate(episodes):
            # What is longer than can be said is told as far as it goes, and never stopped.
            ids = vocabulary.encode_all(episode.instruction)[:max_steps]
            self.tokens[number, : len(ids)] = ids
        self.spaces: dict[str, Space[Any]] = {
            "path": Path(self.path.shape[1], self.path.shape[2], BOUND),
            "previous": Discrete(len(self.action_names) + 1),
        }

    @property
    def scripted(self) -> tuple[str, ...]:
        """Nobody goes straight on: here `forward` is a word."""
        return ("random", "stop", "expert")

    def begin(self, episode: NDArray[np.int64]) -> PathDescriptionState:
        said = np.full((len(episode), self.max_steps), PADDING, dtype=np.int32)
        state = PathDescriptionState.fresh(episode, previous=len(self.action_names), said=said)
        return replace(state, least_error=self.error(state))

    def observe(self, state: PathDescriptionState) -> dict[str, NDArray[Any]]:
        return {"path": self.path.take(state.episode, axis=0), "previous": state.previous.copy()}

    def step(self, state: PathDescriptionState, move: NDArray[np.int64]) -> PathDescriptionState:
        move = np.ascontiguousarray(move, dtype=np.int64)
        stopped, said = move == len(self.action_names) - 1, state.said.copy()
        said[np.arange(len(state)), state.steps] = np.where(stopped, PADDING, move + UNKNOWN)
        after = replace(
            state,
            steps=state.steps + np.int32(1),
            previous=move,
            length=state.length + ~stopped,
            stopped=stopped,
            said=said,
        )
        return replace(after, least_error=np.minimum(state.least_error, self.error(after)))

    def error(self, state: PathDescriptionState) -> NDArray[np.float32]:
        left = (self.tokens[state.episode] != PADDING).sum(axis=1) - state.length
        return np.abs(left).astype(np.float32)

    def expert(self, state: PathDescriptionState) -> NDArray[np.bool_]:
        place = np.minimum(state.steps, self.max_steps - 1)
        token = self.tokens[state.episode, place]
        best = np.zeros((len(state), len(self.action_names)), dtype=np.bool_)
        best[np.arange(len(state)), np.where(token == PADDING, len(self.action_names) - 1, token - UNKNOWN)] = True
        return best

    def measure(self, final: PathDescriptionState) -> dict[str, NDArray[np.float64]]:
        """BLEU-4 against all that people said of the same path, and how many words were said."""
        said = [self._words(row) for row in final.said]
        people = [self._said_of[_path_of(self.episodes[number])] for number in final.episode.tolist()]
        each = [bleu(words, references) for words, references in zip(said, people, strict=True)]
        return {"bleu": np.array(each), "words": np.array([float(len(words)) for words in said])}

    def position(self, state: PathDescriptionState) -> NDArray[np.int32]:
        """[B, 1], how many words have been said."""
        return state.steps[:, None].copy()

    @property
    def picture_size(self) -> tuple[int, int]:
        return page_size(self.episodes)

    def draw(
        self, state: PathDescriptionState, slot: int, path: NDArray[Any], colours: NDArray[np.uint8] | None = None
    ) -> NDArray[np.uint8]:
        asked = self.episodes[int(state.episode[slot])]
        assert asked.reference is not None  # every annotation has one
        return draw_map(asked, asked.reference[:, 0], asked.start[0].heading)

    def _words(self, tokens: NDArray[np.int32]) -> list[int]:
        return [token for token in tokens.tolist() if token != PADDING]

    @cached_property
    def _said_of(self) -> dict[tuple[str, tuple[int, ...]], list[list[int]]]:
        """What people said of every path."""
        found: dict[tuple[str, tuple[int, ...]], list[list[int]]] = {}
        for episode, tokens in zip(self.episodes, self.tokens, strict=True):
            found.setdefault(_path_of(episode), []).append(self._words(tokens))
        return found


def _path_of(episode: Episode) -> tuple[str, tuple[int, ...]]:
    """The building, mirrored or not, and the path that an episode's instruction is of."""
    return episode.place.identity, tuple(path_of(episode).tolist())


def show_paths(episodes: Sequence[Episode], atlas: GraphBatch, fixed: NDArray[np.float32]) -> NDArray[np.float32]:
    """The annotated paths as features, float32 [E, hops, MOVING + features of an edge].

    Rows of zeros are none. A row is a hop: sine and cosine of the turn it begins with, how many ways lead on in every
    sector around, that it is one, and what is told of its edge. The last row is where the path ends, with no turn and
    no edge.
    """
    path = paths_of(episodes, atlas)[0].padded()
    hops = max(HOPS + 1, path.shape[1])
    shown = np.zeros((len(episodes), hops, MOVING + fixed.shape[2]), dtype=np.float32)
    facing = np.array([episode.start[0].heading for episode in episodes])
    for hop in range(path.shape[1]):
        rows = np.flatnonzero(path[:, hop] != NONE)
        here = path[rows, hop]
        ahead = path[rows, hop + 1] if hop + 1 < path.shape[1] else np.full(len(rows), NONE, dtype=np.int32)
        there = atlas.neighbour[here] != NONE
        side = (atlas.heading[here] - facing[rows, None]) / (2 * np.pi / SECTORS)
        sector = np.round(side).astype(np.int64) % SECTORS
        for number in range(SECTORS):
            shown[rows, hop, 2 + number] = ((sector == number) & there).sum(axis=1) / 2
        shown[rows, hop, MOVING - 1] = 1
        going, way = np.nonzero((atlas.neighbour[here] == ahead[:, None]) & there)
        along = atlas.heading[here[going], way]
        turn = along - facing[rows[going]]
        shown[rows[going], hop, 0], shown[rows[going], hop, 1] = np.sin(turn), np.cos(turn)
        shown[rows[going], hop, MOVING:] = fixed[here[going], way]
        facing[rows[going]] = along
    return shown
