"""Rewards of actions, from the errors before and after them."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

# The reward of success beside the errors removed on the way. Without it, an agent that walks to the goal and never
# stops would be as good as one that stops there.
SUCCESS_REWARD = 10.0


@dataclass(frozen=True)
class Rewards:
    """The errors that the next rewards of a batch of episodes are computed from, as arrays or the world's tensors.

    The reward of an action is the error it removes, and `success_reward` more where it ends the episode in success. An
    infinite error (no path to the goal) counts as the last finite one, so that the rewards of an episode add up to the
    error removed.

    error: [B], the present error. distance: [B], the last finite error; 0 without one.
    """

    error: Any
    distance: Any
    success_reward: float = SUCCESS_REWARD

    @classmethod
    def begin(cls, error: Any, success_reward: float = SUCCESS_REWARD) -> "Rewards":
        return cls(error, _finite(error, 0), success_reward)

    def begun(self, rows: NDArray[np.int64], error: Any) -> "Rewards":
        """The same, with new episodes in these rows, whose first errors are [n]."""
        errors, distance = (values.clone() if isinstance(values, Tensor) else values.copy() for values in self._both)
        errors[rows], distance[rows] = error, _finite(error, 0)
        return replace(self, error=errors, distance=distance)

    def after(self, error: Any, success: Any = False) -> tuple["Rewards", Any]:
        """The Rewards after an action, and its reward [B]. success: bool [B], of episodes that it ended in success."""
        distance = _finite(error, self.distance)
        if isinstance(distance, Tensor):
            reward: Any = self.distance - distance
        else:
            reward = np.subtract(self.distance, distance, dtype=np.float64)
        return Rewards(error, distance, self.success_reward), reward + self.success_reward * success

    def detach(self) -> "Rewards":
        """The same, cut from the graph."""
        error, distance = (values.detach() if isinstance(values, Tensor) else values for values in self._both)
        return replace(self, error=error, distance=distance)

    @property
    def _both(self) -> tuple[Any, Any]:
        return self.error, self.distance


def _finite(error: Any, otherwise: Any) -> Any:
    if isinstance(error, Tensor):
        return torch.where(torch.isfinite(error), error, otherwise)
    return np.where(np.isfinite(error), error, otherwise)
