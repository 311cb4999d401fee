"""Rewards: what an action is worth, from the distance that was still to go before and after it."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

# What stopping right is worth beside the error removed on the way: without it, an agent that walks to the goal and
# never stops would be as good as one that stops there.
SUCCESS_REWARD = 10.0


@dataclass(frozen=True)
class Rewards:
    """What the rewards of a batch of episodes are reckoned from. Arrays, or tensors where the world is in tensors.

    The reward of an action is the error it removes, and `success_reward` more where it ends the episode well. An
    infinite error (no way leads on) counts as the last finite one: the rewards of an episode add up to what it gained.

    error: [B], the distance to go now. distance: [B], the last of these that was finite; 0 where none was.
    """

    error: Any
    distance: Any
    success_reward: float = SUCCESS_REWARD

    @classmethod
    def begin(cls, error: Any, success_reward: float = SUCCESS_REWARD) -> "Rewards":
        return cls(error, _finite(error, 0), success_reward)

    def begun(self, rows: NDArray[np.int64], error: Any) -> "Rewards":
        """The same, where in these rows new episodes have begun, with this distance to go [n]."""
        errors, distance = (values.clone() if isinstance(values, Tensor) else values.copy() for values in self._both)
        errors[rows], distance[rows] = error, _finite(error, 0)
        return replace(self, error=errors, distance=distance)

    def after(self, error: Any, success: Any = False) -> tuple["Rewards", Any]:
        """What follows an action, and its reward [B]. success: bool [B], whether it ended the episode well."""
        distance = _finite(error, self.distance)
        if isinstance(distance, Tensor):
            reward: Any = self.distance - distance
        else:
            reward = np.subtract(self.distance, distance, dtype=np.float64)
        return Rewards(error, distance, self.success_reward), reward + self.success_reward * success

    def detach(self) -> "Rewards":
        """The same, from which no gradient flows back."""
        error, distance = (values.detach() if isinstance(values, Tensor) else values for values in self._both)
        return replace(self, error=error, distance=distance)

    @property
    def _both(self) -> tuple[Any, Any]:
        return self.error, self.distance


def _finite(error: Any, otherwise: Any) -> Any:
    if isinstance(error, Tensor):
        return torch.where(torch.isfinite(error), error, otherwise)
    return np.where(np.isfinite(error), error, otherwise)
