"""A world: where episodes take place. State, and the functions of a State that every task is made of."""

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


BLOCK = 1000  # positions of a path whose lengths are summed at once

Display = Literal["picture", "text", "columns", "sentence"]


class World(ABC, Generic[S]):
    """Where episodes take place: functions of a State, and what has to be known beforehand.

    A world of your own writes `begin`, `observe`, `step`, `error`, `expert` and `draw`; all else has a default. The
    contract, which `vln.world_checker.check_world` checks:

    - A world has no memory of its own: every function depends on the State it is given and on nothing else, and writes
      neither into it nor into a move. So a state may be asked again, and stepped from again, after any other step.
    - Every function takes a batch. Rows are independent: `take`, `put` and any other batch change nothing in them.
    - `observe` gives new arrays, within `spaces` in shape, dtype and range: what becomes of them changes nothing here.
    - `step` adds 1 to `steps`, sets `previous` to the move where moves are choices, and keeps every field's dtype and
      shape. It is never called with an episode that has ended.
    - `error` is never below 0 nor NaN, and 0 exactly where stopping is right. Where there is a move `stop`, the expert
      says it there, and it is a success there and as far as the tolerance, and nowhere else. The error may be infinite,
      where success is out of reach. `least_error` is the smallest so far.
    - `expert` has an optimal move for every state of an episode that goes on, and following it from the beginning ends
      in success within `max_steps`.
    - An episode ends by what the agent did (`terminated`) or by the limit (`truncated`), never by both, and after
      `max_steps` at the latest.
    - `draw` gives pictures of one size, unless there is a `picture_size`.

    An external simulator that can't go back says so by `resumable`, and only its latest state may be stepped from.

    episodes: what can be asked here; a State points into it.
    vocabulary, words: how instructions become token ids of a fixed number of words.
    action_names: the names of the actions; where one of them is `stop`, it is the last. Where an action is a point, the
        names of its coordinates; where it has several parts (see vln.actions), the names of the choices of all parts,
        in the order of the parts' names.
    max_steps: an episode that has not ended after this many steps is cut off (truncated).
    spaces: the Gymnasium space of every key of a single observation.
    num_answers: of the world's question; 0 where it asks none. answer_names: of the answers, for people.
    scores_answers: whether an answer is given with every action, and success is to be right at the end. Elsewhere the
        question is an aside, from which an agent learns.
    measures_nll: whether the negative log-likelihood of the expert's actions is worth measuring: where they are the
    truth.
    is_differentiable: whether it can be had in tensors, which carry gradients (see `differentiable`).
    uses_tensors: whether states and observations are tensors.
    resumable: whether every state can be stepped from at any time, with any of its rows.
    tolerance: the largest error at which stopping is a success.

    What people are told of it:

    unit: of the distances that are travelled and still to go ("m"). step_name: what a step is called, one of them.
    headline: the metric that agents are compared by (see vln.metrics).
    metrics: those of the world's own, and of the task that opened it: computed when an episode ends, or, where a Metric
        has no `of`, by `measure`, of which it says the unit.
    verdicts: what is said of an episode that was a success, and of one that was not; none where success says little,
        and an episode is told of by its headline.
    display: how a step is shown: as the picture that is drawn of it; as a text that is foretold symbol by symbol; as a
        column of input, answer and target (see `describe_input`); or as a sentence that is said, beside one picture.
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
        """The Gymnasium space of a move: a choice (Discrete), numbers (Box), or named parts of these (Dict)."""
        return Discrete(len(self.action_names))

    @property
    def env_action_space(self) -> Space[Any]:
        """The Gymnasium space of an action: a move, and where answers are scored the logits of the answer beside it."""
        if not self.scores_answers:
            return self.action_space
        return Dict({"move": self.action_space, "answer": Box(-np.inf, np.inf, (self.num_answers,), np.float32)})

    @abstractmethod
    def begin(self, episode: NDArray[np.int64]) -> S:
        """The first state of these episodes, given by index [B]."""

    @abstractmethod
    def observe(self, state: S) -> dict[str, NDArray[Any]]:
        """What the agent is given, [B, ...] for every key of `spaces`. Always new arrays."""

    @abstractmethod
    def step(self, state: S, move: NDArray[Any]) -> S:
        """The state after a move [B]. A finished episode must not be stepped."""

    def give_answer(self, state: S, answer: NDArray[np.float32]) -> S:
        """The state in which these answers, logits [B, answers], have been given and scored; nothing else changes.

        Called before the step that the answers come with.
        """
        return state

    @abstractmethod
    def error(self, state: S) -> NDArray[np.float32]:
        """The distance still to go [B], through every stage that is left. 0 where stopping is right.

        Where answers are scored: the negative log-likelihood of the truth under the last answer, in nats.
        """

    @abstractmethod
    def expert(self, state: S) -> Any:
        """The optimal moves, bool [B, moves], of one who knows the whole place. At least one at every state.

        Where moves are points: the one the expert would choose, float32 [B, coordinates], or NaN where any will do.
        Where a move has several parts: a dict of these by their names.
        """

    def teacher(self, state: S) -> Any:
        """The optimal moves, as of `expert`, of one who knows only what the agent could have seen so far.

        What an agent is taught: an expert's short cut through unseen rooms can't be learned from a view. The same
        as `expert` where the world shows all that matters.
        """
        return self.expert(state)

    def with_teacher(self) -> "World[S]":
        """The same world, one whose teacher can be asked."""
        return self

    def correct_answer(self, state: S) -> NDArray[np.int64]:
        """The right answer to the world's question, int [B] below `answers`. Answers are scored, never shown."""
        raise NotImplementedError(f"{type(self).__name__} asks nothing")

    def position(self, state: S) -> NDArray[Any]:
        """Where the agent is, [B, ...], in the place's own terms (row and column, a viewpoint); without the heading.

        Always the same place, [B, 1], in a world in which nobody walks.
        """
        return np.zeros((len(state), 1), dtype=np.float32)

    def pose(self, state: S, slot: int) -> tuple[Any, ...]:
        """Where and how an agent stands, as `episode_of` takes a start: its position, where a world says no more."""
        return tuple(np.ravel(self.position(state)[slot]).tolist())

    @classmethod
    def episode_of(cls, instruction: str, place: Any, start: Any) -> Episode:
        """The episode of an instruction in a place of somebody's own, without a goal (see vln.runs.run.Run.ask).

        place, start: in the world's own terms. Raises ValueError where the world has no such episodes, and where
        nobody can start so.
        """
        raise ValueError(f"{cls.__name__} can't be asked in a place of your own: it has no episode_of")

    @property
    def picture_size(self) -> tuple[int, int] | None:
        """The height and width of a page for the pictures of all episodes; None where they are all of one size.

        Environments show every picture on such a page, scaled down where it is larger: recorders take one size only.
        """
        return None

    @abstractmethod
    def draw(
        self, state: S, slot: int, path: NDArray[Any], colours: NDArray[np.uint8] | None = None
    ) -> NDArray[np.uint8]:
        """A picture for people, uint8 [height, width, 3]: the place from above, the path [n, ...], what is seen.

        colours: [n, 3], a colour for every place of the path, to show what went on in an agent there.
        """

    def labels(self, state: S) -> dict[str, NDArray[Any]]:
        """What is true of every state [B], by name, to compare with what an agent remembers; it is never shown to it.

        bool, or a number, NaN where it does not apply.
        """
        error = np.asarray(self.error(state), dtype=np.float32)
        return {
            "distance to go": np.where(np.isfinite(error), error, np.nan),
            "moves made": state.steps.astype(np.float32),
        }

    def describe_input(self, state: S, slot: int) -> tuple[str, ...]:
        """What a slot is given at this step, for people, where steps are shown as a text or as columns."""
        return ()

    def measure(self, final: S) -> dict[str, NDArray[np.float64]]:
        """What became of episodes that have ended, in numbers of the world's own, [B] by name.

        They stand beside the metrics of paths, where there are any (see `metrics` for their units).
        """
        return {}

    @property
    def paths(self) -> "HasPaths | None":
        """What path metrics ask of a world besides; None where nobody walks (see HasPaths)."""
        return None

    @property
    def scripted(self) -> tuple[str, ...]:
        """The names of the agents without learning that mean something here, as rows of a table.

        Where answers are scored nobody who has not learned knows one: there is only `chance`, who looks anywhere and
        guesses. Elsewhere `random` makes any move and `expert` the right ones (leave it out where nobody knows them);
        where moves have names, `stop` stops at once and `straight` goes mostly `forward`.
        """
        if self.scores_answers:
            return ("chance",)
        named = self.action_names if isinstance(self.action_space, Discrete) else ()
        by_name = {"stop": self.stop is not None, "straight": "forward" in named and len(named) > 1}
        return ("random", *(name for name, there in by_name.items() if there and named), "expert")

    def describe_actions(self, state: S, slot: int) -> tuple[str, ...]:
        """What people are told of every move that a slot can make now, in the order of `moves`.

        Nothing where a move is the same everywhere, and its name says it.
        """
        return ()

    def galleries(self, outcomes: Sequence["Outcome"]) -> Mapping[str, Sequence[tuple[str, NDArray[np.uint8]]]]:
        """Pictures for a page, by title, each with its label; outcomes: of the world's first episodes, in order."""
        return {}

    def differentiable(self, device: Any) -> "World[Any]":
        """The same world in tensors on a device, with gradients through what is seen. Raises ValueError without one."""
        raise ValueError(f"{type(self).__name__} carries no gradients: agents can't learn through its eye")

    def instructions(self, episode: NDArray[np.int64]) -> NDArray[np.object_]:
        """The text of the instruction of every one of these episodes [B]."""
        return self._texts[episode]

    @cached_property
    def _texts(self) -> NDArray[np.object_]:
        return np.array([episode.instruction for episode in self.episodes], dtype=object)

    @property
    def stop(self) -> int | None:
        """The number of the move that ends an episode; None where there is no such move."""
        return (
            len(self.action_names) - 1
            if isinstance(self.action_space, Discrete) and self.action_names[-1] == "stop"
            else None
        )

    def success(self, state: S) -> NDArray[np.bool_]:
        """Whether the agent stopped where it should have, [B]; where answers are scored, whether the last was right."""
        return state.stopped & ~state.failed & (self.error(state) <= self.tolerance)

    def terminated(self, state: S) -> NDArray[np.bool_]:
        """Whether the episode ended by what the agent did, [B]."""
        return state.stopped | state.failed

    def truncated(self, state: S) -> NDArray[np.bool_]:
        """Whether the episode was cut off by the limit of steps, [B]."""
        return ~self.terminated(state) & (state.steps >= self.max_steps)


class HasPaths(ABC):
    """What path metrics ask of a world besides: it is walked in, and there is a way to compare with.

    Stands before World among the bases of a class: `class Maze(HasPaths, World[MazeState])`.

    threshold: the distance at which nDTW and CLS count a position as missed, in the unit of `distances`.
    """

    threshold: float = 3.0

    @property
    def paths(self) -> "HasPaths":
        return self

    @abstractmethod
    def distances(self, episode: int, path: NDArray[Any], reference: NDArray[Any]) -> NDArray[np.float32]:
        """Walking distances [n, m] between the positions of a path [n, ...] and of a reference [m, ...]."""

    def path_length(self, episode: int, path: NDArray[Any]) -> float:
        """How far it is along a path [n, ...], from each position to the next, in the unit of `distances`."""
        parts = (path[at : at + BLOCK + 1] for at in range(0, len(path) - 1, BLOCK))
        return float(sum(np.trace(self.distances(episode, part[:-1], part[1:])) for part in parts))

    @abstractmethod
    def reference(self, episode: int) -> NDArray[Any]:
        """The positions [n, ...] of the path to compare with, repeats included: the given one, or the expert's."""
