"""Learning where to look: REINFORCE against the exact gradient, the gradient through the eye, and who learns what."""

from dataclasses import fields, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.glimpse_worlds import finding, glimpses
from helpers.tiny import SMALL, loss_of
from torch import Tensor

from vln.agent import Decision
from vln.agents.recurrent_agent import RecurrentAgent
from vln.agents.registry import agent_for
from vln.agents.scripted import UniformPolicy
from vln.evaluation.evaluate import evaluate
from vln.learning.config import TrainConfig
from vln.learning.learner import Learner
from vln.learning.losses import answer_loss, reinforce_loss, returns, value_loss
from vln.learning.rollouts import Rollout, RolloutState, rollout, sample
from vln.learning.rules import RULES
from vln.learning.training import snapshot, train
from vln.policies import Categorical

LOOKS = 3
PICTURE = 0  # of whose class an agent that has learned nothing is sometimes right


def glimpser(world: Any, seed: int = 0, **shape: Any) -> RecurrentAgent:
    torch.manual_seed(seed)
    agent = agent_for(world, replace(SMALL, **shape))
    for head in (agent.policy.layer, agent.answer):
        torch.nn.init.normal_(head.weight)
    return agent


def slot_of(values: Any, slot: int) -> Any:
    """One slot of a record [T, B, ...], as a batch of one."""
    if isinstance(values, Tensor):
        return values[:, slot : slot + 1]
    return values


def alone(decision: Decision, lived: Rollout, slot: int) -> tuple[Decision, Rollout]:
    assert isinstance(decision.policy, Categorical)
    policy = Categorical(logits=decision.policy.logits[:, slot : slot + 1])
    part = {
        f.name: slot_of(getattr(lived, f.name), slot) for f in fields(lived) if f.name not in ("observation", "memory")
    }
    return Decision(policy, decision.value[:, slot : slot + 1]), replace(lived, **part)


def test_reinforce_is_on_average_the_exact_gradient() -> None:
    """Over every sequence of moves there is, each as often as the agent would make it."""
    world = glimpses(looks=LOOKS, move="discrete", stops=True)
    agent = glimpser(world).double()
    every = torch.tensor(list(product(range(len(world.action_names)), repeat=LOOKS)))
    slots, clock = len(every), iter(range(LOOKS))
    course = RolloutState.begin(world, agent, slots, seed=1)
    begun = world.begin(np.full(slots, PICTURE))
    course = replace(course, state=begun)
    lived, _ = rollout(world, agent, course, LOOKS, lambda *_: every[:, next(clock)], torch.Generator())
    decision, _ = agent(lived.observation, lived.memory, lived.episode_starts)
    # What comes after an episode's end is another's: it is neither made more probable nor paid.
    own = torch.cat([torch.ones(1, slots), 1 - lived.dones.double().cumsum(0)[:-1]]).clamp(min=0)
    probability = (decision.policy.log_prob(lived.actions) * own).sum(dim=0).exp()
    success = (lived.successes.double() * own).sum(dim=0)
    # Sequences that differ only after the end are one.
    first = [row for row in range(slots) if not (every[row] * (1 - own[:, row])).any()]
    assert probability[first].sum().item() == pytest.approx(1)
    assert 0 < success[first].mean().item() < 1
    weights = list(agent.policy.parameters())
    exact = torch.autograd.grad((probability * success)[first].sum(), weights, retain_graph=True)
    estimate = [torch.zeros_like(weight) for weight in weights]
    for row in first:
        one, seen = alone(decision, lived, row)
        steps = int(own[:, row].sum())
        seen = replace(
            seen, **{name: getattr(seen, name)[:steps] for name in ("actions", "terminated", "truncated", "successes")}
        )
        policy = Categorical(logits=one.policy.logits[:steps])
        one = Decision(policy, one.value[:steps])
        for total, part in zip(
            estimate,
            torch.autograd.grad(reinforce_loss(one, seen, to_success(one, seen)), weights, retain_graph=True),
            strict=True,
        ):
            total -= probability[row].detach() * part
    for one_exact, one_estimate in zip(exact, estimate, strict=True):
        assert one_exact.abs().max() > 1e-4
        torch.testing.assert_close(one_estimate, one_exact)


def to_success(decision: Decision, lived: Rollout) -> Tensor:
    """The return of every step, where success is what is rewarded."""
    return returns(lived.successes.to(decision.value.dtype), lived.dones, decision.value[-1].detach())


def record(ended: list[list[int]], succeeded: list[list[int]], value: list[list[float]]) -> tuple[Decision, Rollout]:
    """A window [T, B] in which only this happened."""
    over, went_well = torch.tensor(ended).bool(), torch.tensor(succeeded).bool()
    nothing = torch.zeros(over.shape)
    never = nothing.bool()
    lived = Rollout({}, never, {}, nothing.long(), None, None, nothing, over, never, went_well, nothing)
    policy = Categorical(logits=torch.zeros(*over.shape, 2))
    return Decision(policy, torch.tensor(value)), lived


def test_a_return_is_what_the_episode_came_to_and_beyond_the_window_what_was_expected() -> None:
    decision, lived = record([[0, 1], [1, 0], [0, 0]], [[0, 1], [0, 0], [0, 0]], [[9.0, 9.0], [9.0, 9.0], [0.25, 0.5]])
    assert to_success(decision, lived).tolist() == [[0, 1], [0, 0.5], [0.25, 0.5]]
    assert value_loss(decision, to_success(decision, lived)).item() == pytest.approx(
        (81 + 64 + 81 + 8.5**2 + 0 + 0) / 6
    )


def test_the_last_answer_can_count_more_than_those_before() -> None:
    decision, lived = record([[0], [1]], [[0], [1]], [[0.0], [0.0]])
    logits = torch.tensor([[[0.0, 0.0]], [[np.log(3.0), 0.0]]])
    decision = replace(decision, answer=logits)
    lived = replace(lived, answer=torch.tensor([[0], [0]]))
    half, most = np.log(2), -np.log(0.75)
    assert answer_loss(decision, lived).item() == pytest.approx((half + most) / 2)
    assert answer_loss(decision, lived, early=0).item() == pytest.approx(most)
    assert answer_loss(decision, lived, early=0.5).item() == pytest.approx((0.5 * half + most) / 1.5)


@pytest.mark.parametrize("move", ["continuous", "relative"])
def test_the_gradient_through_a_step_is_that_of_small_changes(move: str) -> None:
    world = glimpses(move=move, limit=0.4)
    tensors = world.differentiable("cpu")
    begun: Any = tensors.begin(np.arange(3))
    begun = replace(begun, where=begun.where.double())
    point = torch.tensor([[0.31, -0.24], [0.62, 0.11], [-0.73, 0.55]], dtype=torch.float64, requires_grad=True)
    tensors.reach = tensors.reach.double()
    seen = lambda moved: tensors.observe(tensors.step(begun, moved))["view"]  # noqa: E731
    assert torch.autograd.gradcheck(seen, point, eps=1e-6, atol=1e-5)


def test_the_last_answer_reaches_the_first_move_only_through_what_was_seen() -> None:
    world = glimpses(looks=LOOKS)
    for door, reached in ((world.differentiable("cpu"), True), (world, False)):
        agent = glimpser(world, memory="gru")
        course = RolloutState.begin(door, agent, 6, seed=0)
        moves: list[Tensor] = []

        def act(decision: Decision, best: Any, rng: torch.Generator, moves: list[Tensor] = moves) -> Tensor:
            moves.append(decision.policy.mode())
            moves[-1].retain_grad()
            return moves[-1]

        lived, _ = rollout(door, agent, course, LOOKS, act if reached else sample, torch.Generator())
        if not reached:
            assert lived.decision is None
            continue
        assert lived.decision is not None
        assert lived.decision.answer is not None
        lived.decision.answer[-1].square().sum().backward()
        assert moves[0].grad is not None
        assert moves[0].grad.abs().sum(dim=1).all()
        assert moves[-1].grad is None  # nothing comes after it


def test_acting_in_tensors_and_deciding_again_over_the_window_are_the_same() -> None:
    world = glimpses(looks=LOOKS, move="relative").differentiable("cpu")
    agent = glimpser(world)
    course = RolloutState.begin(world, agent, 5, seed=0)
    lived, after = rollout(world, agent, course, 2 * LOOKS, sample, torch.Generator().manual_seed(0))
    again, memory = agent(lived.observation, lived.memory, lived.episode_starts)
    assert lived.decision is not None
    torch.testing.assert_close(lived.decision.policy.loc, again.policy.loc)
    torch.testing.assert_close(lived.decision.answer, again.answer)
    torch.testing.assert_close(after.memory["core"], memory["core"])
    assert lived.dones.sum().item() == 2 * 5


def test_both_doors_are_lived_through_alike() -> None:
    world = glimpses(looks=LOOKS, start="random")
    agent = glimpser(world)
    seen = []
    for door in (world, world.differentiable("cpu")):
        course = RolloutState.begin(door, agent, 5, seed=0)
        with torch.no_grad():
            lived, _ = rollout(door, agent, course, 7, sample, torch.Generator().manual_seed(0), door.teacher)
        assert lived.decision is None
        seen.append(lived)
    here, there = seen
    for name in ("view", "where"):
        torch.testing.assert_close(there.observation[name], here.observation[name], atol=1e-4, rtol=1e-4)
    for name in ("episode_starts", "dones", "successes", "answer"):
        assert torch.equal(getattr(there, name), getattr(here, name))
    for name in ("actions", "error", "teacher_actions", "reward"):
        torch.testing.assert_close(getattr(there, name), getattr(here, name), atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("half", [False, True])
def test_every_rule_learns_what_the_pictures_are(rule: str, half: bool) -> None:
    """Floor: chance, a third. The pictures are few and known by heart."""
    world = glimpses(looks=LOOKS)
    agent = glimpser(world, hidden=48, view_dim=48)
    config = TrainConfig(
        rule=rule, updates=150, num_envs=24, unroll_length=LOOKS, learning_rate=5e-3, warmup_updates=5, bfloat16=half
    )
    learner = Learner.begin(world.differentiable("cpu") if RULES[rule].differentiates_world else world, agent, config)
    for _ in range(config.updates):
        learner.learn()
    right = sum(outcome.success for outcome in evaluate(world, agent)[:12])
    guessed = sum(
        outcome.success for outcome in evaluate(world, UniformPolicy(world.action_space, world.num_answers))[:12]
    )
    assert guessed <= 4
    assert right >= 10


def test_a_teacher_of_points_is_imitated() -> None:
    world = glimpses(looks=LOOKS, canvas=20)
    agent = glimpser(world, head_detach=0.0, action_std=0.2)
    learner = Learner.begin(
        world,
        agent,
        TrainConfig(updates=80, num_envs=32, unroll_length=LOOKS, learning_rate=1e-2, warmup_updates=5, bfloat16=False),
    )
    told = [learner.learn()["imitation_loss"] for _ in range(80)]
    assert np.mean(told[-5:]) < np.mean(told[:5]) - 1


def test_a_world_without_tensors_says_that_nothing_is_learned_through_its_eye() -> None:
    from helpers.corridor import Corridor

    with pytest.raises(ValueError, match="Corridor carries no gradients"):
        Corridor().differentiable("cpu")


@pytest.mark.parametrize("rule", RULES)
def test_a_training_that_was_broken_off_ends_with_the_same_weights(rule: str, tmp_path: Path) -> None:
    world: Any = glimpses(looks=LOOKS, start="random", canvas=14)
    world = world.differentiable("cpu") if RULES[rule].differentiates_world else world
    # A window that is no multiple of the looks, so that episodes go on where it was broken off.
    led = {} if RULES[rule].teacher else {"teacher_warmup": 0.5}
    config = TrainConfig(rule=rule, updates=9, num_envs=4, unroll_length=4, warmup_updates=2, bfloat16=False, **led)
    updates = 0

    def breaking(decision: Decision, lived: Rollout) -> Tensor:
        nonlocal updates
        updates += 1
        if updates == 7:
            raise RuntimeError("the power failed")
        return loss_of(config)(decision, lived)

    whole, broken = glimpser(world, dropout=0.2), glimpser(world, dropout=0.2)
    torch.manual_seed(1)
    train(world, whole, config, tmp_path / "whole", save_every=3, live=False)
    torch.manual_seed(1)
    with pytest.raises(RuntimeError, match="the power failed"):
        train(world, broken, config, tmp_path / "broken", loss=breaking, save_every=3, live=False)
    resumed = glimpser(world, seed=5, dropout=0.2)
    train(world, resumed, config, tmp_path / "broken", resume=True, save_every=3, live=False)
    for name, weights in whole.state_dict().items():
        assert torch.equal(weights, resumed.state_dict()[name]), name


@pytest.mark.parametrize("half", [False, True])
def test_words_that_were_read_while_acting_are_read_anew_in_the_next_window(half: bool) -> None:
    world = finding(looks=LOOKS).differentiable("cpu")
    agent = glimpser(world)
    learner = Learner.begin(world, agent, TrainConfig(rule="pathwise", num_envs=4, unroll_length=2, bfloat16=half))
    for _ in range(3):
        learner.learn()
        assert learner.rollout_state.memory.keys() == agent.initial(1).keys()
        assert all(array.dtype != object for array in snapshot(learner).values())
