"""Any world as a gymnasium.vector.VectorEnv: the batched world itself, with no Python for single episodes in a step."""

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from vln.actions import Action
from vln.gym.env import check_render_mode, checked_action, chosen_episode
from vln.gym.episode_batch import EpisodeBatch, Transition
from vln.gym.generators import Generators, checked_seed
from vln.rewards import SUCCESS_REWARD
from vln.state import State
from vln.world import World

Observation = dict[str, NDArray[Any]]
Info = dict[str, Any]


class TaskVectorEnv(gymnasium.vector.VectorEnv[Observation, Any, NDArray[Any]]):
    """`num_envs` episodes of a world side by side. What they observe, earn and tell is TaskEnv's, batched.

    The seed of slot i is seed + i, or seed[i], and its episodes are those of a TaskEnv with that seed. All chance is in
    np_random, one generator for each slot, and reset(seed=np_random_seed) lives the same episodes again. Infos are
    Gymnasium's: an array `name` [B] and a mask `_name` [B] of the slots it is about; no move is told of an episode's
    last state in final_info. reset() takes the options "episode" (a number, or one for every slot) and "reset_mask"
    (bool [B], the slots to reset; the others go on).

    autoreset_mode: what happens to a slot whose episode has ended.
        SAME_STEP: the next episode begins in the same step, so that no step is wasted and none has to be masked; the
            last observation and info are infos["final_obs"] and infos["final_info"]. What Stable-Baselines3 expects.
        NEXT_STEP: the next step ignores the slot's action and begins the next episode, with reward 0.
        DISABLED: the slot must be reset with a reset_mask before the next step.
    path_metrics: whether infos at an episode's end hold ndtw, sdtw and cls too, at the cost of a search per position.
    max_episode_steps: after how many moves an episode is cut off with truncated=True, as by Gymnasium's TimeLimit, and
        told of like any other end. Less than the world's own limit, or it changes nothing.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 6}  # noqa: RUF012 (Gymnasium's)

    def __init__(
        self,
        world: World[Any],
        num_envs: int,
        autoreset_mode: AutoresetMode | str = AutoresetMode.SAME_STEP,
        render_mode: str | None = None,
        path_metrics: bool = False,
        success_reward: float = SUCCESS_REWARD,
        max_episode_steps: int | None = None,
    ) -> None:
        check_render_mode(render_mode, self.metadata)
        if num_envs < 1:
            raise ValueError(f"num_envs must be at least 1, not {num_envs}")
        self.world = world
        self.num_envs = num_envs
        self.render_mode = render_mode
        self.path_metrics = path_metrics
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        self.metadata = self.metadata | {"autoreset_mode": self.autoreset_mode}
        self.single_observation_space = spaces.Dict(world.spaces)
        self.single_action_space = world.env_action_space
        self._move_space = world.action_space  # which is made anew each time
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        trails = path_metrics or render_mode is not None
        self._slots = EpisodeBatch(world, num_envs, success_reward, trails, max_episode_steps)
        self._generators: Generators | None = None
        self._seeds: list[int] | None = None  # of every slot; None before the first reset, and where they are unknown
        self._over = np.ones(num_envs, dtype=np.bool_)  # the slots whose episode has ended and has not been reset

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, Info]:
        """Begin an episode in every slot, or in those of options["reset_mask"]."""
        options = dict(options or {})
        mask = self._reset_mask(options.pop("reset_mask", None))
        episode = chosen_episode(options, self.num_envs, len(self.world.episodes))
        slots = np.flatnonzero(mask)
        self._seed(self._seeds_of(seed), slots)
        self._begin(slots, episode)
        self._over[slots] = False
        return self.world.observe(self._slots.state), self._info(mask)

    def step(self, actions: Any) -> tuple[Observation, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], Info]:
        """Make a move in every slot. Raises ValueError when an action is not a move, ResetNeeded before reset()."""
        move, answer = checked_action(self.world, self._move_space, actions, self.num_envs)
        if not self._over.any():
            step = self._slots.step(move, answer)
        elif self.autoreset_mode == AutoresetMode.NEXT_STEP and self._slots.state is not None:
            begun = np.flatnonzero(self._over)
            self._begin(begun)
            step = self._slots.step(move, answer, held=begun)
        else:
            raise ResetNeeded(f"the episodes of slots {np.flatnonzero(self._over).tolist()} are over: reset them first")
        self._over = step.terminated | step.truncated
        infos = self._end(step) if step.ending is not None else {}
        infos |= self._info(np.ones(self.num_envs, dtype=np.bool_))
        return self.world.observe(self._slots.state), step.reward, step.terminated, step.truncated, infos

    def render(self) -> tuple[NDArray[np.uint8], ...]:
        """A picture for people of every slot, uint8 [height, width, 3]."""
        if self.render_mode is None:
            raise ValueError('this environment draws nothing: make it with render_mode="rgb_array"')
        if self._slots.state is None:
            raise ResetNeeded("there is nothing to draw yet: call reset() before render()")
        return tuple(self._slots.draw(slot) for slot in range(self.num_envs))

    def _info(self, mask: NDArray[np.bool_]) -> Info:
        state = self._slots.state
        expert = _masked_parts(self._slots.expert_actions(state), mask)
        told = {"expert_action": expert, "is_success": self._slots.success.copy()}
        return _masked(self._slots.instructions(state) | told, mask)

    def _end(self, step: Transition) -> Info:
        """What is told of the episodes that a step has ended; in mode SAME_STEP the next ones begin."""
        assert step.ending is not None
        slots, over = step.ending.rows, self._over
        metrics = self._slots.metrics(step.ending, self.path_metrics)
        if self.autoreset_mode != AutoresetMode.SAME_STEP:
            return _masked(_scattered(metrics, slots, self.num_envs), over)
        told = metrics | self._slots.instructions(step.ending.final)
        infos = {
            "final_obs": _final_observations(self.world, step.ending.final, slots, self.num_envs),
            "final_info": _masked(_scattered(told, slots, self.num_envs), over),
        }
        self._begin(slots)
        self._over = np.zeros(self.num_envs, dtype=np.bool_)
        return _masked(infos, over)

    def _reset_mask(self, mask: Any) -> NDArray[np.bool_]:
        if mask is None:
            return np.ones(self.num_envs, dtype=np.bool_)
        if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_ or mask.shape != (self.num_envs,):
            raise ValueError(f"options['reset_mask'] is a bool array [{self.num_envs}], not {mask!r}")
        if not mask.any():
            raise ValueError("options['reset_mask'] must name at least one slot to reset")
        if self._slots.state is None and not mask.all():
            raise ResetNeeded("the first reset must be of all slots: leave out options['reset_mask']")
        return mask.copy()

    @property  # type: ignore[override]  # one for each slot, as in Gymnasium's own SyncVectorEnv
    def np_random(self) -> tuple[np.random.Generator, ...]:
        """The generator of every slot, as it stands: a copy. Set all of them to live the same episodes again."""
        return self._seeded().to_numpy()

    @np_random.setter  # type: ignore[override]
    def np_random(self, generators: Sequence[np.random.Generator]) -> None:
        if len(generators) != self.num_envs:
            raise ValueError(f"np_random has one generator for each of {self.num_envs} slots, not {len(generators)}")
        self._generators, self._seeds = Generators.from_numpy(generators), None

    @property
    def np_random_seed(self) -> int | tuple[int, ...]:  # type: ignore[override]
        """What reset(seed=...) was given, or what chance drew in its place; -1 where np_random has been set.

        The seeds of all slots where they do not follow one another.
        """
        self._seeded()
        if self._seeds is None:
            return -1
        first = self._seeds[0]
        return first if self._seeds == list(range(first, first + self.num_envs)) else tuple(self._seeds)

    def _begin(self, slots: NDArray[np.int64], episode: NDArray[np.int64] | None = None) -> None:
        """Begin an episode in each of these slots: one of those chosen [B], or the next that its generator draws."""
        chosen = self._seeded().draw(slots, len(self.world.episodes)) if episode is None else episode[slots]
        self._slots.begin(slots, chosen)

    def _seeded(self) -> Generators:
        """The generators of the slots, from a seed drawn by chance where there was none yet."""
        if self._generators is None:
            seed = np.random.SeedSequence().entropy
            assert isinstance(seed, int)
            self._seeds = list(range(seed, seed + self.num_envs))
            self._generators = Generators.of(self._seeds)
        return self._generators

    def _seed(self, seeds: Sequence[int | None], slots: NDArray[np.int64]) -> None:
        """Give those of these slots that have a seed new generators."""
        seeded = {slot: seed for slot in slots.tolist() if (seed := seeds[slot]) is not None}
        if not seeded:
            return
        fresh = Generators.of(list(seeded.values()))
        if len(seeded) == self.num_envs:
            self._generators, self._seeds = fresh, list(seeded.values())
            return
        self._seeded().put(np.array(list(seeded)), fresh)
        if self._seeds is not None:
            self._seeds = [seeded.get(slot, seed) for slot, seed in enumerate(self._seeds)]

    def _seeds_of(self, seed: int | Sequence[int | None] | None) -> list[int | None]:
        """The seed of every slot, None where its generator goes on as it is."""
        if seed is None:
            return [None] * self.num_envs
        if not isinstance(seed, Sequence | np.ndarray):
            first = checked_seed(seed)
            return list(range(first, first + self.num_envs))
        seeds = [None if one is None else checked_seed(one) for one in seed]
        if len(seeds) != self.num_envs:
            raise ValueError(f"a list of seeds has one for each of {self.num_envs} slots, or None, not {len(seeds)}")
        return seeds


def _masked(infos: Info, mask: NDArray[np.bool_]) -> Info:
    """Infos as Gymnasium has them: beside every array `name` the mask `_name` of the slots it is about."""
    return infos | {f"_{name}": mask.copy() for name in infos}


def _masked_parts(action: Action, mask: NDArray[np.bool_]) -> Action:
    """An action as an info; of several parts each is one of its own."""
    if not isinstance(action, dict):
        return action
    return _masked({name: _masked_parts(part, mask) for name, part in action.items()}, mask)


def _scattered(values: dict[str, NDArray[Any]], slots: NDArray[np.int64], count: int) -> Info:
    """Values [n] of some slots as arrays [count]; what is told of the others is 0 (of objects: None)."""
    scattered = {}
    for name, value in values.items():
        scattered[name] = np.empty(count, object) if value.dtype == object else np.zeros(count, value.dtype)
        scattered[name][slots] = value
    return scattered


def _final_observations(world: World[Any], final: State, slots: NDArray[np.int64], count: int) -> NDArray[np.object_]:
    """The last observation of these slots, each a dict, in an object array [count]; None for the others."""
    each: list[Observation] = [{} for _ in slots]
    # Name by name: many small dicts are filled quicker than each is made from all that belongs into it.
    for name, values in world.observe(final).items():
        for observation, value in zip(each, values, strict=True):
            observation[name] = value
    finals = np.empty(count, dtype=object)
    finals[slots] = each
    return finals
