"""Actions: an array, or where an action has several parts a dict of arrays by name; and what is done to each part.

The parts are in the order of their names, as in Gymnasium's Dict.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from gymnasium import Space
from gymnasium.spaces import Box, Dict, Discrete
from numpy.typing import NDArray

# What is done in every slot: an array or a tensor [..., *shape], or a dict of these by the names of an action's parts.
Action = Any


def each_part(function: Callable[..., Any], *actions: Action) -> Action:
    """What the function makes of these actions, part by part; actions of one part are given to it as they are."""
    first = actions[0]
    if not isinstance(first, Mapping):
        return function(*actions)
    return {name: each_part(function, *(action[name] for action in actions)) for name in first}


def first_part(action: Action) -> Any:
    """The first array of an action: its first axes are those of all the others."""
    while isinstance(action, Mapping):
        action = next(iter(action.values()))
    return action


def parts_of(space: Dict) -> list[tuple[str, Space[Any]]]:
    """The parts of an action of several, in the order of their names."""
    return sorted(space.items())


def empty_actions(space: Space[Any], *axes: int) -> Action:
    """Arrays to be filled with actions of a space [*axes, *shape]. Raises ValueError for a space of another kind."""
    if isinstance(space, Dict):
        return {name: empty_actions(part, *axes) for name, part in parts_of(space)}
    if not isinstance(space, Box | Discrete):
        raise ValueError(
            f"an action is a choice (Discrete), numbers (Box), or named parts of these (Dict), not {space}"
        )
    shape: Any = (*axes, *space.shape)  # type: ignore[misc]  # both have one
    return np.empty(shape, dtype=space.dtype)


def put_actions(into: Action, index: Any, actions: Action) -> None:
    """Write actions into such arrays, at this index of their first axes."""

    def write(array: NDArray[Any], values: NDArray[Any]) -> None:
        array[index] = values

    each_part(write, into, actions)


def choices_in(space: Space[Any]) -> int:
    """How many choices an action of a space is made among: those of all its parts together."""
    if isinstance(space, Dict):
        return sum(choices_in(part) for _, part in parts_of(space))
    return int(space.n) if isinstance(space, Discrete) else 0


def chosen(space: Space[Any], action: Action) -> tuple[int, ...]:
    """The choices of one action, numbered through all parts of a space; none where there are none."""
    if isinstance(space, Dict):
        numbers: list[int] = []
        before = 0
        for name, part in parts_of(space):
            numbers += [before + number for number in chosen(part, action[name])]
            before += choices_in(part)
        return tuple(numbers)
    return (int(action),) if isinstance(space, Discrete) else ()


def numbers_in(space: Space[Any], action: Action) -> tuple[float, ...]:
    """The numbers of one action, of all parts of a space; none where there are none."""
    if isinstance(space, Dict):
        return tuple(number for name, part in parts_of(space) for number in numbers_in(part, action[name]))
    return () if isinstance(space, Discrete) else tuple(np.asarray(action, dtype=np.float64).ravel().tolist())


def best_choices(space: Space[Any], best: Action) -> NDArray[np.bool_]:
    """Which choices are optimal [B, choices], of all parts together, from optimal actions as of World.expert."""
    if isinstance(space, Dict):
        return np.concatenate([best_choices(part, best[name]) for name, part in parts_of(space)], axis=-1)
    values = np.asarray(best)
    return values if isinstance(space, Discrete) else np.zeros((len(values), 0), dtype=np.bool_)


def best_numbers(space: Space[Any], best: Action) -> NDArray[np.floating[Any]]:
    """The optimal numbers [B, numbers], of all parts together; NaN where any will do."""
    if isinstance(space, Dict):
        return np.concatenate([best_numbers(part, best[name]) for name, part in parts_of(space)], axis=-1)
    values = np.asarray(best)
    return np.zeros((len(values), 0)) if isinstance(space, Discrete) else values.reshape(len(values), -1)


def named_parts(space: Space[Any], action: Action) -> Iterator[tuple[str, Space[Any], Any]]:
    """The name, the space and the values of every part of an action; of one part the name is empty."""
    if not isinstance(space, Dict):
        yield "", space, action
        return
    for name, part in parts_of(space):
        for inner, own, values in named_parts(part, action[name]):
            yield f" {name!r}{inner}", own, values


def draw_actions(space: Space[Any], count: int, rng: np.random.Generator, best: Action = None) -> Action:
    """Actions for so many slots, drawn uniformly of those that `best` marks as in World.expert, or of all.

    Numbers are drawn between -1 and 1, where their space reaches further.
    """
    if isinstance(space, Dict):
        parts = parts_of(space)
        return {name: draw_actions(part, count, rng, None if best is None else best[name]) for name, part in parts}
    if isinstance(space, Discrete):
        return np.where(True if best is None else best, rng.random((count, int(space.n))), -1).argmax(axis=1)
    assert isinstance(space, Box)
    low, high = (np.clip(bound, -1, 1) for bound in (space.low, space.high))
    drawn = rng.uniform(low, high, (count, *low.shape)).astype(space.dtype)
    return drawn if best is None else np.where(np.isnan(best), drawn, best).astype(space.dtype)
