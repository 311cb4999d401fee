"""Policies: how sure an agent is of every move, where moves are choices, or where it would look, where they are points.

A choice is a Categorical over the moves [..., moves]. A point is an independent Normal for each coordinate
[..., coordinates].
"""

import math

import torch
from torch import Tensor
from torch.distributions import Categorical, Normal

Policy = Categorical | Normal


def at(policy: Policy, time: int) -> Policy:
    """The policy [B] at one time of a sequence's [T, B]."""
    if isinstance(policy, Normal):
        return Normal(policy.loc[time], policy.scale[time], validate_args=False)
    return Categorical(logits=policy.logits[time], validate_args=False)


def joined(policies: list[Policy]) -> Policy:
    """The policy [T, B] of a sequence from those [B] of its moments."""
    points = [policy for policy in policies if isinstance(policy, Normal)]
    if points:
        loc, scale = (torch.stack(values) for values in zip(*((one.loc, one.scale) for one in points), strict=True))
        return Normal(loc, scale, validate_args=False)
    logits = [policy.logits for policy in policies if isinstance(policy, Categorical)]
    return Categorical(logits=torch.stack(logits), validate_args=False)


def averaged(policies: list[Policy]) -> Policy:
    """What several agents would do together: the mean of their probabilities, or the Normal about the mean point."""
    points = [policy for policy in policies if isinstance(policy, Normal)]
    if points:
        loc, scale = (
            torch.stack(values).mean(dim=0) for values in zip(*((one.loc, one.scale) for one in points), strict=True)
        )
        return Normal(loc, scale, validate_args=False)
    probabilities = torch.stack([policy.probs for policy in policies if isinstance(policy, Categorical)])
    return Categorical(logits=probabilities.mean(dim=0).log(), validate_args=False)


def likeliest(policy: Policy) -> Tensor:
    """The likeliest move, [...] or, of points, [..., coordinates]. To a point its gradient reaches."""
    return policy.loc if isinstance(policy, Normal) else policy.logits.argmax(dim=-1)


def drawn(policy: Policy, rng: torch.Generator) -> Tensor:
    """A move drawn at random. The gradient of a point reaches the policy (reparameterised; arXiv:1312.6114)."""
    if isinstance(policy, Normal):
        noise = torch.empty_like(policy.loc).normal_(generator=rng)
        return policy.loc + policy.scale * noise
    return drawn_of(policy.probs, rng)


def drawn_of(weights: Tensor, rng: torch.Generator) -> Tensor:
    """One of several choices [...], each as probable as its weight [..., choices]."""
    return torch.multinomial(weights.flatten(0, -2), 1, generator=rng).view(weights.shape[:-1])


def log_likelihood(policy: Policy, moves: Tensor) -> Tensor:
    """The log of how probable moves [...] are, or of how dense at points [..., coordinates]."""
    if isinstance(policy, Normal):
        return policy.log_prob(moves.to(policy.loc.dtype)).sum(dim=-1)
    return policy.log_prob(moves)


def log_likelihood_of_any(policy: Policy, best: Tensor) -> Tensor:
    """The log of how probable it is that one of the best moves is made, bool [..., moves]; of a point, of just that.

    Where any is as good as another it is 0: all choices are the best, or a point is not a number.
    """
    if isinstance(policy, Normal):
        any_point = torch.isnan(best).any(dim=-1)
        return log_likelihood(policy, best.nan_to_num(0)).masked_fill(any_point, 0)
    # From logits, not probabilities: where those round to zero, a sure mistake would teach nothing.
    return policy.logits.masked_fill(~best, -math.inf).logsumexp(dim=-1)
