"""The senses: all that a navigator is shown, but words, as one vector, and the places it can look at again."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from gymnasium import Space
from gymnasium.spaces import Box, Discrete
from torch import Tensor, nn

from vln.agent import Observation

from .candidates import CandidateEye
from .eyes import eye_for, is_picture
from .shape import Shape

MOVE_SIZE = 16  # of the last move, as a vector
POSE_SIZE = 32  # of the pose, as a vector


class Sensed(NamedTuple):
    """What was sensed: inputs [T, B, size] for memory; the view alone, seen [T, B, sight], or None for who is blind;
    its places [T, B, places, channels], each what is at one of them, and which are real [T, B, places], or all (None).
    """

    inputs: Tensor
    seen: Tensor | None
    places: Tensor | None
    real: Tensor | None


class Senses(nn.Module):
    """spaces: of those observations it has, by name.

    view: a picture or codes [rows, columns, layers], or candidates to go to [K, numbers]. images: features of what is
    seen of each candidate [K, D], or ahead [D]. pose: numbers about where one stands. previous: the last move.
    words: the size of an instruction that it sees by, or 0.
    """

    def __init__(self, spaces: Mapping[str, Space[Any]], words: int, shape: Shape) -> None:
        super().__init__()
        self.eye = self.ways = self.watch = self.stand = self.last_move = None
        shown = {name: space for name in ("view", "images") if isinstance(space := spaces.get(name), Box)}
        # What is known of candidates, by name; the first tells which there are.
        self.told = [name for name, space in shown.items() if len(space.shape) == 2]
        if self.told:
            self.ways = CandidateEye([shown[name] for name in self.told], words, shape.sight, shape.fog)
        elif "view" in shown:
            fog = 0.0 if is_picture(shown["view"]) else shape.fog
            self.eye = eye_for(shown["view"], words, shape.sight, fog)
        if "images" in shown and "images" not in self.told:
            self.watch = nn.Linear(shown["images"].shape[0], shape.sight)
        if isinstance(space := spaces.get("pose"), Box):
            self.stand = nn.Linear(space.shape[0], POSE_SIZE)
        if isinstance(space := spaces.get("previous"), Discrete):
            self.last_move = nn.Embedding(int(space.n), MOVE_SIZE)
        seeing = sum(part is not None for part in (self.eye, self.ways, self.watch))
        feeling = POSE_SIZE * (self.stand is not None) + MOVE_SIZE * (self.last_move is not None)
        self.size = shape.sight * seeing + feeling
        self.candidates = shown[self.told[0]].shape[0] if self.told else 0

    @property
    def channels(self) -> int:
        """Of what is at a place of the view; 0 for who is blind."""
        if self.eye:
            return self.eye.channels
        return self.ways.size if self.ways else 0

    @property
    def directions(self) -> int:
        """How many places of the view always lie in the same direction."""
        return self.eye.places if self.eye else 0

    def forward(self, observation: Observation, whole: Tensor | None) -> Sensed:
        """What is sensed at every moment [T, B] in the light of the instruction [T, B, words], if there is one."""
        inputs: list[Tensor] = []
        seen = places = real = None
        if self.eye:
            view = observation["view"]
            flat = None if whole is None else whole.flatten(0, 1)
            seen, features = self.eye(view.flatten(0, 1), flat)
            seen = seen.view(*view.shape[:2], -1)
            places = features.flatten(2).transpose(1, 2).unflatten(0, view.shape[:2])
            inputs.append(seen)
        if self.ways:
            seen, places, real = self.ways([observation[name] for name in self.told], whole)
            inputs.append(seen)
        if self.watch:
            inputs.append(self.watch(observation["images"].to(self.watch.weight.dtype)).relu())
        if self.stand:
            inputs.append(self.stand(observation["pose"].to(self.stand.weight.dtype)))
        if self.last_move:
            inputs.append(self.last_move(observation["previous"]))
        return Sensed(torch.cat(inputs, dim=-1) if inputs else self._nothing(observation, whole), seen, places, real)

    @staticmethod
    def _nothing(observation: Observation, whole: Tensor | None) -> Tensor:
        """Of who only hears: a vector of no numbers at every moment, as precise as what was heard."""
        any_one = next(iter(observation.values()))
        kind = torch.float32 if whole is None else whole.dtype
        return torch.zeros(*any_one.shape[:2], 0, dtype=kind, device=any_one.device)
