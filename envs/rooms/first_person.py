"""The first-person view, in pixels.

Poses are few: the middle of a cell, four headings. So which cells a column of pixels looks into, and which spot of
which floor a pixel falls on, is known beforehand (lens.py). To draw a frame is to walk along those lists until
something is in the way, and to copy texels.
"""

import numpy as np
from numba import prange
from numpy.typing import NDArray

from vln.kernels import kernel, shared_kernel

from .camera import DOORS, EYE_BACK, FRAME, PICTURES, SURFACE, WALL, lens_for
from .things import Kind

SERIAL_BELOW = 24  # frames: under this a thread team that waits passively costs more to wake than it saves

_DOOR, _DOORWAY = int(Kind.DOOR), int(Kind.DOORWAY)
_FIRST_PICTURE, _LAST_PICTURE = int(Kind.BUTTERFLY), int(Kind.TOWER)
_FIRST_OBJECT, _LAST_OBJECT = int(Kind.BALL), int(Kind.HATRACK)
_MOST_OBJECTS = 64  # in one frame; any more are left out


def first_person(
    cells: NDArray[np.uint8],
    opaque: NDArray[np.bool_],
    place: NDArray[np.int32],
    pose: NDArray[np.int16],
    size: int = 64,
    field_of_view: float = 90.0,
) -> NDArray[np.uint8]:
    """What every pose sees: red, green and blue, uint8 [B, size, size, 3], always a new array.

    cells: uint8 [places, rows, columns, 3]. opaque: bool [places, rows, columns]. place: which map each slot is in,
    [B]. pose: row, column, heading, [B, 3]. field_of_view: degrees from the left to the right edge.

    Doors are shut, a wall carries the picture of the cell it is seen from, objects face whoever looks. One's own cell
    never blocks; an object in it is shown at the lower edge. Raises ValueError for a size or field that shows nothing.
    """
    frames = np.empty((len(pose), size, size, 3), dtype=np.uint8)
    draw = _draw_frames.serial if len(pose) < SERIAL_BELOW else _draw_frames
    draw(cells, opaque, place, pose, lens_for(size, float(field_of_view)), frames)
    return frames


@shared_kernel(fastmath=True)
def _draw_frames(cells, opaque, place, pose, lens, frames):
    for slot in prange(len(pose)):
        house = place[slot]
        _draw_frame(cells[house], opaque[house], pose[slot, 0], pose[slot, 1], pose[slot, 2], lens, frames[slot])


@kernel(fastmath=True)
def _draw_frame(cells, opaque, row, column, heading, lens, frame):
    size = frame.shape[0]
    depth = np.empty(size, np.float32)
    objects = np.empty((_MOST_OBJECTS, 4), np.int16)  # ahead, aside, kind, colour; far ones first
    count = 0
    for x in range(size):
        step, doorway = 0, -1
        kind = cells[row, column, 0]
        while True:
            before = kind
            down, right = row + lens.down[heading, x, step], column + lens.right[heading, x, step]
            if not (0 <= down < cells.shape[0] and 0 <= right < cells.shape[1]):
                face = WALL
                break
            kind = cells[down, right, 0]
            if opaque[down, right]:
                face = _face(kind, cells[down, right, 1], before)
                break
            if kind == _DOORWAY:
                if lens.post[x, step]:
                    face = FRAME
                    break
                doorway = step
            elif _FIRST_OBJECT <= kind <= _LAST_OBJECT and lens.ahead[x, step] > 0:
                colour = cells[down, right, 1]
                count = _note(objects, count, lens.ahead[x, step], lens.aside[x, step], kind, colour)
            step += 1
        depth[x] = lens.depth[x, step]
        _draw_face(x, step, face, lens, frame)
        _draw_floor(cells, row, column, heading, x, lens.last[x, step], lens, frame)
        if doorway >= 0:
            _draw_lintels(cells, row, column, heading, x, doorway, lens, frame)
    kind, colour = cells[row, column, 0], cells[row, column, 1]
    if _FIRST_OBJECT <= kind <= _LAST_OBJECT:
        count = _note(objects, count, 0, 0, kind, colour)
    for index in range(count):
        _draw_object(objects[index], depth, lens, frame)


@kernel
def _face(kind, colour, before):
    """Where the texels start of what one runs into, seen from a cell that holds `before`."""
    if kind == _DOOR:
        return DOORS + 2 * SURFACE * colour
    if before in (_DOOR, _DOORWAY):
        return FRAME
    if _FIRST_PICTURE <= before <= _LAST_PICTURE:
        return PICTURES + 2 * SURFACE * (before - _FIRST_PICTURE)
    return WALL


@kernel
def _note(objects, count, ahead, aside, kind, colour):
    """Put an object among those to draw, in order of distance, unless it is there or there are too many."""
    for index in range(count):
        if objects[index, 0] == ahead and objects[index, 1] == aside:
            return count
    if count == len(objects):
        return count
    index = count
    while index > 0 and objects[index - 1, 0] < ahead:
        objects[index] = objects[index - 1]
        index -= 1
    objects[index, 0], objects[index, 1], objects[index, 2], objects[index, 3] = ahead, aside, kind, colour
    return count + 1


@kernel(fastmath=True)
def _draw_face(x, step, face, lens, frame):
    first, last = lens.first[x, step], lens.last[x, step]
    for y in range(first):
        for band in range(3):
            frame[y, x, band] = lens.ceiling[y, band]
    start, v, dv = face + lens.texel[x, step], lens.v[x, step], lens.dv[x, step]
    for y in range(first, last):
        _put(frame, y, x, lens.texels[start + (v >> 16)])
        v += dv


@kernel(fastmath=True)
def _draw_floor(cells, row, column, heading, x, first, lens, frame):
    for y in range(first, frame.shape[0]):
        down, right = row + lens.floor_down[heading, x, y], column + lens.floor_right[heading, x, y]
        _put(frame, y, x, lens.texels[SURFACE * cells[down, right, 2] + lens.floor_texel[heading, x, y]])


@kernel(fastmath=True)
def _draw_lintels(cells, row, column, heading, x, step, lens, frame):
    """The beams over the doorways that column x looks through, of which `step` is the last."""
    while step >= 0:
        if cells[row + lens.down[heading, x, step], column + lens.right[heading, x, step], 0] == _DOORWAY:
            start, v, dv = FRAME + lens.texel[x, step], lens.v[x, step], lens.dv[x, step]
            for y in range(lens.first[x, step], lens.lintel[x, step]):
                _put(frame, y, x, lens.texels[start + (v >> 16)])
                v += dv
        step -= 1


@kernel(fastmath=True)
def _draw_object(thing, depth, lens, frame):
    size = frame.shape[0]
    ahead, aside, kind, colour = thing[0], thing[1], thing[2], thing[3]
    side = lens.side[ahead]
    left = int(np.rint(size / 2 + lens.scale[ahead] * aside - side / 2))
    top = lens.foot[ahead] - side
    for x in range(max(left, 0), min(left + side, size)):
        if depth[x] < ahead + EYE_BACK:
            continue
        for y in range(max(top, 0), min(top + side, size)):
            pixel = lens.start[ahead] + (y - top) * side + x - left
            through = np.int32(lens.sprites[kind, colour, pixel, 3])
            if through < 255:
                for band in range(3):
                    behind = (np.int32(frame[y, x, band]) * through) >> 8
                    frame[y, x, band] = lens.sprites[kind, colour, pixel, band] + behind


@kernel
def _put(frame, y, x, texel):
    frame[y, x, 0] = texel & 255
    frame[y, x, 1] = (texel >> 8) & 255
    frame[y, x, 2] = texel >> 16
