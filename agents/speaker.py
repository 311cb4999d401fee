"""The speaker: sees a path and says, word by word, what somebody is to do who shall walk it."""

from collections.abc import Mapping
from typing import Any

import torch
from gymnasium import Space
from gymnasium.spaces import Box, Discrete
from torch import Tensor, nn

from vln.agent import Agent, Decision, Memory, Observation
from vln.policies import Categorical

from .memories import Recurrent
from .shape import PLAIN, Shape
from .words import Attention, Read, beginnings


class Speaker(Agent):
    """An LSTM in both directions over the hops of a path, and one that says words while it attends to them
    (Fried et al. 2018, arXiv:1806.02724).

    spaces: of single observations: `path`, float [hops, numbers], where rows of zeros are none, and `previous`, the
    word said last. moves: how many words there are to say, the stop among them.
    """

    def __init__(self, spaces: Mapping[str, Space[Any]], moves: int, shape: Shape = PLAIN) -> None:
        super().__init__()
        path, previous = spaces["path"], spaces["previous"]
        if not isinstance(path, Box) or not isinstance(previous, Discrete):
            raise ValueError(f"a speaker is shown a path and the word said last, not {path} and {previous}")
        if shape.hidden % 2:
            raise ValueError(f"two directions share a vector of {shape.hidden} numbers: take an even size")
        self.see = nn.Linear(path.shape[-1], shape.sight)
        self.walk = nn.LSTM(shape.sight, shape.hidden // 2, bidirectional=True)
        self.embed = nn.Embedding(int(previous.n), shape.word_dim)
        self.core = Recurrent.of(shape, shape.word_dim + shape.hidden)
        self.attention = Attention(shape.hidden, shape.hidden)
        self.join = nn.Linear(2 * shape.hidden, shape.word_dim)
        self.dropout = nn.Dropout(shape.dropout)
        self.say = nn.Linear(shape.word_dim, moves)
        self.value = nn.Linear(shape.hidden, 1)

    def initial(self, batch: int) -> Memory:
        return {"core": self.core.initial(batch)}

    def forward(self, observation: Observation, memory: Memory, starts: Tensor) -> tuple[Decision, Memory]:
        # A path changes only where an episode begins, so each is looked at once and not at every word.
        begins, latest = beginnings(starts)
        read = self._look(observation["path"][begins], latest)
        heard = self.embed(observation["previous"])
        inputs = self.dropout(torch.cat([heard, read.whole], dim=-1))
        hidden, core = self.core(inputs, memory["core"], starts)
        hidden = self.dropout(hidden)
        seen, _ = self.attention(hidden, read)
        told = self.dropout(torch.tanh(self.join(torch.cat([hidden, seen], dim=-1))))
        policy = Categorical(logits=self.say(told).float())
        return Decision(policy, self.value(hidden).float().squeeze(-1)), {"core": core}

    def _look(self, path: Tensor, which: Tensor) -> Read:
        real = (path != 0).any(dim=-1)
        real[:, 0] = True  # there must be something to attend to
        longest = int(real.sum(dim=1).max())
        path, real = path[:, :longest], real[:, :longest]
        seen = self.dropout(self.see(path.to(self.see.weight.dtype)).relu())
        lengths = real.sum(dim=1).cpu()
        packed = nn.utils.rnn.pack_padded_sequence(seen, lengths, batch_first=True, enforce_sorted=False)
        hops, _ = nn.utils.rnn.pad_packed_sequence(self.walk(packed)[0], batch_first=True)
        whole = (hops * real[..., None]).sum(dim=1) / real.sum(dim=1, keepdim=True)
        return Read(hops, real, whole[which], which)
