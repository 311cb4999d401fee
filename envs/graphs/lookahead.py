"""What lies beyond an edge, as the map tells it: the features of the track `lookahead`.

All directions are relative to the edge's own, as for somebody who has just walked along it.
"""

import numpy as np
from numpy.typing import NDArray

from .graph import Graph

NEAR, FAR = 4.0, 8.0  # metres walked on from the edge's end: two rings
FEW, MORE = 3.0, 6.0  # metres around the edge's end in which viewpoints are counted
SECTORS = 8  # of a ring, clockwise; the first one is straight ahead
REGION = 12.0  # metres from here within which viewpoints are counted that one reaches by this edge first
NAMES = (
    "degree",
    "dead end",
    "viewpoints within 3 m",
    "viewpoints within 6 m",
    "highest within 6 m",
    "lowest within 6 m",
    "viewpoints reached by it",
    "steepest way up from it",
    "steepest way down from it",
    *(f"nearest second hop, sector {sector}" for sector in range(SECTORS)),
    *(f"viewpoints near beyond, sector {sector}" for sector in range(SECTORS)),
    *(f"viewpoints far beyond, sector {sector}" for sector in range(SECTORS)),
)


def outlook(graph: Graph, here: NDArray[np.int64], there: NDArray[np.int64]) -> NDArray[np.float32]:
    """Features [m, len(NAMES)] of the edges from `here` to `there`, each of the order of one."""
    position, distance, joined = graph.position, graph.distance, graph.joined
    along = position[there] - position[here]
    length = np.linalg.norm(along, axis=1)
    ahead = np.arctan2(along[:, 0], along[:, 1])
    away = position[None] - position[there][:, None]  # [m, n, 3]
    flat = np.hypot(away[..., 0], away[..., 1])
    straight = np.linalg.norm(away, axis=-1)
    turn = np.arctan2(away[..., 0], away[..., 1]) - ahead[:, None]
    sector = np.round(turn / (2 * np.pi / SECTORS)).astype(np.int64) % SECTORS
    others = np.arange(len(position)) != there[:, None]
    within = others & (straight < MORE)
    # A way on: not back to where the edge began.
    onward = joined[there] & (np.arange(len(position)) != here[:, None])
    rise = np.where(onward, away[..., 2] / np.maximum(straight, 1e-6), 0)
    # What one reaches by this edge first, up to the rounding of sums.
    by_it = others & (length[:, None] + distance[there] <= distance[here] * (1 + 1e-9) + 1e-6)
    beyond = distance[there]
    degree = joined.sum(axis=1)[there]
    features = [
        degree / 5,
        degree == 1,
        (others & (straight < FEW)).sum(axis=1) / 5,
        within.sum(axis=1) / 15,
        np.where(within, away[..., 2], 0).max(axis=1) / 3,
        -np.where(within, away[..., 2], 0).min(axis=1) / 3,
        np.log1p((by_it & (distance[here] < REGION)).sum(axis=1)) / 3,
        rise.max(axis=1),
        -rise.min(axis=1),
    ]
    nearest = np.where(onward, 1 / (0.5 + flat), 0)
    rings = (by_it & (beyond <= NEAR), by_it & (beyond > NEAR) & (beyond <= FAR))
    for number in range(SECTORS):
        features.append(np.where(sector == number, nearest, 0).max(axis=1))
    for ring in rings:
        for number in range(SECTORS):
            features.append(np.log1p((ring & (sector == number)).sum(axis=1)) / 2)
    return np.stack(features, axis=1).astype(np.float32)
