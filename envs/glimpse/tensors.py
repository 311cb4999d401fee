"""The world of glimpses in tensors: its steps run on any device and carry gradients through the glimpse."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vln.grading import ScoredWorld

from .state import ArrayGlimpses, GlimpseState


class TensorGlimpses(ScoredWorld[Any]):
    """What Glimpses does, with tensors for all that is seen, moved and answered.

    Which episode a slot lives, how many looks it has had and whether it has stopped stay in arrays: where no move
    stops, nobody has to wait for the device to know when an episode ends. A canvas is brought to the device when its
    episode begins.
    """

    uses_tensors = True
    unit = "pixels"

    def __init__(self, world: ArrayGlimpses, device: Any) -> None:
        self.world, self.device = world, torch.device(device)
        self.episodes, self.vocabulary, self.spaces = world.episodes, world.vocabulary, world.spaces
        self.action_names, self.max_steps = world.action_names, world.max_steps
        self.num_answers, self.answer_names = world.num_answers, world.answer_names
        self.reach, self.steps = self._tensor(world.reach), self._tensor(world.steps)

    @property
    def action_space(self) -> Any:
        return self.world.action_space

    def begin(self, episode: NDArray[np.int64]) -> GlimpseState:
        begun = self.world.begin(episode)
        fields = ("length", "least_error", "canvas", "where", "nll", "right", "num_right")
        told: Any = {name: self._tensor(getattr(begun, name)) for name in fields}
        return replace(begun, **told)

    def observe(self, state: GlimpseState) -> dict[str, Any]:
        where: Any = state.where
        seen = {"view": self.world.eye.look_through(self._t(state.canvas), where), "where": where}
        if "instruction" in self.spaces:
            seen["instruction"] = self._tensor(self.world.tokens(state))
        return seen

    def step(self, state: GlimpseState, move: Any) -> GlimpseState:
        world, steps = self.world, state.steps + np.int32(1)
        before = self._t(state.where)
        where = self._moved(state, move, steps)
        way = ((where - before) * self.reach).detach()
        after: Any = {
            "length": self._t(state.length) + way.square().sum(dim=1).sqrt(),
            "canvas": self._tensor(world.scenes.paint(state.episode, steps)) if world.scenes.changes else state.canvas,
            "where": where,
        }
        stopped = (move == self.stop).cpu().numpy() if self.stop is not None else state.stopped
        return replace(state, steps=steps, stopped=stopped, **after)

    def give_answer(self, state: GlimpseState, answer: Any) -> GlimpseState:
        return self.score_answer(state, answer, self.correct_answer(state))

    def score_answer(self, state: GlimpseState, answer: Any, truth: Any) -> GlimpseState:
        nll = torch.nn.functional.cross_entropy(answer.float(), truth, reduction="none")
        right = answer.argmax(dim=1) == truth
        told: Any = {
            "nll": nll,
            "least_error": torch.minimum(self._t(state.least_error), nll),
            "right": right,
            "num_right": self._t(state.num_right) + right,
        }
        return replace(state, **told)

    def correct_answer(self, state: GlimpseState) -> Any:
        return self._tensor(self.world.scenes.answer(state.episode, state.steps))

    def terminated(self, state: GlimpseState) -> NDArray[np.bool_]:
        return self.world.terminated(state)

    def expert(self, state: GlimpseState) -> Any:
        return self._tensor(self.world.expert(replace(state, where=self._t(state.where).detach().cpu().numpy())))

    def position(self, state: GlimpseState) -> Any:
        return self.world.position(replace(state, where=self._t(state.where).detach().cpu().numpy()))

    def draw(
        self, state: GlimpseState, slot: int, path: Any, colours: NDArray[np.uint8] | None = None
    ) -> NDArray[np.uint8]:
        canvas = self._t(state.canvas).cpu().numpy()
        where = self._t(state.where).detach().cpu().numpy()
        return self.world.draw(replace(state, canvas=canvas, where=where), slot, path, colours)

    def _moved(self, state: GlimpseState, move: Tensor, steps: NDArray[np.int32]) -> Tensor:
        world, before = self.world, self._t(state.where)
        over = steps >= world.max_steps
        if over.all():
            return before
        moved = self._after(state, move, steps)
        return torch.where(self._tensor(over)[:, None], before, moved) if over.any() else moved

    def _after(self, state: GlimpseState, move: Tensor, steps: NDArray[np.int32]) -> Tensor:
        world, before = self.world, self._t(state.where)
        if world.gaze == "centre":
            return before
        if world.gaze != "free":
            return self._tensor(world.look_next(state, np.empty(0), steps))
        if world.move == "continuous":
            return move.to(before.dtype).clamp(-1, 1)
        if world.move == "discrete":
            return (before + self.steps[move]).clamp(-1, 1)
        far = move.square().sum(dim=1, keepdim=True).clamp(min=1).sqrt()
        return (before + world.limit * (move / far).to(before.dtype)).clamp(-1, 1)

    def _tensor(self, values: NDArray[Any]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(self.device)

    @staticmethod
    def _t(values: Any) -> Tensor:
        """What is an array in the states of Glimpses is a tensor in the states of this world."""
        assert isinstance(values, Tensor)
        return values
