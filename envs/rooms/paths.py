"""Distances between poses: numbers of moves (forward, turn left, turn right) to a goal, from everywhere in a house."""

import numpy as np
from numpy.typing import NDArray

from vln.kernels import kernel

from .house import Goal, House, Pose, as_bits

FAR = np.int16(32767)  # from here the goal can't be reached

FORWARD, LEFT, RIGHT, STOP = 0, 1, 2, 3
MOVES = ("forward", "turn left", "turn right", "stop")

_DOWN = (-1, 0, 1, 0)
_RIGHT = (0, 1, 0, -1)


@kernel
def advance(solid, stride, row, column, heading):
    """Where `forward` leads: (row, column), unchanged when something is in the way. solid: bool [rows, columns]."""
    row, column = np.int64(row), np.int64(column)
    walked = stride
    for cells in range(1, stride + 1):
        # Kernels index with unsigned numbers where they run for every slot: Numba then does not look for negative ones.
        if solid[np.uint64(row + _DOWN[heading] * cells), np.uint64(column + _RIGHT[heading] * cells)]:
            walked = 0
    return row + _DOWN[heading] * walked, column + _RIGHT[heading] * walked


@kernel
def fill_distances(solid, stride, goal, beyond, distance):
    """Write into `distance` [rows, columns, 4] the moves left from every pose, breadth first from the goal's poses.

    goal: bool [rows, columns, 4]. beyond: int16 of the same shape, what is still to go once a goal pose is reached.
    """
    rows, columns = solid.shape
    distance[:] = FAR
    sources = np.flatnonzero(goal.ravel())
    sources = sources[np.argsort(beyond.ravel()[sources], kind="mergesort")]
    queue = np.empty(rows * columns * 4, np.int32)
    head, tail, source = 0, 0, 0
    flat, begin = distance.ravel(), beyond.ravel()
    while head < tail or source < len(sources):
        # Goals with more stages beyond them enter the queue only when the search has come as far.
        if source < len(sources) and (head == tail or begin[sources[source]] <= flat[queue[head]]):
            pose = sources[source]
            source += 1
            if flat[pose] <= begin[pose] or begin[pose] == FAR:
                continue
            flat[pose] = begin[pose]
        else:
            pose = queue[head]
            head += 1
        row, column, heading = pose // (4 * columns), pose // 4 % columns, pose % 4
        further = flat[pose] + 1
        for turn in (1, 3):
            before = (row * columns + column) * 4 + (heading + turn) % 4
            if flat[before] > further:
                flat[before] = further
                queue[tail] = before
                tail += 1
        row_before, column_before = row - _DOWN[heading] * stride, column - _RIGHT[heading] * stride
        if 0 <= row_before < rows and 0 <= column_before < columns and not solid[row_before, column_before]:
            reached = advance(solid, stride, row_before, column_before, heading)
            before = (row_before * columns + column_before) * 4 + heading
            if reached[0] == row and reached[1] == column and flat[before] > further:
                flat[before] = further
                queue[tail] = before
                tail += 1


def moves_left(house: House, goals: tuple[Goal, ...]) -> NDArray[np.int16]:
    """Moves left through every remaining stage, [stages, rows, columns, 4]; FAR where the goal can't be reached."""
    left = np.empty((len(goals), *house.shape, 4), dtype=np.int16)
    beyond = np.zeros((*house.shape, 4), dtype=np.int16)
    for stage in reversed(range(len(goals))):
        poses = goals[stage].poses & ~house.solid[..., None]
        fill_distances(house.solid, house.stride, poses, beyond, left[stage])
        beyond = left[stage]
    return left


def shortest_path(house: House, start: Pose, goals: tuple[Goal, ...]) -> list[Pose]:
    """The poses of a shortest path through all stages, `start` first. Raises ValueError when there is none.

    Where several moves are best the order of MOVES decides, so that the same question has the same answer.
    """
    left = moves_left(house, goals)
    if left[0][start] == FAR:
        raise ValueError(f"no way leads from {start} to the goal")
    reached = as_bits(np.stack([goal.poses for goal in goals]))
    path = descend(house.solid, house.stride, reached, left, *start)
    return [(row, column, heading) for row, column, heading in path.tolist()]


@kernel
def descend(solid, stride, goal, left, row, column, heading):
    """The poses int16 [n, 3] of a shortest path through all stages, from a pose that is not FAR off.

    goal: uint8 [stages, rows, columns], the poses of every stage as_bits. left: int16 [stages, rows, columns, 4], see
    moves_left.
    """
    path = np.empty((left[0, row, column, heading] + 1, 3), np.int16)
    stage = 0
    for place in range(len(path)):
        path[place, 0], path[place, 1], path[place, 2] = row, column, heading
        while stage < len(goal) - 1 and (goal[stage, row, column] >> heading) & 1:
            stage += 1
        now = left[stage, row, column, heading]
        ahead = advance(solid, stride, row, column, heading)
        if left[stage, ahead[0], ahead[1], heading] < now:
            row, column = ahead
        elif left[stage, row, column, (heading + 3) % 4] < now:
            heading = (heading + 3) % 4
        else:
            heading = (heading + 1) % 4
    return path


def neighbours(house: House, pose: Pose) -> list[Pose]:
    """The poses after `forward`, `turn left` and `turn right`."""
    row, column, heading = pose
    ahead = advance(house.solid, house.stride, row, column, heading)
    return [(int(ahead[0]), int(ahead[1]), heading), (row, column, (heading - 1) % 4), (row, column, (heading + 1) % 4)]


@kernel
def fill_steps(solid, stride, row, column, steps):
    """Write into `steps` int16 [rows, columns] the cells one has to walk to (row, column), turns not counted."""
    rows, columns = solid.shape
    steps[:] = FAR
    queue = np.empty(rows * columns, np.int32)
    steps[row, column] = 0
    queue[0] = row * columns + column
    head, tail = 0, 1
    while head < tail:
        row, column = queue[head] // columns, queue[head] % columns
        head += 1
        for heading in range(4):
            down, right = advance(solid, stride, row, column, heading)
            if steps[down, right] == FAR:
                steps[down, right] = steps[row, column] + stride
                queue[tail] = down * columns + right
                tail += 1


def walking_distances(house: House, path: NDArray[np.int16], reference: NDArray[np.int16]) -> NDArray[np.float32]:
    """Cells to walk between every position of a path [n, 2] and of a reference [m, 2], as [n, m]; inf without a way."""
    between = np.empty((len(path), len(reference)), dtype=np.float32)
    _fill_between(house.solid, house.stride, path, reference, between)
    return between


def walking_length(house: House, path: NDArray[np.int16]) -> float:
    """Cells to walk along a path [n, 2], from each position to the next; inf without a way."""
    return float(_length(house.solid, house.stride, path))


@kernel
def _fill_between(solid, stride, path, reference, between):
    steps = np.empty(solid.shape, np.int16)
    for other in range(len(reference)):
        fill_steps(solid, stride, reference[other, 0], reference[other, 1], steps)
        for place in range(len(path)):
            between[place, other] = _finite(steps[path[place, 0], path[place, 1]])


@kernel
def _length(solid, stride, path):
    steps = np.empty(solid.shape, np.int16)
    length = 0.0
    for place in range(1, len(path)):
        row, column = path[place - 1]
        beside = False
        for heading in range(4):
            down, right = advance(solid, stride, row, column, heading)
            beside |= down == path[place, 0] and right == path[place, 1]
        if beside and (row != path[place, 0] or column != path[place, 1]):
            length += stride  # as most are, so that most need no search
        else:
            fill_steps(solid, stride, row, column, steps)
            length += _finite(steps[path[place, 0], path[place, 1]])
    return length


@kernel
def _finite(cells):
    return np.inf if cells == FAR else np.float64(cells)
