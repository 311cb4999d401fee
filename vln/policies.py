"""Policies: the distribution of an agent's action. A new kind of action is a new class here, and nowhere else.

An action is a choice (Categorical), numbers (Gaussian), or named parts of these (Product; see vln.actions).
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from vln.actions import Action

HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)


class Policy(ABC):
    """The distribution of actions [T, B] or, at one step, [B]."""

    @abstractmethod
    def sample(self, rng: torch.Generator) -> Action:
        """Sampled actions. Numbers carry gradients to the policy (reparameterised; arXiv:1312.6114)."""

    @abstractmethod
    def mode(self) -> Action:
        """The most likely actions. Numbers carry gradients to the policy."""

    @abstractmethod
    def log_prob(self, action: Action) -> Tensor:
        """The log-probability of actions, or their log-density, [T, B]."""

    @abstractmethod
    def log_prob_of_any(self, optimal: Action) -> Tensor:
        """The log-probability that one of the optimal actions is taken, [T, B].

        optimal: as of World.expert: bool [..., choices], or numbers, NaN where any is optimal. 0 where every action is
        optimal.
        """

    @abstractmethod
    def entropy(self) -> Tensor:
        """The entropy in nats [T, B]."""

    @abstractmethod
    def choice_probs(self) -> Tensor:
        """The probability of every choice [T, B, choices], of all parts together; numbers have none."""

    @abstractmethod
    def agreement(self, optimal: Action) -> dict[str, Tensor]:
        """How well the most likely actions agree with the optimal ones, in numbers by name; not to be descended.

        right: the share of choices that are optimal, among those at which not every one is. squared_error: the mean
        over numbers with an optimum.
        """

    @abstractmethod
    def __getitem__(self, index: int | Tensor | slice) -> "Policy":
        """The policy at one step of a sequence, or of some of them."""

    @classmethod
    @abstractmethod
    def stack(cls, policies: Sequence["Policy"]) -> "Policy":
        """The policy [T, B] of a sequence from those [B] of its steps."""

    @classmethod
    @abstractmethod
    def average(cls, policies: Sequence["Policy"]) -> "Policy":
        """The average of several agents' policies."""


class Categorical(Policy):
    """A choice. logits: [..., choices]; they are kept as log-probabilities."""

    def __init__(self, logits: Tensor) -> None:
        self.logits = logits - logits.logsumexp(dim=-1, keepdim=True)

    @property
    def probs(self) -> Tensor:
        return self.logits.exp()

    def sample(self, rng: torch.Generator) -> Tensor:
        return draw(self.probs, rng)

    def mode(self) -> Tensor:
        return self.logits.argmax(dim=-1)

    def log_prob(self, action: Tensor) -> Tensor:
        return self.logits.gather(-1, action.long()[..., None])[..., 0]

    def log_prob_of_any(self, optimal: Tensor) -> Tensor:
        # From logits, not probabilities: where those round to zero, a sure mistake would teach nothing.
        return self.logits.masked_fill(~optimal, -math.inf).logsumexp(dim=-1)

    def entropy(self) -> Tensor:
        lowest = torch.finfo(self.logits.dtype).min
        return -(self.probs * self.logits.clamp(min=lowest)).sum(dim=-1)

    def choice_probs(self) -> Tensor:
        return self.probs

    def agreement(self, optimal: Tensor) -> dict[str, Tensor]:
        counted = ~optimal.all(dim=-1)
        hit = optimal.gather(-1, self.mode()[..., None])[..., 0]
        return {"right": (hit & counted).sum() / counted.sum().clamp(min=1)}

    def __getitem__(self, index: int | Tensor | slice) -> "Categorical":
        return self._of(self.logits[index])

    @classmethod
    def stack(cls, policies: Sequence[Policy]) -> "Categorical":
        return cls._of(torch.stack([policy.logits for policy in policies if isinstance(policy, cls)]))

    @classmethod
    def average(cls, policies: Sequence[Policy]) -> "Categorical":
        """The mean of their probabilities."""
        return cls(torch.stack([policy.probs for policy in policies if isinstance(policy, cls)]).mean(dim=0).log())

    @classmethod
    def _of(cls, logits: Tensor) -> "Categorical":
        """A policy of log-probabilities as they are: normalised again, their last bits might differ."""
        policy = cls.__new__(cls)
        policy.logits = logits
        return policy


class Gaussian(Policy):
    """Independent normal distributions of numbers. loc, scale: [..., numbers]."""

    def __init__(self, loc: Tensor, scale: Tensor) -> None:
        self.loc, self.scale = loc, scale

    def sample(self, rng: torch.Generator) -> Tensor:
        return self.loc + self.scale * torch.empty_like(self.loc).normal_(generator=rng)

    def mode(self) -> Tensor:
        return self.loc

    def log_prob(self, action: Tensor) -> Tensor:
        standardized = (action.to(self.loc.dtype) - self.loc) / self.scale
        return (-0.5 * standardized.square() - self.scale.log() - HALF_LOG_TWO_PI).sum(dim=-1)

    def log_prob_of_any(self, optimal: Tensor) -> Tensor:
        any_numbers = torch.isnan(optimal).any(dim=-1)
        return self.log_prob(optimal.nan_to_num(0)).masked_fill(any_numbers, 0)

    def entropy(self) -> Tensor:
        return (0.5 + HALF_LOG_TWO_PI + self.scale.log()).sum(dim=-1)

    def choice_probs(self) -> Tensor:
        return self.loc[..., :0]

    def agreement(self, optimal: Tensor) -> dict[str, Tensor]:
        error = (self.loc - optimal).square()
        counted = ~torch.isnan(error)
        return {"squared_error": torch.where(counted, error, 0).sum() / counted.sum().clamp(min=1)}

    def __getitem__(self, index: int | Tensor | slice) -> "Gaussian":
        return Gaussian(self.loc[index], self.scale[index])

    @classmethod
    def stack(cls, policies: Sequence[Policy]) -> "Gaussian":
        each = [policy for policy in policies if isinstance(policy, cls)]
        return cls(torch.stack([policy.loc for policy in each]), torch.stack([policy.scale for policy in each]))

    @classmethod
    def average(cls, policies: Sequence[Policy]) -> "Gaussian":
        """The normal distribution with the means of loc and scale."""
        both = cls.stack(policies)
        return cls(both.loc.mean(dim=0), both.scale.mean(dim=0))


class Product(Policy):
    """Independent named parts. An action is a dict of the actions of the parts."""

    def __init__(self, parts: Mapping[str, Policy]) -> None:
        self.parts = dict(sorted(parts.items()))

    def sample(self, rng: torch.Generator) -> dict[str, Action]:
        return {name: part.sample(rng) for name, part in self.parts.items()}

    def mode(self) -> dict[str, Action]:
        return {name: part.mode() for name, part in self.parts.items()}

    def log_prob(self, action: Mapping[str, Action]) -> Tensor:
        return torch.stack([part.log_prob(action[name]) for name, part in self.parts.items()]).sum(dim=0)

    def log_prob_of_any(self, optimal: Mapping[str, Action]) -> Tensor:
        return torch.stack([part.log_prob_of_any(optimal[name]) for name, part in self.parts.items()]).sum(dim=0)

    def entropy(self) -> Tensor:
        return torch.stack([part.entropy() for part in self.parts.values()]).sum(dim=0)

    def choice_probs(self) -> Tensor:
        return torch.cat([part.choice_probs() for part in self.parts.values()], dim=-1)

    def agreement(self, optimal: Mapping[str, Action]) -> dict[str, Tensor]:
        each = {name: part.agreement(optimal[name]) for name, part in self.parts.items()}
        return {f"{number}_{name}": value for name, numbers in each.items() for number, value in numbers.items()}

    def __getitem__(self, index: int | Tensor | slice) -> "Product":
        return Product({name: part[index] for name, part in self.parts.items()})

    @classmethod
    def stack(cls, policies: Sequence[Policy]) -> "Product":
        return cls({name: type(parts[0]).stack(parts) for name, parts in cls._by_name(policies).items()})

    @classmethod
    def average(cls, policies: Sequence[Policy]) -> "Product":
        return cls({name: type(parts[0]).average(parts) for name, parts in cls._by_name(policies).items()})

    @classmethod
    def _by_name(cls, policies: Sequence[Policy]) -> dict[str, list[Policy]]:
        products = [policy for policy in policies if isinstance(policy, cls)]
        return {name: [product.parts[name] for product in products] for name in products[0].parts}


def stack(policies: Sequence[Policy]) -> Policy:
    """The policy [T, B] of a sequence from those [B] of its steps."""
    return type(policies[0]).stack(policies)


def average(policies: Sequence[Policy]) -> Policy:
    """The average of several agents' policies: means of probabilities, and of numbers."""
    return type(policies[0]).average(policies)


def draw(weights: Tensor, rng: torch.Generator) -> Tensor:
    """Sampled choices [...], with probabilities in proportion to weights [..., choices]."""
    return torch.multinomial(weights.flatten(0, -2), 1, generator=rng).view(weights.shape[:-1])
