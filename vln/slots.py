"""Slots: a batch of episodes being lived, what each has earned and where it went. The Gymnasium faces stand on it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vln.actions import Action, each_part
from vln.outcomes import outcome_of
from vln.pages import on_page
from vln.rewards import Rewards
from vln.world import State, Walked, World, put, take


@dataclass(frozen=True)
class Ending:
    """Episodes that are over, or judged as if they were: their slots [n], last states, and whether each succeeded."""

    slots: NDArray[np.int64]
    final: State
    success: NDArray[np.bool_]


@dataclass(frozen=True)
class Step:
    """What a step of all slots gave: reward float64 [B], terminated and truncated bool [B], what it ended (or None)."""

    reward: NDArray[np.float64]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    ending: Ending | None


class Slots:
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
        self._keep_trails = trails
        self._trails = np.empty(0)  # [max_steps + 1, count, 2], once episodes have begun
        self._walked = isinstance(world, Walked)
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
    ) -> Step:
        """Make a move [B] in every slot, but leave the slots `held` (their numbers), none of them over, as they are.

        answer: logits [B, answers], where answers are graded.
        """
        world, before = self.world, self.state
        state = world.step(before if answer is None else world.reply(before, answer), move)
        if held is not None:
            state = put(state, held, take(before, held))
        self.state = state
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
            return Step(reward, terminated, truncated, None)
        final = take(state, ended)
        self.success[ended] = success = world.success(final)
        reward[ended] += self.success_reward * (success & over[ended])
        return Step(reward, terminated, truncated, Ending(ended, final, success))

    def told(self, state: State) -> dict[str, NDArray[Any]]:
        """What is told of every slot of a state beside what it shows: the instruction, where words are given."""
        return {"instruction": self.world.instructions(state.episode)} if "instruction" in self.world.spaces else {}

    def expert_moves(self, state: State) -> Action:
        """An optimal move in every slot of a state: the first, where several are; of points the zero, where all are."""

        def first(best: NDArray[Any]) -> NDArray[Any]:
            return best.argmax(axis=1) if best.dtype == np.bool_ else np.nan_to_num(best)

        return each_part(first, self.world.expert(state))

    def judged(self, slots: NDArray[np.int64]) -> Ending:
        """These slots as if their episodes ended now."""
        return Ending(slots, take(self.state, slots), self.success[slots])

    def metrics(self, ending: Ending, paths: bool) -> dict[str, NDArray[Any]]:
        """What became of these episodes (see vln.metrics), float64 [n] by name, and is_success, bool [n].

        With paths ndtw, sdtw and cls of a world that is walked are among it, which take a search per position passed.
        """
        if not self._walked:
            accuracy = ending.success.astype(np.float64)
            return {"is_success": ending.success, "accuracy": accuracy} | self.world.measure(ending.final)
        if paths:
            rows = [self._path_metrics(ending, number) for number in range(len(ending.slots))]
            return {"is_success": ending.success} | {name: np.array([row[name] for row in rows]) for name in rows[0]}
        final, success = ending.final, ending.success.astype(np.float64)
        length = final.length.astype(np.float64)
        return {
            "is_success": ending.success,
            "trajectory_length": length,
            "navigation_error": self.world.error(final).astype(np.float64),
            "success": success,
            "oracle_success": (final.least_error <= self.world.tolerance).astype(np.float64),
            "spl": success * _directness(self._first_error[ending.slots].astype(np.float64), length),
        }

    def draw(self, slot: int) -> NDArray[np.uint8]:
        """A picture for people of one slot and the way it went, uint8 [height, width, 3], always of one size."""
        picture = self.world.draw(self.state, slot, self._trails[: self.state.steps[slot] + 1, slot].copy())
        if self._page is None:
            self._page = self.world.picture_size or picture.shape[:2]
        return on_page(picture, *self._page)

    def _path_metrics(self, ending: Ending, number: int) -> dict[str, float]:
        slot = int(ending.slots[number])
        trail = self._trails[: ending.final.steps[number] + 1, slot]
        return outcome_of(self.world, ending.final, number, trail, float(self._first_error[slot])).metrics()


def checked_limit(limit: int | None) -> int | None:
    """A limit of moves, as Gymnasium takes it: None and -1 stand for none. Raises ValueError for another below 1."""
    if limit is None or limit == -1:
        return None
    if not isinstance(limit, int | np.integer) or limit < 1:
        raise ValueError(f"max_episode_steps is a whole number from 1 on, or None, not {limit!r}")
    return int(limit)


def _directness(shortest: NDArray[np.float64], length: NDArray[np.float64]) -> NDArray[np.float64]:
    """The weight of a success in SPL (see vln.metrics.spl): 1 where there was nothing to walk."""
    longer = np.maximum(length, shortest)
    walkable = np.isfinite(shortest) & (shortest > 0)
    return np.where(walkable, np.divide(shortest, longer, where=walkable, out=np.zeros_like(longer)), shortest == 0)
