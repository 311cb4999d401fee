"""Any Gymnasium vector environment as a VecEnv of Stable-Baselines3, which takes no other kind."""

from collections.abc import Sequence
from itertools import repeat
from time import perf_counter
from typing import Any

import gymnasium
import numpy as np
from gymnasium import Space
from gymnasium.spaces import Box, Dict
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env.base_vec_env import VecEnv, VecEnvIndices, VecEnvObs, VecEnvStepReturn

MOST_LOGIT = 10.0  # Stable-Baselines3 takes bounded actions only


def _flat(space: Space[Any]) -> Space[Any]:
    """A space of actions that Stable-Baselines3 takes. Raises ValueError where there is none."""
    if not isinstance(space, Dict):
        return space
    boxes = [part for part in space.values() if isinstance(part, Box)]
    if len(boxes) < len(space):
        raise ValueError(
            f"Stable-Baselines3 takes no actions in which choices and numbers are mixed: {space}; "
            'take move="continuous" or "relative"'
        )
    low = np.concatenate([np.maximum(part.low, -MOST_LOGIT).ravel() for part in boxes])
    high = np.concatenate([np.minimum(part.high, MOST_LOGIT).ravel() for part in boxes])
    return Box(low, high, dtype=np.float32)


class GymnasiumVecEnv(VecEnv):
    """The slots of a vector environment, stepped all at once, told of in Stable-Baselines3's way.

    infos[i] is what the vector environment tells of slot i, and `TimeLimit.truncated`. Where an episode has ended it is
    what is told of that one (`is_success`, the metrics), with `terminal_observation` and `episode` (return r, length l,
    seconds t, as Monitor's), and what is told of the next one is in reset_infos[i].

    It knows no actions of several parts: where answers are graded, an action is one vector, of the answer's logits
    (here from -MOST_LOGIT to MOST_LOGIT) and then the move, which must be a point.

    vector: must begin the next episode in the same step, as Stable-Baselines3 expects. Raises ValueError otherwise.
    """

    def __init__(self, vector: VectorEnv) -> None:
        if vector.metadata.get("autoreset_mode") != AutoresetMode.SAME_STEP:
            raise ValueError(
                f"Stable-Baselines3 needs autoreset_mode=AutoresetMode.SAME_STEP, but {vector} has "
                f"{vector.metadata.get('autoreset_mode')}"
            )
        self.vector = vector
        super().__init__(vector.num_envs, vector.single_observation_space, _flat(vector.single_action_space))
        self._actions: Any = np.zeros(0)
        self._return = np.zeros(vector.num_envs)
        self._length = np.zeros(vector.num_envs, dtype=np.int64)
        self._began = perf_counter()

    def reset(self) -> VecEnvObs:
        if any(options != self._options[0] for options in self._options):
            raise ValueError("the slots of one vector environment are reset with the same options")
        # VecEnv.seed() has numbered the seeds from the first, as vector environments do.
        observations, infos = self.vector.reset(seed=self._seeds[0], options=self._options[0] or None)
        self.reset_infos = _by_slot(infos, self.num_envs)
        self._reset_seeds()
        self._reset_options()
        self._return[:] = 0
        self._length[:] = 0
        self._began = perf_counter()
        return observations

    def step_async(self, actions: NDArray[Any]) -> None:
        if not isinstance(parts := self.vector.single_action_space, Dict):
            self._actions = actions
            return
        ends = np.cumsum([int(np.prod(part.shape)) for part in parts.values()])  # type: ignore[arg-type]
        split = np.split(np.asarray(actions, dtype=np.float32), ends[:-1], axis=1)
        self._actions = dict(zip(parts, split, strict=True))

    def step_wait(self) -> VecEnvStepReturn:
        observations, rewards, terminated, truncated, infos = self.vector.step(self._actions)
        dones = terminated | truncated
        self._return += rewards
        self._length += 1
        final_observations, final_infos = infos.pop("final_obs", None), infos.pop("final_info", {})
        told = _by_slot(infos, self.num_envs)
        if dones.any():
            finals = _by_slot(final_infos, self.num_envs)
            for slot in np.flatnonzero(dones).tolist():
                self.reset_infos[slot] = told[slot]
                told[slot] = finals[slot] | {
                    "terminal_observation": final_observations[slot],
                    "episode": self._record(slot),
                }
        for info, cut_off in zip(told, (truncated & ~terminated).tolist(), strict=True):
            info["TimeLimit.truncated"] = cut_off
        return observations, rewards.astype(np.float32), dones, told

    def close(self) -> None:
        self.vector.close()

    def get_images(self) -> Sequence[NDArray[np.uint8] | None]:
        frames: Any = self.vector.render()
        return [None] * self.num_envs if frames is None else frames

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """The vector environment's attribute, once for every slot asked for: slots have none of their own."""
        return [getattr(self.vector, attr_name) for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Set an attribute of the vector environment, for all slots. Raises ValueError for some slots alone."""
        self._all_slots(indices, f"set {attr_name!r}")
        setattr(self.vector, attr_name, value)

    def env_method(
        self, method_name: str, *method_args: Any, indices: VecEnvIndices = None, **method_kwargs: Any
    ) -> Any:
        """Call a method of the vector environment once; its answer for every slot. ValueError for some slots alone."""
        self._all_slots(indices, f"call {method_name!r}")
        return [getattr(self.vector, method_name)(*method_args, **method_kwargs)] * self.num_envs

    def env_is_wrapped(self, wrapper_class: type[gymnasium.Wrapper], indices: VecEnvIndices = None) -> list[bool]:
        """True for Monitor, as episodes are recorded here in its way; no slot is wrapped in anything else."""
        return [wrapper_class is Monitor for _ in self._get_indices(indices)]

    def _record(self, slot: int) -> dict[str, float]:
        """The episode that has ended in a slot, as Monitor records it; the next one begins."""
        record = {
            "r": round(float(self._return[slot]), 6),
            "l": int(self._length[slot]),
            "t": round(perf_counter() - self._began, 6),
        }
        self._return[slot] = 0
        self._length[slot] = 0
        return record

    def _all_slots(self, indices: VecEnvIndices, what: str) -> None:
        if indices is not None and len(list(self._get_indices(indices))) != self.num_envs:
            raise ValueError(f"slots of a vector environment are not objects of their own: {what} for all of them")


def _by_slot(infos: dict[str, Any], slots: int) -> list[dict[str, Any]]:
    """The infos of a vector environment as one dict for every slot, with what its masks say is about that slot."""
    told: list[dict[str, Any]] = [{} for _ in range(slots)]
    for name, values in infos.items():
        if name.startswith("_"):
            continue
        rows = _by_slot(values, slots) if isinstance(values, dict) else _rows(values)
        mask = infos.get(f"_{name}")
        for info, row, about in zip(told, rows, repeat(True) if mask is None else mask.tolist(), strict=False):
            if about:
                info[name] = row
    return told


def _rows(values: NDArray[Any]) -> list[Any]:
    """Plain numbers where the values are numbers, arrays where they are arrays."""
    return values.tolist() if values.ndim == 1 else list(values)
