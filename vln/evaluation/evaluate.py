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
from vln.evaluation.play import Step, batches, evaluation_mode, moments, observed
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

    The agent is judged as it is when not training (no dropout) and left in the mode it was in. seed: of the acting,
    where it draws. beam: above 1, the moves are not chosen by `act` one by one but planned by a search of this width.
    rescorer: what else speaks for the whole ways that it finds.
    """
    chosen = range(len(world.episodes)) if episodes is None else episodes
    rng = torch.Generator(next(agent.parameters()).device).manual_seed(seed)
    outcomes = []
    with evaluation_mode(agent):
        for batch in batches(chosen):
            outcomes += _judge(world, agent, batch, act, rng, label, beam, rescorer)
    return outcomes


def _judge(
    world: World[Any],
    agent: Agent,
    episodes: NDArray[np.int64],
    act: Act,
    rng: torch.Generator,
    label: Callable[[Any], NDArray[np.bool_]] | None,
    beam: int,
    rescorer: Rescorer | None,
) -> list[Outcome]:
    begun = world.begin(episodes)
    shortest = world.error(begun)
    position = world.position(begun)
    trails = np.zeros((world.max_steps + 1, *position.shape), dtype=position.dtype)
    trails[0] = position
    outcomes: dict[int, Outcome] = {}
    nll = NegativeLogLikelihood.of(len(episodes)) if world.measures_nll else None
    planned = plan(world, agent, begun, beam, rescorer) if beam > 1 else None
    recorded = needs_steps(world)
    steps: list[EpisodeStep] = []
    for moment in moments(world, agent, begun, act, rng, label, planned):
        if world.scores_answers and moment.decision.answer is None:
            raise ValueError(SILENT.format(agent=type(agent).__name__))
        if recorded:
            steps.append(EpisodeStep(moment.rows, moment.state, moment.actions))
        trails[moment.next_state.steps, moment.rows] = world.position(moment.next_state)
        if nll and label is None:  # who is told the right moves knows them
            nll.add(moment, world.expert(moment.state))
        for place in np.flatnonzero(moment.dones):
            slot = int(moment.rows[place])
            count = int(moment.next_state.steps[place])
            positions, measured = trails[: count + 1, slot], nll.mean(slot) if nll else {}
            first = float(shortest[slot])
            outcomes[slot] = outcome_of(
                world,
                moment.next_state,
                int(place),
                positions,
                first,
                slot,
                steps[:count] if recorded else (),
                measured,
            )
    return [outcomes[slot] for slot in range(len(episodes))]


def check_answers(world: World[Any], agent: Agent) -> None:
    """Raise ValueError where answers are scored in this world, one with every move, and the agent gives none."""
    if not world.scores_answers:
        return
    device = next(agent.parameters()).device
    with evaluation_mode(agent), torch.no_grad():
        seen = observed(world, world.begin(np.zeros(1, dtype=np.int64)), device)
        decision, _ = agent.step(seen, agent.initial(1), torch.ones(1, dtype=torch.bool, device=device))
    if decision.answer is None:
        raise ValueError(SILENT.format(agent=type(agent).__name__))


@dataclass(frozen=True)
class NegativeLogLikelihood:
    """How much the right moves surprised an agent, summed up in nats [B], and how many of them there were [B]."""

    nats: NDArray[np.float64]
    moves: NDArray[np.int64]

    @classmethod
    def of(cls, slots: int) -> "NegativeLogLikelihood":
        return cls(np.zeros(slots), np.zeros(slots, dtype=np.int64))

    def add(self, moment: Step[Any], best: NDArray[np.bool_]) -> None:
        """What a moment adds; where every move is as good, nothing is asked and nothing surprises."""
        device = moment.decision.value.device
        likelihood = moment.decision.policy.log_prob_of_any(torch.from_numpy(best).to(device))
        self.nats[moment.rows] -= likelihood.double().cpu().numpy()
        self.moves[moment.rows] += ~best.all(axis=1)

    def mean(self, slot: int) -> dict[str, float]:
        nats = float(self.nats[slot] / max(1, self.moves[slot]))
        return {"nll": nats, "bits": nats / math.log(2)}
