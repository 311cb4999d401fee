"""Visibility: the cells an agent has seen so far, and the search of a teacher that knows only these.

What has been seen is kept as one 64-bit row of bits per row of cells: uint64 [B, rows].
"""

import numpy as np
from numba import prange

from vln.kernels import kernel, shared_kernel

from .paths import FORWARD, LEFT, RIGHT, STOP, advance

_DOWN = (-1, 0, 1, 0)
_RIGHT = (0, 1, 0, -1)

SERIAL_BELOW = 128  # slots looked at: under this a thread team that waits passively costs more to wake than it saves
REACH = 6  # cells: how far off an object can still be told from another, at the frame sizes agents learn from


@kernel
def _clear_between(opaque, row, column, down, right):
    """Whether nothing opaque lies strictly between a cell's centre and that of the cell (down, right) further."""
    steps = 2 * max(abs(down), abs(right))
    for step in range(1, steps):
        # Halves round towards the eye, so that a corner hides only what is truly behind it.
        between_down = int(np.rint(down * step / steps * 0.999))
        between_right = int(np.rint(right * step / steps * 0.999))
        at_end = between_down == down and between_right == right
        at_start = between_down == 0 and between_right == 0
        if not at_end and not at_start and opaque[row + between_down, column + between_right]:
            return False
    return True


@shared_kernel
def look(opaque, place, pose, seen):
    """Mark in `seen` uint64 [B, rows] the cells in plain sight, within REACH ahead and 45 degrees of the heading."""
    rows, columns = opaque.shape[1], opaque.shape[2]
    for slot in prange(len(pose)):
        row, column, heading = pose[slot, 0], pose[slot, 1], pose[slot, 2]
        ahead_down, ahead_right = _DOWN[heading], _RIGHT[heading]
        aside_down, aside_right = _DOWN[(heading + 1) % 4], _RIGHT[(heading + 1) % 4]
        for ahead in range(REACH + 1):
            for aside in range(-ahead, ahead + 1):
                down = ahead_down * ahead + aside_down * aside
                right = ahead_right * ahead + aside_right * aside
                inside = 0 <= row + down < rows and 0 <= column + right < columns
                if inside and _clear_between(opaque[place[slot]], row, column, down, right):
                    seen[slot, row + down] |= np.uint64(1) << np.uint64(column + right)


PLACES = (REACH + 1) ** 2 + 1  # where in view something can be: nowhere, or in one of the cells of a right angle


@shared_kernel
def locate(opaque, place, pose, sight, found):
    """Write into `found` int64 [B] where in plain sight the nearest of the cells `sight` (uint64 [B, rows]) is.

    0: nowhere. Else 1 + ahead ** 2 + ahead + aside, which numbers the cells of the right angle around the heading.
    """
    rows, columns = opaque.shape[1], opaque.shape[2]
    for slot in prange(len(pose)):
        row, column, heading = pose[slot, 0], pose[slot, 1], pose[slot, 2]
        ahead_down, ahead_right = _DOWN[heading], _RIGHT[heading]
        aside_down, aside_right = _DOWN[(heading + 1) % 4], _RIGHT[(heading + 1) % 4]
        found[slot] = 0
        for ahead in range(REACH + 1):
            for aside in range(-ahead, ahead + 1):
                down = ahead_down * ahead + aside_down * aside
                right = ahead_right * ahead + aside_right * aside
                if not (0 <= row + down < rows and 0 <= column + right < columns) or found[slot] > 0:
                    continue
                wanted = (sight[slot, row + down] >> np.uint64(column + right)) & np.uint64(1) == np.uint64(1)
                if wanted and _clear_between(opaque[place[slot]], row, column, down, right):
                    found[slot] = 1 + ahead * ahead + ahead + aside


@kernel
def _was_seen(seen, row, column):
    return (seen[row] >> np.uint64(column)) & np.uint64(1) == np.uint64(1)


@kernel
def _faces_unseen(opaque, seen, row, column, heading):
    """Whether the straight line ahead comes to an unseen cell before it comes to something opaque."""
    for _ in range(REACH):
        row, column = row + _DOWN[heading], column + _RIGHT[heading]
        if not (0 <= row < opaque.shape[0] and 0 <= column < opaque.shape[1]):
            return False
        if not _was_seen(seen, row, column):
            return True
        if opaque[row, column]:
            return False
    return False


@kernel
def _search(solid, opaque, stride, seen, pose, distance, first, queue, moves):
    """Mark in `moves` bool [4] every first move of a shortest way to a pose that faces something unseen.

    Breadth first over the poses in cells that were seen. False when nothing is left to see. distance int16 and first
    uint8 [rows, columns, 4] and queue int32 are room to work in.
    """
    columns = solid.shape[1]
    distance[:] = -1
    distance[pose[0], pose[1], pose[2]] = 0
    first[pose[0], pose[1], pose[2]] = 0
    queue[0] = (pose[0] * columns + pose[1]) * 4 + pose[2]
    head, tail, nearest, found = 0, 1, -1, 0
    while head < tail:
        row, column, heading = queue[head] // (4 * columns), queue[head] // 4 % columns, queue[head] % 4
        head += 1
        now = distance[row, column, heading]
        if nearest >= 0 and now >= nearest:
            if now > nearest:
                break
            if _faces_unseen(opaque, seen, row, column, heading):
                found |= first[row, column, heading]
            continue
        if now > 0 and _faces_unseen(opaque, seen, row, column, heading):
            nearest = now
            found |= first[row, column, heading]
            continue
        for move in (FORWARD, LEFT, RIGHT):
            after_row, after_column, after_heading = row, column, heading
            if move == FORWARD:
                after_row, after_column = advance(solid, stride, row, column, heading)
                if not _was_seen(seen, after_row, after_column):
                    continue
            else:
                after_heading = (heading + (3 if move == LEFT else 1)) % 4
            via = (1 << move) if now == 0 else first[row, column, heading]
            if distance[after_row, after_column, after_heading] < 0:
                distance[after_row, after_column, after_heading] = now + 1
                first[after_row, after_column, after_heading] = via
                queue[tail] = (after_row * columns + after_column) * 4 + after_heading
                tail += 1
            elif distance[after_row, after_column, after_heading] == now + 1:
                first[after_row, after_column, after_heading] |= via
    for move in range(3):
        moves[move] = (found >> move) & 1
    moves[STOP] = False
    return found != 0


@shared_kernel
def search(solid, opaque, stride, place, pose, seen, sight, known, moves):
    """Replace, in `moves` bool [B, 4] (the expert's), the rows of agents that can't know yet where their goal is.

    sight: uint64 [B, rows], the cells of which one must have been seen. known: bool [B], True where no sight is needed.
    """
    rows, columns = solid.shape[1], solid.shape[2]
    for slot in prange(len(pose)):
        needed = not known[slot]
        for row in range(rows):
            if seen[slot, row] & sight[slot, row]:
                needed = False
        if needed:
            distance = np.empty((rows, columns, 4), np.int16)
            first = np.empty((rows, columns, 4), np.uint8)
            queue = np.empty(rows * columns * 4, np.int32)
            kept = moves[slot].copy()
            house = place[slot]
            if not _search(
                solid[house], opaque[house], stride, seen[slot], pose[slot], distance, first, queue, moves[slot]
            ):
                moves[slot] = kept
