"""Rooms: the world of houses and mazes on a grid, walked in poses and seen from within."""

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from gymnasium import Space
from numpy.typing import NDArray

from vln.episode import Episode
from vln.language import Vocabulary
from vln.spaces import Codes, LastAction, Picture, Words
from vln.state import State
from vln.tasks import Baseline
from vln.world import HasPaths, World

from .episode_arrays import EpisodeArrays
from .first_person import first_person
from .four_way import WIDTH, lanes
from .house import COMPASS, House, house_in, pose_in
from .kernels import mark_best, pass_stages, walk
from .labels import room_labels
from .map_view import draw_map, page_size
from .paths import (
    FAR,
    MOVES,
    STOP,
    descend,
    walking_distances,
    walking_length,
)
from .symbols import symbols
from .things import CODES
from .top_down import top_down
from .visibility import PLACES, SERIAL_BELOW, locate, look, search

ViewName = Literal["first_person", "symbols", "four_way", "top_down", "none"]


@dataclass(frozen=True)
class RoomState(State):
    """A State with the agents' poses.

    pose: int16 [B, 3], row, column, heading. stage: int8 [B], number of the next goal. left: int16 [B], moves to go.
    bumped: bool [B], whether the last move was into an obstacle. seen: uint64 [B, rows], bits of the cells that have
    been in view; without rows where the world does not track them.
    """

    pose: NDArray[np.int16]
    stage: NDArray[np.int8]
    left: NDArray[np.int16]
    bumped: NDArray[np.bool_]
    seen: NDArray[np.uint64]


class Rooms(HasPaths, World[RoomState]):
    """Walk a house: forward, turn left, turn right, stop.

    view: View of the agent, which is RGB from within (first_person), codes of the `size` x `size` cells ahead
    (symbols), codes of the `size` cells ahead, right, behind and left (four_way), the cells of symbols as RGB from
    above (top_down), or none.
    size: Side of the view in pixels or cells; 64 (first_person), 56 (top_down) or 7 unless given.
    field_of_view: Angle of view of first_person, in degrees. max_steps: Length of the longest episode, in steps; the
    task's own unless given.
    max_words: Number of token ids of an instruction; more where one of the episodes has a longer one.
    walls_fail: Whether a move into an obstacle ends the episode as a failure (SAIL's rule) or only costs a step.
    track_sight: Whether to track the cells that the agent has seen, which only `teacher` needs.
    location_question: Whether to ask where in view the goal is; it can't be asked where goals are not named by visible
    things.

    Distances are in moves; the distances between positions (for nDTW and CLS) in cells.
    """

    action_names = MOVES
    unit = "moves"

    def __init__(
        self,
        episodes: Sequence[Episode],
        vocabulary: Vocabulary,
        view: ViewName = "symbols",
        size: int | None = None,
        field_of_view: float = 90.0,
        max_steps: int = 80,
        max_words: int = 48,
        walls_fail: bool = False,
        track_sight: bool = False,
        location_question: bool = True,
    ) -> None:
        if view not in VIEWS:
            raise ValueError(f"no view is called {view!r}; there are {', '.join(VIEWS)}")
        if max_steps < 1:
            raise ValueError(f"max_steps must be at least 1, not {max_steps}")
        self.episodes = episodes
        self.vocabulary = vocabulary
        self.max_steps = max_steps
        self.size = size or VIEWS[view].size
        self.field_of_view = field_of_view
        self.walls_fail = walls_fail
        self.track_sight = track_sight
        self.num_answers = PLACES if location_question else 0
        self.pool = EpisodeArrays.of(episodes, vocabulary, max_words)
        self._see = VIEWS[view].see
        self.spaces: dict[str, Space[Any]] = {
            "instruction": Words(self.pool.tokens.shape[1], len(vocabulary)),
            "previous": LastAction(len(MOVES)),
        }
        if view != "none":
            self.spaces["view"] = VIEWS[view].space(self.size)

    def begin(self, episode: NDArray[np.int64], pose: NDArray[np.int16] | None = None) -> RoomState:
        """pose: [B, 3], start poses in place of the episodes' own; from there a goal may be out of reach."""
        pool, batch = self.pool, len(episode)
        pose = pool.start[episode] if pose is None else pose.astype(np.int16)
        stage = np.zeros(batch, dtype=np.int8)
        left = np.empty(batch, dtype=np.int16)
        pass_stages(pool.goal, pool.left, pool.stages, episode, pose, stage, left)
        state = RoomState(
            episode=episode,
            steps=np.zeros(batch, dtype=np.int32),
            previous=np.full(batch, len(MOVES), dtype=np.int64),
            length=np.zeros(batch, dtype=np.float32),
            least_error=_moves_to_error(left),
            stopped=np.zeros(batch, dtype=np.bool_),
            failed=np.zeros(batch, dtype=np.bool_),
            pose=pose,
            stage=stage,
            left=left,
            bumped=np.zeros(batch, dtype=np.bool_),
            seen=np.zeros((batch, pool.solid.shape[1] if self.track_sight else 0), dtype=np.uint64),
        )
        self._look(state)
        return state

    def observe(self, state: RoomState) -> dict[str, NDArray[Any]]:
        observation: dict[str, NDArray[Any]] = {
            "instruction": self.pool.tokens.take(state.episode, axis=0),
            "previous": state.previous.copy(),
        }
        if "view" in self.spaces:
            observation["view"] = self._see(self, state)
        return observation

    def step(self, state: RoomState, action: NDArray[np.int64]) -> RoomState:
        pool, batch = self.pool, len(state)
        action = np.ascontiguousarray(action, dtype=np.int64)
        pose, stage, left = state.pose.copy(), state.stage.copy(), np.empty(batch, dtype=np.int16)
        bumped = np.zeros(batch, dtype=np.bool_)
        walk(pool.solid, pool.place, pool.stride, state.episode, action, pose, bumped)
        pass_stages(pool.goal, pool.left, pool.stages, state.episode, pose, stage, left)
        stopped = action == STOP
        after = RoomState(
            episode=state.episode,
            steps=state.steps + np.int32(1),
            previous=action,
            # To stop is not a move, so it is not counted; a bump is.
            length=state.length + ~stopped,
            least_error=np.minimum(state.least_error, _moves_to_error(left)),
            stopped=stopped,
            failed=bumped if self.walls_fail else state.failed,
            pose=pose,
            stage=stage,
            left=left,
            bumped=bumped,
            seen=state.seen.copy(),
        )
        self._look(after)
        return after

    def error(self, state: RoomState) -> NDArray[np.float32]:
        return _moves_to_error(state.left)

    def expert(self, state: RoomState) -> NDArray[np.bool_]:
        optimal = np.zeros((len(state), len(MOVES)), dtype=np.bool_)
        pool = self.pool
        mark_best(pool.solid, pool.place, pool.left, pool.stride, state.episode, state.stage, state.pose, optimal)
        return optimal

    def with_teacher(self) -> "Rooms":
        world = copy(self)
        world.track_sight = True
        return world

    def teacher(self, state: RoomState) -> NDArray[np.bool_]:
        """To the goal once it has been in view; until then to the nearest pose that faces something unseen."""
        if not self.track_sight:
            raise ValueError("a world with a teacher needs track_sight=True")
        actions, pool = self.expert(state), self.pool
        stage = state.stage.astype(np.int64)
        sight, known = pool.sight[state.episode, stage], pool.known[state.episode, stage]
        place = pool.place[state.episode]
        search(pool.solid, pool.opaque, pool.stride, place, state.pose, state.seen, sight, known, actions)
        return actions

    def correct_answer(self, state: RoomState) -> NDArray[np.int64]:
        """The cell of the view that the goal is in, see visibility.locate; 0 where it is not in view."""
        pool, cell = self.pool, np.empty(len(state), dtype=np.int64)
        sight = pool.sight[state.episode, state.stage.astype(np.int64)]
        find = locate.serial if len(state) < SERIAL_BELOW else locate
        find(pool.opaque, pool.place[state.episode], state.pose, sight, cell)
        return cell

    def labels(self, state: RoomState) -> dict[str, NDArray[Any]]:
        """Distance to go, number of moves, bumps, and the labels of room_labels.

        `clause`, where an episode has several goals: the number of the next one, from 1. `goal in sight`, where that is
        the world's question: whether the goal is in view.
        """
        labels: dict[str, NDArray[Any]] = {
            "distance to go": np.where(state.left == FAR, np.nan, state.left).astype(np.float32),
            "moves made": state.steps.astype(np.float32),
            "just bumped": state.bumped.copy(),
        }
        if (self.pool.stages > 1).any():
            labels["clause"] = state.stage.astype(np.float32) + 1
        if self.num_answers:
            labels["goal in sight"] = self.correct_answer(state) > 0
        return labels | room_labels(self.episodes, state.episode, state.pose)

    @classmethod
    def episode_of(cls, instruction: str, place: Any, start: Any) -> Episode:
        """place: a House, as House.of_text draws one. start: row, column, and a heading, "north" or its number."""
        return Episode(instruction, house_in(place), pose_in(place, start), (), "", "")

    def position(self, state: RoomState) -> NDArray[np.int16]:
        return state.pose[:, :2].copy()

    def pose(self, state: RoomState, slot: int) -> tuple[int, int, str]:
        row, column, heading = state.pose[slot].tolist()
        return row, column, COMPASS[heading]

    def distances(self, episode: int, path: NDArray[np.int16], reference: NDArray[np.int16]) -> NDArray[np.float32]:
        return walking_distances(self.episodes[episode].place, path, reference)

    def path_length(self, episode: int, path: NDArray[np.int16]) -> float:
        return walking_length(self.episodes[episode].place, path)

    def reference(self, episode: int) -> NDArray[np.int16]:
        one = self.episodes[episode]
        if one.reference is not None:
            return one.reference.astype(np.int16, copy=False)
        if not one.goals:
            raise ValueError(f"episode {one.name!r} has no goal, and so no path to compare with")
        pool, stages = self.pool, slice(self.pool.stages[episode])
        house, goal, left = pool.solid[pool.place[episode]], pool.goal[episode, stages], pool.left[episode, stages]
        return descend(house, pool.stride, goal, left, *pool.start[episode].tolist())[:, :2]

    @property
    def picture_size(self) -> tuple[int, int]:
        return page_size(self.episodes, PORTRAIT_VIEW)

    def draw(
        self, state: RoomState, slot: int, path: NDArray[np.int16], colours: NDArray[np.uint8] | None = None
    ) -> NDArray[np.uint8]:
        episode = self.episodes[int(state.episode[slot])]
        house: House = episode.place
        single = replace(state, episode=state.episode[slot : slot + 1], pose=state.pose[slot : slot + 1])
        row, column, heading = (int(number) for number in state.pose[slot])
        view = _see_first_person(self, single, PORTRAIT_VIEW)[0]
        goal = None
        if episode.goals:
            stage = episode.goals[int(state.stage[slot])]
            goal = stage.sight if stage.sight is not None else stage.poses.any(axis=-1)
        return draw_map(house, path, (row, column, heading), view, episode.instruction, goal, colours)

    def _look(self, state: RoomState) -> None:
        if self.track_sight:
            mark = look.serial if len(state) < SERIAL_BELOW else look
            mark(self.pool.opaque, self.pool.place[state.episode], state.pose, state.seen)


PORTRAIT_VIEW = 256  # pixels a side of the first-person view in a picture for people


@dataclass(frozen=True)
class View:
    """One way to show a state: what it gives, in which space, and how large unless told."""

    see: Callable[[Rooms, RoomState], NDArray[np.uint8]]
    space: Callable[[int], Space[Any]]
    size: int


def _see_first_person(world: Rooms, state: RoomState, size: int | None = None) -> NDArray[np.uint8]:
    pool = world.pool
    place = pool.place[state.episode]
    return first_person(pool.cells, pool.opaque, place, state.pose, size or world.size, world.field_of_view)


def _see_symbols(world: Rooms, state: RoomState) -> NDArray[np.uint8]:
    pool = world.pool
    return symbols(pool.cells, pool.opaque, pool.place[state.episode], state.pose, world.size)


def _see_lanes(world: Rooms, state: RoomState) -> NDArray[np.uint8]:
    pool = world.pool
    return lanes(pool.cells, pool.opaque, pool.place[state.episode], state.pose, world.size)


TOP_DOWN_CELLS = 7


def _see_top_down(world: Rooms, state: RoomState) -> NDArray[np.uint8]:
    pool = world.pool
    shown = symbols(pool.cells, pool.opaque, pool.place[state.episode], state.pose, TOP_DOWN_CELLS)
    return top_down(shown, world.size)


def _see_nothing(world: Rooms, state: RoomState) -> NDArray[np.uint8]:
    raise AssertionError("a world without a view is not asked for one")


def _picture(size: int) -> Picture:
    return Picture(size, size)


def _codes(rows: int, columns: int, cells: int = 1) -> Codes:
    return Codes(rows, columns, CODES * cells)


VIEWS: dict[ViewName, View] = {
    "first_person": View(_see_first_person, _picture, 64),
    "symbols": View(_see_symbols, lambda size: _codes(size, size), 7),
    "four_way": View(_see_lanes, lambda size: _codes(size, 4, cells=WIDTH), 7),
    "top_down": View(_see_top_down, _picture, 56),
    "none": View(_see_nothing, _picture, 1),
}


# What nobody looks at need not be drawn.
BASELINES = {
    "blind": Baseline(without=("view",), world={"view": "none", "size": None}),
    "deaf": Baseline(without=("instruction",)),
}


def _moves_to_error(left: NDArray[np.int16]) -> NDArray[np.float32]:
    error = left.astype(np.float32)
    error[left == FAR] = np.inf
    return error
