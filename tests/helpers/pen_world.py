"""A pen: the smallest world whose actions have two parts, a choice and a number. It can be had in tensors."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from gymnasium.spaces import Box, Dict, Discrete
from numpy.typing import NDArray
from torch import Tensor, nn

from vln.agent import Agent, Decision, Memory, Observation
from vln.episode import Episode
from vln.language import Vocabulary
from vln.policies import Categorical, Gaussian, Policy, Product
from vln.state import State
from vln.world import World

STROKES = 3
CLOSE = 0.2  # of every stroke, for success


@dataclass(frozen=True)
class PenState(State):
    """A State, and how far all strokes so far were from where they should have been: float32 [B]."""

    apart: Any


class Pens(World[PenState]):
    """Strokes: a number is shown and whether to draw there; a stroke is a number, with the pen up or down.

    A stroke that is not what was shown costs as much as it is beside it, and 1 where the pen was wrong.
    pen: whether there is one; without it an action is the number alone.
    """

    action_names: tuple[str, ...] = ("down", "up")
    max_steps = STROKES
    verdicts = ("drawn", "spoilt")
    headline = "success"

    def __init__(self, episodes: int = 16, pen: bool = True, device: Any = None) -> None:
        rng = np.random.default_rng(0)
        self.pen, self.device, self.uses_tensors, self.is_differentiable = pen, device, device is not None, True
        self.episodes = [Episode("draw", None, (), (), "pen", str(number)) for number in range(episodes)]
        self.vocabulary = Vocabulary(("draw",))
        self.number = rng.uniform(-0.9, 0.9, (episodes, STROKES + 1)).astype(np.float32)
        self.down = rng.random((episodes, STROKES + 1)) < (0.5 if pen else 1.1)
        self.spaces = {"shown": Box(-1, 1, (2,), np.float32)}
        if not pen:
            self.action_names = ("stroke",)

    @property
    def action_space(self) -> Any:
        stroke = Box(-1, 1, (1,), np.float32)
        return Dict({"stroke": stroke, "pen": Discrete(2)}) if self.pen else stroke

    def differentiable(self, device: Any) -> "Pens":
        return Pens(len(self.episodes), self.pen, device)

    def _own(self, values: NDArray[Any]) -> Any:
        return torch.from_numpy(values).to(self.device) if self.uses_tensors else values

    def begin(self, episode: NDArray[np.int64]) -> PenState:
        apart = self._own(np.zeros(len(episode), dtype=np.float32))
        return PenState.fresh(episode, least_error=STROKES, apart=apart)

    def observe(self, state: PenState) -> dict[str, Any]:
        down = self.down[state.episode, state.steps].astype(np.float32)
        shown = np.stack([self.number[state.episode, state.steps], down], axis=1)
        return {"shown": self._own(shown)}

    def step(self, state: PenState, move: Any) -> PenState:
        stroke = (move["stroke"] if self.pen else move)[:, 0]
        number, down = (self._own(told[state.episode, state.steps]) for told in (self.number, self.down))
        beside = abs(stroke.clip(-1, 1) - number) * down
        if self.pen:
            wrong = (move["pen"] == 0) != down
            beside = (torch if self.uses_tensors else np).where(wrong, 1.0, beside)
        steps = state.steps + np.int32(1)
        return replace(state, steps=steps, apart=state.apart + beside, stopped=steps >= STROKES)

    def error(self, state: PenState) -> Any:
        return state.apart + self._own((STROKES - state.steps).astype(np.float32))

    def success(self, state: PenState) -> Any:
        return self._own(state.stopped) & (state.apart <= CLOSE * STROKES)

    def expert(self, state: PenState) -> Any:
        down = self.down[state.episode, state.steps]
        stroke = np.where(down, self.number[state.episode, state.steps], np.float32("nan"))[:, None]
        return {"stroke": stroke, "pen": np.stack([down, ~down], axis=1)} if self.pen else stroke

    def position(self, state: PenState) -> NDArray[Any]:
        return np.stack([state.steps, state.steps], axis=1)

    def draw(
        self, state: PenState, slot: int, path: NDArray[Any], colours: NDArray[np.uint8] | None = None
    ) -> NDArray[np.uint8]:
        picture = np.full((32, 64, 3), 255, dtype=np.uint8)
        picture[:, int(32 + 31 * self.number[state.episode[slot], state.steps[slot]])] = 0
        return picture


class PenAgent(Agent):
    """Decides from what is shown, by two layers, one for all; an action is a stroke, with a pen where there is one."""

    def __init__(self, pen: bool = True, spread: float = 0.2) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(2, 32), nn.Tanh())
        self.stroke, self.pen = nn.Linear(32, 1), nn.Linear(32, 2) if pen else None
        self.value, self.spread = nn.Linear(32, 1), spread

    def initial(self, batch: int) -> Memory:
        return {"time": torch.zeros(batch)}

    def forward(self, observation: Observation, memory: Memory, episode_starts: Tensor) -> tuple[Decision, Memory]:
        body = self.body(observation["shown"].to(self.value.weight.dtype))
        loc = self.stroke(body).float()
        policy: Policy = Gaussian(loc, torch.full_like(loc, self.spread))
        if self.pen is not None:
            policy = Product({"stroke": policy, "pen": Categorical(self.pen(body).float())})
        return Decision(policy, self.value(body).float().squeeze(-1)), memory
