"""Compiled loops over environments: movement, stages, and optimal actions."""

import numpy as np

from vln.kernels import kernel

from .paths import FAR, FORWARD, LEFT, RIGHT, STOP, advance

_DOWN = (-1, 0, 1, 0)
_RIGHT = (0, 1, 0, -1)


@kernel
def walk(solid, place, stride, episode, move, pose, bumped):
    """Make every move in place of the pose before it, and mark those that went into something."""
    for slot in range(len(move)):
        row, column, heading = pose[slot, 0], pose[slot, 1], pose[slot, 2]
        if move[slot] == FORWARD:
            ahead = advance(solid[np.uint64(place[np.uint64(episode[slot])])], stride, row, column, heading)
            bumped[slot] = ahead[0] == row and ahead[1] == column
            pose[slot, 0], pose[slot, 1] = ahead
        elif move[slot] == LEFT:
            pose[slot, 2] = (heading + 3) % 4
        elif move[slot] == RIGHT:
            pose[slot, 2] = (heading + 1) % 4


@kernel
def pass_stages(goal, moves_left, stages, episode, pose, stage, left):
    """Pass every stage but the last that the pose has reached, and write how many moves are left."""
    for slot in range(len(episode)):
        number, phase = np.uint64(episode[slot]), np.uint64(stage[slot])
        row, column, heading = np.uint64(pose[slot, 0]), np.uint64(pose[slot, 1]), np.uint64(pose[slot, 2])
        while phase + 1 < stages[number] and (goal[number, phase, row, column] >> heading) & 1:
            phase += np.uint64(1)
        stage[slot] = phase
        left[slot] = moves_left[number, phase, row, column, heading]


@kernel
def mark_best(solid, place, moves_left, stride, episode, stage, pose, best):
    """Mark every move after which one move less is left; `stop` where none is, or where no way leads on."""
    rows, columns = moves_left.shape[2], moves_left.shape[3]
    # Counted in cells from the beginning, so that there is little to reckon.
    every_left = moves_left.reshape(-1, 4)
    for slot in range(len(episode)):
        number = np.int64(episode[slot])
        row, column, heading = np.int64(pose[slot, 0]), np.int64(pose[slot, 1]), np.int64(pose[slot, 2])
        cell = ((number * moves_left.shape[1] + stage[slot]) * rows + row) * columns + column
        left = every_left[np.uint64(cell)]
        now = left[heading]
        if stride == 1:
            # From a solid cell nothing can be reached, so that what is left there says that it is solid.
            ahead = cell + _DOWN[heading] * columns + _RIGHT[heading]
        else:
            to = advance(solid[np.uint64(place[np.uint64(number)])], stride, row, column, heading)
            ahead = cell + (to[0] - row) * columns + to[1] - column
        after = every_left[np.uint64(ahead), np.uint64(heading)]
        stop = (now == 0) | (now == FAR)
        best[slot, FORWARD] = (after < now) & ~stop
        best[slot, LEFT] = (left[(heading + 3) & 3] < now) & ~stop
        best[slot, RIGHT] = (left[(heading + 1) & 3] < now) & ~stop
        best[slot, STOP] = stop
