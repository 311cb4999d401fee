"""GraphState: where a batch of agents stands in buildings."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vln.state import State


@dataclass(frozen=True)
class GraphState(State):
    """A State, and where the agents stand.

    node: int32 [B], of the atlas. heading, elevation: float32 [B], radians, where the agent faces; 0 is +y and level.
    turned: float32 [B], radians clockwise, by the last move. came: int32 [B], the node left last; NONE at first.
    visited: uint64 [B, words], a bit for every viewpoint of the building. progress: int32 [B], how many edges of the
    annotated path have been gone. left: float32 [B], metres to the goal; inf where it is secret or no way leads.
    """

    node: NDArray[np.int32]
    heading: NDArray[np.float32]
    elevation: NDArray[np.float32]
    turned: NDArray[np.float32]
    came: NDArray[np.int32]
    visited: NDArray[np.uint64]
    progress: NDArray[np.int32]
    left: NDArray[np.float32]
