"""Worlds that grade answers: one comes with every move, and success is to be right at the end."""

from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from vln.world import State, World


@dataclass(frozen=True)
class GradedState(State):
    """A State, and how the answers were.

    surprise: float32 [B], of the truth to whoever gave the last answer, in nats; before the first, that of a guess.
    right: bool [B], whether the last answer was right. hits: int32 [B], how many were.
    """

    surprise: NDArray[np.float32]
    right: NDArray[np.bool_]
    hits: NDArray[np.int32]


G = TypeVar("G", bound=GradedState)


class GradedWorld(World[G]):
    """What such worlds have in common. Of several answers that are equally likely the first is the one given."""

    graded = True
    step_name = "look"
    headline = "accuracy"
    verdicts = ("right", "wrong")

    def ungraded(self, slots: int) -> dict[str, NDArray[Any]]:
        """The fields of a state in which no answer was given yet."""
        guess = np.full(slots, np.log(self.answers), dtype=np.float32)
        return {
            "least_error": guess,
            "surprise": guess,
            "right": np.zeros(slots, dtype=np.bool_),
            "hits": np.zeros(slots, dtype=np.int32),
        }

    def grade(self, state: G, answer: NDArray[np.float32], truth: NDArray[np.int64]) -> G:
        """The state in which these answers, logits [B, answers], have been compared with the truth [B]."""
        largest = answer.max(axis=1)
        all_of_it = np.log(np.exp(answer - largest[:, None]).sum(axis=1)) + largest
        surprise = (all_of_it - answer[np.arange(len(truth)), truth]).astype(np.float32, copy=False)
        right = answer.argmax(axis=1) == truth
        return replace(
            state,
            surprise=surprise,
            least_error=np.minimum(state.least_error, surprise),
            right=right,
            hits=state.hits + right,
        )

    def error(self, state: G) -> NDArray[np.float32]:
        return state.surprise

    def success(self, state: G) -> NDArray[np.bool_]:
        return state.right

    def measure(self, final: G) -> dict[str, NDArray[np.float64]]:
        return {
            "average_accuracy": final.hits / np.maximum(final.steps, 1),
            "surprise": final.surprise.astype(np.float64),
            "looks": final.steps.astype(np.float64),
            "trajectory_length": final.length.astype(np.float64),
        }
