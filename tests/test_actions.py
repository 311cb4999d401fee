"""Actions of several parts go through everything: policies, rollouts, losses, rules, Gymnasium, SB3, replays, pages."""

from functools import partial
from pathlib import Path
from signal import SIGINT, raise_signal
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Dict, Discrete, MultiDiscrete
from gymnasium.utils.env_checker import check_env
from helpers.pen_world import PenAgent, Pens
from helpers.tiny import loss_of
from stable_baselines3 import PPO

from vln.actions import best_choices, best_numbers, chosen, numbers_in
from vln.evaluation.beam_search import plan
from vln.evaluation.evaluate import evaluate
from vln.evaluation.replays import replay
from vln.gym.env import TaskEnv
from vln.gym.env_checker import check_vector_env
from vln.gym.sb3 import GymnasiumVecEnv
from vln.gym.vector_env import TaskVectorEnv
from vln.learning.checkpoints import load_checkpoint
from vln.learning.config import TrainConfig
from vln.learning.learner import Learner
from vln.learning.rollouts import RolloutState, follow_teacher, greedy, rollout, sample, scheduled_sampling
from vln.learning.training import CHECKPOINT, train
from vln.pages.recordings import recording
from vln.policies import Categorical, Gaussian, Policy, Product
from vln.space_facts import space_facts, space_of

SPACE = Dict({"stroke": Box(-1, 1, (2,)), "pen": Discrete(3)})


def product(seed: int = 0, *axes: int) -> Product:
    rng = torch.Generator().manual_seed(seed)
    loc, scale = torch.randn(*axes, 2, generator=rng), torch.rand(*axes, 2, generator=rng) + 0.1
    return Product({"stroke": Gaussian(loc, scale), "pen": Categorical(torch.randn(*axes, 3, generator=rng))})


def test_the_probability_of_an_action_is_that_of_its_parts() -> None:
    policy = product(0, 4, 5)
    action = policy.sample(torch.Generator().manual_seed(1))
    apart = [policy.parts[name].log_prob(action[name]) for name in ("pen", "stroke")]
    torch.testing.assert_close(policy.log_prob(action), apart[0] + apart[1])
    stroke, pen = policy.parts["stroke"], policy.parts["pen"]
    assert isinstance(stroke, Gaussian)
    assert isinstance(pen, Categorical)
    torch.testing.assert_close(policy.entropy(), stroke.entropy() + pen.entropy())
    theirs = torch.distributions.Normal(stroke.loc, stroke.scale)
    torch.testing.assert_close(stroke.log_prob(action["stroke"]), theirs.log_prob(action["stroke"]).sum(dim=-1))
    torch.testing.assert_close(stroke.entropy(), theirs.entropy().sum(dim=-1))
    torch.testing.assert_close(pen.entropy(), torch.distributions.Categorical(logits=pen.logits).entropy())


def test_a_choice_that_can_not_be_made_adds_nothing_to_the_entropy() -> None:
    assert Categorical(torch.tensor([0.0, 0.0, -torch.inf])).entropy().item() == pytest.approx(np.log(2))


def test_steps_of_a_policy_stack_to_its_sequence() -> None:
    whole = product(0, 4, 5)
    again = Product.stack([whole[time] for time in range(4)])
    action = whole.mode()
    assert torch.equal(again.log_prob(action), whole.log_prob(action))
    both = Product.average([whole, whole])
    torch.testing.assert_close(both.choice_probs(), whole.choice_probs())


def test_choices_are_numbered_through_the_parts_in_the_order_of_their_names() -> None:
    space = Dict({"z": Discrete(4), "a": Discrete(2), "m": Box(-1, 1, (2,))})
    action = {"z": 3, "a": 1, "m": np.array([0.5, -0.5])}
    assert chosen(space, action) == (1, 2 + 3)
    assert numbers_in(space, action) == (0.5, -0.5)
    best = {"z": np.eye(4, dtype=bool)[:1], "a": np.array([[False, True]]), "m": np.array([[0.25, np.nan]])}
    assert best_choices(space, best).tolist() == [[False, True, True, False, False, False]]
    np.testing.assert_equal(best_numbers(space, best), [[0.25, np.nan]])


def test_a_space_of_parts_is_kept_with_a_run() -> None:
    assert space_of(space_facts(SPACE)) == SPACE


@pytest.fixture(params=[True, False], ids=["stroke and pen", "stroke alone"])
def pen(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def live(world: Pens, agent: PenAgent, act: Any = sample, steps: int = 7, **more: Any) -> Any:
    begun = RolloutState.begin(world, agent, 5, seed=0)
    return rollout(world, agent, begun, steps, act, torch.Generator().manual_seed(0), world.teacher, **more)[0]


def test_a_rollout_in_tensors_is_the_one_in_arrays(pen: bool) -> None:
    agent = PenAgent(pen)
    with torch.no_grad():
        here, there = (
            live(world, agent, values=True) for world in (Pens(pen=pen), Pens(pen=pen).differentiable("cpu"))
        )
    for name in ("reward", "terminated", "truncated", "successes", "log_prob", "value", "next_value"):
        torch.testing.assert_close(getattr(there, name), getattr(here, name))


def test_what_was_expected_next_is_the_value_of_the_next_step_and_nothing_after_an_end() -> None:
    lived = live(Pens(), PenAgent(), values=True)
    assert lived.terminated.any()
    going_on = ~lived.dones[:-1]
    assert torch.equal(lived.next_value[:-1][going_on], lived.value[1:][going_on])
    assert not lived.next_value[lived.terminated].any()
    assert lived.next_value[-1][~lived.dones[-1]].all()


def test_rewards_are_those_that_gymnasium_users_get(pen: bool) -> None:
    world, agent = Pens(pen=pen), PenAgent(pen)
    lived = live(world, agent)
    env = TaskEnv(world)
    for slot in range(5):
        begun = RolloutState.begin(world, agent, 5, seed=0)
        env.reset(options={"episode": int(begun.state.episode[slot])})
        for time in range(3):
            stroke = (lived.actions["stroke"] if pen else lived.actions)[time, slot].numpy()
            _, reward, *_ = env.step(
                {"stroke": stroke, "pen": int(lived.actions["pen"][time, slot])} if pen else stroke
            )
            assert lived.reward[time, slot].item() == pytest.approx(reward, abs=1e-5)


def test_the_teacher_is_followed_in_every_part() -> None:
    world, agent = Pens(), PenAgent()
    lived = live(world, agent, follow_teacher)
    assert lived.successes[lived.dones].all()
    mixed = scheduled_sampling(1.0)
    decision = lived.teacher_actions
    action = mixed(
        agent.step({"shown": torch.zeros(5, 2)}, {}, torch.zeros(5).bool())[0],
        {name: part[0] for name, part in decision.items()},
        torch.Generator(),
    )
    assert torch.equal(action["pen"], decision["pen"][0].float().argmax(dim=-1))


@pytest.mark.parametrize("rule", ["imitation", "reinforce", "pathwise"])
def test_an_agent_learns_strokes_by_every_rule(pen: bool, rule: str) -> None:
    """Baseline: what it knew before. Oracle: the expert, who draws everything."""
    torch.manual_seed(0)
    world, agent = Pens(episodes=64, pen=pen), PenAgent(pen)
    more: dict[str, Any] = {"reward": "environment"} if rule == "reinforce" else {}
    config = TrainConfig(
        rule=rule,
        updates=400,
        num_envs=64,
        unroll_length=3,
        learning_rate=1e-2,
        warmup_updates=5,
        bfloat16=False,
        **more,
    )
    before = np.mean([outcome.success for outcome in evaluate(world, agent)])
    learner = Learner.begin(world.differentiable("cpu") if rule == "pathwise" else world, agent, config)
    for _ in range(config.updates):
        learner.learn()
    after = np.mean([outcome.success for outcome in evaluate(world, agent)])
    expert = np.mean([outcome.success for outcome in evaluate(world, agent, act=follow_teacher, label=world.expert)])
    assert expert == 1
    assert before < 0.3
    # No gradient goes through the world to a choice: where there is a pen, the strokes alone are learned so.
    assert after > (0.8 if rule != "pathwise" or not pen else before)


@pytest.mark.parametrize("rule", ["imitation", "reinforce", "pathwise"])
def test_a_training_of_strokes_that_was_broken_off_ends_with_the_same_weights(rule: str, tmp_path: Path) -> None:
    config = TrainConfig(rule=rule, updates=6, num_envs=4, unroll_length=2, warmup_updates=1, bfloat16=False)
    world: Any = Pens().differentiable("cpu") if rule == "pathwise" else Pens()

    def agent(seed: int) -> PenAgent:
        torch.manual_seed(seed)
        return PenAgent()

    whole, broken, resumed = agent(0), agent(0), agent(1)
    torch.manual_seed(3)
    train(world, whole, config, tmp_path / "whole", live=False)
    torch.manual_seed(3)
    left = iter(range(2))

    def loss(decision: Any, lived: Any) -> Any:
        if next(left, None) is None:
            raise_signal(SIGINT)
        return loss_of(config)(decision, lived)

    assert not train(world, broken, config, tmp_path / "broken", loss=loss, live=False)
    assert load_checkpoint(tmp_path / "broken" / CHECKPOINT).facts["update"] == 3
    assert train(world, resumed, config, tmp_path / "broken", resume=True, live=False)
    for name, weights in whole.state_dict().items():
        assert torch.equal(weights, resumed.state_dict()[name]), name


def test_gymnasium_finds_no_fault(pen: bool) -> None:
    world = Pens(pen=pen)
    check_env(TaskEnv(world), skip_render_check=True)
    check_vector_env(lambda count, mode: TaskVectorEnv(world, count, mode), partial(TaskEnv, world), slots=3, steps=20)


def test_a_part_that_is_missing_or_wrong_is_named() -> None:
    env = TaskEnv(Pens())
    env.reset(seed=0)
    with pytest.raises(ValueError, match=r'a dict \{"pen": \.\.\., "stroke": \.\.\.\}, not 1'):
        env.step(1)
    with pytest.raises(ValueError, match=r"there is no move 2 \(slot 0\); the moves are \{0: 'down', 1: 'up'\}"):
        env.step({"pen": 2, "stroke": np.zeros(1)})
    with pytest.raises(ValueError, match=r"the move of slot 0 is not finite"):
        env.step({"pen": 1, "stroke": np.array([np.nan])})


def test_stable_baselines_takes_a_stroke_and_a_pen_as_one_vector() -> None:
    vec = GymnasiumVecEnv(TaskVectorEnv(Pens(), 4))
    assert vec.action_space.shape == (2 + 1,)
    assert PPO("MultiInputPolicy", vec, n_steps=6, batch_size=8).learn(48).num_timesteps == 48
    choices = GymnasiumVecEnv(_TwoChoices(4))
    assert choices.action_space == MultiDiscrete([2, 3])
    choices.reset()
    choices.step(np.array([[1, 2]] * 4))


class _TwoChoices(gymnasium.vector.VectorEnv[Any, Any, Any]):
    """Takes two choices, which must be 1 and 2, and never ends."""

    def __init__(self, count: int) -> None:
        from gymnasium.vector import AutoresetMode

        self.num_envs = count
        self.metadata = {"autoreset_mode": AutoresetMode.SAME_STEP}
        self.single_observation_space = Box(0, 1, (1,))
        self.single_action_space = Dict({"a": Discrete(2), "b": Discrete(3)})

    def reset(self, **_: Any) -> Any:
        return np.zeros((self.num_envs, 1), np.float32), {}

    def step(self, actions: Any) -> Any:
        assert actions["a"].tolist() == [1] * self.num_envs
        assert actions["b"].tolist() == [2] * self.num_envs
        nothing = np.zeros(self.num_envs)
        return np.zeros((self.num_envs, 1), np.float32), nothing, nothing.astype(bool), nothing.astype(bool), {}


def test_a_replay_shows_what_was_chosen_and_the_numbers() -> None:
    world, agent = Pens(), PenAgent()
    (lived,) = replay(world, agent, [3])
    assert lived.action_names == ("down", "up")
    for frame in lived.steps:
        assert len(frame.choices) == len(frame.numbers) == 1
        assert frame.probabilities.sum() == pytest.approx(1)
        assert frame.expert.sum() == 1
    step = recording(lived)["steps"][0]
    assert step["taken"] == lived.steps[0].choices
    assert float(step["point"]) == pytest.approx(lived.steps[0].numbers[0], abs=0.006)


def test_a_search_among_numbers_is_refused() -> None:
    world, agent = Pens(), PenAgent()
    with pytest.raises(ValueError, match="only ways that end with a stop can be planned"):
        plan(world, agent, world.begin(np.arange(2)), 2)


def test_a_policy_of_another_kind_is_refused_by_name() -> None:
    from vln.agent import Decision

    theirs: Any = torch.distributions.Categorical(logits=torch.zeros(1, 2))
    with pytest.raises(TypeError, match=r"one of vln.policies .*, not torch\.distributions\.categorical\.Categorical"):
        Decision(theirs, torch.zeros(1))


def test_every_policy_is_greedy_by_its_mode() -> None:
    agent = PenAgent()
    decision, _ = agent.step({"shown": torch.zeros(2, 2)}, {}, torch.zeros(2).bool())
    policy: Policy = decision.policy
    action = greedy(decision, None, torch.Generator())
    assert all(torch.equal(action[name], policy.mode()[name]) for name in ("pen", "stroke"))
