"""Activations: every unit of an agent's memory at every step, beside the labels of that step."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vln.agent import Agent
from vln.agents.recurrent.core import Recurrent
from vln.evaluation.play import Step, batches, evaluation_mode, play
from vln.learning.rollouts import Act, greedy
from vln.world import World

CORE = "core"  # the name of the recurrent core's part of a memory


def core_of(agent: Agent) -> Recurrent:
    """The recurrent core of an agent. Raises ValueError for an agent without one."""
    core = getattr(agent, "core", None)
    if not isinstance(core, Recurrent):
        raise ValueError(f"a {type(agent).__name__} has no recurrent core to look into")
    return core


def unit_names(core: Recurrent) -> tuple[str, ...]:
    """What the numbers of a memory are called, in their order: layer, state and place in it (cell 3, 2: hidden 17)."""
    named = []
    for (layer, state), values in core.states(core.initial(1)).items():
        front = f"{layer + 1}: {state}" if core.layers > 1 else state
        shape = values.shape[1:]
        named += [f"{front} {' '.join(map(str, place))}" for place in np.ndindex(*shape)]
    return tuple(named)


@dataclass(frozen=True, eq=False)
class Activations:
    """What was remembered and what was true, at N steps, one episode after another and each in time.

    units: float32 [N, U], after the step's observation. names: of the units, U. labels: by name [N], bool, or float32
    with NaN where it does not apply (World.labels). episode, step: int [N], in which episode and after how many moves.
    position: [N, ...], where the agent was, in the place's own terms (World.position).
    """

    units: NDArray[np.float32]
    names: tuple[str, ...]
    labels: dict[str, NDArray[Any]]
    episode: NDArray[np.int64]
    step: NDArray[np.int64]
    position: NDArray[Any]

    def __len__(self) -> int:
        return len(self.units)

    def of(self, episodes: Sequence[int]) -> "Activations":
        """The part of it that is of these episodes."""
        rows = np.isin(self.episode, np.asarray(episodes))
        labels = {name: values[rows] for name, values in self.labels.items()}
        return Activations(
            self.units[rows], self.names, labels, self.episode[rows], self.step[rows], self.position[rows]
        )

    def halves(self) -> tuple["Activations", "Activations"]:
        """Two readings of every other episode: one to choose by, one to judge what was chosen.

        Raises ValueError for fewer than two episodes.
        """
        episodes = np.unique(self.episode)
        if len(episodes) < 2:
            raise ValueError(f"what is found in some episodes is judged in others; {len(episodes)} is too few")
        return self.of(episodes[::2].tolist()), self.of(episodes[1::2].tolist())


def read_cells(
    world: World[Any], agent: Agent, episodes: Sequence[int], act: Act = greedy, seed: int = 0
) -> Activations:
    """What an agent remembers while it lives these episodes, each once, and what is true meanwhile.

    Of worlds whose answers are scored it is a label, too, whether the answer was right just then (`right`).
    Raises ValueError for an agent without a recurrent core.
    """
    core = core_of(agent)
    rng = torch.Generator(next(agent.parameters()).device).manual_seed(seed)
    units, episode, number, position = [], [], [], []
    labels: list[dict[str, NDArray[Any]]] = []
    with evaluation_mode(agent):
        for batch in batches(episodes):
            for step in play(world, agent, world.begin(batch), act, rng):
                units.append(step.memory[CORE].float().cpu().numpy())
                episode.append(batch[step.rows])
                number.append(step.state.steps.astype(np.int64))
                position.append(world.position(step.state))
                labels.append(world.labels(step.state) | _answered(world, step))
    numbers = np.concatenate(episode)
    order = np.argsort(numbers, kind="stable")  # within an episode steps stay in time
    joined = {name: np.concatenate([one[name] for one in labels])[order] for name in labels[0]}
    parts = (np.concatenate(part)[order] for part in (number, position))
    return Activations(np.concatenate(units)[order], unit_names(core), joined, numbers[order], *parts)


def _answered(world: World[Any], step: Step[Any]) -> dict[str, NDArray[Any]]:
    answer: Tensor | None = step.decision.answer
    if not world.scores_answers or answer is None:
        return {}
    return {"right": answer.argmax(dim=-1).cpu().numpy() == world.correct_answer(step.state)}
