"""Heads: from the core's output to a policy, one kind for each kind of action space."""

from abc import abstractmethod
from typing import Any

import numpy as np
import torch
from gymnasium import Space
from gymnasium.spaces import Box, Dict, Discrete
from torch import Tensor, nn

from vln.actions import parts_of
from vln.agents.encoders.encoder import Encoded
from vln.policies import Categorical, Gaussian, Policy, Product

from .attention import IMPOSSIBLE
from .config import AgentConfig
from .parts import Parts


class Head(nn.Module):
    """A policy over actions of one kind."""

    @abstractmethod
    def forward(self, mind: Tensor, candidates: Encoded | None, possible: Tensor | None) -> Policy:
        """The policy [T, B] for what is in mind [T, B, hidden].

        candidates: those seen, for a head that chooses among them. possible: [T, B, actions], 0 for those that can't
        be taken now; all can where it is None.
        """


class ChoiceHead(Head):
    """A Categorical over so many actions. alike: whether it begins with all of them equally probable."""

    def __init__(self, actions: int, hidden: int, alike: bool) -> None:
        super().__init__()
        self.layer = nn.Linear(hidden, actions)
        if alike:
            begin_alike(self.layer)

    def forward(self, mind: Tensor, candidates: Encoded | None, possible: Tensor | None) -> Policy:
        return Categorical(logits=only_possible(self.layer(mind).float(), possible))


class PointHead(Head):
    """A Gaussian about a point; where the space has bounds the middle of it stays within them.

    Its standard deviation is the option `action_std`, of a space from -1 to 1; of others in proportion.
    """

    def __init__(self, space: Box, config: AgentConfig) -> None:
        super().__init__()
        if len(space.shape) != 1:
            raise ValueError(f"an action is a point of several coordinates, not an array {space}")
        bounded = np.isfinite([space.low, space.high])
        if bounded.any() and not bounded.all():
            raise ValueError(f"the coordinates of an action have bounds on both sides or none, not {space}")
        self.bounded = bool(bounded.all())
        low, high = (torch.as_tensor(side, dtype=torch.float32) for side in (space.low, space.high))
        centre, reach = (
            ((low + high) / 2, (high - low) / 2) if self.bounded else (torch.zeros_like(low), torch.ones_like(low))
        )
        self.centre, self.reach = nn.Buffer(centre, persistent=False), nn.Buffer(reach, persistent=False)
        self.std = config.action_std
        self.layer = nn.Linear(config.hidden, space.shape[0])
        if self.bounded:
            begin_alike(self.layer)

    def forward(self, mind: Tensor, candidates: Encoded | None, possible: Tensor | None) -> Policy:
        middle = self.layer(mind).float()
        if self.bounded:
            middle = self.centre + self.reach * middle.tanh()
        return Gaussian(middle, (self.std * self.reach).expand_as(middle))


class PointerHead(Head):
    """A Categorical over candidates and to stop, which is the last action (arXiv:1506.03134, arXiv:1806.02724)."""

    def __init__(self, hidden: int, size: int) -> None:
        super().__init__()
        self.ask = nn.Linear(hidden, size)
        self.answer = nn.Linear(size, size)
        self.good = nn.Linear(size, 1)
        last_of_stop = nn.Linear(size, 1)
        self.stop = nn.Sequential(nn.Linear(hidden + size, size), nn.ReLU(), last_of_stop)
        begin_alike(self.good)
        begin_alike(last_of_stop)

    def forward(self, mind: Tensor, candidates: Encoded | None, possible: Tensor | None) -> Policy:
        assert candidates is not None
        each, real = candidates.places, candidates.real
        assert each is not None
        assert real is not None
        time, slot, _ = real.nonzero(as_tuple=True)
        asked = (self.answer(each[real]) + self.ask(mind)[time, slot]).relu()
        scores = self.good(asked).squeeze(-1).float()
        going = scores.new_full(real.shape, IMPOSSIBLE)
        going[real] = scores
        # To stop is judged beside the way one would go.
        weights = going.softmax(dim=-1).to(each.dtype)
        ahead = torch.einsum("tbk,tbks->tbs", weights, each)
        stopping = self.stop(torch.cat([mind, ahead], dim=-1)).float()
        logits = only_possible(torch.cat([going, stopping], dim=-1), possible)
        return Categorical(logits=logits)


class ProductHead(Head):
    """Named parts that are decided independently of each other, of what is in mind."""

    def __init__(self, space: Dict, config: AgentConfig, alike: bool) -> None:
        super().__init__()
        self.parts = Parts({name: head_for(part, config, alike) for name, part in parts_of(space)})

    def forward(self, mind: Tensor, candidates: Encoded | None, possible: Tensor | None) -> Policy:
        return Product({name: head(mind, None, None) for name, head in self.parts.items()})


def head_for(space: Space[Any], config: AgentConfig, alike: bool, points_at: int = 0, masked: int = 0) -> Head:
    """The head for an action space. Raises ValueError for a kind of space that nothing here decides in.

    alike: whether choices begin equally probable: a good beginning for one that explores a place, and a slow one for
    one that foretells what comes next, for almost no gradient reaches its memory then. points_at: how many candidates
    there are, each of which is an action, or 0. masked: of how many actions it is told which are possible, or 0.
    """
    actions = int(space.n) if isinstance(space, Discrete) else 0
    if masked and masked != actions:
        raise ValueError(f"it is told which of {masked} actions are possible, but its actions are {space}")
    if points_at and points_at + 1 != actions:
        raise ValueError(f"an action is one of {points_at} candidates, or to stop, but its actions are {space}")
    if points_at:
        return PointerHead(config.hidden, config.view_dim)
    if isinstance(space, Discrete) and space.start == 0:
        return ChoiceHead(actions, config.hidden, alike)
    if isinstance(space, Box):
        return PointHead(space, config)
    if isinstance(space, Dict):
        return ProductHead(space, config, alike)
    raise ValueError(
        f"no agent here decides in the action space {space}: it takes Discrete(n), a Box [n], or a Dict of these"
    )


def begin_alike(layer: nn.Linear) -> None:
    """A policy that begins by choosing every action alike, or the middle, explores, and its first losses are small."""
    nn.init.normal_(layer.weight, std=0.01)
    nn.init.zeros_(layer.bias)


def only_possible(logits: Tensor, possible: Tensor | None) -> Tensor:
    """The logits [..., actions] of a policy that never takes an action that is not possible."""
    return logits if possible is None else logits.masked_fill(possible == 0, IMPOSSIBLE)
