"""The sequencer: is given something at every step, remembers and answers."""

from collections.abc import Mapping
from typing import Any

import torch
from gymnasium import Space
from gymnasium.spaces import Box, Discrete
from torch import Tensor, nn

from vln.agent import Agent, Decision, Memory, Observation
from vln.policies import Categorical, Gaussian, Policy

from .memories import Recurrent
from .shape import PLAIN, Shape


class Sequencer(Agent):
    """What is given as a vector, a recurrent core, and heads: which answer, or which number, and the value.

    spaces: of single observations: `given`, a symbol (Discrete) or numbers (Box [n]); without it, it is blind. moves:
    the space of its moves. A symbol is a vector that is learned, or where shape.word_dim is 0 all zeros but for a one.
    """

    def __init__(self, spaces: Mapping[str, Space[Any]], moves: Space[Any], shape: Shape = PLAIN) -> None:
        super().__init__()
        given = spaces.get("given")
        self.symbols, self.embed = 0, None
        if isinstance(given, Discrete):
            self.symbols = int(given.n)
            if shape.word_dim:
                self.embed = nn.Embedding(self.symbols, shape.word_dim)
            inputs = shape.word_dim or self.symbols
        else:
            inputs = given.shape[0] if isinstance(given, Box) else 0
        self.blind = given is None
        self.core = Recurrent.of(shape, max(1, inputs))
        self.dropout = nn.Dropout(shape.dropout)
        self.numbers = int(moves.shape[0]) if isinstance(moves, Box) else 0
        self.aim = shape.aim if self.numbers else 0.0
        self.policy = nn.Linear(shape.hidden, self.numbers or int(moves.n))  # type: ignore[attr-defined]
        self.value = nn.Linear(shape.hidden, 1)

    def initial(self, batch: int) -> Memory:
        return {"core": self.core.initial(batch)}

    def forward(self, observation: Observation, memory: Memory, starts: Tensor) -> tuple[Decision, Memory]:
        hidden, core = self.core(self.dropout(self._given(observation, starts)), memory["core"], starts)
        hidden = self.dropout(hidden)
        return Decision(self._policy(hidden), self.value(hidden).float().squeeze(-1)), {"core": core}

    def _given(self, observation: Observation, starts: Tensor) -> Tensor:
        kind = self.value.weight.dtype
        if self.blind:
            return torch.zeros(*starts.shape, 1, dtype=kind, device=starts.device)
        given = observation["given"]
        if self.embed is not None:
            return self.embed(given)
        return nn.functional.one_hot(given, self.symbols).to(kind) if self.symbols else given.to(kind)

    def _policy(self, hidden: Tensor) -> Policy:
        told = self.policy(hidden).float()
        if self.numbers:
            return Gaussian(told, torch.full_like(told, self.aim))
        return Categorical(logits=told)
