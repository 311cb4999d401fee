"""The navigator: reads an instruction, looks, remembers and moves."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from gymnasium import Space
from gymnasium.spaces import Box, Discrete
from torch import Tensor, nn
from torch.distributions import Categorical

from vln.agent import Decision, Observation

from .candidates import CandidateEye, Pointer, only_possible
from .eyes import SecondLook, eye_for
from .hearing import Hearing
from .memories import Recurrent
from .shape import PLAIN, Shape
from .words import Attention, Read, Reader

MOVE_SIZE = 16  # of the last move, as a vector
POSE_SIZE = 32  # of the pose, as a vector
SENSES = ("instruction", "view", "previous", "possible", "pose", "images")


class Navigator(Hearing):
    """An instruction LSTM, an eye that the instruction modulates, a recurrent core, attention over words, and heads.

    spaces: of single observations, by name: `instruction` (token ids), `view`, `previous` (the last move), `possible`
    (which moves are; others are never made), `pose` (numbers about where it stands), `images` (features of what is seen
    of each candidate, [K, D], or ahead, [D]). A view of candidates, [K, numbers], is chosen from where there is a move
    for each of them and one to stop (panoramic decisions; arXiv:1806.02724).
    moves: how many moves there are. senses: which of the observations it has; without `view` it is blind, without
    `instruction` deaf. answers: how many answers there are to the world's question; it is answered from the view and
    the instruction alone, so that what is learned by answering is to see what is meant.
    """

    def __init__(
        self,
        spaces: Mapping[str, Space[Any]],
        moves: int,
        shape: Shape = PLAIN,
        senses: Sequence[str] = SENSES,
        answers: int = 0,
    ) -> None:
        super().__init__()
        if unheard_of := set(senses) - set(SENSES):
            raise ValueError(f"no sense is called {sorted(unheard_of)}; there are {', '.join(SENSES)}")
        known = {name: space for name, space in spaces.items() if name in senses}
        if not known:
            raise ValueError(f"an agent needs at least one of the senses {sorted(spaces)}, not {list(senses)}")
        inputs = 0
        self.reader = self.eye = self.last_move = self.attention = self.look = self.join = None
        self.stand = self.watch = None
        self.ways: CandidateEye | None = None
        self.point: Pointer | None = None
        self.masks = "possible" in known
        if isinstance(space := known.get("instruction"), Box):
            self.reader = Reader(int(space.high.max()) + 1, shape.words, shape.bidirectional, shape.mumble)
            self.attention = Attention(shape.hidden, shape.words)
            inputs += shape.words
        words = shape.words if self.reader else 0
        shown = {name: space for name in ("view", "images") if isinstance(space := known.get(name), Box)}
        # What is known of candidates, by name; the first tells which there are.
        self.told = [name for name, space in shown.items() if len(space.shape) == 2]
        if self.told:
            self.ways = CandidateEye([shown[name] for name in self.told], words, shape.sight, shape.fog)
            inputs += shape.sight
        elif "view" in shown:
            self.eye = eye_for(shown["view"], words, shape.sight, shape.fog)
            inputs += shape.sight
        if "images" in shown and "images" not in self.told:
            self.watch = nn.Linear(shown["images"].shape[0], shape.sight)
            inputs += shape.sight
        if isinstance(space := known.get("pose"), Box):
            self.stand = nn.Linear(space.shape[0], POSE_SIZE)
            inputs += POSE_SIZE
        if self.attention:
            in_mind = shape.hidden + shape.words
            if self.eye and shape.second_look:
                self.look = SecondLook(in_mind, self.eye.channels, self.eye.places, shape.words)
            self.join = nn.Linear(in_mind + (shape.words if self.look else 0), shape.hidden)
        chosen_from = self.told and moves == shown[self.told[0]].shape[0] + 1
        if isinstance(space := known.get("previous"), Discrete) and not chosen_from:
            self.last_move = nn.Embedding(int(space.n), MOVE_SIZE)
            inputs += MOVE_SIZE
        self.core = Recurrent(shape.memory, inputs, shape.hidden, shape.layers)
        self.dropout = nn.Dropout(shape.dropout)
        if chosen_from:
            self.point = Pointer(shape.hidden, shape.sight)
        self.policy = nn.Linear(shape.hidden, moves)
        self.value = nn.Linear(shape.hidden, 1)
        self.answer = nn.Linear(shape.sight, answers) if answers and self.eye and self.reader else None
        # A policy that begins by choosing every move alike explores, and its first losses are small.
        nn.init.normal_(self.policy.weight, std=0.01)
        nn.init.zeros_(self.policy.bias)

    def decide(
        self, observation: Observation, core: Tensor, starts: Tensor, read: Read | None
    ) -> tuple[Decision, Tensor]:
        time, batch = starts.shape
        inputs: list[Tensor] = []
        attention = answer = None
        if read:
            inputs.append(read.whole)
        if self.eye:
            whole = read.whole.flatten(0, 1) if read else None
            seen, features = self.eye(observation["view"].flatten(0, 1), whole)
            inputs.append(seen.view(time, batch, -1))
            answer = self.answer(inputs[-1]).float() if self.answer else None
        if self.ways:
            told = [observation[name] for name in self.told]
            seen, each, real = self.ways(told, read.whole if read else None)
            inputs.append(seen)
        if self.watch:
            inputs.append(self.watch(observation["images"].to(self.watch.weight.dtype)).relu())
        if self.stand:
            inputs.append(self.stand(observation["pose"].to(self.stand.weight.dtype)))
        if self.last_move:
            inputs.append(self.last_move(observation["previous"]))
        hidden, core = self.core(self.dropout(torch.cat(inputs, dim=-1)), core, starts)
        if read and self.attention and self.join:
            heard, attention = self.attention(hidden, read)
            in_mind = torch.cat([hidden, heard], dim=-1)
            if self.look:
                found = self.look(in_mind.flatten(0, 1), features).view(time, batch, -1)
                in_mind = torch.cat([in_mind, found], dim=-1)
            hidden = torch.relu(self.join(in_mind))
        hidden = self.dropout(hidden)
        logits = self.point(hidden, each, real) if self.point else self.policy(hidden).float()
        if self.masks:
            logits = only_possible(logits, observation["possible"])
        policy = Categorical(logits=logits, validate_args=False)
        return Decision(policy, self.value(hidden).float().squeeze(-1), attention, answer), core
