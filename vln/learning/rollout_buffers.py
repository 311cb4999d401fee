"""Buffers of a rollout: where it is written, step by step."""

from collections import defaultdict
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vln.actions import Action, each_part, empty_actions, put_actions
from vln.agent import Decision, Observation
from vln.world import World


class ValueBuffer:
    """Log-probabilities and values of the actions taken."""

    def __init__(self) -> None:
        self.log_prob: list[Tensor] = []
        self.value: list[Tensor] = []
        self.next_values: list[tuple[int, Tensor, Tensor]] = []

    def add(self, decision: Decision, action: Action) -> None:
        self.log_prob.append(decision.policy.log_prob(action).detach().float())
        self.value.append(decision.value.detach().float())

    def fields(self, terminated: Tensor) -> dict[str, Tensor]:
        """log_prob, value and next_value [T, B] (see rollouts.Rollout)."""
        if not self.value:
            return {}
        value = torch.stack(self.value)
        # The value a step later is of the same episode, unless that had ended.
        next_value = torch.cat([value[1:], torch.zeros_like(value[:1])])
        for time, rows, values in self.next_values:
            next_value[time, rows] = values
        next_value = next_value.masked_fill(terminated, 0)
        return {"log_prob": torch.stack(self.log_prob), "value": value, "next_value": next_value}


class ArrayBuffer:
    """Arrays for a whole unroll, so that nothing is stacked afterwards."""

    def __init__(self, world: World[Any], steps: int, count: int, device: torch.device) -> None:
        self.device = device
        self.observation = {
            name: np.empty((steps, count, *space.shape), dtype=space.dtype)  # type: ignore[misc]
            for name, space in world.spaces.items()
        }
        # These are there at every step, or at none.
        self.teacher_actions: Action | None = None
        self.answer: NDArray[np.int64] | None = None
        flags = ("episode_starts", "terminated", "truncated", "success")
        self.flags = {name: np.empty((steps, count), dtype=np.bool_) for name in flags}
        self.actions = empty_actions(world.action_space, steps, count)
        self.error, self.reward = (np.empty((steps, count), dtype=np.float32) for _ in range(2))
        self.values = ValueBuffer()

    def tensor(self, values: NDArray[Any]) -> Tensor:
        return torch.from_numpy(values).to(self.device)

    def native(self, flags: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Flags in the form of the world's own."""
        return flags

    def array(self, values: Tensor) -> NDArray[Any]:
        values = values.detach().cpu()
        return (values.float() if values.is_floating_point() else values).numpy()

    def before(
        self,
        time: int,
        observation: dict[str, NDArray[Any]],
        teacher_actions: Action | None,
        episode_starts: NDArray[np.bool_],
        error: NDArray[np.float32],
    ) -> None:
        for name, values in self.observation.items():
            values[time] = observation[name]
        if teacher_actions is not None:
            if self.teacher_actions is None:
                steps = len(self.error)
                self.teacher_actions = each_part(
                    lambda part: np.empty((steps, *part.shape), dtype=part.dtype), teacher_actions
                )
            put_actions(self.teacher_actions, time, teacher_actions)
        self.flags["episode_starts"][time], self.error[time] = episode_starts, error

    def answered(self, time: int, answer: NDArray[np.int64]) -> None:
        if self.answer is None:
            self.answer = np.empty(self.error.shape, dtype=np.int64)
        self.answer[time] = answer

    def decided(self, decision: Decision, action: Action, values: bool) -> None:
        """Record values; the decisions themselves are computed again for learning, over the whole unroll at once."""
        if values:
            self.values.add(decision, action)

    def after(
        self,
        time: int,
        action: Action,
        reward: NDArray[np.float32],
        terminated: NDArray[np.bool_],
        truncated: NDArray[np.bool_],
        success: NDArray[np.bool_],
    ) -> None:
        put_actions(self.actions, time, action)
        self.reward[time] = reward
        for name, flags in (("terminated", terminated), ("truncated", truncated), ("success", success)):
            self.flags[name][time] = flags

    def add_next_value(self, time: int, rows: NDArray[np.int64], values: Tensor) -> None:
        """Values [n] after an action in these environments, where the next step has none of their episode."""
        if len(rows):
            self.values.next_values.append((time, self.tensor(rows), values.float()))

    def observed(self, time: int) -> tuple[Observation, Tensor]:
        observation = {name: self.tensor(values[time]) for name, values in self.observation.items()}
        return observation, self.tensor(self.flags["episode_starts"][time])

    def fields(self) -> dict[str, Any]:
        """The fields of a Rollout except its memory."""
        flags = {name: self.tensor(values) for name, values in self.flags.items()}
        return {
            "observation": {name: self.tensor(values) for name, values in self.observation.items()},
            "actions": each_part(self.tensor, self.actions),
            "answer": None if self.answer is None else self.tensor(self.answer),
            "teacher_actions": None if self.teacher_actions is None else each_part(self.tensor, self.teacher_actions),
            "reward": self.tensor(self.reward),
            "error": self.tensor(self.error),
            **_flags(flags),
            **self.values.fields(flags["terminated"]),
        }


class TensorBuffer:
    """The same for a world in tensors: they keep their gradients, and are stacked at the end."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.by_name: defaultdict[str, list[Any]] = defaultdict(list)
        self.observations: list[Observation] = []
        self.decisions: list[Decision] = []
        self.values = ValueBuffer()

    def tensor(self, values: Any) -> Tensor:
        """A world's tensors as they are; its arrays as tensors on the device."""
        return values if isinstance(values, Tensor) else torch.from_numpy(values).to(self.device)

    def native(self, flags: Any) -> Tensor:
        return self.tensor(flags)

    def array(self, values: Tensor) -> Tensor:
        return values

    def before(
        self, time: int, observation: Observation, teacher_actions: Action | None, episode_starts: Any, error: Tensor
    ) -> None:
        self.observations.append(observation)
        self._append(episode_starts=episode_starts, error=error)
        if teacher_actions is not None:
            self._append(teacher_actions=teacher_actions)

    def answered(self, time: int, answer: Any) -> None:
        self._append(answer=answer)

    def decided(self, decision: Decision, action: Action, values: bool) -> None:
        if torch.is_grad_enabled():
            self.decisions.append(decision)
        if values:
            self.values.add(decision, action)

    def after(self, time: int, action: Action, reward: Tensor, terminated: Any, truncated: Any, success: Any) -> None:
        self._append(actions=action, reward=reward, terminated=terminated, truncated=truncated, success=success)

    def add_next_value(self, time: int, rows: NDArray[np.int64], values: Tensor) -> None:
        if len(rows):
            self.values.next_values.append((time, self.tensor(rows), values.float()))

    def observed(self, time: int) -> tuple[Observation, Tensor]:
        return self.observations[time], self.by_name["episode_starts"][time]

    def fields(self) -> dict[str, Any]:
        stacked = {name: each_part(lambda *parts: torch.stack(parts), *values) for name, values in self.by_name.items()}
        flags = {name: stacked.pop(name) for name in ("episode_starts", "terminated", "truncated", "success")}
        names = self.observations[0]
        return {
            "observation": {
                name: torch.stack([observation[name] for observation in self.observations]) for name in names
            },
            "answer": stacked.pop("answer", None),
            "teacher_actions": stacked.pop("teacher_actions", None),
            "decision": Decision.stack(self.decisions) if self.decisions else None,
            **stacked,
            **_flags(flags),
            **self.values.fields(flags["terminated"]),
        }

    def _append(self, **values: Any) -> None:
        for name, value in values.items():
            self.by_name[name].append(each_part(self.tensor, value))


def _flags(flags: dict[str, Tensor]) -> dict[str, Tensor]:
    ends = {name: flags[name] for name in ("episode_starts", "terminated", "truncated")}
    return ends | {"successes": (flags["terminated"] | flags["truncated"]) & flags["success"]}
