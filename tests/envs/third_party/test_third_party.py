"""Environments of others: ours in their likeness shows the same, and an agent lives alike in both."""

import gc
import sys
from dataclasses import replace
from functools import partial
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from helpers.third_party import add_peers
from helpers.tiny import SMALL
from numpy.typing import NDArray

from vln.agents.registry import agent_for
from vln.envs.glimpse.circle_square import LIMIT, LOOKS, PATCH, SIDE, CircleSquares
from vln.envs.glimpse.sensor import GlimpseSensor
from vln.envs.glimpse.world import Glimpses
from vln.envs.registry import make_task
from vln.envs.third_party.active_perception import NAME, make_env, peer_circle_square, translation
from vln.evaluation.evaluate import evaluate
from vln.evaluation.play import play
from vln.evaluation.replays import replay
from vln.gym.external_world import ExternalWorld
from vln.indexed_episodes import IndexedEpisodes
from vln.language import Vocabulary
from vln.learning.config import TrainConfig
from vln.learning.learner import Learner
from vln.learning.rollouts import greedy

# A thread of theirs that paints ahead complains when the garbage of an environment happens to be collected in it.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

SLOTS = 24
ROUNDING = 0.5 / 255  # our pictures have 256 levels of brightness
EVERYONE = np.arange(SLOTS)


@pytest.fixture(scope="session")
def ap_gym() -> Any:
    add_peers()
    import ap_gym

    return ap_gym


@pytest.fixture
def config(ap_gym: Any) -> Any:
    return gymnasium.spec(NAME).kwargs["image_perception_config"]


@pytest.fixture
def theirs(ap_gym: Any) -> Any:
    """Their environment just as it is."""
    env = ap_gym.make_vec(NAME, num_envs=SLOTS)
    yield env
    env.close()
    del env
    gc.collect()


def ours(contrast: bool = True) -> Glimpses:
    world = make_task("circlesquare").open("val", contrast=contrast)
    assert isinstance(world, Glimpses)
    return world


def moves(rng: np.random.Generator) -> NDArray[np.float32]:
    """Some in every direction, many of them longer than they may be, and some slots always outwards."""
    drawn = rng.normal(size=(SLOTS, 2)).astype(np.float32)
    drawn[:4] = np.array([[1, 1], [-1, 0.2], [0.1, -1], [-2, -2]])
    return drawn


def action(move: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    return {"action": move, "prediction": np.zeros((SLOTS, 2), dtype=np.float32)}


def test_our_pictures_are_theirs_but_for_rounding(config: Any) -> None:
    scenes = CircleSquares("val")
    everything, start = np.arange(len(config.dataset)), np.zeros(len(config.dataset), dtype=np.int32)
    images, labels = config.dataset[everything]
    assert len(scenes) == len(everything) == 1568
    assert np.abs(scenes.paint(everything, start) / 255 - images).max() <= ROUNDING + 1e-6
    np.testing.assert_array_equal(scenes.answer(everything, start), labels)


def test_their_numbers_are_those_we_took(config: Any) -> None:
    assert config.sensor_size == (PATCH, PATCH)
    assert (config.sensor_scale, config.max_step_length, config.step_limit) == (1, LIMIT, LOOKS)
    assert config.dataset[0][0].shape == (SIDE, SIDE, 1)


def test_our_eye_on_their_pictures_sees_and_goes_what_theirs_does(theirs: Any, config: Any) -> None:
    rng, eye, world = np.random.default_rng(0), GlimpseSensor(PATCH, contrast=False), ours(contrast=False)
    observation, info = theirs.reset(seed=4)
    pictures = torch.from_numpy(config.dataset[info["index"]][0]).permute(0, 3, 1, 2)
    state = replace(world.begin(info["index"]), where=observation["glimpse_pos"])
    for look in range(LOOKS):
        np.testing.assert_allclose(state.where, observation["glimpse_pos"], atol=1e-5)
        seen = eye.look_by_matrices(pictures, torch.from_numpy(state.where))
        np.testing.assert_allclose(seen, observation["glimpse"], atol=1e-4)
        np.testing.assert_allclose(world.observe(state)["view"], observation["glimpse"], atol=ROUNDING + 1e-4)
        move = moves(rng)
        state = world.step(state, move)
        observation, _, terminated, truncated, _ = theirs.step(action(move))
        assert terminated.all() == (look == LOOKS - 1)
        assert not truncated.any()
    assert (np.abs(state.where[:4]) == 1).any(axis=1).all()


@pytest.mark.usefixtures("ap_gym")
def test_both_worlds_show_and_ask_agents_the_same() -> None:
    one, other = ours(), peer_circle_square().open("val")
    assert one.spaces == other.spaces
    assert one.action_space == other.action_space
    assert (one.action_names, one.answer_names, one.max_steps) == (
        other.action_names,
        other.answer_names,
        other.max_steps,
    )
    assert make_task("circlesquare").vocabulary == make_task("circlesquare-apgym").vocabulary


def test_an_agent_lives_alike_in_both(ap_gym: Any) -> None:
    """With the same pictures and starts; what differs is the rounding of brightness, which evening out enlarges."""
    told: list[Any] = []
    peer = peer_circle_square().open("test")
    assert isinstance(peer, ExternalWorld)
    begun = peer.begin(EVERYONE)
    peer.translation = replace(peer.translation, truth=partial(_target, told))
    torch.manual_seed(3)
    agent = agent_for(peer, replace(SMALL, memory="gru")).eval()
    torch.nn.init.normal_(agent.policy.layer.weight, std=0.3)  # type: ignore[union-attr, arg-type]
    there = list(play(peer, agent, begun, greedy, torch.Generator()))
    assert len(there) == LOOKS
    world = ours()
    start = replace(world.begin(told[0]["index"]), where=peer.observe(begun)["where"])
    for one, other in zip(there, play(world, agent, start, greedy, torch.Generator()), strict=True):
        assert one.decision.answer is not None
        assert other.decision.answer is not None
        seen, likewise = peer.observe(one.state), world.observe(other.state)
        np.testing.assert_allclose(seen["where"], likewise["where"], atol=0.02)
        assert np.abs(seen["view"] - likewise["view"]).mean() < 0.02
        assert (one.decision.answer - other.decision.answer).abs().mean() < 0.02
        np.testing.assert_array_equal(peer.correct_answer(one.state), world.correct_answer(other.state))


def _target(told: list[Any], info: Any) -> Any:
    """What was right; all that was told is kept."""
    told.append(info)
    return info["prediction"]["target"]


@pytest.mark.usefixtures("ap_gym")
def test_contrast_is_evened_out_as_our_eye_does_it(config: Any) -> None:
    env = make_env(SLOTS)
    observation, info = env.reset(seed=3)
    seen = translation(GlimpseSensor(PATCH)).observe(observation)
    pictures = torch.from_numpy(config.dataset[info["index"]][0]).permute(0, 3, 1, 2)
    expected = GlimpseSensor(PATCH).look_by_matrices(pictures, torch.from_numpy(observation["glimpse_pos"]))
    np.testing.assert_allclose(seen["view"], expected, atol=1e-4)
    np.testing.assert_array_equal(seen["where"], observation["glimpse_pos"])
    raw = translation(GlimpseSensor(PATCH, contrast=False)).observe(observation)
    np.testing.assert_allclose(raw["view"], observation["glimpse"], atol=1e-6)


@pytest.mark.usefixtures("ap_gym")
def test_without_painting_ahead_their_environment_is_the_same(theirs: Any) -> None:
    rng, hasty = np.random.default_rng(1), make_env(SLOTS)
    for seed in (7, None):  # the next episodes too
        (one, told), (other, known) = theirs.reset(seed=seed), hasty.reset(seed=seed)
        np.testing.assert_array_equal(told["index"], known["index"])
        for _ in range(LOOKS):
            for name in one:
                np.testing.assert_array_equal(one[name], other[name])
            made = action(moves(rng))
            (one, *_), (other, *_) = theirs.step(made), hasty.step(made)


@pytest.mark.usefixtures("ap_gym")
def test_they_count_as_many_right_answers_as_we_do_in_every_episode() -> None:
    rng = np.random.default_rng(2)
    infos: list[Any] = []
    asked = replace(translation(GlimpseSensor(PATCH)), truth=partial(_target, infos))
    world = ExternalWorld(IndexedEpisodes("val", 100), Vocabulary(()), make_env, asked, LOOKS)
    labels = []
    for first in (0, SLOTS):  # the second time they are begun again, not stepped over
        state = world.begin(EVERYONE + first)
        for look in range(LOOKS):
            np.testing.assert_array_equal(state.steps, look)
            answer = rng.normal(size=(SLOTS, 2)).astype(np.float32)
            before, state = state, world.step(world.give_answer(state, answer), moves(rng))
            np.testing.assert_array_equal(world.correct_answer(before), infos[-1]["index"] % 2)
        counted = infos[-1]["stats"]["scalar"]
        np.testing.assert_allclose(counted["avg_accuracy"], world.measure(state)["average_accuracy"], atol=1e-6)
        np.testing.assert_array_equal(counted["final_accuracy"], world.success(state))
        # Theirs is normalised: 1 is what a guess loses.
        np.testing.assert_allclose(infos[-1]["prediction"]["loss"], state.nll / np.log(2), rtol=1e-4)
        labels.append(infos[-1]["index"])
    assert len(infos) == 2 * LOOKS
    assert (labels[0] != labels[1]).any()


@pytest.mark.usefixtures("ap_gym")
def test_one_can_learn_be_judged_and_be_shown_there() -> None:
    task = make_task("circlesquare-apgym")
    world, judging = task.open("train"), task.open("val")
    torch.manual_seed(0)
    agent = agent_for(world, replace(SMALL, memory="gru"))
    learner = Learner.begin(
        world, agent, TrainConfig(rule="reinforce", num_envs=8, unroll_length=LOOKS, bfloat16=False, teacher_warmup=0.5)
    )
    for _ in range(2):
        assert learner.learn()["episodes"] == 8
    outcomes = evaluate(judging, agent, range(60))
    assert 0.2 < np.mean([outcome.success for outcome in outcomes]) < 0.8  # it has learned nothing yet
    assert [one.metrics() for one in evaluate(judging, agent, range(60))] == [one.metrics() for one in outcomes]
    (shown,) = replay(judging, agent, [0])
    assert len(shown.steps) == LOOKS
    assert shown.answer_names == ("square", "circle")


@pytest.mark.usefixtures("ap_gym")
def test_every_split_opens_and_has_episodes_of_its_own() -> None:
    task = peer_circle_square()
    begun = [task.open(split).begin(EVERYONE) for split in task.splits]
    assert len({state.seen.tobytes() for state in begun}) == len(task.splits)
    names = [episode.name for episode in task.episodes("val")]
    assert len(set(names)) == len(names) == task.validation_episodes
    with pytest.raises(ValueError, match="no split 'exam'; it has train, val, test"):
        task.open("exam")


@pytest.mark.usefixtures("ap_gym")
def test_the_scanner_goes_all_over_the_picture() -> None:
    world = peer_circle_square().open("val")
    state = world.begin(EVERYONE)
    places = []
    for _ in range(LOOKS):
        places.append(world.observe(state)["where"])
        best = world.expert(state)
        assert (np.abs(best) <= 1).all()
        state = world.step(state, best)
    quarters = (np.sign(places) @ np.array([1, 2])).round().T
    assert np.mean([len(set(one)) for one in quarters.tolist()]) > 3.5


def test_without_their_package_it_is_said_how_to_come_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ap_gym", None)
    with pytest.raises(ImportError, match=r"pip install 'vln\[third-party\]'"):
        peer_circle_square().open("val")


def test_the_box_holds_all_that_is_seen_of_a_shape_and_every_start_is_another() -> None:
    scenes = CircleSquares("train", endless=True)
    episode, start = np.random.default_rng(0).integers(len(scenes), size=200), np.zeros(200, dtype=np.int32)
    images, boxes = scenes.paint(episode, start)[..., 0], scenes.box(episode, start).astype(int)
    for image, (left, top, right, bottom) in zip(images, boxes, strict=True):
        assert image[top:bottom, left:right].shape == (9, 9)
        assert (image == 255).sum() == (image[top:bottom, left:right] == 255).sum()
    world = make_task("circlesquare").open("train")
    again = world.begin(np.array([5, 5 + 1568]))
    np.testing.assert_array_equal(*scenes.paint(again.episode, again.steps))
    assert len(np.unique(world.observe(again)["where"], axis=0)) == 2
