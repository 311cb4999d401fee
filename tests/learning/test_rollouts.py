"""Rollouts: what is recorded is what happens, whoever lives beside it and however one acts."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from helpers.corridor import Corridor
from helpers.tiny import HASTY, Clockwork, random_memory, tiny_agent, tiny_world
from torch import Tensor

from vln.agent import Decision
from vln.agents.scripted import FixedPolicy
from vln.gym.env import TaskEnv
from vln.learning.devices import use_threads
from vln.learning.episode_sampler import EpisodeSampler
from vln.learning.rollouts import (
    Act,
    Rollout,
    RolloutState,
    follow_teacher,
    greedy,
    rollout,
    sample,
    scheduled_sampling,
)
from vln.policies import Categorical
from vln.world import World


@pytest.fixture(params=["corridor", "rooms"])
def world(request: pytest.FixtureRequest) -> World[Any]:
    return Corridor() if request.param == "corridor" else tiny_world()


def hasty(world: World[Any]) -> FixedPolicy:
    return FixedPolicy(HASTY[-len(world.action_names) :])


def live(world: World[Any], act: Act, steps: int = 30, slots: int = 4, seed: int = 5) -> Rollout:
    agent = hasty(world)
    course = RolloutState.begin(world, agent, slots, seed)
    return rollout(world, agent, course, steps, act, torch.Generator().manual_seed(0), world.teacher)[0]


def test_what_is_recorded_is_what_living_it_through_shows(world: World[Any]) -> None:
    seen = live(world, sample)
    for slot in range(4):
        env, stream = TaskEnv(world, success_reward=0), EpisodeSampler.of(5 + slot, 1)
        episode, stream = stream.draw(np.zeros(1, dtype=np.int64), len(world.episodes))
        shown, _ = env.reset(options={"episode": episode})
        episode_starts = True
        for time in range(30):
            assert all(np.array_equal(values[time, slot], shown[name]) for name, values in seen.observation.items())
            assert seen.episode_starts[time, slot] == episode_starts
            shown, _, terminated, truncated, info = env.step(int(seen.actions[time, slot]))
            episode_starts = terminated or truncated
            assert seen.dones[time, slot] == episode_starts
            assert seen.successes[time, slot] == info["is_success"]
            if episode_starts:
                episode, stream = stream.draw(np.zeros(1, dtype=np.int64), len(world.episodes))
                shown, _ = env.reset(options={"episode": episode})


def test_an_episode_starts_at_first_and_after_every_end_and_nowhere_else(world: World[Any]) -> None:
    seen = live(world, sample)
    assert seen.dones.any()
    assert seen.episode_starts[0].all()
    assert torch.equal(seen.episode_starts[1:], seen.dones[:-1])
    assert torch.equal(seen.episode_starts, seen.observation["previous"] == len(world.action_names))


def test_a_slot_lives_the_same_whoever_lives_beside_it(world: World[Any]) -> None:
    agent = Clockwork(len(world.action_names))

    def lives(slots: int, seed: int) -> Rollout:
        return rollout(world, agent, RolloutState.begin(world, agent, slots, seed), 40, greedy, torch.Generator())[0]

    together = lives(3, seed=7)
    assert len(together.actions.unique()) == len(world.action_names)
    for slot in range(3):
        alone = lives(1, seed=7 + slot)
        assert torch.equal(alone.actions[:, 0], together.actions[:, slot])
        assert torch.equal(alone.error[:, 0], together.error[:, slot])
        assert torch.equal(alone.episode_starts[:, 0], together.episode_starts[:, slot])
        for name, values in alone.observation.items():
            assert torch.equal(values[:, 0], together.observation[name][:, slot])


def test_the_same_seed_lives_the_same_episodes_on_any_number_of_slots(world: World[Any]) -> None:
    at_once = FixedPolicy([0.0] * (len(world.action_names) - 1) + [1.0])

    def instructions(slots: int) -> Tensor:
        course = RolloutState.begin(world, at_once, slots, seed=11)
        return rollout(world, at_once, course, 12, greedy, torch.Generator())[0].observation["instruction"][:, 0]

    assert torch.equal(instructions(1), instructions(2))
    assert torch.equal(instructions(1), instructions(33))


def test_the_number_of_threads_changes_nothing() -> None:
    lives = []
    before = torch.get_num_threads()
    for threads in (1, 2):
        use_threads(threads)
        lives.append(live(tiny_world(), sample, slots=70))
    use_threads(before)
    one, other = lives
    assert torch.equal(one.actions, other.actions)
    assert one.teacher_actions is not None
    assert other.teacher_actions is not None
    assert torch.equal(one.teacher_actions, other.teacher_actions)
    assert all(torch.equal(values, other.observation[name]) for name, values in one.observation.items())


def test_two_windows_are_one_that_is_twice_as_long(world: World[Any]) -> None:
    agent = Clockwork(len(world.action_names))
    course = RolloutState.begin(world, agent, 3, seed=7)
    whole, end = rollout(world, agent, course, 14, greedy, torch.Generator())
    first, middle = rollout(world, agent, course, 7, greedy, torch.Generator())
    second, last = rollout(world, agent, middle, 7, greedy, torch.Generator())
    assert torch.equal(torch.cat([first.actions, second.actions]), whole.actions)
    assert torch.equal(torch.cat([first.episode_starts, second.episode_starts]), whole.episode_starts)
    assert torch.equal(last.memory["time"], end.memory["time"])
    assert torch.equal(second.memory["time"], middle.memory["time"])


@torch.no_grad()
def test_the_memory_before_a_window_is_the_one_it_was_begun_with() -> None:
    world, agent = tiny_world(), tiny_agent()
    course = RolloutState.begin(world, agent, 3, seed=7)
    before = random_memory(agent, 3)
    remembering = replace(course, episode_starts=np.zeros(3, dtype=np.bool_), memory=before)
    seen, _ = rollout(world, agent, remembering, 5, greedy, torch.Generator())
    assert torch.equal(seen.memory["core"], before["core"])
    assert not seen.episode_starts[0].any()


def deciding(*probabilities: float, slots: int = 20_000) -> Decision:
    logits = torch.tensor(probabilities).log().expand(slots, -1)
    return Decision(Categorical(logits=logits), torch.zeros(slots))


def advised(*best: int, slots: int = 20_000) -> Tensor:
    return torch.tensor(best, dtype=torch.bool).expand(slots, -1)


RNG = torch.Generator()


def test_acting_greedily_is_making_the_likeliest_move() -> None:
    assert greedy(deciding(0.2, 0.5, 0.3), None, RNG).unique().tolist() == [1]


def test_sampled_moves_come_as_often_as_they_are_likely() -> None:
    counts = sample(deciding(0.2, 0.5, 0.3), None, RNG.manual_seed(0)).bincount(minlength=3) / 20_000
    torch.testing.assert_close(counts, torch.tensor([0.2, 0.5, 0.3]), atol=0.02, rtol=0)


def test_of_several_best_moves_the_teachers_is_any() -> None:
    counts = follow_teacher(deciding(0, 0, 1), advised(1, 1, 0), RNG.manual_seed(0)).bincount(minlength=3) / 20_000
    torch.testing.assert_close(counts, torch.tensor([0.5, 0.5, 0]), atol=0.02, rtol=0)


def test_a_teacher_that_is_to_be_followed_must_have_been_asked() -> None:
    with pytest.raises(ValueError, match=r"label=world\.teacher"):
        follow_teacher(deciding(0, 0, 1), None, RNG)


def test_a_mixture_follows_its_teacher_always_never_or_as_often_as_told() -> None:
    decision, best = deciding(1, 0, 0), advised(0, 1, 0)
    assert scheduled_sampling(1)(decision, best, RNG).unique().tolist() == [1]
    assert scheduled_sampling(0)(decision, best, RNG).unique().tolist() == [0]
    assert scheduled_sampling(0.25)(decision, best, RNG.manual_seed(0)).float().mean().item() == pytest.approx(
        0.25, abs=0.02
    )


def test_a_mixture_is_greedy_in_as_many_slots_as_told() -> None:
    moves = scheduled_sampling(0, greedy_fraction=0.25)(deciding(0.4, 0.6, 0), advised(1, 0, 0), RNG.manual_seed(0))
    assert moves[15_000:].unique().tolist() == [1]
    assert moves[:15_000].float().mean().item() == pytest.approx(0.6, abs=0.02)


def test_a_mixture_never_stops_before_its_teacher_does() -> None:
    decision = deciding(0, 0.5, 0.5)
    counts = (
        scheduled_sampling(0, stop=2)(decision, advised(1, 0, 0), RNG.manual_seed(0)).bincount(minlength=3) / 20_000
    )
    torch.testing.assert_close(counts, torch.tensor([0.5, 0.5, 0]), atol=0.02, rtol=0)
    stopping = (
        scheduled_sampling(0, stop=2)(decision, advised(0, 0, 1), RNG.manual_seed(0)).bincount(minlength=3) / 20_000
    )
    torch.testing.assert_close(stopping, torch.tensor([0, 0.5, 0.5]), atol=0.02, rtol=0)


def test_living_with_a_share_of_one_makes_only_the_teachers_moves(world: World[Any]) -> None:
    seen = live(world, scheduled_sampling(1))
    assert seen.teacher_actions is not None
    assert seen.teacher_actions.gather(2, seen.actions[..., None]).all()


def test_teacher_forcing_never_asks_the_agent(world: World[Any]) -> None:
    class Mute(FixedPolicy):
        def forward(self, *_: Any) -> Any:
            raise AssertionError("nobody should ask")

    agent = Mute(HASTY[-len(world.action_names) :])
    course = RolloutState.begin(world, agent, 4, 5)
    rng = torch.Generator().manual_seed(0)
    seen, after = rollout(world, agent, course, 30, None, rng, world.teacher)
    assert seen.teacher_actions is not None
    assert seen.teacher_actions.gather(-1, seen.actions[..., None]).all()
    assert seen.successes.any()
    assert after.memory is course.memory


def test_teacher_forcing_is_following_the_teacher(world: World[Any]) -> None:
    agent = hasty(world)
    course = RolloutState.begin(world, agent, 4, 5)
    seen, _ = rollout(world, agent, course, 30, None, torch.Generator().manual_seed(0), world.teacher)
    assert torch.equal(seen.actions, live(world, follow_teacher).actions)
