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
    def forward(self, hidden: Tensor, candidates: Encoded | None, possible: Tensor | None) -> Policy:
        """The policy [T, B] for the core's output [T, B, hidden].

        candidates: the encoded candidates, for a head that chooses among them. possible: [T, B, actions], 0 for
        impossible actions; all are possible where it is None.
        """


class ChoiceHead(Head):
    """A Categorical over actions. alike: whether all are equally probable at first."""

    def __init__(self, actions: int, hidden: int, alike: bool) -> None:
        super().__init__()
        self.layer = nn.Linear(hidden, actions)
        if alike:
            begin_alike(self.layer)

    def forward(self, hidden: Tensor, candidates: Encoded | None, possible: Tensor | None) -> Policy:
        return Categorical(logits=only_possible(self.layer(hidden).float(), possible))


class PointHead(Head):
    """A Gaussian; where the space has bounds its mean stays within them.

    Its standard deviation is the option `action_std`, for a space from -1 to 1; for others in proportion.
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

    def forward(self, hidden: Tensor, candidates: Encoded | None, possible: Tensor | None) -> Policy:
        mean = self.layer(hidden).float()
        if self.bounded:
            mean = self.centre + self.reach * mean.tanh()
        return Gaussian(mean, (self.std * self.reach).expand_as(mean))


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

    def forward(self, hidden: Tensor, candidates: Encoded | None, possible: Tensor | None) -> Policy:
        assert candidates is not None
        features, real = candidates.places, candidates.real
        assert features is not None
        assert real is not None
        time, row, _ = real.nonzero(as_tuple=True)
        matches = (self.answer(features[real]) + self.ask(hidden)[time, row]).relu()
        scores = self.good(matches).squeeze(-1).float()
        candidate_logits = scores.new_full(real.shape, IMPOSSIBLE)
        candidate_logits[real] = scores
        # The logit of stopping depends on the candidates that would be chosen otherwise.
        weights = candidate_logits.softmax(dim=-1).to(features.dtype)
        expected = torch.einsum("tbk,tbks->tbs", weights, features)
        stop_logit = self.stop(torch.cat([hidden, expected], dim=-1)).float()
        logits = only_possible(torch.cat([candidate_logits, stop_logit], dim=-1), possible)
        return Categorical(logits=logits)


class ProductHead(Head):
    """Independent heads of named parts."""

    def __init__(self, space: Dict, config: AgentConfig, alike: bool) -> None:
        super().__init__()
        self.parts = Parts({name: head_for(part, config, alike) for name, part in parts_of(space)})

    def forward(self, hidden: Tensor, candidates: Encoded | None, possible: Tensor | None) -> Policy:
        return Product({name: head(hidden, None, None) for name, head in self.parts.items()})


def head_for(space: Space[Any], config: AgentConfig, alike: bool, points_at: int = 0, masked: int = 0) -> Head:
    """The head for an action space. Raises ValueError for a kind of space without a head.

    alike: whether choices are equally probable at first: good for exploring a place, and slow for predicting what comes
    next, since almost no gradient reaches the core then. points_at: number of candidates that are actions, or 0.
    masked: number of actions that an observation of possible actions has, or 0.
    """
    actions = int(space.n) if isinstance(space, Discrete) else 0
    if masked and masked != actions:
        raise ValueError(f"the observation of possible actions has {masked}, but the action space is {space}")
    if points_at and points_at + 1 != actions:
        raise ValueError(f"an action is one of {points_at} candidates, or to stop, but the action space is {space}")
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
    """Initialize a policy to equal probabilities, or to the middle: it explores, and its first losses are small."""
    nn.init.normal_(layer.weight, std=0.01)
    nn.init.zeros_(layer.bias)


def only_possible(logits: Tensor, possible: Tensor | None) -> Tensor:
    """The logits [..., actions] with impossible actions masked."""
    return logits if possible is None else logits.masked_fill(possible == 0, IMPOSSIBLE)
