"""Every world as a Gymnasium environment, single and vector."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env as check_with_gymnasium
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.wrappers.vector import RecordEpisodeStatistics
from helpers.corridor import LEFT, RIGHT, STOP, Corridor
from helpers.env_worlds import WORLDS, walk
from numpy.typing import NDArray

from vln.gym.env import TaskEnv
from vln.gym.env_checker import any_action, check_vector_env
from vln.gym.episode_batch import EpisodeBatch
from vln.gym.vector_env import TaskVectorEnv
from vln.rewards import SUCCESS_REWARD
from vln.scores import spl
from vln.world import World


@pytest.fixture(params=WORLDS, scope="module")
def world(request: pytest.FixtureRequest) -> World[Any]:
    return WORLDS[request.param]()


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
