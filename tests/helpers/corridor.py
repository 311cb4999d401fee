"""A corridor: the smallest world in which words, views and moves matter, and every ending can be met."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from gymnasium import Space
from gymnasium.spaces import Box
from numpy.typing import NDArray

from vln.episode import Episode
from vln.language import Vocabulary
from vln.spaces import LastAction, Words
from vln.state import State
from vln.world import HasPaths, World

LEFT, RIGHT, STOP = 0, 1, 2
PIT = 0  # the cell at the left end: who walks into it has failed, and no way leads on
LENGTH = 7
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six")


@dataclass(frozen=True)
class Place:
    """A corridor of LENGTH cells with a pit at its left end."""

    identity: str = "corridor"


@dataclass(frozen=True)
class CorridorState(State):
    """A State, and the cell each agent is in: int16 [B]."""

    cell: NDArray[np.int16]


def corridor_episodes() -> list[Episode]:
    """Every way to be sent from one cell to another, or to the one where one is, the pit left out."""
    cells = range(1, LENGTH)
    return [
        Episode(f"go to {NUMBERS[goal]}", Place(), (start,), (goal,), "corridor", f"{start} to {goal}")
        for start in cells
        for goal in cells
    ]


class Corridor(HasPaths, World[CorridorState]):
    """Walk left and right; see the cells left, here and right of you (0 free, 1 pit, 2 wall) and where you are."""

    action_names = ("left", "right", "stop")

    def __init__(self, episodes: list[Episode] | None = None, max_steps: int = 12) -> None:
        self.episodes = corridor_episodes() if episodes is None else episodes
        self.vocabulary = Vocabulary(("go", "to", *NUMBERS))
        self.max_steps = max_steps
        self.threshold = 1.0
        self._start = np.array([episode.start[0] for episode in self.episodes], dtype=np.int16)
        self._goal = np.array([episode.goals[0] for episode in self.episodes], dtype=np.int16)
        self._tokens = np.array([self.vocabulary.encode(episode.instruction, 4) for episode in self.episodes], np.int32)
        self.spaces: dict[str, Space[Any]] = {
            "instruction": Words(4, len(self.vocabulary)),
            "previous": LastAction(len(self.action_names)),
            "view": Box(0, LENGTH, (4,), np.uint8),
        }

    def begin(self, episode: NDArray[np.int64]) -> CorridorState:
        cell = self._start[episode]
        error = abs(cell - self._goal[episode]).astype(np.float32)
        return CorridorState.fresh(episode, previous=len(self.action_names), least_error=error, cell=cell)

    def observe(self, state: CorridorState) -> dict[str, NDArray[Any]]:
        cells = np.array([1, *[0] * (LENGTH - 1), 2, 2], dtype=np.uint8)
        around = state.cell[:, None] + np.array([-1, 0, 1])
        view = np.column_stack([cells[around], state.cell]).astype(np.uint8)
        return {"instruction": self._tokens[state.episode], "previous": state.previous.copy(), "view": view}

    def step(self, state: CorridorState, move: NDArray[np.int64]) -> CorridorState:
        assert not (self.terminated(state) | self.truncated(state)).any(), "a finished episode must not be stepped"
        cell = np.clip(state.cell + np.array([-1, 1, 0], dtype=np.int16)[move], PIT, LENGTH - 1).astype(np.int16)
        after = replace(state, cell=cell, steps=state.steps + np.int32(1), previous=move, failed=cell == PIT)
        return replace(
            after,
            stopped=move == STOP,
            length=state.length + (move != STOP),
            least_error=np.minimum(state.least_error, self.error(after)),
        )

    def error(self, state: CorridorState) -> NDArray[np.float32]:
        error = abs(state.cell - self._goal[state.episode]).astype(np.float32)
        return np.where(state.cell == PIT, np.float32(np.inf), error)

    def expert(self, state: CorridorState) -> NDArray[np.bool_]:
        ahead = self._goal[state.episode] - state.cell
        ahead[state.cell == PIT] = 0
        return np.stack([ahead < 0, ahead > 0, ahead == 0], axis=1)

    def position(self, state: CorridorState) -> NDArray[np.int16]:
        return np.stack([np.zeros_like(state.cell), state.cell], axis=1)

    def distances(self, episode: int, path: NDArray[np.int16], reference: NDArray[np.int16]) -> NDArray[np.float32]:
        return abs(path[:, None, 1] - reference[None, :, 1]).astype(np.float32)

    def reference(self, episode: int) -> NDArray[np.int16]:
        start, goal = int(self._start[episode]), int(self._goal[episode])
        cells = range(start, goal + 1) if start <= goal else range(start, goal - 1, -1)
        return np.array([[0, cell] for cell in cells], dtype=np.int16)

    def draw(
        self, state: CorridorState, slot: int, path: NDArray[np.int16], colours: NDArray[np.uint8] | None = None
    ) -> NDArray[np.uint8]:
        picture = np.zeros((16, 16 * LENGTH, 3), dtype=np.uint8)
        marks = [(cell, (90, 90, 90)) for cell in path[:, 1]]
        marks += [(self._goal[state.episode[slot]], (0, 160, 0)), (state.cell[slot], (220, 40, 40))]
        for cell, colour in marks:
            picture[2:14, 16 * int(cell) + 2 : 16 * int(cell) + 14] = colour
        return picture
