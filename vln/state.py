"""State: where a batch of episodes stands, and batches of states put together and taken apart."""

from dataclasses import dataclass, fields, replace
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class State:
    """The state of a batch of episodes. Every field is an array whose first axis is the batch; steps make new states.

    A differentiable world (see World.differentiable) has tensors in the fields that carry gradients.

    episode: int64 [B], number of the episode in the world's list.
    steps: int32 [B], number of actions so far, `stop` included.
    previous: int64 [B], the last action, or the number of actions before the first; 0 where actions are no choices.
    length: float32 [B], distance travelled, in the world's unit.
    least_error: float32 [B], smallest error so far (for oracle success).
    stopped: bool [B], whether the agent has stopped.
    failed: bool [B], whether something ended the episode as a failure (a wall, where walls fail).
    """

    episode: NDArray[np.int64]
    steps: NDArray[np.int32]
    previous: NDArray[np.int64]
    length: NDArray[np.float32]
    least_error: NDArray[np.float32]
    stopped: NDArray[np.bool_]
    failed: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.episode)

    @classmethod
    def fresh(cls, episode: int | NDArray[np.int64], **values: Any) -> Self:
        """The state of episodes that begin: no action taken, nothing travelled, not ended.

        episode: numbers of the episodes [B], or their count, numbered from 0.
        values: fields that a subclass adds, and fields of State that do not begin with 0: `previous`, which begins with
            the number of actions where actions are choices, and `least_error`. Arrays and tensors [B, ...] are used as
            they are; a number holds for all episodes, in the field's dtype.

        Raises ValueError for a field that is missing, unknown, or of another length.
        """
        numbers = np.arange(episode) if isinstance(episode, int) else np.asarray(episode, dtype=np.int64)
        batch, names = len(numbers), [one.name for one in fields(cls)]
        if unknown := sorted(set(values) - set(names)):
            raise ValueError(f"{cls.__name__} has no field {', '.join(unknown)}; it has {', '.join(names)}")
        if missing := [name for name in names if name not in {*values, "episode", *_FRESH}]:
            raise ValueError(f"{cls.__name__} needs a value for {', '.join(missing)}: pass it to fresh by name")
        initial: dict[str, Any] = {name: np.zeros(batch, dtype) for name, dtype in _FRESH.items()}
        for name, value in values.items():
            if name in _FRESH and np.ndim(value) == 0:
                initial[name] = np.full(batch, value, dtype=_FRESH[name])
            elif np.ndim(value) == 0 or len(value) != batch:
                shape = tuple(np.shape(value))
                raise ValueError(f"{name} must have {batch} rows, one for each episode; its shape is {shape}")
            else:
                initial[name] = value
        return cls(episode=numbers, **initial)


# The fields of State that `fresh` fills with zeros.
_FRESH: dict[str, Any] = {
    "steps": np.int32,
    "previous": np.int64,
    "length": np.float32,
    "least_error": np.float32,
    "stopped": np.bool_,
    "failed": np.bool_,
}


S = TypeVar("S", bound=State)


def put(state: S, rows: NDArray[np.int64], other: S) -> S:
    """The state with these rows replaced, in order, by those of another state; both stay as they were."""
    if len(rows) == len(state) and (rows[1:] > rows[:-1]).all():
        return other  # all of them, in their order
    merged = {}
    for field in fields(state):
        values = getattr(state, field.name)
        values = values.copy() if isinstance(values, np.ndarray) else values.clone()
        values[rows] = getattr(other, field.name)
        merged[field.name] = values
    return replace(state, **merged)


def take(state: S, rows: NDArray[np.int64]) -> S:
    """These rows of a state, in order."""
    return replace(state, **{field.name: getattr(state, field.name)[rows] for field in fields(state)})
