"""Any Gymnasium vector environment as a VecEnv of Stable-Baselines3, which takes no other kind."""

from collections.abc import Iterator, Sequence
from itertools import repeat
from time import perf_counter
from typing import Any

import gymnasium
import numpy as np
from gymnasium import Space
from gymnasium.spaces import Box, Dict, Discrete, MultiDiscrete
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env.base_vec_env import VecEnv, VecEnvIndices, VecEnvObs, VecEnvStepReturn

MOST_LOGIT = 10.0  # Stable-Baselines3 takes bounded actions only


def _flat(space: Space[Any]) -> Space[Any]:
    """A space of actions that Stable-Baselines3 takes, which knows no actions of several parts.

    Choices alone become a MultiDiscrete, numbers alone one vector. Where they are mixed, a choice among n is n numbers
    of that vector, the largest of which is chosen.
    """
    if not isinstance(space, Dict):
        return space
    parts = list(_leaves(space))
    if all(isinstance(part, Discrete) for part in parts):
        return MultiDiscrete([int(part.n) for part in parts if isinstance(part, Discrete)])
    scores = {id(part): Box(-MOST_LOGIT, MOST_LOGIT, (part.n,)) for part in parts if isinstance(part, Discrete)}
    boxes = [scores.get(id(part), part) for part in parts]
    low = np.concatenate([np.maximum(part.low, -MOST_LOGIT).ravel() for part in boxes if isinstance(part, Box)])
    high = np.concatenate([np.minimum(part.high, MOST_LOGIT).ravel() for part in boxes if isinstance(part, Box)])
    return Box(low, high, dtype=np.float32)


def _leaves(space: Space[Any]) -> Iterator[Box | Discrete]:
    """The parts of an action that are choices or numbers, in their order. Raises ValueError for another kind."""
    if isinstance(space, Dict):
        for part in space.values():
            yield from _leaves(part)
    elif isinstance(space, Box | Discrete):
        yield space
    else:
        raise ValueError(f"an action is made of choices (Discrete) and numbers (Box), not of {space}")


def _parted(space: Space[Any], actions: NDArray[Any], scored: bool) -> Any:
    """The actions of a space from those of its flat one, [B, n]. scored: whether choices are told by scores."""
    if isinstance(space, Dict):
        ends = np.cumsum([_width(part, scored) for part in space.values()])
        split = np.split(actions, ends[:-1], axis=1)
        return {name: _parted(space[name], part, scored) for name, part in zip(space, split, strict=True)}
    if isinstance(space, Discrete):
        return actions.argmax(axis=1) if scored else actions[:, 0].astype(np.int64)
    assert isinstance(space, Box)
    return actions.reshape(len(actions), *space.shape).astype(np.float32)


def _width(space: Space[Any], scored: bool) -> int:
    """How many numbers of a flat action are of a space."""
    return sum(
        (int(part.n) if scored else 1) if isinstance(part, Discrete) else int(np.prod(part.shape))
        for part in _leaves(space)
    )


class GymnasiumVecEnv(VecEnv):
    """The slots of a vector environment, stepped all at once, told of in Stable-Baselines3's way.

    infos[i] is what the vector environment tells of slot i, and `TimeLimit.truncated`. Where an episode has ended it is
    what is told of that one (`is_success`, the metrics), with `terminal_observation` and `episode` (return r, length l,
    seconds t, as Monitor's), and what is told of the next one is in reset_infos[i].

    It knows no actions of several parts: choices become a MultiDiscrete, numbers one vector, their bounds at most
    MOST_LOGIT. Where both are in an action (a pen and a stroke; an answer's logits and a move), it is one vector, in
    which a choice among n is n numbers: the largest of them is chosen.

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
        space = self.vector.single_action_space
        if isinstance(space, Dict):
            actions = _parted(space, np.asarray(actions), scored=isinstance(self.action_space, Box))
        self._actions = actions

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
