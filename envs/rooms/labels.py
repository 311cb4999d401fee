"""Labels of every pose, to compare with an agent's memory."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vln.episode import Episode

from .house import COMPASS, FLOOR, Pose
from .paths import shortest_path
from .things import Floor


def room_labels(
    episodes: Sequence[Episode], episode: NDArray[np.int64], pose: NDArray[np.int16]
) -> dict[str, NDArray[Any]]:
    """By name [B], of poses [B, 3] in these of all episodes, which are given by index [B].

    `looks north` and so on; `on wood` and so on, the floor under one's feet; and where instructions say the way,
    `clause`: which part of its words is being carried out, from 1, unknown off that way.
    """
    places = [
        (episodes[number], (row, column, heading))
        for number, (row, column, heading) in zip(episode.tolist(), pose.tolist(), strict=True)
    ]
    found: dict[str, NDArray[Any]] = {f"looks {name}": pose[:, 2] == number for number, name in enumerate(COMPASS)}
    floor = np.array([asked.place.cells[row, column, FLOOR] for asked, (row, column, _) in places])
    found |= {f"on {one.name.lower()}": floor == one for one in Floor if one.value}
    if any(asked.clauses for asked in episodes):
        found["clause"] = np.array([_clauses(asked).get(here, np.nan) for asked, here in places], dtype=np.float32)
    return found


@lru_cache(maxsize=4096)
def _clauses(asked: Episode) -> dict[Pose, int]:
    """Which clause is carried out in every pose of the way that an episode's words say."""
    path = shortest_path(asked.place, asked.start, asked.goals)
    ends = [path.index(pose) for pose in asked.clauses]
    return {pose: 1 + sum(end <= place for end in ends) for place, pose in enumerate(path)}
