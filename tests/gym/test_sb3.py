"""Every world as an environment of Stable-Baselines3."""

from functools import partial
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from helpers.corridor import LEFT, RIGHT, STOP, Corridor
from helpers.env_worlds import WORLDS, walk
from helpers.glimpse_worlds import glimpses
from stable_baselines3 import PPO
from stable_baselines3.common.env_checker import check_env as check_with_sb3
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv

from vln.gym.env import TaskEnv
from vln.gym.sb3 import GymnasiumVecEnv
from vln.gym.vector_env import TaskVectorEnv
from vln.rewards import SUCCESS_REWARD
from vln.world import World


@pytest.fixture(params=WORLDS, scope="module")
def world(request: pytest.FixtureRequest) -> World[Any]:
    return WORLDS[request.param]()


@pytest.mark.filterwarnings("ignore:It seems that your observation space view is an image")
@pytest.mark.filterwarnings("ignore:The minimal resolution for an image")
def test_stable_baselines_finds_no_fault(world: World[Any]) -> None:
    check_with_sb3(TaskEnv(world))


def test_stable_baselines_gets_the_endings_it_expects() -> None:
    vec = GymnasiumVecEnv(TaskVectorEnv(walk(4, 2, max_steps=3), 2))
    vec.seed(0)
    vec.reset()
    for moves in ([LEFT, RIGHT], [LEFT, RIGHT], [STOP, RIGHT]):
        observation, rewards, dones, infos = vec.step(np.array(moves))
    assert dones.tolist() == [True, True]
    assert [info["TimeLimit.truncated"] for info in infos] == [False, True]
    assert [info["is_success"] for info in infos] == [True, False]
    assert (infos[0]["episode"]["r"], infos[0]["episode"]["l"]) == (2 + SUCCESS_REWARD, 3)
    assert infos[1]["terminal_observation"]["view"][-1] == 6
    assert observation["view"][1, -1] == 4
    assert vec.reset_infos[1] == {"instruction": "go to two", "expert_action": LEFT, "is_success": False}
    assert rewards.dtype == np.float32


def test_stable_baselines_sees_any_vector_as_it_sees_its_own() -> None:
    make = partial(gymnasium.make, "CartPole-v1")
    ours = GymnasiumVecEnv(SyncVectorEnv([make] * 3, autoreset_mode=AutoresetMode.SAME_STEP))
    theirs = DummyVecEnv([lambda: Monitor(make())] * 3)
    for vec in (ours, theirs):
        vec.seed(3)
    assert np.array_equal(ours.reset(), theirs.reset())
    for step in range(60):
        moves = np.array([0, 1, step % 2])
        one, other = ours.step(moves), theirs.step(moves)
        for mine, its in zip(one[:3], other[:3], strict=True):
            assert np.array_equal(mine, its)
        for mine, its in zip(one[3], other[3], strict=True):
            assert mine.keys() == its.keys()
            assert mine.get("episode", {}).get("r") == its.get("episode", {}).get("r")
            assert np.array_equal(mine.get("terminal_observation"), its.get("terminal_observation"))


def test_stable_baselines_refuses_another_autoreset_mode() -> None:
    with pytest.raises(ValueError, match="SAME_STEP"):
        GymnasiumVecEnv(TaskVectorEnv(Corridor(), 2, AutoresetMode.NEXT_STEP))


def test_ppo_of_stable_baselines_learns_in_it(world: World[Any]) -> None:
    vec = GymnasiumVecEnv(TaskVectorEnv(world, 8))
    model = PPO("MultiInputPolicy", vec, n_steps=16, batch_size=64, n_epochs=1, seed=0, device="cpu")
    model.learn(512)
    returns, lengths = evaluate_policy(model, vec, n_eval_episodes=8, return_episode_rewards=True, warn=True)
    assert model.ep_success_buffer
    assert len(returns) == len(lengths) >= 8


def test_stable_baselines_learns_where_to_look_and_what_to_answer() -> None:
    vec = GymnasiumVecEnv(TaskVectorEnv(glimpses(looks=3), 4))
    assert vec.action_space.shape == (3 + 2,)
    assert PPO("MultiInputPolicy", vec, n_steps=6, batch_size=8).learn(48).num_timesteps == 48
    sure = np.tile(np.array([[10, -10, -10, 0.5, -0.25]], dtype=np.float32), (4, 1))
    vec.seed(3)
    vec.reset()
    observation, _, _, _ = vec.step(sure)
    np.testing.assert_allclose(observation["where"], [[0.5, -0.25]] * 4)


def test_stable_baselines_chooses_by_scores_where_choices_and_numbers_are_mixed() -> None:
    vector = TaskVectorEnv(glimpses(move="discrete"), 4)
    vec = GymnasiumVecEnv(vector)
    assert vec.action_space.shape == (3 + len(vector.world.action_names),)
    twin = TaskVectorEnv(glimpses(move="discrete"), 4)
    vec.seed(3)
    vec.reset()
    twin.reset(seed=3)
    scores = np.zeros((4, 3 + len(vector.world.action_names)), dtype=np.float32)
    scores[np.arange(4), 3 + np.arange(4) % 2] = 1
    seen, rewards, _, _ = vec.step(scores)
    shown, expected, *_ = twin.step({"answer": scores[:, :3], "move": np.arange(4) % 2})
    assert all(np.array_equal(seen[name], shown[name]) for name in shown)
    np.testing.assert_allclose(rewards, expected)
