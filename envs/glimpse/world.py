"""Glimpses: the world of pictures seen look by look through a sensor, about which a question is asked."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, get_args

import numpy as np
from gymnasium import Space
from gymnasium.spaces import Box, Discrete
from numpy.typing import NDArray

from vln.episode import tokens_of
from vln.grading import ScoredWorld
from vln.language import Vocabulary
from vln.outcomes import Outcome
from vln.spaces import Location, Words
from vln.world import World

from .chance import chances
from .fixations import gaze_maps
from .map_view import draw_map
from .scanner import grid, scan
from .scene_source import SceneSource
from .sensor import GlimpseSensor
from .state import GlimpseState

PLAIN = GlimpseSensor()
Move = Literal["continuous", "relative", "discrete"]
Start = Literal["centre", "random"]
Gaze = Literal["free", "random", "scan", "centre"]
MOVES: tuple[str, ...] = get_args(Move)
WORDS = 16
GAZES: tuple[str, ...] = get_args(Gaze)
STEPS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1), "stay": (0, 0)}  # of an eye that walks
FIRST_LOOK = 1 << 32  # the purposes of an episode's chance from here on are its looks, two for each


class Glimpses(ScoredWorld[GlimpseState]):
    """Look at a picture and say what it is. An episode is a number of looks; with each goes a move and an answer.

    eye: what a look shows. looks: how many there are; after the last the episode has ended, and its move moves nothing.
    start: where the first look goes: "centre", "random", or a point (x, y).
    move: "continuous" (a point to look at), "relative" (by how much to move the eye, at most `limit` far, in the unit
        of points; longer moves are shortened) or "discrete" (the eye walks `stride` pixels left, right, up or down, or
        stays).
    stops: whether one of the discrete moves is `stop`, which ends the looking.
    gaze: "free", or what moves the eye instead of the agent, whose moves are then not heeded: "random" (to points drawn
        uniformly), "scan" (over a grid of the whole picture) or "centre" (nowhere).
    max_words: token ids of an instruction, where there are such; more where one of the episodes has a longer one.
    """

    is_differentiable = True
    unit = "pixels"

    def __init__(
        self,
        episodes: SceneSource,
        vocabulary: Vocabulary,
        eye: GlimpseSensor = PLAIN,
        looks: int = 6,
        start: Start | Sequence[float] = "centre",
        move: Move = "continuous",
        limit: float = 0.3,
        stride: int | None = None,
        stops: bool = False,
        gaze: Gaze = "free",
        max_words: int = WORDS,
    ) -> None:
        for name, chosen, known in (("move", move, MOVES), ("gaze", gaze, GAZES)):
            if chosen not in known:
                raise ValueError(f"no {name} is called {chosen!r}; there are {', '.join(known)}")
        if looks < 1:
            raise ValueError(f"looks must be at least 1, not {looks}")
        if stops and move != "discrete":
            raise ValueError(f"only an eye with discrete moves can stop, not a {move} one")
        if limit <= 0 or (stride is not None and stride < 1):
            raise ValueError("an eye that can't move sees nothing new: take a limit and a stride above 0")
        self.scenes, self.episodes, self.vocabulary = episodes, episodes, vocabulary
        self.eye, self.max_steps, self.move, self.gaze = eye, looks, move, gaze
        self.limit, self.start = limit, _start(start)
        height, width, channels = episodes.shape
        self.reach = eye.reach(height, width)
        self.num_answers, self.answer_names = len(episodes.answers), episodes.answers
        self.action_names: tuple[str, ...] = ("x", "y")
        if move == "discrete":
            self.action_names = (*STEPS, "stop") if stops else tuple(STEPS)
        stride = stride or max(1, eye.patch // 2)
        steps = np.array([*STEPS.values(), (0, 0)], dtype=np.float32) * np.float32(stride)
        # In the unit of points; where the patch fills the picture from side to side there is nowhere to go.
        self.steps = np.divide(steps, self.reach, out=np.zeros_like(steps), where=self.reach > 0)
        self.spaces: dict[str, Space[Any]] = {
            "view": eye.space(channels),
            "where": Location(),
        }
        self._said = tokens_of(episodes.sayings, vocabulary, max_words)
        if len(self._said):
            self.spaces["instruction"] = Words(self._said.shape[1], len(vocabulary))

    @property
    def action_space(self) -> Space[Any]:
        return Discrete(len(self.action_names)) if self.move == "discrete" else Box(-1, 1, (2,), np.float32)

    def begin(self, episode: NDArray[np.int64]) -> GlimpseState:
        return GlimpseState.fresh(
            episode,
            canvas=self.scenes.paint(episode, np.zeros(len(episode), dtype=np.int32)),
            where=self._first_look(episode),
            **self.unanswered(len(episode)),
        )

    def observe(self, state: GlimpseState) -> dict[str, NDArray[Any]]:
        seen: dict[str, NDArray[Any]] = {
            "view": self.eye.look(state.canvas, state.where),
            "where": state.where.copy(),
        }
        return seen | ({"instruction": self.tokens(state)} if len(self._said) else {})

    def tokens(self, state: GlimpseState) -> NDArray[np.int32]:
        """The token ids of what is asked for, [B, words]."""
        return self._said[self.scenes.said(state.episode)]

    def instructions(self, episode: NDArray[np.int64]) -> NDArray[np.object_]:
        if not self.scenes.sayings:
            return np.full(len(episode), "", dtype=object)
        return np.array([self.scenes.sayings[number] for number in self.scenes.said(episode)], dtype=object)

    def step(self, state: GlimpseState, move: NDArray[Any]) -> GlimpseState:
        steps = state.steps + np.int32(1)
        where = self._moved(state, move, steps)
        way = (where - state.where) * self.reach
        return replace(
            state,
            steps=steps,
            length=state.length + np.sqrt((way**2).sum(axis=1)),
            stopped=move == self.stop if self.stop is not None else state.stopped,
            canvas=self.scenes.paint(state.episode, steps) if self.scenes.changes else state.canvas,
            where=where,
        )

    def give_answer(self, state: GlimpseState, answer: NDArray[np.float32]) -> GlimpseState:
        return self.score_answer(state, answer, self.correct_answer(state))

    def correct_answer(self, state: GlimpseState) -> NDArray[np.int64]:
        return self.scenes.answer(state.episode, state.steps)

    def labels(self, state: GlimpseState) -> dict[str, NDArray[Any]]:
        """Where it looks, how often it has, and what is right."""
        truth = self.correct_answer(state)
        found: dict[str, NDArray[Any]] = {"x": state.where[:, 0].copy(), "y": state.where[:, 1].copy()}
        found["looks"] = state.steps.astype(np.float32)
        return found | {f"is {name}": truth == number for number, name in enumerate(self.answer_names)}

    def terminated(self, state: GlimpseState) -> NDArray[np.bool_]:
        """The number of looks is part of what is asked, so who has used them up was not cut off."""
        return state.stopped | (state.steps >= self.max_steps)

    def expert(self, state: GlimpseState) -> NDArray[Any]:
        """The scanner: it knows where on the canvas there is something to see, and looks it over part by part."""
        aim = self._aim(state)
        if self.move == "continuous":
            return aim
        ahead = aim - state.where
        if self.move == "relative":
            return np.clip(ahead / np.float32(self.limit), -1, 1)
        # A step is right where it brings the eye nearer; where none does it stays.
        after = ahead[:, None] - self.steps[None, : len(STEPS)]
        nearer = (np.abs(after) * self.reach).sum(axis=2) < (np.abs(ahead) * self.reach).sum(axis=1)[:, None] - 1e-4
        best = np.zeros((len(state), len(self.action_names)), dtype=np.bool_)
        best[:, : len(STEPS)] = nearer
        best[:, list(STEPS).index("stay")] = ~nearer.any(axis=1)
        return best

    def position(self, state: GlimpseState) -> NDArray[np.float32]:
        """The middle of the eye in pixels (x, y) from the canvas's upper left corner."""
        height, width, _ = self.scenes.shape
        return (np.array([width, height], dtype=np.float32) / 2 + state.where * self.reach).astype(np.float32)

    def draw(
        self, state: GlimpseState, slot: int, path: NDArray[Any], colours: NDArray[np.uint8] | None = None
    ) -> NDArray[np.uint8]:
        glimpse = self.eye.look(state.canvas[slot : slot + 1], state.where[slot : slot + 1])[0]
        asked = self.episodes[int(state.episode[slot])]
        return draw_map(state.canvas[slot], np.asarray(path), glimpse, self.eye, asked.instruction, colours)

    def galleries(self, outcomes: Sequence[Outcome]) -> Mapping[str, Sequence[tuple[str, NDArray[np.uint8]]]]:
        return {"Where it looks, by class": gaze_maps(self.scenes, outcomes)}

    def look_next(self, state: GlimpseState, move: NDArray[Any], steps: NDArray[np.int32]) -> NDArray[np.float32]:
        """Where the eyes look after so many steps, float32 [B, 2], if the episode goes on."""
        if self.gaze == "scan":
            return self._grid[steps % len(self._grid)]
        if self.gaze == "random":
            return self._by_chance(state.episode, steps)
        if self.move == "continuous":
            return np.clip(move, -1, 1).astype(np.float32, copy=False)
        if self.move == "discrete":
            return np.clip(state.where + self.steps[move], -1, 1)
        far = np.maximum(np.sqrt((move**2).sum(axis=1, keepdims=True)), 1)
        return np.clip(state.where + np.float32(self.limit) * move / far, -1, 1).astype(np.float32, copy=False)

    def differentiable(self, device: Any) -> "World[Any]":
        from .tensors import TensorGlimpses

        return TensorGlimpses(self, device)

    def _first_look(self, episode: NDArray[np.int64]) -> NDArray[np.float32]:
        if self.gaze == "scan":
            return np.tile(self._grid[0], (len(episode), 1))
        if self.gaze == "random" or (self.gaze == "free" and self.start == "random"):
            return self._by_chance(episode, np.zeros(len(episode), dtype=np.int32))
        point = (0, 0) if isinstance(self.start, str) or self.gaze == "centre" else self.start
        return np.tile(np.array(point, dtype=np.float32), (len(episode), 1))

    def _moved(self, state: GlimpseState, move: NDArray[Any], steps: NDArray[np.int32]) -> NDArray[np.float32]:
        """Where the eyes look after a move; the last of an episode moves nothing."""
        over = steps >= self.max_steps
        if over.all() or self.gaze == "centre":
            return state.where
        moved = self.look_next(state, move, steps)
        return np.where(over[:, None], state.where, moved) if over.any() else moved

    def _by_chance(self, episode: NDArray[np.int64], steps: NDArray[np.int32]) -> NDArray[np.float32]:
        return chances(self.scenes.deck.keys(episode), np.uint64(FIRST_LOOK) + 2 * steps.astype(np.uint64), 2) * 2 - 1

    @property
    def _grid(self) -> NDArray[np.float32]:
        """The points of a scan of the whole canvas."""
        return 2 * grid(self.max_steps) - 1

    def _aim(self, state: GlimpseState) -> NDArray[np.float32]:
        """Where the scanner looks next: in the parts of what is worth it, from which the patch does not stick out."""
        height, width, _ = self.scenes.shape
        box, half = self.scenes.box(state.episode, state.steps), np.float32(self.eye.patch / 2)
        middle = (box[:, :2] + box[:, 2:]) / 2
        low, high = np.minimum(box[:, :2] + half, middle), np.maximum(box[:, 2:] - half, middle)
        centre = np.array([width, height], dtype=np.float32) / 2
        room = np.maximum(self.reach, np.float32(0.5))
        inside = np.clip(np.concatenate([(low - centre) / room, (high - centre) / room], axis=1), -1, 1)
        looks = max(1, self.max_steps - 1)  # the first goes where every episode begins
        return scan(inside, np.minimum(state.steps, looks - 1), looks)


def _start(start: str | Sequence[float]) -> str | tuple[float, float]:
    if isinstance(start, str):
        if start not in ("centre", "random"):
            raise ValueError(f"a look begins at the centre, at random, or at a point (x, y), not at {start!r}")
        return start
    x, y = start
    if not (-1 <= x <= 1 and -1 <= y <= 1):
        raise ValueError(f"a point is two numbers from -1 to 1, not ({x}, {y})")
    return float(x), float(y)
