"""The navigator: reads an instruction, looks, remembers and moves."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from gymnasium import Space
from gymnasium.spaces import Box
from torch import Tensor, nn

from vln.agent import Decision, Observation
from vln.policies import Categorical

from .candidates import Pointer, only_possible
from .eyes import SecondLook
from .hearing import Hearing
from .memories import Recurrent
from .senses import Senses
from .shape import PLAIN, Shape
from .words import Attention, Read, Reader

SENSES = ("instruction", "view", "images", "previous", "possible", "pose")


class Navigator(Hearing):
    """An instruction LSTM, senses that it modulates, a recurrent core, attention over words, and heads.

    spaces: of single observations, by name: `instruction` (token ids), `possible` (which moves are; others are never
    made), and what Senses take. Where candidates are shown and the last move is not, a move is one of the candidates,
    or to stop (panoramic decisions; Fried et al. 2018, arXiv:1806.02724).
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
        self.reader = self.attention = self.look = self.join = None
        if isinstance(space := known.get("instruction"), Box):
            self.reader = Reader(int(space.high.max()) + 1, shape.word_dim, shape.bidirectional, shape.mumble)
            if shape.attention:
                self.attention = Attention(shape.hidden, shape.word_dim)
        words = shape.word_dim if self.reader else 0
        self.senses = Senses(known, words, shape)
        self.core = Recurrent.of(shape, self.senses.size + words)
        in_mind = shape.hidden + words
        if self.attention:
            if shape.second_look and self.senses.channels:
                self.look = SecondLook(in_mind, self.senses.channels, self.senses.directions, shape.word_dim)
            self.join = nn.Linear(in_mind + (shape.word_dim if self.look else 0), shape.hidden)
        self.dropout = nn.Dropout(shape.dropout)
        self.masks = "possible" in known
        self.policy: Pointer | nn.Linear
        if self.senses.candidates and "previous" not in spaces:
            self.policy = Pointer(shape.hidden, shape.sight)
        else:
            self.policy = nn.Linear(shape.hidden, moves)
            # A policy that begins by choosing every move alike explores, and its first losses are small.
            nn.init.normal_(self.policy.weight, std=0.01)
            nn.init.zeros_(self.policy.bias)
        self.value = nn.Linear(shape.hidden, 1)
        self.answer = nn.Linear(shape.sight, answers) if answers and self.senses.eye and self.reader else None

    def decide(
        self, observation: Observation, core: Tensor, starts: Tensor, read: Read | None
    ) -> tuple[Decision, Tensor]:
        sensed = self.senses(observation, read.whole if read else None)
        inputs = torch.cat([read.whole, sensed.inputs], dim=-1) if read else sensed.inputs
        hidden, core = self.core(self.dropout(inputs), core, starts)
        attention = None
        if read and self.attention and self.join:
            heard, attention = self.attention(hidden, read)
            in_mind = torch.cat([hidden, heard], dim=-1)
            if self.look:
                in_mind = torch.cat([in_mind, self.look(in_mind, sensed.places, sensed.real)], dim=-1)
            hidden = torch.relu(self.join(in_mind))
        hidden = self.dropout(hidden)
        if isinstance(self.policy, Pointer):
            logits = self.policy(hidden, sensed.places, sensed.real)
        else:
            logits = self.policy(hidden).float()
        if self.masks:
            logits = only_possible(logits, observation["possible"])
        policy = Categorical(logits=logits)
        answer = self.answer(sensed.seen).float() if self.answer else None
        return Decision(policy, self.value(hidden).float().squeeze(-1), attention, answer), core
