"""Agents of every kind: stepwise and as a sequence they decide alike, and nothing crosses an episode's end."""

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from gymnasium.spaces import Discrete
from helpers.tiny import AGENTS, GRAPHS, SMALL, Kind, lived, random_memory, since_last_start, tiny_agent, tiny_world
from torch import Tensor

from vln.agent import Agent, Decision, Memory, detach
from vln.agents.config import AgentConfig
from vln.agents.recurrent_agent import RecurrentAgent
from vln.learning.rollouts import Rollout
from vln.policies import Categorical, Gaussian, Policy


@pytest.fixture(params=AGENTS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return AGENTS[request.param]


def told(policy: Policy) -> Tensor:
    """The numbers that a policy is made of."""
    assert isinstance(policy, Categorical | Gaussian)
    return policy.loc if isinstance(policy, Gaussian) else policy.logits


def step_by_step(agent: Agent, seen: Rollout, memory: Memory) -> tuple[Decision, Memory]:
    """The decisions of one who acts moment by moment."""
    decisions = []
    for time, episode_starts in enumerate(seen.episode_starts):
        moment = {name: values[time] for name, values in seen.observation.items()}
        decision, memory = agent.step(moment, memory, episode_starts)
        decisions.append(decision)
    return Decision.stack(decisions), memory


def assert_alike(one: Decision, other: Decision) -> None:
    torch.testing.assert_close(told(one.policy), told(other.policy))
    torch.testing.assert_close(one.value, other.value)
    assert (one.answer is None) == (other.answer is None)
    if one.answer is not None and other.answer is not None:
        torch.testing.assert_close(one.answer, other.answer)
    assert (one.attention is None) == (other.attention is None)
    if one.attention is not None and other.attention is not None:
        words = min(one.attention.shape[-1], other.attention.shape[-1])
        torch.testing.assert_close(one.attention[..., :words], other.attention[..., :words])
        assert not one.attention[..., words:].any()
        assert not other.attention[..., words:].any()


def test_acting_step_by_step_and_as_a_sequence_are_the_same(kind: Kind) -> None:
    agent, seen = tiny_agent(kind), lived(kind.view)
    memory = random_memory(agent, 5)
    episode_starts = seen.episode_starts.clone()
    episode_starts[0, ::2] = False  # some are in the middle of an episode when the window begins
    seen = replace(seen, episode_starts=episode_starts)
    assert seen.episode_starts[1:].any(dim=0).all()
    decision, after = agent(seen.observation, memory, seen.episode_starts)
    stepwise, after_steps = step_by_step(agent, seen, memory)
    assert_alike(stepwise, decision)
    torch.testing.assert_close(after_steps["core"], after["core"])


def test_what_was_before_a_start_changes_no_decision_after_it(kind: Kind) -> None:
    agent, seen = tiny_agent(kind), lived(kind.view)
    after = since_last_start(seen.episode_starts)
    before, _ = agent(seen.observation, random_memory(agent, 5), seen.episode_starts)
    other = {name: _shuffled(values, ~after) for name, values in seen.observation.items()}
    changed, _ = agent(other, {"core": 1e3 * random_memory(agent, 5)["core"]}, seen.episode_starts)
    assert after.any()
    assert (~after).any()
    # Only candidates that are there go through the layers of who sees them; how many others there are changes rounding.
    same = partial(torch.allclose, atol=1e-6) if kind.view in GRAPHS else torch.equal
    assert same(told(changed.policy)[after], told(before.policy)[after])
    assert same(changed.value[after], before.value[after])
    assert not torch.equal(told(changed.policy)[~after], told(before.policy)[~after])


def _shuffled(values: Tensor, where: Tensor) -> Tensor:
    """The values [T, B, ...] of these moments exchanged among each other."""
    changed = values.clone()
    changed[where] = values[where].flip(0)
    return changed


def _watch(agent: Any, entering: list[Tensor]) -> None:
    """Keep what enters the core, with gradients also where nothing before it is learned."""

    def keep(_: Any, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        inputs, *others = given
        entering.append(inputs if inputs.requires_grad else inputs.clone().requires_grad_())
        return (entering[-1], *others)

    agent.core.register_forward_pre_hook(keep)


def test_no_gradient_crosses_an_episodes_end(kind: Kind) -> None:
    agent, seen = tiny_agent(kind), lived(kind.view)
    entering: list[Tensor] = []
    _watch(agent, entering)
    memory = {"core": random_memory(agent, 5)["core"].requires_grad_()}
    decision, _ = agent(seen.observation, memory, seen.episode_starts)
    after = since_last_start(seen.episode_starts)
    score = told(decision.policy)[after][..., 0].sum() + decision.value[after].sum()
    to_inputs, to_memory = torch.autograd.grad(score, [entering[0], memory["core"]])
    assert not to_inputs[~after].any()
    assert not to_memory.any()
    assert to_inputs[after].any(dim=-1).all()


def test_the_first_moment_of_an_episode_reaches_its_last_decision(kind: Kind) -> None:
    agent, seen = tiny_agent(kind), lived(kind.view)
    entering: list[Tensor] = []
    _watch(agent, entering)
    memory = {"core": random_memory(agent, 5)["core"].requires_grad_()}
    decision, _ = agent(seen.observation, memory, torch.zeros_like(seen.episode_starts))
    gradients = torch.autograd.grad(told(decision.policy)[-1, :, 0].sum(), [entering[0], memory["core"]])
    assert gradients[0][0].any(dim=-1).all()
    assert gradients[1].flatten(1).any(dim=-1).all()


def test_attention_is_shared_out_among_the_real_words() -> None:
    agent, seen = tiny_agent(), lived()
    decision, _ = agent(seen.observation, agent.initial(5), seen.episode_starts)
    assert decision.attention is not None
    words = (seen.observation["instruction"] != 0).sum(dim=-1)
    place = torch.arange(decision.attention.shape[-1])
    torch.testing.assert_close(decision.attention.sum(dim=-1), torch.ones(14, 5))
    assert not decision.attention[place >= words[..., None]].any()
    assert (decision.attention[place < words[..., None]] > 0).all()


def test_an_instruction_is_heard_from_its_episodes_start_to_its_end() -> None:
    agent, seen = tiny_agent(), lived()
    forgetful = {**seen.observation, "instruction": seen.observation["instruction"] * seen.episode_starts[..., None]}
    forgetful["instruction"][~seen.episode_starts] = 1
    whole, _ = agent(seen.observation, agent.initial(5), seen.episode_starts)
    once, _ = agent(forgetful, agent.initial(5), seen.episode_starts)
    assert_alike(whole, once)


@pytest.mark.parametrize(("without", "sense"), [("blind", "view"), ("deaf", "instruction")])
def test_an_agent_without_a_sense_decides_the_same_whatever_it_would_tell(without: str, sense: str) -> None:
    agent, whole, seen = tiny_agent(AGENTS[without]), tiny_agent(), lived()
    everywhere = torch.ones_like(seen.episode_starts)
    other = {**seen.observation, sense: _shuffled(seen.observation[sense], everywhere)}
    for one in (agent, whole):
        before, _ = one(seen.observation, one.initial(5), seen.episode_starts)
        after, _ = one(other, one.initial(5), seen.episode_starts)
        assert torch.equal(told(before.policy), told(after.policy)) == (one is agent)


def test_an_instruction_without_words_is_no_reason_to_fail() -> None:
    agent, seen = tiny_agent(), lived()
    nothing = seen.observation["instruction"].index_fill(1, torch.tensor([0]), 0)
    seen = replace(seen, observation=seen.observation | {"instruction": nothing})
    decision, _ = agent(seen.observation, agent.initial(5), seen.episode_starts)
    stepwise, _ = step_by_step(agent, seen, agent.initial(5))
    assert told(decision.policy).isfinite().all()
    assert_alike(stepwise, decision)


def test_every_weight_is_learned_from_one_window(kind: Kind) -> None:
    agent, seen = tiny_agent(kind), lived(kind.view)
    decision, _ = agent(seen.observation, agent.initial(5), seen.episode_starts)
    answers = decision.value if decision.answer is None else decision.answer
    (decision.policy.log_prob(seen.actions).mean() + decision.value.mean() + answers.square().mean()).backward()
    still = [name for name, weight in agent.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert still == []


def test_heads_that_are_set_apart_change_neither_what_is_seen_nor_what_is_remembered() -> None:
    heads, told = {"policy", "value"}, {}
    for apart in (0.0, 0.75, 1.0):
        agent = tiny_agent(Kind(replace(SMALL, head_detach=apart), "looks at points"))
        seen = lived("looks at points")
        decision, _ = agent(seen.observation, agent.initial(5), seen.episode_starts)
        (decision.policy.log_prob(seen.actions).mean() + decision.value.mean()).backward()
        told[apart] = {name: weight.grad for name, weight in agent.named_parameters() if weight.grad is not None}
    assert {name.split(".")[0] for name in told[0]} == heads | {"encoders", "core"}
    for name, gradient in told[0].items():
        assert gradient.any()
        head = name.split(".")[0] in heads
        torch.testing.assert_close(told[0.75][name], gradient if head else gradient / 4)
        torch.testing.assert_close(told[1][name], gradient if head else torch.zeros_like(gradient))


@pytest.mark.parametrize("name", ["head_detach", "dropout", "view_dropout", "word_dropout"])
def test_a_share_of_more_than_all_is_refused(name: str) -> None:
    options: Any = {name: 1.5}
    with pytest.raises(ValueError, match=rf"{name} is a share, from 0 to 1, not 1\.5"):
        AgentConfig(**options)


def test_a_memory_that_is_cut_has_the_same_values_and_no_past() -> None:
    memory = {"core": torch.ones(2, requires_grad=True) * 3}
    assert torch.equal(detach(memory)["core"], memory["core"])
    assert not detach(memory)["core"].requires_grad


@pytest.mark.parametrize("view_dim", [16, 32])
def test_what_is_seen_may_be_as_many_numbers_as_any_other_sense(view_dim: int) -> None:
    world = tiny_world()
    agent = RecurrentAgent(world.spaces, world.action_space, 0, replace(SMALL, view_dim=view_dim))
    seen = lived()
    decision, _ = agent(seen.observation, agent.initial(seen.episode_starts.shape[1]), seen.episode_starts)
    assert decision.value.shape == seen.episode_starts.shape


def test_a_memory_of_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="no memory is called 'stack'"):
        RecurrentAgent(tiny_world().spaces, Discrete(4), config=AgentConfig(memory="stack"))
