"""A building as a navigation graph: the viewpoints one can stand at, and the edges one can walk."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

REACH = 3.0  # metres: who stops nearer than this to the goal has succeeded
LEAST = 1e-5  # metres: the shortest edge. Between two viewpoints at one place an expert would go to and fro for ever


@dataclass(frozen=True, eq=False)
class Graph:
    """The viewpoints of one building (in Matterport3D: a scan) and the edges between them.

    scan: its name. viewpoints: the id of each of the n viewpoints. position: float64 [n, 3], metres, z up.
    edges: int32 [m, 2], pairs of viewpoints, each once and in order.
    distance: float64 [n, n], metres along shortest paths; inf where no way leads. Row g is exact for walks to g: at
        every viewpoint it is the least, over its edges, of an edge's length and the row at the edge's other end.
    mirrored: whether left and right are exchanged.
    """

    scan: str
    viewpoints: tuple[str, ...]
    position: NDArray[np.float64]
    edges: NDArray[np.int32]
    distance: NDArray[np.float64] = field(repr=False)
    mirrored: bool = False

    @classmethod
    def of(
        cls, scan: str, viewpoints: tuple[str, ...], position: NDArray[np.float64], edges: NDArray[np.int32]
    ) -> "Graph":
        """The graph of these viewpoints and edges, with its shortest paths (Dijkstra, by SciPy)."""
        return cls(scan, viewpoints, position, edges, shortest_distances(position, edges))

    def __len__(self) -> int:
        return len(self.viewpoints)

    @property
    def identity(self) -> str:
        return f"{self.scan}/mirror" if self.mirrored else self.scan

    @cached_property
    def number(self) -> dict[str, int]:
        """Which viewpoint has this id."""
        return {name: number for number, name in enumerate(self.viewpoints)}

    @cached_property
    def joined(self) -> NDArray[np.bool_]:
        """Whether an edge joins two viewpoints, [n, n]."""
        found = np.zeros((len(self), len(self)), dtype=np.bool_)
        found[self.edges[:, 0], self.edges[:, 1]] = found[self.edges[:, 1], self.edges[:, 0]] = True
        return found

    @cached_property
    def mirror(self) -> "Graph":
        """The same building with left and right exchanged; distances stay."""
        position = self.position * np.array([-1.0, 1.0, 1.0])
        return Graph(self.scan, self.viewpoints, position, self.edges, self.distance, not self.mirrored)


def edge_lengths(position: NDArray[np.float64], here: NDArray[Any], there: NDArray[Any]) -> NDArray[np.float64]:
    """Metres along edges between viewpoints, float64 [m]."""
    return np.maximum(np.linalg.norm(position[there] - position[here], axis=1), LEAST)


def shortest_distances(position: NDArray[np.float64], edges: NDArray[np.int32]) -> NDArray[np.float64]:
    """Metres along shortest paths between all viewpoints, float64 [n, n]."""
    here, there = np.concatenate([edges, edges[:, ::-1]]).T
    weights = csr_array((edge_lengths(position, here, there), (here, there)), shape=(len(position), len(position)))
    return dijkstra(weights)
