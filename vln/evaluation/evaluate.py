"""Evaluation: an agent lives every episode of a split once, which gives the outcome of each."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from vln.agent import Agent, Rescorer
from vln.evaluation.beam_search import plan
from vln.evaluation.finished import EpisodeStep, needs_steps, outcome_of
from vln.evaluation.play import Step, batches, evaluation_mode, observed, play
from vln.learning.rollouts import Act, greedy
from vln.outcomes import Outcome
from vln.world import World

SILENT = (
    "{agent} gives no answers, and in this world every step is scored by one: its Decision needs an `answer` "
    "(logits [T, B, answers])"
)


def evaluate(
    world: World[Any],
    agent: Agent,
    episodes: Sequence[int] | None = None,
    act: Act = greedy,
    label: Callable[[Any], NDArray[np.bool_]] | None = None,
    seed: int = 0,
    beam: int = 1,
    rescorer: Rescorer | None = None,
) -> list[Outcome]:
    """The outcome of each of these episodes (all of the world's unless given), in their order.

    The agent runs in evaluation mode (no dropout), and its mode before is restored. label: the expert's actions at a
    state, for `follow_teacher`. seed: random seed of sampled actions. beam: width of a beam search that plans the
    actions in place of `act`; 1 for none. rescorer: further scores of the paths of that search.
    """
    numbers = range(len(world.episodes)) if episodes is None else episodes
    rng = torch.Generator(next(agent.parameters()).device).manual_seed(seed)
    outcomes = []
    with evaluation_mode(agent):
        for batch in batches(numbers):
            outcomes += _evaluate_batch(world, agent, batch, act, rng, label, beam, rescorer)
    return outcomes


def _evaluate_batch(
    world: World[Any],
    agent: Agent,
    episodes: NDArray[np.int64],
    act: Act,
    rng: torch.Generator,
    label: Callable[[Any], NDArray[np.bool_]] | None,
    beam: int,
    rescorer: Rescorer | None,
) -> list[Outcome]:
    start = world.begin(episodes)
    shortest = world.error(start)
    position = world.position(start)
    positions = np.zeros((world.max_steps + 1, *position.shape), dtype=position.dtype)
    positions[0] = position
    outcomes: dict[int, Outcome] = {}
    nll = NegativeLogLikelihood.of(len(episodes)) if world.measures_nll else None
    planned = plan(world, agent, start, beam, rescorer) if beam > 1 else None
    recorded = needs_steps(world)
    steps: list[EpisodeStep] = []
    for step in play(world, agent, start, act, rng, label, planned):
        if world.scores_answers and step.decision.answer is None:
            raise ValueError(SILENT.format(agent=type(agent).__name__))
        if recorded:
            steps.append(EpisodeStep(step.rows, step.state, step.actions))
        positions[step.next_state.steps, step.rows] = world.position(step.next_state)
        if nll and label is None:  # the expert has no likelihood to measure
            nll.add(step, world.expert(step.state))
        for index in np.flatnonzero(step.dones):
            row = int(step.rows[index])
            count = int(step.next_state.steps[index])
            outcomes[row] = outcome_of(
                world,
                step.next_state,
                int(index),
                positions[: count + 1, row],
                float(shortest[row]),
                row,
                steps[:count] if recorded else (),
                nll.mean(row) if nll else {},
            )
    return [outcomes[row] for row in range(len(episodes))]


def check_answers(world: World[Any], agent: Agent) -> None:
    """Raise ValueError where the world scores answers and the agent gives none."""
    if not world.scores_answers:
        return
    device = next(agent.parameters()).device
    with evaluation_mode(agent), torch.no_grad():
        observation = observed(world, world.begin(np.zeros(1, dtype=np.int64)), device)
        decision, _ = agent.step(observation, agent.initial(1), torch.ones(1, dtype=torch.bool, device=device))
    if decision.answer is None:
        raise ValueError(SILENT.format(agent=type(agent).__name__))


@dataclass(frozen=True)
class NegativeLogLikelihood:
    """Summed negative log-likelihoods of the expert's actions, in nats [B], and the number of these actions [B]."""

    nats: NDArray[np.float64]
    actions: NDArray[np.int64]

    @classmethod
    def of(cls, batch: int) -> "NegativeLogLikelihood":
        return cls(np.zeros(batch), np.zeros(batch, dtype=np.int64))

    def add(self, step: Step[Any], optimal: NDArray[np.bool_]) -> None:
        """Add a step; one at which every action is optimal counts nothing."""
        device = step.decision.value.device
        likelihood = step.decision.policy.log_prob_of_any(torch.from_numpy(optimal).to(device))
        self.nats[step.rows] -= likelihood.double().cpu().numpy()
        self.actions[step.rows] += ~optimal.all(axis=1)

    def mean(self, row: int) -> dict[str, float]:
        nats = float(self.nats[row] / max(1, self.actions[row]))
        return {"nll": nats, "bits": nats / math.log(2)}
