"""Worlds with scored answers: an answer comes with every action, and success is a correct last answer."""

from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from vln.state import State
from vln.world import World


@dataclass(frozen=True)
class ScoredState(State):
    """A State, and how the answers were.

    nll: float32 [B], the negative log-likelihood of the truth under the last answer, in nats; before the first, that of
    a
        guess. right: bool [B], whether the last answer was right. num_right: int32 [B], how many were.
    """

    nll: NDArray[np.float32]
    right: NDArray[np.bool_]
    num_right: NDArray[np.int32]


G = TypeVar("G", bound=ScoredState)


class ScoredWorld(World[G]):
    """What such worlds have in common. Of several answers that are equally likely the first is the one given."""

    scores_answers = True
    step_name = "look"
    headline = "accuracy"
    verdicts = ("right", "wrong")

    def unanswered(self, slots: int) -> dict[str, NDArray[Any]]:
        """The fields of a state in which no answer was given yet."""
        guess = np.full(slots, np.log(self.num_answers), dtype=np.float32)
        return {
            "least_error": guess,
            "nll": guess,
            "right": np.zeros(slots, dtype=np.bool_),
            "num_right": np.zeros(slots, dtype=np.int32),
        }

    def score_answer(self, state: G, answer: NDArray[np.float32], truth: NDArray[np.int64]) -> G:
        """The state in which these answers, logits [B, answers], have been compared with the truth [B]."""
        largest = answer.max(axis=1)
        all_of_it = np.log(np.exp(answer - largest[:, None]).sum(axis=1)) + largest
        nll = (all_of_it - answer[np.arange(len(truth)), truth]).astype(np.float32, copy=False)
        right = answer.argmax(axis=1) == truth
        return replace(
            state,
            nll=nll,
            least_error=np.minimum(state.least_error, nll),
            right=right,
            num_right=state.num_right + right,
        )

    def error(self, state: G) -> NDArray[np.float32]:
        return state.nll

    def success(self, state: G) -> NDArray[np.bool_]:
        return state.right

    def measure(self, final: G) -> dict[str, NDArray[np.float64]]:
        return {
            "average_accuracy": final.num_right / np.maximum(final.steps, 1),
            "nll": final.nll.astype(np.float64),
            "looks": final.steps.astype(np.float64),
            "trajectory_length": final.length.astype(np.float64),
        }
