"""EpisodeBatch: a batch of running episodes with their rewards and paths, on which all environments stand."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vln.actions import Action, each_part
from vln.evaluation.finished import EpisodeStep, needs_steps, outcome_of
from vln.metrics import END_METRICS, PATH_METRICS
from vln.pages.padding import on_page
from vln.rewards import Rewards
from vln.state import State, put, take
from vln.world import World


@dataclass(frozen=True)
class Ending:
    """Episodes that are over, or judged as if they were: their slots [n], last states, and whether each succeeded."""

    rows: NDArray[np.int64]
    final: State
    success: NDArray[np.bool_]


@dataclass(frozen=True)
class Transition:
    """What a step of all slots gave: reward float64 [B], terminated and truncated bool [B], what it ended (or None)."""

    reward: NDArray[np.float64]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    ending: Ending | None


class Ends(NamedTuple):
    """How walks ended, an array [n] each: what END_METRICS of many episodes at once are computed from."""

    success: NDArray[np.bool_]
    error: NDArray[np.float64]
    least_error: NDArray[np.float32]
    length: NDArray[np.float64]
    shortest: NDArray[np.float64]
    tolerance: float


class EpisodeBatch:
    """`count` episodes of one world, side by side, in slots numbered from 0.

    success_reward: what ending well is worth, in the unit of the world's error (see vln.rewards).
    trails: whether to keep the positions passed, which pictures and path metrics need.
    limit: after how many moves an episode is cut off as by Gymnasium's TimeLimit: ended or not, and without the reward
        of an end. None for the world's own limit alone.
    success: bool [B], whether the episode of each slot would count as a success if it ended now.
    """

    def __init__(
        self, world: World[Any], count: int, success_reward: float, trails: bool, limit: int | None = None
    ) -> None:
        self.world = world
        self.count = count
        self.success_reward = success_reward
        self.limit = checked_limit(limit)
        self.state: Any = None  # a State of the world, once episodes have begun
        self.success = np.zeros(count, dtype=np.bool_)
        # By a world's usual rule only a stop, which ends the episode, is a success; by another any moment may be one.
        self._needs_stop = type(world).success is World.success
        self._rewards = Rewards.begin(np.zeros(count, dtype=np.float32), success_reward)
        self._first_error = np.zeros(count, dtype=np.float32)
        self._everyone = np.arange(count)
        # What declared metrics may ask of the way; an episode's own steps are the latest ones when it ends.
        self._steps: deque[EpisodeStep] | None = deque(maxlen=world.max_steps) if needs_steps(world) else None
        self._keep_trails = trails or self._steps is not None
        self._trails = np.empty(0)  # [max_steps + 1, count, 2], once episodes have begun
        self._page: tuple[int, int] | None = None  # the height and width of every picture, once one is drawn

    def begin(self, slots: NDArray[np.int64], episode: NDArray[np.int64]) -> None:
        """Begin these episodes, one in each of these slots, which are in ascending order."""
        begun = self.world.begin(episode)
        error = self.world.error(begun)
        self._first_error[slots] = error
        self._rewards = self._rewards.begun(slots, error)
        self.success[slots] = False
        self.state = begun if len(slots) == self.count else put(self.state, slots, begun)
        if self._keep_trails:
            position = self.world.position(begun)
            if not len(self._trails):
                shape = (self.world.max_steps + 1, self.count, *position.shape[1:])
                self._trails = np.zeros(shape, dtype=position.dtype)
            self._trails[0, slots] = position

    def step(
        self, move: Action, answer: NDArray[np.float32] | None = None, held: NDArray[np.int64] | None = None
    ) -> Transition:
        """Make a move [B] in every slot, but leave the slots `held` (their numbers), none of them over, as they are.

        answer: logits [B, answers], where answers are scored.
        """
        world, before = self.world, self.state
        state = world.step(before if answer is None else world.give_answer(before, answer), move)
        if held is not None:
            state = put(state, held, take(before, held))
        self.state = state
        if self._steps is not None:
            self._steps.append(EpisodeStep(self._everyone, before, each_part(np.array, move)))
        self._rewards, reward = self._rewards.after(world.error(state))
        if self._keep_trails:
            self._trails[state.steps, self._everyone] = world.position(state)
        terminated, truncated = world.terminated(state), world.truncated(state)
        over = terminated | truncated
        if self.limit is not None:
            truncated = truncated | (state.steps >= self.limit)
        self.success = np.zeros(self.count, dtype=np.bool_) if self._needs_stop else world.success(state).copy()
        ended = (over if self.limit is None else over | truncated).nonzero()[0]
        if not len(ended):
            return Transition(reward, terminated, truncated, None)
        final = take(state, ended)
        self.success[ended] = success = world.success(final)
        reward[ended] += self.success_reward * (success & over[ended])
        return Transition(reward, terminated, truncated, Ending(ended, final, success))

    def instructions(self, state: State) -> dict[str, NDArray[Any]]:
        """What is told of every slot of a state beside what it shows: the instruction, where words are given."""
        return {"instruction": self.world.instructions(state.episode)} if "instruction" in self.world.spaces else {}

    def expert_actions(self, state: State) -> Action:
        """An optimal move in every slot of a state: the first, where several are; of points the zero, where all are."""

        def first(best: NDArray[Any]) -> NDArray[Any]:
            return best.argmax(axis=1) if best.dtype == np.bool_ else np.nan_to_num(best)

        return each_part(first, self.world.expert(state))

    def as_ending(self, slots: NDArray[np.int64]) -> Ending:
        """These slots as if their episodes ended now."""
        return Ending(slots, take(self.state, slots), self.success[slots])

    def metrics(self, ending: Ending, paths: bool) -> dict[str, NDArray[Any]]:
        """What became of these episodes (see vln.metrics), float64 [n] by name, and is_success, bool [n].

        Those that the world and its task declare are among it. With paths ndtw, sdtw and cls of a world that is walked
        are, too, which take a search per position passed.
        """
        walked = self.world.paths is not None
        if self._steps is not None or (walked and paths):
            left_out = () if paths else tuple(metric.name for metric in PATH_METRICS)
            rows = [self._outcome_metrics(ending, number, left_out) for number in range(len(ending.rows))]
            return {"is_success": ending.success} | {name: np.array([row[name] for row in rows]) for name in rows[0]}
        measured = {"is_success": ending.success} | self.world.measure(ending.final)
        if not walked:
            return {"accuracy": ending.success.astype(np.float64)} | measured
        final = ending.final
        ends = Ends(
            ending.success,
            self.world.error(final).astype(np.float64),
            final.least_error,
            final.length.astype(np.float64),
            self._first_error[ending.rows].astype(np.float64),
            self.world.tolerance,
        )
        return measured | {metric.name: metric.of(ends) for metric in END_METRICS if metric.of}

    def draw(self, slot: int) -> NDArray[np.uint8]:
        """A picture for people of one slot and the way it went, uint8 [height, width, 3], always of one size."""
        picture = self.world.draw(self.state, slot, self._trails[: self.state.steps[slot] + 1, slot].copy())
        if self._page is None:
            self._page = self.world.picture_size or picture.shape[:2]
        return on_page(picture, *self._page)

    def _outcome_metrics(self, ending: Ending, number: int, left_out: Sequence[str]) -> dict[str, float]:
        slot, count = int(ending.rows[number]), int(ending.final.steps[number])
        positions, first = self._trails[: count + 1, slot], float(self._first_error[slot])
        steps = list(self._steps)[len(self._steps) - count :] if self._steps is not None else ()
        found = outcome_of(self.world, ending.final, number, positions, first, slot, steps).metrics()
        return {name: value for name, value in found.items() if name not in left_out}


def checked_limit(limit: int | None) -> int | None:
    """A limit of moves, as Gymnasium takes it: None and -1 stand for none. Raises ValueError for another below 1."""
    if limit is None or limit == -1:
        return None
    if not isinstance(limit, int | np.integer) or limit < 1:
        raise ValueError(f"max_episode_steps is a whole number from 1 on, or None, not {limit!r}")
    return int(limit)
