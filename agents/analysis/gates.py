"""Gates: how often each is closed or open, and the time constants of the memories they control."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vln.agent import Agent
from vln.evaluation.play import batches, evaluation_mode, play
from vln.learning.rollouts import Act, greedy
from vln.world import World

from .activations import core_of

SHUT, OPEN = 0.1, 0.9  # below and above which a gate is saturated (Karpathy et al. 2015, arXiv:1506.02078)


@dataclass(frozen=True, eq=False)
class Gate:
    """What a gate was like over many steps.

    layer: from 0. name: of the gate. mean: [units], how far it was open. shut, open: [units], the share of steps at
    which it was below .1, above .9. lasting: [units], where it says what is kept, the steps after which a share of 1/e
    of the state is left, at the pace of these steps; infinite where all is kept.
    """

    layer: int
    name: str
    mean: NDArray[np.float64]
    shut: NDArray[np.float64]
    open: NDArray[np.float64]
    lasting: NDArray[np.float64] | None


class _Sum:
    """Of a gate, summed up step by step: there may be millions of steps."""

    def __init__(self) -> None:
        self.steps = 0
        self.parts: list[Any] = [0.0, 0.0, 0.0, 0.0]

    def add(self, opened: Tensor) -> None:
        values = opened.double().flatten(1)
        self.steps += len(values)
        each = (values, values < SHUT, values > OPEN, values.clamp(min=1e-30).log())
        self.parts = [before + more.sum(dim=0).cpu().numpy() for before, more in zip(self.parts, each, strict=True)]

    def gate(self, layer: int, name: str, keeps: bool) -> Gate:
        mean, shut, wide, logarithm = (part / self.steps for part in self.parts)
        with np.errstate(divide="ignore"):
            lasting = 1 / np.abs(logarithm) if keeps else None
        return Gate(layer, name, mean, shut, wide, lasting)


@torch.no_grad()
def read_gates(
    world: World[Any], agent: Agent, episodes: Sequence[int], act: Act = greedy, seed: int = 0
) -> list[Gate]:
    """What every gate was like while an agent lived these episodes, layer by layer.

    What is kept is averaged as it multiplies: the mean of its logarithm. A cell without gates has none to tell of.
    Raises ValueError for an agent without a recurrent core.
    """
    core = core_of(agent)
    sums: defaultdict[tuple[int, str], _Sum] = defaultdict(_Sum)

    def listen(layer: int) -> Any:
        def hear(cell: Any, given: tuple[Any, ...]) -> None:
            inputs, before, episode_starts, _ = given
            state = tuple(
                part.to(inputs.dtype).masked_fill(episode_starts[0].view(-1, *[1] * (part.dim() - 1)), 0)
                for part in before
            )
            for name, opened in cell.gates(inputs[0], state).items():
                sums[layer, name].add(opened)

        return hear

    hooks = [cell.register_forward_pre_hook(listen(layer)) for layer, cell in enumerate(core.cells)]
    rng = torch.Generator(next(agent.parameters()).device).manual_seed(seed)
    try:
        with evaluation_mode(agent):
            for batch in batches(episodes):
                for _ in play(world, agent, world.begin(batch), act, rng):
                    pass
    finally:
        for hook in hooks:
            hook.remove()
    return [of.gate(layer, name, core.cells[layer].keeps == name) for (layer, name), of in sums.items()]
