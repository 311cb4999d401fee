"""Learning: gradients reach exactly as far as they should, schedules are as computed by hand, and agents do learn."""

import math
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from helpers.tiny import PLAIN, SMALL, Kind, lived, loss_of, tiny, tiny_agent, tiny_world
from torch import Tensor

from vln.agent import Agent, Decision, detach
from vln.agents.config import AgentConfig
from vln.agents.recurrent.core import CELLS
from vln.agents.recurrent_agent import RecurrentAgent
from vln.agents.scripted import FixedPolicy
from vln.evaluation.evaluate import evaluate
from vln.learning.config import TrainConfig
from vln.learning.learner import Learner
from vln.learning.losses import DISTANCE_UNIT
from vln.learning.rollouts import Act, Rollout, follow_teacher, greedy, sample
from vln.learning.rules import rule_of, teacher_share
from vln.tasks import GeneratedEpisodes, Task
from vln.world import World

WINDOW = 6
EXACT = TrainConfig(
    updates=100,
    num_envs=3,
    unroll_length=WINDOW,
    max_grad_norm=math.inf,
    bfloat16=False,
    teacher_share_start=0,
    teacher_share_end=0,
)


def tireless(kind: Kind = PLAIN) -> RecurrentAgent:
    """An agent that never stops by itself, so that all its episodes are as long as they can be."""
    agent = tiny_agent(kind)
    agent.policy.layer.bias.data[-1] = -50
    return agent


def learn_once(learner: Learner[Any]) -> tuple[Agent, Rollout]:
    """The agent before an update and the window it learned from; its gradients are left in the learner's agent."""
    before, windows = deepcopy(learner.agent), []

    def loss(decision: Decision, window: Rollout) -> Tensor:
        windows.append(window)
        return loss_of(EXACT)(decision, window)

    learner.rule = replace(rule_of(EXACT), own=loss)  # type: ignore[type-var]
    learner.learn()
    return before, windows[0]


def plain_loss(agent: Agent, window: Rollout) -> tuple[Tensor, Tensor]:
    """The loss of a window by a loop over its slots and steps, and the memory after it."""
    total, after = torch.zeros(()), []
    steps, slots = window.episode_starts.shape
    assert window.teacher_actions is not None
    for slot in range(slots):
        memory = {name: values[slot : slot + 1] for name, values in window.memory.items()}
        for time in range(steps):
            if window.episode_starts[time, slot]:
                memory = agent.initial(1)
            seen = {name: values[time, slot : slot + 1] for name, values in window.observation.items()}
            decision, memory = agent.step(seen, memory, window.episode_starts[time, slot : slot + 1])
            likely = decision.policy.probs[0][window.teacher_actions[time, slot]].sum()
            wrong = decision.value[0] + window.error[time, slot] / DISTANCE_UNIT
            total = total - likely.log() + EXACT.progress_weight * wrong**2
        after.append(memory["core"])
    return total / (steps * slots), torch.cat(after)


def assert_same_gradients(agent: Agent, other: Agent) -> None:
    gradients, expected = ({name: weight.grad for name, weight in one.named_parameters()} for one in (agent, other))
    torch.testing.assert_close(gradients, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("memory", tuple(CELLS))
def test_a_window_of_whole_episodes_is_full_backpropagation_through_time(memory: Any) -> None:
    agent = tireless(Kind(replace(SMALL, memory=memory, layers=2)))
    learner = Learner.begin(tiny_world(max_steps=WINDOW), agent, EXACT)
    before, window = learn_once(learner)
    assert window.episode_starts[0].all()
    assert window.dones[-1].all()
    plain_loss(before, window)[0].backward()
    assert_same_gradients(agent, before)


def test_a_window_is_no_longer_than_the_longest_episode() -> None:
    learner = Learner.begin(tiny_world(max_steps=WINDOW - 2), tireless(), EXACT)
    _, window = learn_once(learner)
    assert window.episode_starts.shape == (WINDOW - 2, EXACT.num_envs)
    assert window.episode_starts[0].all()
    assert window.dones[-1].all()


def test_a_window_cuts_the_gradient_and_carries_the_memory_on() -> None:
    agent = tireless()
    learner = Learner.begin(tiny_world(max_steps=2 * WINDOW), agent, EXACT)
    before, first = learn_once(learner)
    carried = learner.rollout_state.memory["core"]
    torch.testing.assert_close(carried, plain_loss(before, first)[1])
    assert carried.any()
    assert not carried.requires_grad
    before, second = learn_once(learner)
    assert torch.equal(second.memory["core"], carried)
    assert not second.episode_starts[0].any()
    plain_loss(before, second)[0].backward()
    assert_same_gradients(agent, before)


def test_what_was_before_a_window_gets_no_gradient_from_it() -> None:
    agent, first = tiny_agent(), lived()
    second = replace(first, episode_starts=torch.zeros_like(first.episode_starts))
    entering: list[Tensor] = []
    agent.core.register_forward_pre_hook(lambda _, given: entering.append(given[0]))
    _, memory = agent(first.observation, agent.initial(5), first.episode_starts)

    def gradient(before: dict[str, Tensor]) -> Tensor | None:
        decision, _ = agent(second.observation, before, second.episode_starts)
        loss = loss_of(EXACT)(decision, second)
        return torch.autograd.grad(loss, entering[0], allow_unused=True, retain_graph=True)[0]

    assert gradient(detach(memory)) is None
    uncut = gradient(memory)
    assert uncut is not None
    assert uncut.any()


def test_the_default_loss_adds_up_its_parts() -> None:
    agent, window = tiny_agent(), lived()
    decision, _ = agent(window.observation, agent.initial(5), window.episode_starts)
    expected, _ = plain_loss(agent, replace(window, memory=agent.initial(5)))
    torch.testing.assert_close(loss_of(EXACT)(decision, window), expected)


def test_without_a_weight_nothing_is_learned_of_progress() -> None:
    agent, window = tiny_agent(), lived()
    decision, _ = agent(window.observation, agent.initial(5), window.episode_starts)
    loss_of(replace(EXACT, progress_weight=0.0))(decision, window).backward()
    assert not any(weights.grad.any() for weights in agent.value.parameters())
    with pytest.raises(ValueError, match="progress_weight is at least 0"):
        TrainConfig(progress_weight=-1)


def test_the_learning_rate_rises_then_falls_along_a_cosine() -> None:
    config = TrainConfig(updates=110, warmup_updates=10, learning_rate=1.0, final_learning_rate=0.2)
    assert config.learning_rate_at(0) == pytest.approx(0.1)
    assert config.learning_rate_at(4) == pytest.approx(0.5)
    assert config.learning_rate_at(9) == config.learning_rate_at(10) == pytest.approx(1.0)
    assert config.learning_rate_at(35) == pytest.approx(0.2 + 0.8 * (1 + math.sqrt(0.5)) / 2)
    assert config.learning_rate_at(60) == pytest.approx(0.6)
    assert config.learning_rate_at(110) == pytest.approx(0.2)


def test_the_teachers_share_falls_along_a_line_and_stays() -> None:
    config = TrainConfig(updates=100, teacher_share_start=0.9, teacher_share_end=0.1, teacher_share_decay=0.4)
    rule = rule_of(config)
    assert [teacher_share(rule, config, update) for update in (0, 10, 20, 40, 99)] == pytest.approx(
        [0.9, 0.7, 0.5, 0.1, 0.1]
    )
    forced = TrainConfig(teacher_share_start=1, teacher_share_end=1)
    assert {teacher_share(rule, forced, update) for update in range(0, 3000, 100)} == {1.0}


def test_an_update_uses_the_rate_of_its_number() -> None:
    learner = Learner.begin(tiny_world(), tiny_agent(), replace(EXACT, warmup_updates=4, learning_rate=0.4))
    assert [learner.learn()["learning_rate"] for _ in range(4)] == pytest.approx([0.1, 0.2, 0.3, 0.4])


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_a_seed_that_no_generator_takes_is_refused(seed: int) -> None:
    with pytest.raises(ValueError, match=f"seed is from 0 to 9223372036854775807, not {seed}"):
        TrainConfig(seed=seed)


@pytest.mark.parametrize("name", ["updates", "num_envs", "unroll_length"])
def test_lessons_of_nothing_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be at least 1, not 0"):
        replace(TrainConfig(), **{name: 0})


@pytest.mark.parametrize(
    ("rule", "option"),
    [
        ("imitation", {"teacher_warmup": 0.5}),
        ("reinforce", {"teacher_share_end": 0.5}),
        ("pathwise", {"progress_weight": 1.0}),
    ],
)
def test_an_option_that_its_rule_does_not_use_is_refused(rule: Any, option: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"under rule {rule} {next(iter(option))} would change nothing"):
        rule_of(TrainConfig(rule=rule, **option))


@pytest.mark.parametrize(("clip", "clipped"), [(1e-3, 1.0), (1e3, 0.0)])
def test_a_gradient_longer_than_the_clip_is_shortened_and_counted(clip: float, clipped: float) -> None:
    agent = tiny_agent()
    told = Learner.begin(tiny_world(), agent, replace(EXACT, max_grad_norm=clip)).learn()
    length = math.sqrt(
        sum(float(weight.grad.square().sum()) for weight in agent.parameters() if weight.grad is not None)
    )
    assert told["clipped"] == clipped
    assert length == pytest.approx(min(clip, told["norm"]), rel=1e-3)


def test_a_gradient_that_is_not_finite_stops_learning_before_it_harms_the_weights() -> None:
    learner = Learner.begin(
        tiny_world(), tiny_agent(), EXACT, rule=rule_of(EXACT, lambda decision, window: decision.value.sum() * math.nan)
    )
    before = deepcopy(learner.agent.state_dict())
    with pytest.raises(FloatingPointError, match="the gradient of update 0 is not finite"):
        learner.learn()
    assert all(torch.equal(values, before[name]) for name, values in learner.agent.state_dict().items())


def test_half_precision_learns_nearly_the_same() -> None:
    losses = []
    for half in (False, True):
        learner = Learner.begin(
            tiny_world(), tiny_agent(), replace(EXACT, bfloat16=half, teacher_share_start=1, teacher_share_end=1)
        )
        losses.append([learner.learn()["loss"] for _ in range(5)])
    assert losses[0] == pytest.approx(losses[1], rel=0.02)
    assert losses[0] != losses[1]


SENTENCES, HOUSES = 256, 1


@pytest.fixture(scope="module")
def one_room() -> Task:
    """Ways to be sent through one small room; val_seen has others than train."""
    task = tiny("GoTo")
    assert isinstance(task.source, GeneratedEpisodes)
    sizes = {"train": (HOUSES, SENTENCES), "val_seen": (HOUSES, SENTENCES // 4)}
    return replace(task, source=replace(task.source, sizes=sizes))


def taught_agent(world: World[Any], *senses: str) -> RecurrentAgent:
    torch.manual_seed(0)
    spaces = {name: world.spaces[name] for name in senses}
    agent = RecurrentAgent(
        spaces, world.action_space, 0, AgentConfig(memory="gru", hidden=64, word_dim=32, view_dim=64)
    )
    config = TrainConfig(
        updates=200,
        num_envs=16,
        unroll_length=12,
        learning_rate=5e-3,
        warmup_updates=20,
        teacher_share_decay=1,
        bfloat16=False,
    )
    learner = Learner.begin(world, agent, config)
    for _ in range(config.updates):
        learner.learn()
    return agent


def test_an_agent_learns_what_a_blind_one_cannot_and_no_more_than_the_expert_knows(one_room: Task) -> None:
    options = {"size": 5, "max_steps": 20}
    world, judged = one_room.open("train", track_sight=True, **options), one_room.open("val_seen", **options)

    def success(agent: Agent, act: Act = greedy, label: Callable[[Any], Any] | None = None) -> float:
        return float(np.mean([outcome.success for outcome in evaluate(judged, agent, act=act, label=label)]))

    anyone = FixedPolicy([1 / len(world.action_names)] * len(world.action_names))
    floor = success(anyone, sample)
    blind = success(taught_agent(world, "instruction", "previous"))
    agent = success(taught_agent(world, *world.spaces))
    ceiling = success(anyone, follow_teacher, judged.expert)
    assert ceiling == 1
    assert max(floor, blind) < 0.25
    assert 0.8 < agent <= ceiling
