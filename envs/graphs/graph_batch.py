"""GraphBatch: the graphs of many buildings, as arrays over all their viewpoints for the kernels."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from vln.kernels import kernel

from .graph import Graph, edge_lengths
from .lookahead import NAMES, outlook

NONE = -1  # in the place of a viewpoint that is not there
HEADINGS, TILTS = 12, 3  # of the discrete camera: steps of 30 degrees all round; down, level, up
VIEWS = HEADINGS * TILTS
STEP = 2 * np.pi / HEADINGS  # radians
HALF_VIEW = np.radians(40)  # radians to either side in which a neighbour can be walked to, as in Matterport3DSimulator
UNIT = 5.0  # metres: lengths among features are of the order of one in it
FIXED = ("sine of elevation", "cosine of elevation", "length", "there is one")  # features of an edge, the same always


@dataclass(frozen=True, eq=False)
class GraphBatch:
    """Graphs one after the other: viewpoint v of graph g is node first[g] + v. N nodes, at most K neighbours of each.

    neighbour: int32 [N, K], nodes, clockwise from +y; NONE after the last. heading, elevation: float32 [N, K], of the
    edges, radians. length: float64 [N, K], metres.
    distance: float64, the matrix of every graph, row after row (see Graph.distance); where: int64 [G], where each
    begins.
    """

    graphs: tuple[Graph, ...]
    first: NDArray[np.int64]
    graph: NDArray[np.int32]
    size: NDArray[np.int64]
    neighbour: NDArray[np.int32]
    heading: NDArray[np.float32]
    elevation: NDArray[np.float32]
    length: NDArray[np.float64]
    distance: NDArray[np.float64]
    where: NDArray[np.int64]

    @classmethod
    def of(cls, graphs: Sequence[Graph]) -> "GraphBatch":
        size = np.array([len(graph) for graph in graphs], dtype=np.int64)
        first = np.concatenate([[0], np.cumsum(size)[:-1]])
        where = np.concatenate([[0], np.cumsum(size**2)[:-1]])
        most = max(int(np.bincount(graph.edges.ravel()).max()) if len(graph.edges) else 0 for graph in graphs)
        shape = (int(size.sum()), max(most, 1))
        neighbour = np.full(shape, NONE, dtype=np.int32)
        heading, elevation = (np.zeros(shape, dtype=np.float32) for _ in range(2))
        length = np.zeros(shape)
        for begin, graph in zip(first, graphs, strict=True):
            here, there = np.concatenate([graph.edges, graph.edges[:, ::-1]]).T
            along = graph.position[there] - graph.position[here]
            bearing = np.arctan2(along[:, 0], along[:, 1]) % (2 * np.pi)
            order = np.lexsort((there, bearing, here))
            here, there, along, bearing = here[order], there[order], along[order], bearing[order]
            slot = np.arange(len(here)) - np.searchsorted(here, here)
            rows = begin + here
            neighbour[rows, slot] = begin + there
            heading[rows, slot] = bearing
            elevation[rows, slot] = np.arctan2(along[:, 2], np.hypot(along[:, 0], along[:, 1]))
            length[rows, slot] = edge_lengths(graph.position, here, there)
        return cls(
            graphs=tuple(graphs),
            first=first,
            graph=np.repeat(np.arange(len(graphs), dtype=np.int32), size),
            size=size,
            neighbour=neighbour,
            heading=heading,
            elevation=elevation,
            length=length,
            distance=np.concatenate([graph.distance.ravel() for graph in graphs]),
            where=where,
        )

    @cached_property
    def number(self) -> dict[str, int]:
        """Which graph has this identity."""
        return {graph.identity: number for number, graph in enumerate(self.graphs)}

    @cached_property
    def local(self) -> NDArray[np.float32]:
        """What one sees of every edge from where one stands, [N, K, len(FIXED)]; zero where there is no edge."""
        there = self.neighbour != NONE
        seen = np.stack([np.sin(self.elevation), np.cos(self.elevation), self.length / UNIT, there], axis=-1)
        return (seen * there[..., None]).astype(np.float32)

    @cached_property
    def lookahead(self) -> NDArray[np.float32]:
        """The same, and what the map tells of what lies beyond, [N, K, len(FIXED) + len(outlook.NAMES)]."""
        beyond = np.zeros((*self.neighbour.shape, len(NAMES)), dtype=np.float32)
        for begin, graph in zip(self.first, self.graphs, strict=True):
            rows, slots = np.nonzero(self.neighbour[begin : begin + len(graph)] != NONE)
            there = self.neighbour[begin + rows, slots] - begin
            beyond[begin + rows, slots] = outlook(graph, rows, there.astype(np.int64))
        return np.concatenate([self.local, beyond], axis=-1)

    @cached_property
    def central(self) -> NDArray[np.int8]:
        """Which neighbour is the most central in every view of the discrete camera, [N, 36]; NONE where none is in it.

        View 12 * (tilt + 1) + turn looks 30 degrees times `turn` clockwise from +y and 30 degrees times `tilt` up. As
        in Matterport3DSimulator (Anderson et al. 2018, arXiv:1711.07280) a neighbour is in view within 40 degrees to
        either side, whatever its elevation; the most central is the nearest to the view's middle.
        """
        found = np.full((len(self.neighbour), VIEWS), NONE, dtype=np.int8)
        _find_central(self.neighbour, self.heading, self.elevation, found)
        return found

    @cached_property
    def facing(self) -> NDArray[np.int8]:
        """Which view of the discrete camera faces every neighbour, [N, K], be it in view or not; NONE where none is."""
        return np.where(self.neighbour == NONE, np.int8(NONE), views_towards(self.heading, self.elevation))

    @cached_property
    def steps(self) -> NDArray[np.float64]:
        """As `distance`, along ways that the discrete camera can go: each edge most central in some view.

        Row g of a graph's matrix is for walks to g. Where two neighbours lie behind one another, the further one may
        only be reached by a detour.
        """
        found = []
        for begin, graph in zip(self.first, self.graphs, strict=True):
            slots = self.central[begin : begin + len(graph)]
            row, view = np.nonzero(slots != NONE)
            edges = np.unique(np.stack([row, slots[row, view]], axis=1), axis=0)
            here, slot = edges.T
            there, length = self.neighbour[begin + here, slot] - begin, self.length[begin + here, slot]
            backwards = csr_array((length, (there, here)), shape=(len(graph), len(graph)))
            found.append(dijkstra(backwards).ravel())
        return np.concatenate(found)


def views_towards(heading: NDArray[np.float32], elevation: NDArray[np.float32]) -> NDArray[np.int8]:
    """The views of the discrete camera (see GraphBatch.central) that look most nearly these ways, in radians."""
    turn, tilt = (np.round(angle.astype(np.float64) / STEP) for angle in (heading, elevation))
    return ((np.clip(tilt, -1, 1) + 1) * HEADINGS + turn % HEADINGS).astype(np.int8)


@kernel
def _find_central(neighbour, heading, elevation, found):
    nearest_side = np.cos(HALF_VIEW)
    for node in range(len(neighbour)):
        for view in range(VIEWS):
            least = np.inf
            for slot in range(neighbour.shape[1]):
                if neighbour[node, slot] == NONE:
                    break
                side = heading[node, slot] - (view % HEADINGS) * STEP
                side = (side + np.pi) % (2 * np.pi) - np.pi
                up = elevation[node, slot] - (view // HEADINGS - 1) * STEP
                off = np.sqrt(side * side + up * up)
                if np.cos(side) >= nearest_side and off < least:
                    least = off
                    found[node, view] = slot
