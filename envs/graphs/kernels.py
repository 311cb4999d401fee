"""Kernels of movement and observation in buildings: compiled loops over the batch."""

import numpy as np

from vln.kernels import kernel

from .graph_batch import HEADINGS, NONE, STEP, TILTS, UNIT

FORWARD, LEFT, RIGHT, UP, DOWN, STOP = range(6)  # low-level moves
MOVING = 5  # features of an edge that change as one moves; they come first
POSE = 8  # features of the agent's own pose


@kernel
def view_of(heading, elevation):
    """The view of the discrete camera that looks this way."""
    tilt = min(max(round(elevation / STEP) + 1, 0), TILTS - 1)
    return tilt * HEADINGS + round(heading / STEP) % HEADINGS


@kernel
def hop(atlas_neighbour, atlas_heading, atlas_elevation, atlas_length, move, state):
    """Panoramic: go to a neighbour and face as one has gone; who chooses none, or one that is not there, stays."""
    node, heading, elevation, turned, came, length = state
    for slot in range(len(move)):
        here, way = node[slot], move[slot]
        turned[slot] = 0
        if way >= atlas_neighbour.shape[1] or atlas_neighbour[here, way] == NONE:
            continue
        along, far = atlas_heading[here, way], atlas_length[here, way]
        turned[slot] = (along - heading[slot] + np.pi) % (2 * np.pi) - np.pi
        heading[slot], elevation[slot] = along, atlas_elevation[here, way]
        node[slot], came[slot] = atlas_neighbour[here, way], here
        length[slot] += far


@kernel
def drive(atlas_neighbour, atlas_length, central, move, state):
    """Low level: turn and tilt by 30 degrees, or go to the most central neighbour in view."""
    node, heading, elevation, turned, came, length = state
    for slot in range(len(move)):
        turned[slot] = 0
        view = view_of(heading[slot], elevation[slot])
        turn, tilt = view % HEADINGS, view // HEADINGS
        if move[slot] == FORWARD:
            here = node[slot]
            way = central[here, view]
            if way != NONE:
                node[slot], came[slot] = atlas_neighbour[here, way], here
                length[slot] += atlas_length[here, way]
        elif move[slot] == LEFT:
            turn, turned[slot] = (turn - 1) % HEADINGS, -STEP
        elif move[slot] == RIGHT:
            turn, turned[slot] = (turn + 1) % HEADINGS, STEP
        elif move[slot] == UP:
            tilt = min(tilt + 1, TILTS - 1)
        elif move[slot] == DOWN:
            tilt = max(tilt - 1, 0)
        heading[slot], elevation[slot] = turn * STEP, (tilt - 1) * STEP


@kernel
def arrive(first, graph, size, where, distance, goal, path, episode, node, visited, progress, left, least):
    """After a move: what has been visited, how far along the given path, and how many metres are left to the goal."""
    nodes, begins = path
    for slot in range(len(episode)):
        number = episode[slot]
        here = graph[node[slot]]
        own = node[slot] - first[here]
        visited[slot, own >> 6] |= np.uint64(1) << np.uint64(own & 63)
        step = progress[slot]
        while nodes[begins[number] + step + 1] == node[slot]:
            step += 1
        progress[slot] = step
        left[slot] = np.inf
        if goal[number] != NONE:
            left[slot] = distance[where[here] + (goal[number] - first[here]) * size[here] + own]
        least[slot] = min(least[slot], left[slot])


@kernel
def show(atlas_neighbour, atlas_heading, fixed, first, graph, central, state, ahead, view):
    """What there is to see: the moving features of every neighbour, then the fixed ones.

    Sine and cosine of the direction seen from one's own heading; whether it was visited, whether one has come from
    there, whether `forward` leads there (where ahead is True).
    """
    node, heading, elevation, came, visited = state
    count = fixed.shape[2]
    for slot in range(len(node)):
        here = node[slot]
        begin = first[graph[here]]
        forward = central[here, view_of(heading[slot], elevation[slot])] if ahead else NONE
        for way in range(atlas_neighbour.shape[1]):
            there = atlas_neighbour[here, way]
            if there == NONE:
                view[slot, way] = 0
                continue
            side = atlas_heading[here, way] - heading[slot]
            own = there - begin
            view[slot, way, 0] = np.sin(side)
            view[slot, way, 1] = np.cos(side)
            view[slot, way, 2] = (visited[slot, own >> 6] >> np.uint64(own & 63)) & np.uint64(1)
            view[slot, way, 3] = there == came[slot]
            view[slot, way, 4] = way == forward
            for number in range(count):
                view[slot, way, MOVING + number] = fixed[here, way, number]


@kernel
def stand(start, episode, steps, heading, elevation, turned, hopped, pose):
    """One's own pose: how far one has turned since the start, the tilt, the last turn, the last hop, the start."""
    for slot in range(len(episode)):
        since = heading[slot] - start[episode[slot]]
        pose[slot, 0], pose[slot, 1] = np.sin(since), np.cos(since)
        pose[slot, 2], pose[slot, 3] = np.sin(elevation[slot]), np.cos(elevation[slot])
        pose[slot, 4], pose[slot, 5] = np.sin(turned[slot]), np.cos(turned[slot])
        pose[slot, 6] = hopped[slot] / UNIT
        pose[slot, 7] = steps[slot] == 0


@kernel
def allow_hops(atlas_neighbour, node, possible):
    """Which neighbours there are; `stop` is always possible."""
    for slot in range(len(node)):
        for way in range(atlas_neighbour.shape[1]):
            possible[slot, way] = atlas_neighbour[node[slot], way] != NONE
        possible[slot, atlas_neighbour.shape[1]] = 1


@kernel
def allow_drives(central, node, heading, elevation, possible):
    """Whether there is anywhere to go to, and whether the camera can be tilted further."""
    for slot in range(len(node)):
        view = view_of(heading[slot], elevation[slot])
        possible[slot] = 1
        possible[slot, FORWARD] = central[node[slot], view] != NONE
        possible[slot, UP] = view // HEADINGS < TILTS - 1
        possible[slot, DOWN] = view // HEADINGS > 0


@kernel
def best_way(atlas_neighbour, atlas_length, begin, size, row, distance, here, best):
    """Mark the neighbours [K] by which a shortest way leads to where `row` of the distances is for; whether any does.

    The row is exact: the least over all neighbours is what is written there, up to the rounding of one sum.
    """
    left = distance[row + here - begin]
    found = False
    for way in range(atlas_neighbour.shape[1]):
        there = atlas_neighbour[here, way]
        best[way] = False
        if there != NONE and left > 0 and np.isfinite(left):
            through = atlas_length[here, way] + distance[row + there - begin]
            best[way] = through <= left * (1 + 1e-12) + 1e-12
            found |= best[way]
    return found


@kernel
def best_hops(atlas_neighbour, atlas_length, first, graph, size, where, distance, target, node, best):
    """Panoramic: every neighbour on a shortest way to the target; `stop` at it, and where no way leads there."""
    for slot in range(len(node)):
        here = graph[node[slot]]
        best[slot] = False
        found = False
        if target[slot] != NONE:
            row = where[here] + (target[slot] - first[here]) * size[here]
            ways = best[slot, :-1]
            found = best_way(atlas_neighbour, atlas_length, first[here], size[here], row, distance, node[slot], ways)
        best[slot, -1] = not found


@kernel
def best_drives(
    atlas_neighbour, atlas_length, first, graph, size, where, steps, central, target, node, heading, elevation, best
):
    """Low level: every move that begins the quickest way to a view from which `forward` is on a shortest way."""
    ways = np.empty(atlas_neighbour.shape[1], dtype=np.bool_)
    for slot in range(len(node)):
        here = graph[node[slot]]
        best[slot] = False
        if target[slot] == NONE:
            best[slot, STOP] = True
            continue
        row = where[here] + (target[slot] - first[here]) * size[here]
        # A way that the camera can't go to may be marked too; no view has it in its middle.
        if not best_way(atlas_neighbour, atlas_length, first[here], size[here], row, steps, node[slot], ways):
            best[slot, STOP] = True
            continue
        now = view_of(heading[slot], elevation[slot])
        turn, tilt = now % HEADINGS, now // HEADINGS
        least = HEADINGS + TILTS
        for view in range(HEADINGS * TILTS):
            way = central[node[slot], view]
            if way == NONE or not ways[way]:
                continue
            right = (view % HEADINGS - turn) % HEADINGS
            up = view // HEADINGS - tilt
            moves = min(right, HEADINGS - right) + abs(up)
            if moves > least:
                continue
            if moves < least:
                least = moves
                best[slot] = False
            if moves == 0:
                best[slot, FORWARD] = True
            if right > 0 and right <= HEADINGS - right:
                best[slot, RIGHT] = True
            if right > 0 and right >= HEADINGS - right:
                best[slot, LEFT] = True
            if up > 0:
                best[slot, UP] = True
            if up < 0:
                best[slot, DOWN] = True
