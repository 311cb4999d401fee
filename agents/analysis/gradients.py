"""How far learning reaches back in time: gradients of past memories, a step's Jacobian, what truncation changes."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vln.agent import Agent, Decision, Observation, detach
from vln.agents.recurrent.core import Recurrent

from .activations import CORE, core_of

# From decisions [T, B] to one number; and the same of a window, told which steps of all it has.
Score = Callable[[Decision], Tensor]
PartScore = Callable[[Decision, slice], Tensor]


def gradients_through_time(
    agent: Agent, observation: Observation, episode_starts: Tensor, score: Score
) -> dict[tuple[int, str], NDArray[np.float64]]:
    """The norm of the gradient of a score with respect to what was remembered before every step.

    By layer and name of the state, float64 [T, B]. All that leads from there to the score counts, through every later
    step. observation: [T, B, ...] by name. episode_starts: bool [T, B]; before the first step nothing was remembered.
    """
    core = core_of(agent)
    memory, kept, decisions = agent.initial(episode_starts.shape[1]), [], []
    memory[CORE] = memory[CORE].requires_grad_()
    with torch.enable_grad():
        for time, begins in enumerate(episode_starts):
            kept.append(memory[CORE])
            decision, memory = agent.step({name: seen[time] for name, seen in observation.items()}, memory, begins)
            decisions.append(decision)
        found = torch.autograd.grad(score(Decision.stack(decisions)), kept, allow_unused=True)
    whole = torch.stack([torch.zeros_like(of) if grad is None else grad for grad, of in zip(found, kept, strict=True)])
    return {name: grads.flatten(2).double().norm(dim=-1).cpu().numpy() for name, grads in core.states(whole).items()}


def step_jacobian(core: Recurrent, inputs: Tensor, memory: Tensor) -> NDArray[np.float64]:
    """How the memory after a step changes with the one before it, float64 [numbers, numbers].

    inputs: [features], of the step. memory: [numbers], before it.
    """
    episode_starts = torch.zeros(1, 1, dtype=torch.bool, device=memory.device)
    jacobian = torch.autograd.functional.jacobian(
        lambda before: core(inputs[None, None], before[None], episode_starts)[1][0], memory.detach()
    )
    assert isinstance(jacobian, Tensor)
    return jacobian.double().cpu().numpy()


def truncation(
    agent: Agent, observation: Observation, episode_starts: Tensor, score: PartScore, windows: list[int]
) -> dict[int, float]:
    """The cosine between the gradient of truncated BPTT and the full one, by length of the window.

    The score, of a window and the steps of all that it has, is summed over windows; memory is carried over a window's
    end and its gradient is not. 1 is no bias.
    Raises ValueError for a window that is none, or when nothing has a gradient.
    """
    if wrong := [window for window in windows if window < 1]:
        raise ValueError(f"a window has at least one step, not {wrong[0]}")
    full = _gradient(agent, observation, episode_starts, score, len(episode_starts))
    if not full.any():
        raise ValueError("the full gradient is zero: there is nothing to compare with")
    found = {window: _gradient(agent, observation, episode_starts, score, window) for window in windows}
    return {window: float(torch.cosine_similarity(full, other, dim=0)) for window, other in found.items()}


def _gradient(agent: Agent, observation: Observation, episode_starts: Tensor, score: PartScore, window: int) -> Tensor:
    """Of all weights, as one vector."""
    weights = [weight for weight in agent.parameters() if weight.requires_grad]
    whole = torch.zeros(sum(weight.numel() for weight in weights), dtype=torch.float64, device=episode_starts.device)
    memory = agent.initial(episode_starts.shape[1])
    for first in range(0, len(episode_starts), window):
        part = slice(first, first + window)
        with torch.enable_grad():
            decision, memory = agent(
                {name: seen[part] for name, seen in observation.items()}, detach(memory), episode_starts[part]
            )
            found = torch.autograd.grad(score(decision, part), weights, allow_unused=True)
        pairs = zip(found, weights, strict=True)
        whole += torch.cat([(torch.zeros_like(of) if grad is None else grad).double().flatten() for grad, of in pairs])
    return whole
