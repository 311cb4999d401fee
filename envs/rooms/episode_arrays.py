"""Episodes as arrays, so that to begin one is to copy a few numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import prange
from numpy.typing import NDArray

from vln.episode import Episode, tokens_of
from vln.kernels import shared_kernel
from vln.language import Vocabulary

from .house import Goal, as_bits
from .paths import FAR, fill_distances
from .things import Kind


@dataclass(frozen=True, eq=False)
class EpisodeArrays:
    """A list of episodes as a struct of arrays: N episodes in P places of R x C cells, of at most S stages.

    cells uint8 [P, R, C, 3], solid bool [P, R, C], opaque bool [P, R, C]: the maps, smaller ones closed with walls.
    place int32 [N], start int16 [N, 3], stages int8 [N], tokens int32 [N, L], texts object [N].
    goal uint8 [N, S, R, C]: bit h is set where heading h reaches the stage.
    left int16 [N, S, R, C, 4]: moves left through this stage and all later ones.
    sight uint64 [N, S, R]: bits of the cells that tell where the goal is. known bool [N, S]: whether none is needed.
    """

    cells: NDArray[np.uint8]
    solid: NDArray[np.bool_]
    opaque: NDArray[np.bool_]
    stride: int
    place: NDArray[np.int32]
    start: NDArray[np.int16]
    stages: NDArray[np.int8]
    tokens: NDArray[np.int32]
    texts: NDArray[np.object_]
    goal: NDArray[np.uint8]
    left: NDArray[np.int16]
    sight: NDArray[np.uint64]
    known: NDArray[np.bool_]

    @classmethod
    def of(cls, episodes: Sequence[Episode], vocabulary: Vocabulary, words: int) -> "EpisodeArrays":
        """words: the least length of `tokens`. Raises ValueError, naming the episode, when no way leads to its goal.

        An episode may have no goals (see World.episode_of): it has one stage then, that nothing reaches.
        """
        if not episodes:
            raise ValueError("a world needs at least one episode")
        houses = list({id(episode.place): episode.place for episode in episodes}.values())
        numbers = {id(house): number for number, house in enumerate(houses)}
        if len(strides := {house.stride for house in houses}) > 1:
            raise ValueError(f"the places of one world have one stride, not {sorted(strides)}")
        rows, columns = (max(house.shape[side] for house in houses) for side in (0, 1))
        goals = [episode.goals or (_nowhere(episode.place.shape),) for episode in episodes]
        count, stages = len(episodes), max(map(len, goals))
        place = np.array([numbers[id(episode.place)] for episode in episodes], dtype=np.int32)
        wanted = [goal for those in goals for goal in those]
        owner = np.repeat(np.arange(count), list(map(len, goals)))
        turn = np.concatenate([np.arange(len(those)) for those in goals])
        goal = np.zeros((count, stages, rows, columns), dtype=np.uint8)
        goal[owner, turn] = as_bits(_stack([one.poses for one in wanted], (rows, columns, 4), False))
        known = np.ones((count, stages), dtype=np.bool_)
        known[owner, turn] = [one.sight is None for one in wanted]
        nothing = np.zeros((0, 0), dtype=np.bool_)
        seen = _stack([nothing if one.sight is None else one.sight for one in wanted], (rows, columns), False)
        sight = np.zeros((count, stages, rows), dtype=np.uint64)
        sight[owner, turn] = seen @ (np.uint64(1) << np.arange(columns, dtype=np.uint64))
        solid = _stack([house.solid for house in houses], (rows, columns), True)
        number_of_stages = np.array(list(map(len, goals)), dtype=np.int8)
        left = np.empty((count, stages, rows, columns, 4), dtype=np.int16)
        _fill_left(solid, houses[0].stride, place, goal, number_of_stages, left)
        start = np.array([episode.start for episode in episodes], dtype=np.int16)
        lost = (left[np.arange(count), 0, *start.T] == FAR) & [bool(episode.goals) for episode in episodes]
        if lost.any():
            episode = episodes[int(np.flatnonzero(lost)[0])]
            raise ValueError(
                f"episode {episode.name!r} ({episode.instruction!r}): no way leads from its start "
                f"{episode.start} to its goal"
            )
        return cls(
            cells=_stack([house.cells for house in houses], (rows, columns, 3), np.array([Kind.WALL, 0, 0])),
            solid=solid,
            opaque=_stack([house.opaque for house in houses], (rows, columns), True),
            stride=houses[0].stride,
            place=place,
            start=start,
            stages=number_of_stages,
            tokens=tokens_of((episode.instruction for episode in episodes), vocabulary, words),
            texts=np.array([episode.instruction for episode in episodes], dtype=object),
            goal=goal,
            left=left,
            sight=sight,
            known=known,
        )


def _nowhere(shape: tuple[int, int]) -> Goal:
    return Goal(np.zeros((*shape, 4), dtype=np.bool_))


def _stack(arrays: Sequence[NDArray], shape: tuple[int, ...], filling: object) -> NDArray:
    stacked = np.empty((len(arrays), *shape), dtype=arrays[0].dtype)
    stacked[:] = filling
    for number, array in enumerate(arrays):
        stacked[number, : array.shape[0], : array.shape[1]] = array
    return stacked


@shared_kernel
def _fill_left(solid, stride, place, goal, stages, left):
    rows, columns = solid.shape[1], solid.shape[2]
    for number in prange(len(place)):
        beyond = np.zeros((rows, columns, 4), np.int16)
        poses = np.empty((rows, columns, 4), np.bool_)
        house = solid[place[number]]
        left[number] = FAR
        for back in range(stages[number]):
            stage = stages[number] - 1 - back
            for row in range(rows):
                for column in range(columns):
                    for heading in range(4):
                        here = (goal[number, stage, row, column] >> heading) & 1 == 1
                        poses[row, column, heading] = here and not house[row, column]
            fill_distances(house, stride, poses, beyond, left[number, stage])
            beyond = left[number, stage]
