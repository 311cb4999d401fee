"""The glimpser: sees a little, remembers, says what it believes, and chooses where to look next."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from gymnasium import Space
from gymnasium.spaces import Box
from torch import Tensor, nn

from vln.agent import Decision, Observation
from vln.policies import Categorical, Gaussian

from .eyes import GlimpseEye
from .hearing import Hearing
from .memories import Recurrent
from .shape import PLAIN, Shape
from .words import Attention, Read, Reader

SENSES = ("instruction", "view", "where")


class Glimpser(Hearing):
    """What and where it looks as one vector, a recurrent core, and heads (Mnih et al. 2014, arXiv:1406.6247).

    Heads: where to look next, what the picture is, and how probable it is to be right (the baseline). Where words are
    given they are read by the navigator's reader: the eye sees in the light of the whole instruction, and the core is
    given it too.

    spaces: of single observations: `view` (a glimpse), `where` (it was taken at), and `instruction` (token ids). moves:
    the space of its moves, points or choices. senses: which of the observations it has. answers: how many there are.
    """

    def __init__(
        self,
        spaces: Mapping[str, Space[Any]],
        moves: Space[Any],
        answers: int,
        shape: Shape = PLAIN,
        senses: Sequence[str] = SENSES,
    ) -> None:
        super().__init__()
        if unheard_of := set(senses) - set(SENSES):
            raise ValueError(f"no sense is called {sorted(unheard_of)}; there are {', '.join(SENSES)}")
        known = {name: space for name, space in spaces.items() if name in senses}
        if not known:
            raise ValueError(f"an agent needs at least one of the senses {sorted(spaces)}, not {list(senses)}")
        self.reader = self.attention = self.join = None
        inputs = shape.sight
        if isinstance(space := known.get("instruction"), Box):
            self.reader = Reader(int(space.high.max()) + 1, shape.word_dim, shape.bidirectional, shape.mumble)
            self.attention = Attention(shape.hidden, shape.word_dim)
            self.join = nn.Linear(shape.hidden + shape.word_dim, shape.hidden)
            inputs += shape.word_dim
        view = known.get("view")
        heard = shape.word_dim if self.reader else 0
        self.eye = GlimpseEye(view.shape if isinstance(view, Box) else None, "where" in known, heard, shape)
        self.core = Recurrent.of(shape, inputs)
        self.dropout = nn.Dropout(shape.dropout)
        self.points = isinstance(moves, Box)
        told = _coordinates(moves) if isinstance(moves, Box) else int(moves.n)  # type: ignore[attr-defined]
        self.aim, self.apart = shape.aim if self.points else 0.0, shape.apart
        self.policy = nn.Linear(shape.hidden, told)
        self.value = nn.Linear(shape.hidden, 1)
        self.answer = nn.Linear(shape.hidden, answers)
        # It begins by looking at the middle, or by choosing every move alike.
        nn.init.normal_(self.policy.weight, std=0.01)
        nn.init.zeros_(self.policy.bias)

    def decide(
        self, observation: Observation, core: Tensor, starts: Tensor, read: Read | None
    ) -> tuple[Decision, Tensor]:
        inputs = self.eye(observation.get("view"), observation.get("where"), read.whole if read else None)
        if read:
            inputs = torch.cat([inputs, read.whole], dim=-1)
        hidden, core = self.core(self.dropout(inputs), core, starts)
        attention = None
        if read and self.attention and self.join:
            heard, attention = self.attention(hidden, read)
            hidden = torch.relu(self.join(torch.cat([hidden, heard], dim=-1)))
        hidden = self.dropout(hidden)
        remembered = hidden.lerp(hidden.detach(), self.apart)
        value = self.value(remembered).float().squeeze(-1)
        return Decision(self._policy(remembered), value, attention, self.answer(hidden).float()), core

    def _policy(self, remembered: Tensor) -> Categorical | Gaussian:
        told = self.policy(remembered).float()
        if not self.points:
            return Categorical(logits=told)
        middle = told.tanh()
        return Gaussian(middle, torch.full_like(middle, self.aim))


def _coordinates(moves: Box) -> int:
    """How many numbers a move is. Raises ValueError where it is no point between -1 and 1."""
    if len(moves.shape) != 1 or np.any(moves.low != -1) or np.any(moves.high != 1):
        raise ValueError(f"a glimpser's moves are points from -1 to 1 in every coordinate, not {moves}")
    return moves.shape[0]
