"""The Gymnasium face of every world: single, vector, and for Stable-Baselines3."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env as check_with_gymnasium
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv
from gymnasium.wrappers.vector import RecordEpisodeStatistics
from helpers.corridor import LEFT, RIGHT, STOP, Corridor, Place
from helpers.glimpse_worlds import glimpses
from helpers.graph_worlds import hall_world
from numpy.typing import NDArray
from stable_baselines3 import PPO
from stable_baselines3.common.env_checker import check_env as check_with_sb3
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv

from vln.envs.rooms.families import go_to
from vln.envs.rooms.world import Rooms
from vln.episode import Episode
from vln.gym.env import TaskEnv
from vln.gym.env_checker import any_action, check_vector_env
from vln.gym.episode_batch import EpisodeBatch
from vln.gym.sb3 import GymnasiumVecEnv
from vln.gym.vector_env import TaskVectorEnv
from vln.language import Vocabulary
from vln.rewards import SUCCESS_REWARD
from vln.scores import spl
from vln.tasks import GeneratedEpisodes
from vln.world import World


def rooms() -> World[Any]:
    family = go_to(difficulty=1)
    episodes = GeneratedEpisodes(family.build, family.write, {"train": (6, 4)})("train")
    return Rooms(episodes, Vocabulary.of(episode.instruction for episode in episodes), max_steps=20)


WORLDS: dict[str, Callable[[], World[Any]]] = {
    "corridor": Corridor,
    "rooms": rooms,
    "graphs, panoramic": hall_world,
    "graphs, low level": partial(hall_world, actions="low_level"),
}


@pytest.fixture(params=WORLDS, scope="module")
def world(request: pytest.FixtureRequest) -> World[Any]:
    return WORLDS[request.param]()


def walk(*cells: int, max_steps: int = 12) -> Corridor:
    """A corridor with one episode: from the first of these cells to the second."""
    start, goal = cells
    return Corridor([Episode("go to two", Place(), (start,), (goal,), "corridor")], max_steps)


def mostly_walking(rng: np.random.Generator, vector: VectorEnv) -> NDArray[Any]:
    """Any move, but seldom `stop`: so some episodes are cut off."""
    actions = any_action(rng, vector)
    stop = vector.single_action_space.n - 1  # type: ignore[attr-defined]
    return np.where((actions == stop) & (rng.random(len(actions)) < 0.9), 0, actions)


def test_gymnasium_finds_no_fault(world: World[Any]) -> None:
    gymnasium.register("vln-test/World-v0", entry_point=TaskEnv, kwargs={"world": world})
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "no window can be opened")
        warnings.filterwarnings("error", module="gymnasium.utils")
        check_with_gymnasium(gymnasium.make("vln-test/World-v0").unwrapped)
    del gymnasium.registry["vln-test/World-v0"]


# Codes of cells look like a small image to it; their bounds say that they are none, so it flattens them.
@pytest.mark.filterwarnings("ignore:It seems that your observation space view is an image")
@pytest.mark.filterwarnings("ignore:The minimal resolution for an image")
def test_stable_baselines_finds_no_fault(world: World[Any]) -> None:
    check_with_sb3(TaskEnv(world))


@pytest.mark.parametrize("act", [any_action, mostly_walking])
def test_vector_and_single_agree_step_for_step(world: World[Any], act: Callable[..., NDArray[Any]]) -> None:
    check_vector_env(
        lambda slots, mode: TaskVectorEnv(world, slots, mode, path_metrics=True), lambda: TaskEnv(world), act
    )


def test_one_slot_is_a_vector_too(world: World[Any]) -> None:
    check_vector_env(lambda slots, mode: TaskVectorEnv(world, slots, mode), lambda: TaskEnv(world), slots=2, steps=40)


class Faulty(TaskVectorEnv):
    """Breaks the promise that `fault` names."""

    fault: str

    def reset(self, **arguments: Any) -> Any:
        if self.fault == "seed":
            arguments["seed"] = None
        return super().reset(**arguments)

    def step(self, actions: NDArray[np.int64]) -> Any:
        observation, reward, terminated, truncated, infos = super().step(actions)
        if self.fault == "memory":
            self.kept = getattr(self, "kept", observation)
            self.kept["view"][:] = observation["view"]
            observation = self.kept
        if self.fault == "flags":
            truncated = truncated | terminated
        if self.fault == "reward":
            reward = reward.astype(np.float32)
        if self.fault == "info":
            infos["expert_action"][-1] += 1
        return observation, reward, terminated, truncated, infos


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        ("seed", r"reset\(seed=7\): observations"),
        ("memory", "was returned before"),
        ("flags", "both terminated and truncated"),
        ("reward", "float32"),
        ("info", "expert_action"),
    ],
)
def test_the_checker_finds_a_planted_fault(fault: str, complaint: str) -> None:
    broken = type("Broken", (Faulty,), {"fault": fault})
    with pytest.raises(AssertionError, match=complaint):
        check_vector_env(lambda slots, mode: broken(Corridor(), slots, mode), lambda: TaskEnv(Corridor()))


def test_a_reward_is_the_error_removed_and_more_for_stopping_right() -> None:
    env = TaskEnv(walk(4, 2))
    env.reset(seed=0)
    rewards = [env.step(move)[1] for move in (LEFT, RIGHT, LEFT, LEFT, STOP)]
    assert rewards == [1, -1, 1, 1, SUCCESS_REWARD]


def test_stopping_wrong_earns_nothing() -> None:
    env = TaskEnv(walk(4, 2))
    env.reset(seed=0)
    _, reward, terminated, _, info = env.step(STOP)
    assert (reward, terminated, info["is_success"]) == (0, True, False)


def test_a_place_of_no_return_costs_no_infinite_reward() -> None:
    env = TaskEnv(walk(1, 2))
    env.reset(seed=0)
    _, reward, terminated, _, info = env.step(LEFT)
    assert (reward, terminated, info["navigation_error"]) == (0, True, np.inf)


def test_metrics_of_a_detour() -> None:
    env = TaskEnv(walk(4, 2))
    env.reset(seed=0)
    for move in (RIGHT, LEFT, LEFT, LEFT):
        env.step(move)
    info = env.step(STOP)[-1]
    assert info["spl"] == spl(True, 2, 4) == 0.5
    assert info["trajectory_length"] == 4
    assert info["cls"] == pytest.approx(2 / (2 + 2))
    # The path 4 5 4 3 2 beside the reference 4 3 2: only the 5 is off it, by one.
    assert info["ndtw"] == pytest.approx(np.exp(-1 / 3))


def test_passing_the_goal_is_an_oracle_success_only() -> None:
    env = TaskEnv(walk(4, 3))
    env.reset(seed=0)
    for move in (LEFT, LEFT):
        env.step(move)
    info = env.step(STOP)[-1]
    assert (info["oracle_success"], info["success"], info["spl"], info["sdtw"]) == (1, 0, 0, 0)


def test_an_episode_too_long_is_cut_off() -> None:
    env = TaskEnv(walk(4, 2, max_steps=3))
    env.reset(seed=0)
    flags = [env.step(RIGHT)[2:4] for _ in range(3)]
    assert flags == [(False, False), (False, False), (False, True)]
    with pytest.raises(ResetNeeded, match="reset"):
        env.step(RIGHT)


def test_an_episode_can_be_chosen() -> None:
    world = Corridor()
    single, vector = TaskEnv(world), TaskVectorEnv(world, 3)
    assert single.reset(options={"episode": 9})[1]["instruction"] == world.episodes[9].instruction
    asked = vector.reset(options={"episode": np.array([3, 4, 5])})[1]["instruction"]
    assert asked.tolist() == [episode.instruction for episode in world.episodes[3:6]]


@pytest.mark.parametrize("options", [{"episode": 36}, {"episode": -1}, {"episode": 1.5}, {"episodes": 1}])
def test_an_episode_that_is_not_there_is_refused(options: dict[str, Any]) -> None:
    for env in (TaskEnv(Corridor()), TaskVectorEnv(Corridor(), 2)):
        with pytest.raises(ValueError, match="episode"):
            env.reset(options=options)


def test_choosing_an_episode_leaves_the_stream_where_it_was() -> None:
    plain, chosen = TaskEnv(Corridor()), TaskEnv(Corridor())
    for env in (plain, chosen):
        env.reset(seed=5)
    chosen.reset(options={"episode": 0})
    assert plain.reset()[1] == chosen.reset()[1]


def test_a_wrong_move_is_named() -> None:
    single, vector = TaskEnv(Corridor()), TaskVectorEnv(Corridor(), 3)
    single.reset(seed=0)
    vector.reset(seed=0)
    with pytest.raises(ValueError, match="no move 3"):
        single.step(3)
    with pytest.raises(ValueError, match=r"no move -1 \(slot 2\)"):
        vector.step(np.array([0, 1, -1]))
    with pytest.raises(ValueError, match="3 whole numbers"):
        vector.step(np.array([0.0, 1.0, 2.0]))


def test_a_reset_mask_must_be_one() -> None:
    vector = TaskVectorEnv(Corridor(), 2, AutoresetMode.DISABLED)
    with pytest.raises(ResetNeeded, match="first"):
        vector.reset(options={"reset_mask": np.array([True, False])})
    for mask in ([True, False], np.array([1, 0]), np.array([False, False])):
        with pytest.raises(ValueError, match="reset_mask"):
            vector.reset(options={"reset_mask": mask})


def test_a_list_of_seeds_seeds_each_slot() -> None:
    vector = TaskVectorEnv(Corridor(), 3)
    listed = vector.reset(seed=[12, 4, 12])[1]["instruction"]
    single = TaskEnv(Corridor())
    assert listed.tolist() == [single.reset(seed=seed)[1]["instruction"] for seed in (12, 4, 12)]


def test_without_a_seed_slots_live_different_lives() -> None:
    vector = TaskVectorEnv(Corridor(), 64)
    vector.reset()
    assert len({rng.random() for rng in vector.np_random}) == 64


def test_weights_of_many_paths_are_those_of_the_metric() -> None:
    slots = EpisodeBatch(walk(4, 4), 3, 10.0, trails=False)
    slots.begin(np.arange(3), np.zeros(3, dtype=np.int64))
    step = slots.step(np.full(3, STOP))
    assert step.ending is not None
    slots._first_error[:] = first = [0, np.inf, 3]
    ending = replace(step.ending, final=replace(step.ending.final, length=np.float32([0, 3, 4])))
    assert slots.metrics(ending, paths=False)["spl"].tolist() == [
        spl(True, one, length) for one, length in zip(first, (0, 3, 4), strict=True)
    ]


def test_gymnasium_records_the_same_episodes_in_every_mode() -> None:
    for mode in AutoresetMode:
        vector = RecordEpisodeStatistics(TaskVectorEnv(walk(4, 2), 2, mode))
        vector.reset(seed=0)
        for moves in ([LEFT, STOP], [LEFT, LEFT], [STOP, LEFT]):
            *_, terminated, _, _ = vector.step(np.array(moves))
            if mode == AutoresetMode.DISABLED and terminated.any():
                vector.reset(options={"reset_mask": terminated.copy()})
        assert vector.return_queue[0] == 0
        assert vector.return_queue[1] == 2 + SUCCESS_REWARD


def test_a_picture_shows_the_way_so_far(world: World[Any]) -> None:
    env = TaskEnv(world, render_mode="rgb_array")
    env.reset(seed=0)
    picture = env.render()
    assert picture is not None
    assert (picture.dtype, picture.ndim, picture.shape[2]) == (np.uint8, 3, 3)
    vector = TaskVectorEnv(world, 3, render_mode="rgb_array")
    vector.reset(seed=0)
    frames = vector.render()
    assert len(frames) == 3
    assert np.array_equal(frames[0], picture)


def test_without_a_display_a_window_warns_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vln.pages.viewer.sys.platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    env = TaskEnv(Corridor(), render_mode="human")
    with pytest.warns(UserWarning, match="no display"):
        env.reset(seed=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert env.render() is None
    env.close()
    env.close()


def test_an_unknown_render_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="'rgb_array', 'human' and None"):
        TaskEnv(Corridor(), render_mode="ansi")


def test_without_a_render_mode_nothing_is_drawn() -> None:
    for env in (TaskEnv(Corridor()), TaskVectorEnv(Corridor(), 2)):
        env.reset()
        with pytest.raises(ValueError, match="draws nothing"):
            env.render()


def test_every_move_has_a_key_of_its_own() -> None:
    assert TaskEnv(Corridor()).get_keys_to_action() == {(ord("0"),): 0, (ord("1"),): 1, (ord(" "),): 2}


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
