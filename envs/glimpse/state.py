"""The state of a batch of glimpses, and what the tensor world needs of the array world."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from gymnasium import Space
from numpy.typing import NDArray

from vln.episode import Episode
from vln.grading import ScoredState
from vln.language import Vocabulary

from .scene_source import SceneSource
from .sensor import GlimpseSensor


@dataclass(frozen=True)
class GlimpseState(ScoredState):
    """A ScoredState, what lies on the canvases, and where on them the eyes look.

    canvas: uint8 [B, height, width, channels]. where: float32 [B, 2], x and y from -1 to 1.
    """

    canvas: NDArray[np.uint8]
    where: NDArray[np.float32]


class ArrayGlimpses(Protocol):
    """What the world in tensors takes from the one in arrays: see Glimpses, which has it all."""

    episodes: Sequence[Episode]
    scenes: SceneSource
    vocabulary: Vocabulary
    spaces: dict[str, Space[Any]]
    action_names: tuple[str, ...]
    max_steps: int
    num_answers: int
    answer_names: tuple[str, ...]
    eye: GlimpseSensor
    limit: float
    reach: NDArray[np.float32]
    steps: NDArray[np.float32]

    @property
    def move(self) -> str: ...
    @property
    def gaze(self) -> str: ...
    @property
    def action_space(self) -> Space[Any]: ...
    def begin(self, episode: NDArray[np.int64]) -> GlimpseState: ...
    def tokens(self, state: GlimpseState) -> NDArray[np.int32]: ...
    def look_next(self, state: GlimpseState, move: Any, steps: NDArray[np.int32]) -> NDArray[np.float32]: ...
    def terminated(self, state: GlimpseState) -> NDArray[np.bool_]: ...
    def expert(self, state: GlimpseState) -> NDArray[Any]: ...
    def position(self, state: GlimpseState) -> NDArray[np.float32]: ...
    def draw(
        self, state: GlimpseState, slot: int, path: NDArray[Any], colours: NDArray[np.uint8] | None = None
    ) -> NDArray[np.uint8]: ...
