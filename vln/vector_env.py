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

from vln.env import check_render_mode, checked_action, chosen_episode
from vln.slots import SUCCESS_REWARD, Slots, Step
from vln.streams import Stream
from vln.world import State, World

Observation = dict[str, NDArray[Any]]
Info = dict[str, Any]


class TaskVectorEnv(gymnasium.vector.VectorEnv[Observation, Any, NDArray[Any]]):
    """`num_envs` episodes of a world side by side. What they observe, earn and tell is TaskEnv's, batched.

    The seed of slot i is seed + i, or seed[i]. Infos are Gymnasium's: an array `name` [B] and a mask `_name` [B] of the
    slots it is about; no move is told of an episode's last state in final_info. reset() takes the options "episode"
    (a number, or one for every slot) and "reset_mask" (bool [B], the slots to reset; the others go on).

    autoreset_mode: what happens to a slot whose episode has ended.
        SAME_STEP: the next episode begins in the same step, so that no step is wasted and none has to be masked; the
            last observation and info are infos["final_obs"] and infos["final_info"]. What Stable-Baselines3 expects.
        NEXT_STEP: the next step ignores the slot's action and begins the next episode, with reward 0.
        DISABLED: the slot must be reset with a reset_mask before the next step.
    path_metrics: whether infos at an episode's end hold ndtw, sdtw and cls too, at the cost of a search per position.
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
        self.single_action_space = world.action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._slots = Slots(world, num_envs, success_reward, trails=path_metrics or render_mode is not None)
        self._over = np.ones(num_envs, dtype=np.bool_)  # the slots whose episode has ended and has not been reset

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, Info]:
        """Begin an episode in every slot, or in those of options["reset_mask"]."""
        super().reset(seed=seed if isinstance(seed, int) else None)
        options = dict(options or {})
        mask = self._reset_mask(options.pop("reset_mask", None))
        episode = chosen_episode(options, self.num_envs, len(self.world.episodes))
        self._seed(seed, mask)
        slots = np.flatnonzero(mask)
        self._slots.begin(slots, None if episode is None else episode[slots])
        self._over[slots] = False
        return self.world.observe(self._slots.state), self._info(mask)

    def step(self, actions: Any) -> tuple[Observation, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], Info]:
        """Make a move in every slot. Raises ValueError when an action is not a move, ResetNeeded before reset()."""
        move, answer = checked_action(self.world, actions, self.num_envs)
        if not self._over.any():
            step = self._slots.step(move, answer)
        elif self.autoreset_mode == AutoresetMode.NEXT_STEP and self._slots.state is not None:
            begun = np.flatnonzero(self._over)
            self._slots.begin(begun)
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
        return _masked(self._slots.told(state) | {"expert_action": self._slots.expert_moves(state)}, mask)

    def _end(self, step: Step) -> Info:
        """What is told of the episodes that a step has ended; in mode SAME_STEP the next ones begin."""
        assert step.ending is not None
        slots, over = step.ending.slots, self._over
        metrics = self._slots.metrics(step.ending, self.path_metrics)
        if self.autoreset_mode != AutoresetMode.SAME_STEP:
            return _masked(_scattered(metrics, slots, self.num_envs), over)
        told = metrics | self._slots.told(step.ending.final)
        infos = {
            "final_obs": _final_observations(self.world, step.ending.final, slots, self.num_envs),
            "final_info": _masked(_scattered(told, slots, self.num_envs), over),
        }
        self._slots.begin(slots)
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

    def _seed(self, seed: int | Sequence[int | None] | None, mask: NDArray[np.bool_]) -> None:
        """Give the slots to be reset that have a seed a new stream; all slots a random one when they have none yet."""
        if self._slots.stream is None:
            self._slots.stream = Stream.keyed(self.np_random.integers(2**63, size=self.num_envs, dtype=np.uint64))
        if seed is None:
            return
        seeds = [seed + slot for slot in range(self.num_envs)] if isinstance(seed, int) else list(seed)
        if len(seeds) != self.num_envs or any(one is not None and one < 0 for one in seeds):
            raise ValueError(f"a list of seeds has one for each of {self.num_envs} slots, None or at least 0: {seeds}")
        key, count = self._slots.stream.key.copy(), self._slots.stream.count.copy()
        given = mask & np.array([one is not None for one in seeds])
        key[given] = np.array([one or 0 for one in seeds], dtype=np.uint64)[given]
        count[given] = 0
        self._slots.stream = Stream(key, count)


def _masked(infos: Info, mask: NDArray[np.bool_]) -> Info:
    """Infos as Gymnasium has them: beside every array `name` the mask `_name` of the slots it is about."""
    return infos | {f"_{name}": mask.copy() for name in infos}


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
