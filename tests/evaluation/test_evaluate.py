"""Judging: every episode once, in order, and as anyone would judge who steps through it."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from helpers.corridor import Corridor
from helpers.tiny import HASTY, SMALL, Clockwork, Kind, tiny_agent, tiny_world

from vln.agents.scripted import FixedPolicy
from vln.evaluation.evaluate import evaluate
from vln.evaluation.play import play
from vln.gym.env import TaskEnv
from vln.learning.rollouts import follow_teacher, sample
from vln.outcomes import Outcome
from vln.world import World


@pytest.fixture(params=["corridor", "rooms"])
def world(request: pytest.FixtureRequest) -> World[Any]:
    return Corridor() if request.param == "corridor" else tiny_world()


def hasty(world: World[Any]) -> FixedPolicy:
    return FixedPolicy(HASTY[-len(world.action_names) :])


def told(outcomes: list[Outcome]) -> list[dict[str, float]]:
    return [outcome.metrics() for outcome in outcomes]


def test_every_episode_is_lived_once_and_in_order(world: World[Any]) -> None:
    outcomes = evaluate(world, hasty(world), act=sample)
    assert [outcome.name for outcome in outcomes] == [asked.name for asked in world.episodes]
    assert [outcome.family for outcome in outcomes] == [asked.family for asked in world.episodes]


def test_the_chosen_episodes_are_lived_in_the_order_they_are_given(world: World[Any]) -> None:
    outcomes = evaluate(world, hasty(world), [5, 2, 9], act=sample)
    assert [outcome.name for outcome in outcomes] == [world.episodes[number].name for number in (5, 2, 9)]
    assert evaluate(world, hasty(world), []) == []


def test_outcomes_are_those_of_making_the_same_moves_step_by_step(world: World[Any]) -> None:
    begun = world.begin(np.arange(len(world.episodes)))
    moves: dict[int, list[int]] = {number: [] for number in range(len(begun))}
    for step in play(world, hasty(world), begun, sample, torch.Generator().manual_seed(3)):
        for slot, move in zip(step.rows, step.actions, strict=True):
            moves[int(slot)].append(int(move))
    env = TaskEnv(world, path_metrics=True)
    for number, metrics in enumerate(told(evaluate(world, hasty(world), act=sample, seed=3))):
        env.reset(options={"episode": number})
        steps = [env.step(move) for move in moves[number]]
        assert [terminated or truncated for *_, terminated, truncated, _ in steps] == [False] * (len(steps) - 1) + [
            True
        ]
        assert metrics == pytest.approx({name: steps[-1][4][name] for name in metrics})


def test_a_greedy_agent_is_judged_the_same_however_many_are_judged_at_once(
    world: World[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = Clockwork(len(world.action_names))
    together = told(evaluate(world, agent))
    assert len({metrics["trajectory_length"] for metrics in together}) > 1
    for slots in (1, 5):
        monkeypatch.setattr("vln.evaluation.play.NUM_ENVS", slots)
        assert told(evaluate(world, agent)) == together


def test_the_expert_always_succeeds_by_a_shortest_way(world: World[Any]) -> None:
    metrics = told(evaluate(world, hasty(world), act=follow_teacher, label=world.expert))
    assert {row["success"] for row in metrics} == {1.0}
    assert {row["spl"] for row in metrics} == {1.0}
    assert {row["navigation_error"] for row in metrics} == {0.0}


def test_who_stops_at_once_went_nowhere(world: World[Any]) -> None:
    at_once = FixedPolicy([0.0] * (len(world.action_names) - 1) + [1.0])
    outcomes = evaluate(world, at_once)
    here = world.error(world.begin(np.arange(len(world.episodes))))
    assert [outcome.error for outcome in outcomes] == here.tolist()
    assert [outcome.success for outcome in outcomes] == (here <= world.tolerance).tolist()
    assert {outcome.length for outcome in outcomes} == {0.0}


def test_the_seed_of_acting_decides_what_is_drawn(world: World[Any]) -> None:
    one, again, other = (told(evaluate(world, hasty(world), act=sample, seed=seed)) for seed in (0, 0, 1))
    assert one == again
    assert one != other


def test_judging_leaves_nothing_out_and_the_agent_as_it_was() -> None:
    world, agent = tiny_world(), tiny_agent(Kind(replace(SMALL, dropout=0.9)))
    calm = told(evaluate(world, agent))
    assert not agent.training
    state = torch.get_rng_state()
    assert told(evaluate(world, agent.train())) == calm
    assert agent.training
    assert torch.equal(torch.get_rng_state(), state)
