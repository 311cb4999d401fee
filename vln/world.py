"""Worlds: the functions of a State that every task is made of."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, Literal

import numpy as np
from gymnasium import Space
from gymnasium.spaces import Box, Dict, Discrete
from numpy.typing import NDArray

from vln.episode import Episode
from vln.language import Vocabulary
from vln.metrics import Metric
from vln.state import S

if TYPE_CHECKING:
    from vln.outcomes import Outcome


BLOCK = 1000  # positions of a path whose distances are summed at once

Display = Literal["picture", "text", "columns", "sentence"]


class World(ABC, Generic[S]):
    """The dynamics of a task over a list of episodes: functions of a State.

    A world of your own writes `begin`, `observe`, `step`, `error`, `expert` and `draw`; all else has a default. The
    contract, which `vln.world_checker.check_world` checks:

    - A world has no memory of its own: every function depends on its arguments alone, and writes neither into a State
      nor into an action. So a state can be observed and stepped from again after any other step.
    - Every function takes a batch. Rows are independent: `take`, `put` and any other batch change nothing in them.
    - `observe` returns new arrays, within `spaces` in shape, dtype and range; a caller may write into them.
    - `step` adds 1 to `steps`, sets `previous` to the action where actions are choices, and keeps every field's dtype
      and shape. It is never called with an episode that has ended.
    - `error` is never below 0 nor NaN, and 0 exactly where stopping is right. Where there is an action `stop`, the
      expert takes it there, and it is a success there and up to the tolerance, and nowhere else. The error may be
      infinite, where success is out of reach. `least_error` is the smallest so far.
    - `expert` has an optimal action for every state of an episode that goes on, and following it from the beginning
      ends in success within `max_steps`.
    - An episode ends by an action (`terminated`) or by the limit of steps (`truncated`), never by both, and after
      `max_steps` at the latest.
    - `draw` returns pictures of one size, unless there is a `picture_size`.

    An external simulator that can't go back sets `resumable` to False; only its latest state may be stepped from.

    episodes: the episodes; a State holds their numbers.
    vocabulary: the words of the instructions, by which they become token ids.
    action_names: names of the actions; `stop`, if there is one, is the last. Names of the coordinates where an action
        is a point; where it has several parts (see vln.actions), names of the choices of all parts, in the order of the
        parts' names.
    max_steps: number of steps after which an episode that has not ended is truncated.
    spaces: the Gymnasium space of every key of a single observation.
    num_answers: number of answers to the world's question; 0 without one. answer_names: their names, for people.
    scores_answers: whether an answer comes with every action, and success is a correct last answer. Elsewhere the
        question is an auxiliary task.
    measures_nll: whether to measure the negative log-likelihood of the expert's actions, where these are the truth.
    is_differentiable: whether the world exists in tensors that carry gradients (see `differentiable`).
    uses_tensors: whether states and observations are tensors.
    resumable: whether every state can be stepped from at any time, with any of its rows.
    tolerance: the largest error at which stopping is a success.

    How it is shown to people:

    unit: unit of distances ("m"). step_name: the word for a step, in the singular.
    headline: name of the metric that agents are compared by (see vln.metrics).
    metrics: metrics of the world and of the task that opened it, computed when an episode ends, or, for a Metric
        without `of`, by `measure`.
    verdicts: words for a success and for a failure; None where success says little and the headline is shown instead.
    display: form of a step: a picture; a text that is predicted symbol by symbol; a column of input, answer and target
        (see `describe_input`); or a sentence that is said, beside one picture.
    """

    episodes: Sequence[Episode]
    vocabulary: Vocabulary
    action_names: tuple[str, ...]
    max_steps: int
    spaces: dict[str, Space[Any]]
    num_answers: int = 0
    answer_names: tuple[str, ...] = ()
    scores_answers: bool = False
    measures_nll: bool = False
    is_differentiable: bool = False
    uses_tensors: bool = False
    resumable: bool = True
    tolerance: float = 0.0
    unit: str = ""
    step_name: str = "move"
    headline: str = "success"
    metrics: tuple[Metric, ...] = ()
    verdicts: tuple[str, str] | None = ("reached", "failed")
    display: Display = "picture"

    @property
    def action_space(self) -> Space[Any]:
        """The Gymnasium space of an action: a choice (Discrete), numbers (Box), or named parts of these (Dict)."""
        return Discrete(len(self.action_names))

    @property
    def env_action_space(self) -> Space[Any]:
        """The action space of the Gymnasium environment: with scored answers, an action and the logits of an answer."""
        if not self.scores_answers:
            return self.action_space
        return Dict({"move": self.action_space, "answer": Box(-np.inf, np.inf, (self.num_answers,), np.float32)})

    @abstractmethod
    def begin(self, episode: NDArray[np.int64]) -> S:
        """The first state of episodes, by their numbers [B]."""

    @abstractmethod
    def observe(self, state: S) -> dict[str, NDArray[Any]]:
        """The observation, [B, ...] for every key of `spaces`. Always new arrays."""

    @abstractmethod
    def step(self, state: S, action: NDArray[Any]) -> S:
        """The state after an action [B]. A finished episode must not be stepped."""

    def give_answer(self, state: S, answer: NDArray[np.float32]) -> S:
        """The state with these answers, logits [B, answers], scored; nothing else changes.

        Called before the step that the answers come with.
        """
        return state

    @abstractmethod
    def error(self, state: S) -> NDArray[np.float32]:
        """The distance still to go [B], through every stage that is left. 0 where stopping is right.

        Where answers are scored: the negative log-likelihood of the correct answer under the last one, in nats.
        """

    @abstractmethod
    def expert(self, state: S) -> Any:
        """The optimal actions with full knowledge of the place, bool [B, actions]; at least one in every state.

        Where actions are points: the optimal one, float32 [B, coordinates], or NaN where any is optimal. Where an
        action has several parts: a dict of these by their names.
        """

    def teacher(self, state: S) -> Any:
        """The best actions, in the form of `expert`, given only what the agent could have seen so far.

        Agents imitate the teacher: an expert's short cut through unseen rooms can't be learned from a view. The same as
        `expert` where the observation shows all that matters.
        """
        return self.expert(state)

    def with_teacher(self) -> "World[S]":
        """The same world, with all that its teacher needs."""
        return self

    def correct_answer(self, state: S) -> NDArray[np.int64]:
        """The correct answer to the world's question, int [B] below `num_answers`; it is scored, never observed."""
        raise NotImplementedError(f"{type(self).__name__} asks nothing")

    def position(self, state: S) -> NDArray[Any]:
        """The agent's position, [B, ...], in the place's own terms (row and column, a viewpoint); without the heading.

        Always 0, [B, 1], in a world without positions.
        """
        return np.zeros((len(state), 1), dtype=np.float32)

    def pose(self, state: S, slot: int) -> tuple[Any, ...]:
        """Position and heading of an agent, in the form of `episode_of`'s start; the position alone by default."""
        return tuple(np.ravel(self.position(state)[slot]).tolist())

    @classmethod
    def episode_of(cls, instruction: str, place: Any, start: Any) -> Episode:
        """The episode of an instruction in a user's own place, without a goal (see vln.runs.run.Run.ask).

        place, start: in the world's own terms. Raises ValueError where the world has no such episodes, and for an
        impossible start.
        """
        raise ValueError(f"{cls.__name__} can't be asked in a place of your own: it has no episode_of")

    @property
    def picture_size(self) -> tuple[int, int] | None:
        """The height and width of a page for the pictures of all episodes; None where all have one size.

        Environments put every picture on such a page, scaled down where it is larger: recorders take one size only.
        """
        return None

    @abstractmethod
    def draw(
        self, state: S, slot: int, path: NDArray[Any], colours: NDArray[np.uint8] | None = None
    ) -> NDArray[np.uint8]:
        """A picture for people, uint8 [height, width, 3]: the place from above, the path [n, ...], the view.

        slot: row of the state. colours: [n, 3], colours of the path's positions, to show an agent's activations there.
        """

    def labels(self, state: S) -> dict[str, NDArray[Any]]:
        """Facts about every state [B], by name, to compare with an agent's memory; they are never observed.

        Each is bool, or a number, NaN where it does not apply.
        """
        error = np.asarray(self.error(state), dtype=np.float32)
        return {
            "distance to go": np.where(np.isfinite(error), error, np.nan),
            "moves made": state.steps.astype(np.float32),
        }

    def describe_input(self, state: S, slot: int) -> tuple[str, ...]:
        """The input of a row at this step, for people, where steps are shown as a text or as columns."""
        return ()

    def measure(self, final: S) -> dict[str, NDArray[np.float64]]:
        """The world's own metrics of finished episodes, [B] by name, beside path metrics (units: `metrics`)."""
        return {}

    @property
    def paths(self) -> "HasPaths | None":
        """What path metrics need of a world; None without paths (see HasPaths)."""
        return None

    @property
    def scripted(self) -> tuple[str, ...]:
        """The names of the scripted agents that are rows of a table.

        With scored answers there is only `chance`, which guesses. Elsewhere `random` takes any action
        and `expert` the optimal ones (leave it out where these are unknown); where actions have names, `stop` stops at
        once and `straight` goes mostly `forward`.
        """
        if self.scores_answers:
            return ("chance",)
        named = self.action_names if isinstance(self.action_space, Discrete) else ()
        by_name = {"stop": self.stop is not None, "straight": "forward" in named and len(named) > 1}
        return ("random", *(name for name, there in by_name.items() if there and named), "expert")

    def describe_actions(self, state: S, slot: int) -> tuple[str, ...]:
        """Descriptions of a row's present actions, for people, in the order of `action_names`.

        Empty where the names of the actions say enough.
        """
        return ()

    def galleries(self, outcomes: Sequence["Outcome"]) -> Mapping[str, Sequence[tuple[str, NDArray[np.uint8]]]]:
        """Pictures for a page, by title, each with its label. outcomes: of the world's first episodes, in order."""
        return {}

    def differentiable(self, device: Any) -> "World[Any]":
        """The same world in tensors on a device, with gradients through observations. Raises ValueError without one."""
        raise ValueError(f"{type(self).__name__} carries no gradients: agents can't learn through its observations")

    def instructions(self, episode: NDArray[np.int64]) -> NDArray[np.object_]:
        """The text of the instruction of every one of these episodes [B]."""
        return self._texts[episode]

    @cached_property
    def _texts(self) -> NDArray[np.object_]:
        return np.array([episode.instruction for episode in self.episodes], dtype=object)

    @property
    def stop(self) -> int | None:
        """The number of the action that ends an episode; None without one."""
        return (
            len(self.action_names) - 1
            if isinstance(self.action_space, Discrete) and self.action_names[-1] == "stop"
            else None
        )

    def success(self, state: S) -> NDArray[np.bool_]:
        """Whether the agent stopped where it should have, [B]; with scored answers, whether the last was correct."""
        return state.stopped & ~state.failed & (self.error(state) <= self.tolerance)

    def terminated(self, state: S) -> NDArray[np.bool_]:
        """Whether an action ended the episode, [B]."""
        return state.stopped | state.failed

    def truncated(self, state: S) -> NDArray[np.bool_]:
        """Whether the limit of steps ended the episode, [B]."""
        return ~self.terminated(state) & (state.steps >= self.max_steps)


class HasPaths(ABC):
    """What path metrics need of a world: distances between positions, and a path to compare with.

    Stands before World among the bases of a class: `class Maze(HasPaths, World[MazeState])`.

    threshold: distance beyond which nDTW and CLS count a position as missed, in the unit of `distances`.
    """

    threshold: float = 3.0

    @property
    def paths(self) -> "HasPaths":
        return self

    @abstractmethod
    def distances(self, episode: int, path: NDArray[Any], reference: NDArray[Any]) -> NDArray[np.float32]:
        """Walking distances [n, m] between the positions of a path [n, ...] and of a reference [m, ...]."""

    def path_length(self, episode: int, path: NDArray[Any]) -> float:
        """The length of a path [n, ...], from each position to the next, in the unit of `distances`."""
        parts = (path[at : at + BLOCK + 1] for at in range(0, len(path) - 1, BLOCK))
        return float(sum(np.trace(self.distances(episode, part[:-1], part[1:])) for part in parts))

    @abstractmethod
    def reference(self, episode: int) -> NDArray[Any]:
        """The positions [n, ...] of the path to compare with, repeats included: the episode's or the expert's."""
