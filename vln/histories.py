"""Histories: what happened in one episode, for whoever measures it by more than how it ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from vln.actions import Action, each_part
from vln.episode import Episode
from vln.world import State, World, take

# The states of a batch of episodes before a step, the actions taken, and which row of both an episode is.
Step = tuple[State, Action, int]


@dataclass(frozen=True, eq=False)
class History:
    """One episode that was lived.

    world: where. steps: what was done. last: the states after the last of them, and which row the episode is.
    """

    world: World[Any]
    steps: Sequence[Step]
    last: tuple[State, int]

    @cached_property
    def states(self) -> list[Any]:
        """Every state, each a batch of one: before each action, and after the last."""
        rows = [(state, row) for state, _, row in self.steps] + [self.last]
        return [take(state, np.array([row])) for state, row in rows]

    @property
    def final(self) -> Any:
        """The last state, a batch of one."""
        return take(self.last[0], np.array([self.last[1]]))

    @cached_property
    def actions(self) -> list[Any]:
        """The actions, in their order: numbers of choices, arrays of numbers, or dicts of these."""
        return [each_part(lambda part, row=row: part[row], action) for _, action, row in self.steps]

    @cached_property
    def episode(self) -> Episode:
        """What was asked, and where."""
        return self.world.episodes[int(self.last[0].episode[self.last[1]])]

    @property
    def success(self) -> bool:
        return bool(self.world.success(self.final)[0])


def measured(history: History) -> dict[str, float]:
    """The numbers that metrics of a world's own make of an episode. Raises ValueError where one is no number."""
    numbers = {metric.name: metric.of(history) for metric in history.world.metrics if metric.of is not None}
    for name, number in numbers.items():
        if not isinstance(number, int | float | np.number | np.bool_):
            raise ValueError(f"metric {name!r} of episode {history.episode.name!r} is no number: {number!r}")
    return {name: float(number) for name, number in numbers.items()}


def looks_back(world: World[Any]) -> bool:
    """Whether a world has metrics that ask for histories, which cost something to keep."""
    return any(metric.of is not None for metric in world.metrics)
