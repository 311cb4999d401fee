"""Instruments of learning: gradients through time against small changes and equations, and what truncation changes."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from gymnasium.spaces import Box
from helpers.tiny import LINES, SMALL, Kind, lived, tiny_agent
from torch import Tensor

from vln.agent import Decision, Observation
from vln.agents.analysis.gradients import gradients_through_time, step_jacobian, truncation
from vln.agents.config import AgentConfig
from vln.agents.recurrent.core import CELLS, Recurrent
from vln.agents.recurrent.linear import LRU
from vln.agents.recurrent_agent import RecurrentAgent
from vln.agents.scripted import FixedPolicy

STEPS, SLOTS = 12, 2


def summing(memory: str = "elman", layers: int = 1) -> RecurrentAgent:
    torch.manual_seed(0)
    config = AgentConfig(memory=memory, hidden=6, layers=layers)
    return RecurrentAgent({"input": Box(0, 1, (2,))}, Box(-1, 1, (1,)), config=config)


def window() -> tuple[Observation, Tensor]:
    torch.manual_seed(1)
    return {"input": torch.rand(STEPS, SLOTS, 2)}, torch.zeros(STEPS, SLOTS, dtype=torch.bool)


def last(decision: Decision) -> Tensor:
    return decision.policy.mode()[-1].sum()


@pytest.mark.parametrize("memory", CELLS)
def test_a_gradient_through_time_is_what_a_small_change_of_the_past_changes(memory: str) -> None:
    agent = summing(memory, layers=2)
    observation, episode_starts = window()
    norms = gradients_through_time(agent, observation, episode_starts, last)
    assert set(norms) == set(agent.core.states(agent.initial(1)["core"]))
    time, change = 8, 0.02
    past, future = ({"input": observation["input"][part]} for part in (slice(0, time + 1), slice(time + 1, None)))
    with torch.no_grad():
        before = agent(past, agent.initial(SLOTS), episode_starts[: time + 1])[1]["core"]

        def scored(core: Tensor) -> float:
            return float(last(agent(future, {"core": core}, episode_starts[time + 1 :])[0]))

        slopes = torch.zeros_like(before)
        for slot, number in np.ndindex(*before.shape):
            other = torch.zeros_like(before)
            other[slot, number] = change
            slopes[slot, number] = (scored(before + other) - scored(before - other)) / (2 * change)
    for name, expected in agent.core.states(slopes).items():
        np.testing.assert_allclose(norms[name][time + 1], expected.flatten(1).norm(dim=1), rtol=0.02, atol=2e-4)


def test_it_ends_where_an_episode_begins() -> None:
    agent = summing("lstm")
    observation, episode_starts = window()
    episode_starts[5, 1] = True
    norms = gradients_through_time(agent, observation, episode_starts, last)[0, "hidden"]
    assert (norms[:, 0] > 0).all()
    assert not norms[:6, 1].any()
    assert (norms[6:, 1] > 0).all()


def test_a_steps_jacobian_is_its_equations() -> None:
    torch.manual_seed(0)
    core = Recurrent("elman", 3, 5)
    inputs, before = torch.randn(3), torch.randn(5)
    into, across, bias, other = core.cells[0].rnn.all_weights[0]  # type: ignore[union-attr, index]
    after = torch.tanh(into @ inputs + bias + across @ before + other)
    expected = (1 - after**2)[:, None] * across
    np.testing.assert_allclose(step_jacobian(core, inputs, before), expected.detach(), rtol=1e-5, atol=1e-6)
    lru = Recurrent("lru", 4, 4)
    found = np.linalg.eigvals(step_jacobian(lru, torch.randn(4), torch.randn(8)))
    (cell,) = lru.cells
    assert isinstance(cell, LRU)
    eigenvalues = cell.eigenvalues().detach().numpy()
    both = np.concatenate([eigenvalues, eigenvalues.conj()])
    np.testing.assert_allclose(np.sort_complex(found), np.sort_complex(both), atol=1e-5)


def test_truncation_by_the_whole_window_is_none_and_a_short_one_turns_the_gradient() -> None:
    agent = summing()
    observation, episode_starts = window()

    def all_of_it(decision: Decision, part: slice) -> Tensor:
        return (decision.policy.mode() * torch.linspace(1, 2, SLOTS)[:, None]).square().sum()

    found = truncation(agent, observation, episode_starts, all_of_it, [1, 3, 6, STEPS, 2 * STEPS])
    assert found[STEPS] == found[2 * STEPS] == pytest.approx(1)
    assert found[1] < found[3] < found[6] < 1


def test_truncation_is_the_gradient_of_a_memory_that_is_cut() -> None:
    agent = summing("gru")
    observation, episode_starts = window()
    memory, loss = agent.initial(SLOTS), torch.zeros(())
    for first in (0, 6):
        part = {"input": observation["input"][first : first + 6]}
        decision, after = agent(part, {"core": memory["core"].detach()}, episode_starts[:6])
        memory, loss = after, loss + decision.policy.mode().sum()
    weights = list(agent.core.parameters())
    cut_off = torch.cat([grad.flatten() for grad in torch.autograd.grad(loss, weights)])
    whole = agent(observation, agent.initial(SLOTS), episode_starts)[0].policy.mode().sum()
    full = torch.cat([grad.flatten() for grad in torch.autograd.grad(whole, weights)])
    # The heads' gradients are the same in both; they are left out by freezing them.
    for weight in set(agent.parameters()) - set(weights):
        weight.requires_grad_(False)
    found = truncation(agent, observation, episode_starts, lambda decision, part: decision.policy.mode().sum(), [6])
    assert found[6] == pytest.approx(float(torch.cosine_similarity(full, cut_off, dim=0)), abs=1e-5)


def test_what_can_not_be_looked_into_is_refused() -> None:
    observation, episode_starts = window()
    with pytest.raises(ValueError, match="a FixedPolicy has no recurrent core"):
        gradients_through_time(FixedPolicy([0.5, 0.5]), observation, episode_starts, last)
    with pytest.raises(ValueError, match="at least one step, not 0"):
        truncation(summing(), observation, episode_starts, lambda decision, part: last(decision), [4, 0])
    with pytest.raises(ValueError, match="the full gradient is zero"):
        truncation(summing(), observation, episode_starts, lambda decision, part: 0 * last(decision), [4])


@pytest.mark.parametrize(
    "kind", [Kind(), Kind(replace(SMALL, memory="s6", layers=2)), *(Kind(view=of) for of in LINES)]
)
def test_it_looks_into_agents_of_every_task(kind: Kind) -> None:
    agent, seen = tiny_agent(kind), lived(kind.view)
    norms = gradients_through_time(
        agent, seen.observation, seen.episode_starts, lambda decision: decision.value[-1].sum()
    )
    assert all(of.shape == tuple(seen.episode_starts.shape) for of in norms.values())
    going_on = ~seen.episode_starts[-1].numpy()
    for of in norms.values():
        assert (of[-1] > 0).tolist() == going_on.tolist()
