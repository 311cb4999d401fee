"""Records of a window of time: where a rollout writes what happens, step by step."""

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
    """What was expected of the actions taken, kept as it comes."""

    def __init__(self) -> None:
        self.log_prob: list[Tensor] = []
        self.value: list[Tensor] = []
        self.cut_off: list[tuple[int, Tensor, Tensor]] = []

    def add(self, decision: Decision, action: Action) -> None:
        self.log_prob.append(decision.policy.log_prob(action).detach().float())
        self.value.append(decision.value.detach().float())

    def fields(self, terminated: Tensor) -> dict[str, Tensor]:
        """log_prob, value and next_value [T, B] (see rollouts.Rollout)."""
        if not self.value:
            return {}
        value = torch.stack(self.value)
        # What was expected a step later was expected of the same episode, unless it had ended.
        later = torch.cat([value[1:], torch.zeros_like(value[:1])])
        for time, rows, expected in self.cut_off:
            later[time, rows] = expected
        later = later.masked_fill(terminated, 0)
        return {"log_prob": torch.stack(self.log_prob), "value": value, "next_value": later}


class ArrayBuffer:
    """Arrays that a window is written into step by step, so that nothing is stacked afterwards."""

    def __init__(self, world: World[Any], steps: int, count: int, device: torch.device) -> None:
        self.device = device
        self.observation = {
            name: np.empty((steps, count, *space.shape), dtype=space.dtype)  # type: ignore[misc]
            for name, space in world.spaces.items()
        }
        # What is not told at the first step is told at none.
        self.best: Action | None = None
        self.answer: NDArray[np.int64] | None = None
        flags = ("episode_starts", "terminated", "truncated", "success")
        self.flags = {name: np.empty((steps, count), dtype=np.bool_) for name in flags}
        self.actions = empty_actions(world.action_space, steps, count)
        self.error, self.reward = (np.empty((steps, count), dtype=np.float32) for _ in range(2))
        self.values = ValueBuffer()

    def tensor(self, values: NDArray[Any]) -> Tensor:
        return torch.from_numpy(values).to(self.device)

    def native(self, flags: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Flags as the world has its own."""
        return flags

    def array(self, values: Tensor) -> NDArray[Any]:
        values = values.detach().cpu()
        return (values.float() if values.is_floating_point() else values).numpy()

    def before(
        self,
        time: int,
        observation: dict[str, NDArray[Any]],
        best: Action | None,
        episode_starts: NDArray[np.bool_],
        error: NDArray[np.float32],
    ) -> None:
        for name, values in self.observation.items():
            values[time] = observation[name]
        if best is not None:
            if self.best is None:
                steps = len(self.error)
                self.best = each_part(lambda part: np.empty((steps, *part.shape), dtype=part.dtype), best)
            put_actions(self.best, time, best)
        self.flags["episode_starts"][time], self.error[time] = episode_starts, error

    def answered(self, time: int, answer: NDArray[np.int64]) -> None:
        if self.answer is None:
            self.answer = np.empty(self.error.shape, dtype=np.int64)
        self.answer[time] = answer

    def decided(self, decision: Decision, action: Action, values: bool) -> None:
        """What is learned from is decided again, over the whole window at once."""
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

    def cut_off(self, time: int, rows: NDArray[np.int64], expected: Tensor) -> None:
        """What is expected [n] after the action of a time in these environments, where the window does not tell."""
        if len(rows):
            self.values.cut_off.append((time, self.tensor(rows), expected.float()))

    def moment(self, time: int) -> tuple[Observation, Tensor]:
        observation = {name: self.tensor(values[time]) for name, values in self.observation.items()}
        return observation, self.tensor(self.flags["episode_starts"][time])

    def fields(self) -> dict[str, Any]:
        """Those of a Rollout, but its memory."""
        flags = {name: self.tensor(values) for name, values in self.flags.items()}
        return {
            "observation": {name: self.tensor(values) for name, values in self.observation.items()},
            "actions": each_part(self.tensor, self.actions),
            "answer": None if self.answer is None else self.tensor(self.answer),
            "teacher_actions": None if self.best is None else each_part(self.tensor, self.best),
            "reward": self.tensor(self.reward),
            "error": self.tensor(self.error),
            **_flags(flags),
            **self.values.fields(flags["terminated"]),
        }


class TensorBuffer:
    """The same for a world in tensors: they are kept as they come, gradients and all, and stacked at the end."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.kept: defaultdict[str, list[Any]] = defaultdict(list)
        self.observations: list[Observation] = []
        self.decisions: list[Decision] = []
        self.values = ValueBuffer()

    def tensor(self, values: Any) -> Tensor:
        """What a world tells that is in tensors, on their device; what lies beside them, in arrays, is sent there."""
        return values if isinstance(values, Tensor) else torch.from_numpy(values).to(self.device)

    def native(self, flags: Any) -> Tensor:
        return self.tensor(flags)

    def array(self, values: Tensor) -> Tensor:
        return values

    def before(
        self, time: int, observation: Observation, best: Action | None, episode_starts: Any, error: Tensor
    ) -> None:
        self.observations.append(observation)
        self._keep(episode_starts=episode_starts, error=error)
        if best is not None:
            self._keep(teacher_actions=best)

    def answered(self, time: int, answer: Any) -> None:
        self._keep(answer=answer)

    def decided(self, decision: Decision, action: Action, values: bool) -> None:
        if torch.is_grad_enabled():
            self.decisions.append(decision)
        if values:
            self.values.add(decision, action)

    def after(self, time: int, action: Action, reward: Tensor, terminated: Any, truncated: Any, success: Any) -> None:
        self._keep(actions=action, reward=reward, terminated=terminated, truncated=truncated, success=success)

    def cut_off(self, time: int, rows: NDArray[np.int64], expected: Tensor) -> None:
        if len(rows):
            self.values.cut_off.append((time, self.tensor(rows), expected.float()))

    def moment(self, time: int) -> tuple[Observation, Tensor]:
        return self.observations[time], self.kept["episode_starts"][time]

    def fields(self) -> dict[str, Any]:
        stacked = {name: each_part(lambda *parts: torch.stack(parts), *values) for name, values in self.kept.items()}
        flags = {name: stacked.pop(name) for name in ("episode_starts", "terminated", "truncated", "success")}
        names = self.observations[0]
        return {
            "observation": {name: torch.stack([seen[name] for seen in self.observations]) for name in names},
            "answer": stacked.pop("answer", None),
            "teacher_actions": stacked.pop("teacher_actions", None),
            "decision": Decision.stack(self.decisions) if self.decisions else None,
            **stacked,
            **_flags(flags),
            **self.values.fields(flags["terminated"]),
        }

    def _keep(self, **values: Any) -> None:
        for name, value in values.items():
            self.kept[name].append(each_part(self.tensor, value))


def _flags(flags: dict[str, Tensor]) -> dict[str, Tensor]:
    ends = {name: flags[name] for name in ("episode_starts", "terminated", "truncated")}
    return ends | {"successes": (flags["terminated"] | flags["truncated"]) & flags["success"]}
