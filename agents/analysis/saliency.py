"""Saliency: the past steps that a decision depends on."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from vln.agent import Agent, Observation

from .activations import core_of
from .gradients import Score


def saliency(agent: Agent, observation: Observation, episode_starts: torch.Tensor, score: Score) -> NDArray[np.float64]:
    """The norm of the gradient of a score with respect to what the recurrent core was given at every step, [T, B].

    What is given to it is the outcome of all senses, so this holds for symbols, pictures and words alike (Simonyan et
    al. 2014, arXiv:1312.6034, for pixels). Moments after the decision, or of other episodes, have none. observation:
    [T, B, ...] by name. episode_starts: bool [T, B]; before the first step nothing was remembered.
    """
    kept: list[torch.Tensor] = []

    def hear(_: Any, given: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        inputs = given[0].detach().requires_grad_()
        kept.append(inputs)
        return (inputs, *given[1:])

    hook = core_of(agent).register_forward_pre_hook(hear)
    try:
        with torch.enable_grad():
            decision, _ = agent(observation, agent.initial(episode_starts.shape[1]), episode_starts)
            (found,) = torch.autograd.grad(score(decision), kept[0])
    finally:
        hook.remove()
    return found.double().norm(dim=-1).cpu().numpy()
