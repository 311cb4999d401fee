"""Borrowed worlds: an environment that only goes forward is lived, judged and learned in like its functional twin."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode, VectorEnv
from helpers.glimpse_worlds import glimpses, noise
from helpers.tiny import SMALL, loss_of
from numpy.typing import NDArray

from vln.agents.recurrent_agent import RecurrentAgent
from vln.agents.registry import agent_for
from vln.agents.scripted import UniformPolicy
from vln.envs.glimpse.canvas import PlacedImages
from vln.envs.glimpse.sensor import GlimpseSensor
from vln.envs.glimpse.world import Glimpses
from vln.evaluation.evaluate import evaluate
from vln.evaluation.replays import pictures, replay
from vln.gym.external_world import Adapter, ExternalWorld
from vln.indexed_episodes import IndexedEpisodes
from vln.language import Vocabulary
from vln.learning.config import TrainConfig
from vln.learning.rollouts import RolloutState, rollout, sample
from vln.learning.training import train
from vln.state import put, take
from vln.world_checker import check_world

LOOKS = 3
EPISODES = IndexedEpisodes("train", 50)
SHARED = ("actions", "answer", "episode_starts", "dones", "successes", "error", "reward")


def chosen(seed: int, slots: int) -> NDArray[np.int64]:
    """The pictures that a seed shows."""
    return np.random.default_rng(seed).integers(12, size=slots)


class Theirs(VectorEnv[Any, Any, Any]):
    """Pictures of noise behind a Gymnasium interface: it remembers where it stands, and tells what was right."""

    def __init__(self, slots: int, mode: AutoresetMode = AutoresetMode.NEXT_STEP, looks: int = LOOKS) -> None:
        self.metadata = {"autoreset_mode": mode}
        self.num_envs, self.world = slots, glimpses(looks=looks)

    def reset(self, *, seed: Any = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        assert isinstance(seed, int)
        self.state = self.world.begin(chosen(seed, self.num_envs))
        return self.world.observe(self.state), {}

    def step(self, actions: Any) -> Any:
        truth = self.world.correct_answer(self.state)
        self.state = self.world.step(self.world.give_answer(self.state, actions["logits"]), actions["point"])
        over = self.world.terminated(self.state)
        return self.world.observe(self.state), np.zeros(len(over)), over, np.zeros_like(over), {"truth": truth}


def borrowed(make: Callable[[int], Any] = Theirs, max_steps: int = LOOKS) -> ExternalWorld:
    own = glimpses()
    translation = Adapter(
        spaces=own.spaces,
        action_names=own.action_names,
        action_space=own.action_space,
        answer_names=own.answer_names,
        observe=lambda observation: observation,
        act=lambda move, answer: {"point": move, "logits": answer},
        truth=lambda info: info["truth"],
        position=lambda seen: 5 + 3 * seen["where"],
        guide=lambda seen, steps: -seen["where"] + steps[:, None].astype(np.float32) / LOOKS,
        draw=lambda seen, path: np.full((4, 5, 3), len(path), dtype=np.uint8),
    )
    return ExternalWorld(EPISODES, Vocabulary(()), make, translation, max_steps)


class Twin(Glimpses):
    """The same world with nothing behind an interface."""

    def __init__(self) -> None:
        super().__init__(PlacedImages(noise(), "train", endless=True), Vocabulary(()), GlimpseSensor(4), looks=LOOKS)
        self.episodes = EPISODES

    def begin(self, episode: NDArray[np.int64]) -> Any:
        salt = [0, *map(ord, "train")]
        seed = int(np.random.SeedSequence([*salt, *episode.tolist()]).generate_state(1)[0])
        return super().begin(chosen(seed, len(episode)))

    def expert(self, state: Any) -> Any:
        return -state.where + state.steps[:, None].astype(np.float32) / LOOKS


def glimpser(world: Any) -> RecurrentAgent:
    torch.manual_seed(0)
    agent = agent_for(world, replace(SMALL, memory="gru"))
    torch.nn.init.normal_(agent.policy.layer.weight)  # type: ignore[union-attr, arg-type]
    return agent


def still(slots: int) -> NDArray[np.float32]:
    return np.zeros((slots, 2), dtype=np.float32)


@pytest.mark.parametrize("steps", [LOOKS, 2 * LOOKS + 1])
def test_what_is_lived_there_is_what_its_twin_would_give(steps: int) -> None:
    told = []
    worlds: tuple[Any, ...] = (borrowed(), Twin())
    for world in worlds:
        agent = glimpser(world)
        course = RolloutState.begin(world, agent, 5, seed=3)
        for _ in range(2):
            lived, course = rollout(
                world, agent, course, steps, sample, torch.Generator().manual_seed(0), world.teacher
            )
        told.append((lived, course))
    (here, course), (there, twin) = told
    for name in ("view", "where"):
        torch.testing.assert_close(here.observation[name], there.observation[name])
    for name in SHARED:
        torch.testing.assert_close(getattr(here, name), getattr(there, name))
    assert here.teacher_actions is not None
    torch.testing.assert_close(here.teacher_actions, there.teacher_actions)
    for name in ("steps", "length", "least_error", "nll", "num_right"):
        np.testing.assert_allclose(getattr(course.state, name), getattr(twin.state, name), rtol=1e-4, atol=1e-5)
    assert here.dones.sum() == 5 * (2 * steps // LOOKS - steps // LOOKS)


def test_judging_there_gives_what_its_twin_gives_and_gives_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vln.evaluation.play.NUM_ENVS", 16)  # the last of four batches has two episodes
    world, twin = borrowed(), Twin()
    agent = glimpser(world)
    outcomes, again, expected = evaluate(world, agent), evaluate(world, agent), evaluate(twin, agent)
    assert len(outcomes) == 50
    assert 0 < sum(outcome.success for outcome in outcomes) < 50
    for one, other, third in zip(outcomes, expected, again, strict=True):
        assert one.metrics() == pytest.approx(other.metrics(), rel=1e-4, abs=1e-5)
        assert one.metrics() == third.metrics()


@pytest.mark.parametrize("rule", ["imitation", "reinforce"])
def test_a_training_there_comes_to_the_weights_its_twin_comes_to_and_can_have_a_break(
    rule: Any, tmp_path: Path
) -> None:
    weights = []
    doors: tuple[Callable[[], Any], ...] = (borrowed, Twin)
    for number, make in enumerate(doors):
        world = make()
        config = TrainConfig(rule=rule, updates=4, num_envs=6, unroll_length=LOOKS, warmup_updates=1, bfloat16=False)
        learn = partial(train, config=config, folder=tmp_path / str(number), live=False)
        first = glimpser(world)
        if number == 0:
            # Stopped after two updates, and gone on with in an environment that has not lived through them.
            assert not learn(world, first, loss=_stopping_after(2, config))
            world, first = make(), glimpser(world)
            assert learn(world, first, resume=True)
        else:
            assert learn(world, first)
        weights.append(first.state_dict())
    for name, values in weights[0].items():
        torch.testing.assert_close(values, weights[1][name], atol=1e-5, rtol=1e-4)


def _stopping_after(updates: int, config: TrainConfig) -> Any:
    import signal

    left = iter(range(updates - 1))

    def loss(decision: Any, lived: Any) -> Any:
        if next(left, None) is None:
            signal.raise_signal(signal.SIGINT)
        return loss_of(config)(decision, lived)

    return loss


def test_people_can_be_shown_what_happens_there() -> None:
    world = borrowed()
    (shown,) = replay(world, glimpser(world), [4])
    assert len(shown.steps) == LOOKS
    assert [picture.max() for picture in pictures(shown)] == [1, 2, 3]  # as long is the path
    assert shown.steps[0].truth == Twin().correct_answer(Twin().begin(np.array([4])))[0]


def test_it_keeps_what_a_world_that_cant_go_back_can_keep_of_the_contract() -> None:
    check_world(borrowed())


def test_who_has_said_nothing_was_not_right() -> None:
    world = borrowed()
    state = world.step(world.begin(np.arange(9)), still(9))
    assert not state.right.any()
    np.testing.assert_allclose(state.nll, np.log(3), rtol=1e-6)
    assert world.measure(state)["average_accuracy"].tolist() == [0] * 9


def test_only_the_latest_state_can_be_stepped_from_but_every_one_be_looked_at() -> None:
    world = borrowed()
    begun = world.begin(np.arange(4))
    second = world.step(begun, still(4))
    seen = world.observe(second)
    third = world.step(second, still(4) + 0.5)
    with pytest.raises(ValueError, match="of 4 slots can only be stepped from its latest state"):
        world.step(second, still(4))
    np.testing.assert_array_equal(world.observe(second)["view"], seen["view"])
    assert not np.array_equal(world.observe(third)["view"], seen["view"])
    seen["view"][:] = 0
    assert world.observe(second)["view"].any()


def test_episodes_can_be_begun_again_by_stepping_from_where_they_began() -> None:
    world = borrowed()
    begun = world.begin(np.arange(4))
    once = world.step(begun, still(4) + 0.5)
    world.begin(np.arange(4) + 9)
    twice = world.step(begun, still(4) + 0.5)
    np.testing.assert_array_equal(once.seen, twice.seen)
    with pytest.raises(ValueError, match="latest state"):
        world.step(once, still(4))


def test_slots_are_stepped_together_or_not_at_all() -> None:
    world = borrowed()
    for state in (world.begin(np.arange(4)), world.step(world.begin(np.arange(4)), still(4))):
        with pytest.raises(ValueError, match="with all of its slots"):
            world.step(take(state, np.arange(2)), still(2))
    mixed = put(world.begin(np.arange(4)), np.array([1, 2]), world.begin(np.array([8, 9])))
    with pytest.raises(ValueError, match="begin all episodes together"):
        world.step(mixed, still(4))


def test_what_is_right_is_told_by_the_step_and_not_before() -> None:
    world, everyone = borrowed(), np.arange(6)
    begun = world.begin(everyone)
    with pytest.raises(ValueError, match="told by the step from it"):
        world.correct_answer(begun)
    after = world.step(begun, still(6))
    expected = Twin().correct_answer(Twin().begin(everyone))
    np.testing.assert_array_equal(world.correct_answer(begun), expected)
    world.step(after, still(6))
    np.testing.assert_array_equal(world.correct_answer(begun), expected)
    world.begin(everyone)
    with pytest.raises(ValueError, match="until other episodes begin"):
        world.correct_answer(begun)


def test_the_same_episodes_in_the_same_company_are_the_same_and_another_seed_has_others() -> None:
    one, same = borrowed().begin(np.arange(8)), borrowed().begin(np.arange(8))
    np.testing.assert_array_equal(one.seen, same.seen)
    other = borrowed()
    other._salt[0] = 1
    assert not np.array_equal(other.begin(np.arange(8)).seen, one.seen)
    assert not np.array_equal(borrowed().begin(np.arange(8) + 1).seen, one.seen)


def test_an_environment_is_made_once_for_every_number_of_slots() -> None:
    made: list[int] = []

    def make(slots: int) -> Theirs:
        made.append(slots)
        return Theirs(slots)

    world = borrowed(make)
    evaluate(world, UniformPolicy(world.action_space, world.num_answers), range(20))
    for slots in (4, 20, 4):
        world.begin(np.arange(slots))
    assert made == [20, 4]


def test_environments_that_would_mislead_are_refused() -> None:
    with pytest.raises(ValueError, match="make it with autoreset_mode NEXT_STEP or DISABLED"):
        borrowed(partial(Theirs, mode=AutoresetMode.SAME_STEP)).begin(np.arange(2))
    world = borrowed(max_steps=LOOKS + 1)
    state = world.begin(np.arange(2))
    for _ in range(LOOKS - 1):
        state = world.step(state, still(2))
    with pytest.raises(ValueError, match=f"not every episode lasts 4 moves: after {LOOKS} moves 2 of 2 were over"):
        world.step(state, still(2))


def test_nothing_is_learned_through_an_eye_that_is_not_ours() -> None:
    with pytest.raises(ValueError, match="ExternalWorld carries no gradients"):
        borrowed().differentiable("cpu")


def test_episodes_are_numbered() -> None:
    assert [episode.name for episode in EPISODES[:2]] == ["train/0", "train/1"]
    assert EPISODES[-1].name == "train/49"
    assert len(list(EPISODES)) == 50
    with pytest.raises(IndexError, match="none has the number 50"):
        EPISODES[50]
    assert borrowed().instructions(np.arange(3)).tolist() == ["", "", ""]
