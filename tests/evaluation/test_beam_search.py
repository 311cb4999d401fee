"""Beam search: a wide one finds the likeliest of all ways, as trying each of them does."""

from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from helpers.corridor import LEFT, RIGHT, STOP, Corridor
from helpers.tiny import tiny_agent, tiny_world
from torch import Tensor

from vln.agent import Agent, Decision, Memory, Observation
from vln.agents.ensemble import Ensemble
from vln.agents.recurrent_agent import RecurrentAgent
from vln.agents.scripted import FixedPolicy
from vln.evaluation.beam_search import NONE, plan
from vln.evaluation.evaluate import evaluate
from vln.evaluation.play import observed, play
from vln.learning.rollouts import greedy
from vln.policies import Categorical
from vln.world import World

STEPS = 4


def walker(world: World[Any], seed: int) -> RecurrentAgent:
    torch.manual_seed(seed)
    spaces = {name: world.spaces[name] for name in ("instruction", "previous")}
    agent = RecurrentAgent(spaces, world.action_space)
    torch.nn.init.normal_(agent.policy.layer.weight)
    return agent.eval()


@torch.no_grad()
def likelihood(world: World[Any], agent: Agent, episode: int, moves: tuple[int, ...]) -> float:
    """The log probability of these moves, the last of which is `stop`; -inf when the way fails before."""
    state, memory, total = world.begin(np.array([episode])), agent.initial(1), 0.0
    episode_starts = torch.ones(1, dtype=torch.bool)
    for move in moves:
        if world.terminated(state).any():
            return -np.inf
        decision, memory = agent.step(observed(world, state, torch.device("cpu")), memory, episode_starts)
        total += float(decision.policy.logits.log_softmax(-1)[0, move])
        state = world.step(state, np.array([move]))
        episode_starts = torch.zeros(1, dtype=torch.bool)
    return total


def every_way(moves: int, stop: int) -> list[tuple[int, ...]]:
    others = [move for move in range(moves) if move != stop]
    return [(*way, stop) for length in range(STEPS) for way in product(others, repeat=length)]


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("place", ["corridor", "rooms"])
def test_a_wide_search_finds_the_likeliest_way(place: str, seed: int) -> None:
    world = Corridor(max_steps=STEPS) if place == "corridor" else tiny_world(max_steps=STEPS)
    agent = walker(world, seed)
    episodes = np.arange(8)
    found = plan(world, agent, world.begin(episodes), width=27)
    for episode, moves in zip(episodes.tolist(), found.T.tolist(), strict=True):
        ways = every_way(len(world.action_names), world.stop)
        scores = [likelihood(world, agent, episode, way) for way in ways]
        planned = tuple(move for move in moves if move != NONE)
        assert scores[ways.index(planned)] == pytest.approx(max(scores), abs=1e-4)


def test_no_way_into_the_pit_is_gone_however_likely_it_is() -> None:
    world = Corridor()
    leftwards = FixedPolicy([0.9, 0.05, 0.05])
    outcomes = evaluate(world, leftwards, beam=3)
    greedily = evaluate(world, leftwards)
    assert not any(np.isinf(outcome.error) for outcome in outcomes)
    assert all(np.isinf(outcome.error) for outcome in greedily)


class Torn(Agent):
    """Goes right by a hair at first, and then knows no more what to do; left it would be sure of stopping."""

    def __init__(self) -> None:
        super().__init__()
        self.place = torch.nn.Parameter(torch.zeros(()), requires_grad=False)

    def initial(self, batch: int) -> Memory:
        return {}

    def forward(self, observation: Observation, memory: Memory, episode_starts: Tensor) -> tuple[Decision, Memory]:
        chances = torch.tensor([[0.45, 0.1, 0.45], [0.34, 0.33, 0.33], [0.45, 0.55, 0.0]])
        chances[0] = torch.tensor([0.01, 0.01, 0.98])  # after a move to the left
        logits = chances.log()[observation["previous"].clamp(max=2)]
        begun = observation["previous"] == 3
        logits[begun] = torch.tensor([0.45, 0.55, 1e-6]).log()
        return Decision(Categorical(logits=logits), torch.zeros(episode_starts.shape)), memory


def test_a_search_regrets_what_a_greedy_walker_does_not() -> None:
    world = Corridor()
    middle = np.array([number for number, asked in enumerate(world.episodes) if asked.start == (3,)])
    found = plan(world, Torn(), world.begin(middle), width=2)
    assert (found[0] == LEFT).all()
    assert (found[1] == STOP).all()
    assert (found[2:] == NONE).all()
    first = next(play(world, Torn(), world.begin(middle), greedy, torch.Generator()))
    assert (first.actions == RIGHT).all()


def test_an_ensemble_of_one_agent_twice_is_that_agent() -> None:
    world, agent = tiny_world(), tiny_agent()
    alone, twice = evaluate(world, agent), evaluate(world, Ensemble([agent, agent]))
    for one, two in zip(alone, twice, strict=True):
        np.testing.assert_array_equal(one.distances, two.distances)


def test_an_ensemble_decides_by_the_mean_of_the_probabilities_and_each_member_remembers_for_itself() -> None:
    world = tiny_world()
    agents = [tiny_agent(seed=seed) for seed in range(3)]
    together = Ensemble(agents).eval()
    memory, memories = together.initial(4), [agent.initial(4) for agent in agents]
    state, episode_starts = world.begin(np.arange(4)), torch.ones(4, dtype=torch.bool)
    with torch.no_grad():
        for _ in range(3):
            observation = observed(world, state, torch.device("cpu"))
            decision, memory = together.step(observation, memory, episode_starts)
            told = [agent.step(observation, mine, episode_starts) for agent, mine in zip(agents, memories, strict=True)]
            memories = [after for _, after in told]
            expected = sum(each.policy.probs for each, _ in told) / 3
            torch.testing.assert_close(decision.policy.probs, expected)
            state, episode_starts = world.step(state, np.zeros(4, dtype=np.int64)), torch.zeros(4, dtype=torch.bool)


def test_an_ensemble_of_nobody_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one member"):
        Ensemble([])
