"""What Gymnasium's users do besides stepping: seeds of any size, restored generators, copies, and episodes cut off."""

import pickle
from collections.abc import Callable
from copy import deepcopy
from functools import partial
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.error import Error
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import TimeLimit, TransformReward
from helpers.corridor import LEFT, RIGHT, STOP, Corridor
from helpers.glimpse_worlds import glimpses
from helpers.graph_worlds import hall_world
from helpers.short_sequences import short
from helpers.tiny import tiny
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv
from test_env import mostly_walking, walk

from vln.gym.env import TaskEnv
from vln.gym.env_checker import any_action, check_vector_env
from vln.gym.sb3 import GymnasiumVecEnv
from vln.gym.vector_env import TaskVectorEnv
from vln.world import World

WORLDS: dict[str, Callable[[], World[Any]]] = {
    "corridor": Corridor,
    "rooms": lambda: tiny("GoTo", 2).open("train", max_steps=6),
    "graphs": partial(hall_world, max_steps=6),
    "glimpses": partial(glimpses, looks=5),
    "symbols": lambda: short("copy").open("val"),
    "numbers": lambda: short("adding").open("val"),
}
# Of the registered ones those that are made at once.
MADE: dict[str, dict[str, Any]] = {
    "vln/GoTo-v0": {"split": "val_unseen", "difficulty": 1},
    "vln/Glimpse-v0": {"split": "val", "looks": 5},
    "vln/Parity-v0": {"split": "val", "length": 5},
}
LONG = 2**64 + 5  # more than NumPy's own whole numbers hold


@pytest.fixture(params=WORLDS, scope="module")
def world(request: pytest.FixtureRequest) -> World[Any]:
    return WORLDS[request.param]()


def begun(env: TaskEnv, count: int = 6) -> list[int]:
    """The episodes that the next resets begin."""
    episodes = []
    for _ in range(count):
        env.reset()
        episodes.append(int(env._slots.state.episode[0]))
    return episodes


def begun_many(env: TaskVectorEnv, count: int = 6) -> list[list[int]]:
    episodes = []
    for _ in range(count):
        env.reset()
        episodes.append(env._slots.state.episode.tolist())
    return episodes


# Seeds


def test_seeds_are_of_any_size_and_of_numpy_s_kinds() -> None:
    env, vector = TaskEnv(Corridor()), TaskVectorEnv(Corridor(), 3)

    def lived(seed: Any) -> list[int]:
        env.reset(seed=seed)
        return begun(env)

    assert lived(LONG) == lived(LONG) != lived(5)
    assert lived(np.int64(7)) == lived(np.uint8(7)) == lived(7)
    some: list[Any] = [LONG, 2**64 - 2, np.int64(7), [LONG, 7, 2**200], (np.int64(3), LONG, 0)]
    for seed in some:
        vector.reset(seed=seed)
        seeds = [int(seed) + slot for slot in range(3)] if np.ndim(seed) == 0 else list(seed)
        assert np.transpose(begun_many(vector)).tolist() == [lived(one) for one in seeds]


@pytest.mark.parametrize("seed", [-1, np.int64(-2), 0.5])
def test_what_is_no_seed_is_refused(seed: Any) -> None:
    for env in (TaskEnv(Corridor()), TaskVectorEnv(Corridor(), 2)):
        with pytest.raises(Error, match="a seed is"):
            env.reset(seed=seed)
    with pytest.raises(Error, match="a seed is"):
        TaskVectorEnv(Corridor(), 2).reset(seed=[3, seed])
    with pytest.raises(ValueError, match="one for each of 2 slots"):
        TaskVectorEnv(Corridor(), 2).reset(seed=[3])


@pytest.mark.parametrize("seed", [None, 3, LONG])
def test_the_seed_that_an_environment_tells_lives_its_episodes_again(seed: int | None) -> None:
    env, vector = TaskEnv(Corridor()), TaskVectorEnv(Corridor(), 3)
    env.reset(seed=seed)
    vector.reset(seed=seed)
    single, many = begun(env), begun_many(vector)
    env.reset(seed=env.np_random_seed)
    vector.reset(seed=vector.np_random_seed)
    assert begun(env) == single
    assert begun_many(vector) == many
    assert seed is None or env.np_random_seed == vector.np_random_seed == seed


def test_a_vector_environment_tells_the_seeds_of_its_slots() -> None:
    vector = TaskVectorEnv(Corridor(), 3)
    vector.reset(seed=[5, LONG, 5])
    assert vector.np_random_seed == (5, LONG, 5)
    vector.reset(seed=[None, 8, None])
    assert vector.np_random_seed == (5, 8, 5)
    vector.reset(seed=20, options={"reset_mask": np.array([True, False, False])})
    assert vector.np_random_seed == (20, 8, 5)
    vector.np_random = vector.np_random
    assert vector.np_random_seed == -1


def test_a_restored_generator_lives_the_same_episodes_again(world: World[Any]) -> None:
    env = TaskEnv(world)
    env.reset(seed=4)
    begun(env, 3)
    state = env.np_random.bit_generator.state
    lived = begun(env)
    env.np_random.bit_generator.state = state
    assert begun(env) == lived
    vector = TaskVectorEnv(world, 3)
    vector.reset(seed=4)
    generators = vector.np_random
    many = begun_many(vector)
    vector.np_random = generators
    assert begun_many(vector) == many


def test_generators_are_set_for_every_slot() -> None:
    vector = TaskVectorEnv(Corridor(), 2)
    with pytest.raises(ValueError, match="one generator for each of 2 slots"):
        vector.np_random = vector.np_random[:1]


@pytest.mark.parametrize("copied", [deepcopy, lambda env: pickle.loads(pickle.dumps(env))], ids=["copy", "pickle"])
@pytest.mark.parametrize("make", [TaskEnv, lambda world: TaskVectorEnv(world, 3)], ids=["single", "vector"])
def test_a_copy_goes_on_as_the_environment_does(world: World[Any], make: Callable[..., Any], copied: Any) -> None:
    env = make(world)
    env.reset(seed=0)
    env.action_space.seed(1)
    env.step(env.action_space.sample())
    other = copied(env)
    for _ in range(20):
        action = env.action_space.sample()
        one, another = env.step(action), other.step(action)
        assert data_equivalence(one, another, exact=True)
        if isinstance(env, TaskEnv) and (one[2] or one[3]):
            assert data_equivalence(env.reset(), other.reset(), exact=True)


# Episodes cut off


def test_success_is_told_at_every_step() -> None:
    env = TimeLimit(TaskEnv(walk(4, 2)), 3)
    infos = [env.reset(seed=0)[1], *(env.step(move)[-1] for move in (LEFT, LEFT, STOP))]
    assert [info["is_success"] for info in infos] == [False, False, False, True]
    infos = [env.reset(seed=0)[1], *(env.step(move)[-1] for move in (LEFT, LEFT, RIGHT))]
    assert [info["is_success"] for info in infos] == [False] * 4


def test_where_no_stop_is_needed_success_is_what_an_end_now_would_be() -> None:
    world = glimpses(looks=5)
    env = TimeLimit(TaskEnv(world), 3)
    env.reset(seed=0)
    truth = world.correct_answer(env.unwrapped._slots.state)[0]  # type: ignore[attr-defined]
    right = np.eye(world.num_answers, dtype=np.float32)[truth]
    told = [env.step({"move": np.zeros(2), "answer": sign * right})[-1]["is_success"] for sign in (1, -1, 1)]
    assert told == [True, False, True]


def test_a_wrapper_cuts_off_and_the_environment_tells_the_other_metrics() -> None:
    env = TimeLimit(TaskEnv(walk(4, 2, max_steps=9)), 2)
    env.reset(seed=0)
    for move in (LEFT, LEFT):
        info = env.step(move)[-1]
    assert "spl" not in info
    metrics = env.unwrapped.metrics()  # type: ignore[attr-defined]
    told = {"success": 0.0, "oracle_success": 1.0, "navigation_error": 0.0, "trajectory_length": 2.0, "ndtw": 1.0}
    assert told.items() <= metrics.items()


def test_metrics_of_an_episode_that_has_only_begun_are_numbers(world: World[Any]) -> None:
    env = TaskEnv(world)
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.metrics()
    env.reset(seed=0)
    assert not np.isnan([float(value) for value in env.metrics().values()]).any()


def test_answers_not_given_are_not_right_ones() -> None:
    env = TaskEnv(short("parity").open("val"), max_episode_steps=2)
    _, info = env.reset(seed=0)
    for _ in range(2):
        info = env.step(1 - info["expert_action"])[-1]
    assert info["average_accuracy"] == 0


@pytest.mark.parametrize("act", [any_action, mostly_walking])
def test_a_limit_is_the_same_in_every_autoreset_mode(act: Callable[..., Any]) -> None:
    world = Corridor()
    check_vector_env(
        lambda slots, mode: TaskVectorEnv(world, slots, mode, path_metrics=True, max_episode_steps=3),
        lambda: TaskEnv(world, max_episode_steps=3),
        act,
        steps=60,
    )


@pytest.mark.parametrize("mode", AutoresetMode)
def test_a_limit_is_gymnasium_s_own(world: World[Any], mode: AutoresetMode) -> None:
    ours = TaskVectorEnv(world, 4, mode, max_episode_steps=3)
    theirs = SyncVectorEnv([lambda: TimeLimit(TaskEnv(world), 3)] * 4, autoreset_mode=mode)
    ours.reset(seed=2)
    theirs.reset(seed=2)
    ours.action_space.seed(0)
    cut_off = False
    for _ in range(20):
        action = ours.action_space.sample()
        one, other = ours.step(action), theirs.step(action)
        assert data_equivalence(one[:4], other[:4], exact=True)
        assert one[4]["is_success"].tolist() == other[4]["is_success"].tolist()
        if mode == AutoresetMode.SAME_STEP and "final_info" in one[4]:
            finals = [infos["final_info"]["is_success"].tolist() for infos in (one[4], other[4])]
            assert finals[0] == finals[1]
        cut_off |= bool((one[3] & ~one[2]).any())
        if mode == AutoresetMode.DISABLED and (one[2] | one[3]).any():
            for env in (ours, theirs):
                env.reset(options={"reset_mask": one[2] | one[3]})
    assert cut_off


@pytest.mark.parametrize("limit", [0, -2, 2.5, "3"])
def test_what_is_no_limit_is_refused(limit: Any) -> None:
    for make in (TaskEnv, partial(TaskVectorEnv, num_envs=2)):
        with pytest.raises(ValueError, match="max_episode_steps is a whole number"):
            make(Corridor(), max_episode_steps=limit)


@pytest.mark.parametrize("mode", ["vector_entry_point", "sync"])
@pytest.mark.parametrize("name", MADE)
def test_gymnasium_makes_many_with_a_limit(name: str, mode: str) -> None:
    env = gymnasium.make_vec(name, 2, mode, max_episode_steps=2, **MADE[name])
    env.reset(seed=0)
    for step in (1, 2):
        _, _, terminated, truncated, infos = env.step(batch_of_first_moves(env))
        assert (terminated.any(), truncated.all()) == (False, step == 2)
        assert infos["is_success"].shape == (2,)


def test_many_are_made_again_from_what_says_how_they_were_made() -> None:
    env = gymnasium.make_vec("vln/Parity-v0", 3, max_episode_steps=2, length=5)
    assert env.spec is not None
    again: Any = gymnasium.make_vec(EnvSpec.from_json(env.spec.to_json()))
    assert (again.num_envs, again._slots.limit, again.world.max_steps) == (3, 2, 5)


def batch_of_first_moves(env: gymnasium.vector.VectorEnv) -> Any:
    action: Any = deepcopy(env.action_space.sample())
    if isinstance(action, dict):
        return action
    action[:] = 0
    return action


def test_gymnasium_s_own_vectors_take_wrappers_and_modes() -> None:
    env: Any = gymnasium.make_vec(
        "vln/Parity-v0",
        3,
        "sync",
        {"autoreset_mode": AutoresetMode.SAME_STEP},
        [lambda env: TransformReward(env, lambda _: 7.0)],
        length=4,
        path_metrics=False,
    )
    env.reset(seed=0)
    assert env.step(np.zeros(3, dtype=np.int64))[1].tolist() == [7.0] * 3
    with pytest.raises(gymnasium.error.Error, match="wrappers"):
        gymnasium.make_vec("vln/Parity-v0", 3, wrappers=[partial(TimeLimit, max_episode_steps=2)])


def test_stable_baselines_is_told_of_the_success_of_what_is_cut_off() -> None:
    ours: Any = GymnasiumVecEnv(TaskVectorEnv(walk(4, 2), 2, max_episode_steps=3))
    theirs: Any = DummyVecEnv([lambda: Monitor(TimeLimit(TaskEnv(walk(4, 2)), 3))] * 2)
    for vec in (ours, theirs):
        vec.seed(0)
        vec.reset()
        for moves in ([LEFT, RIGHT], [LEFT, RIGHT], [STOP, RIGHT]):
            _, _, dones, infos = vec.step(np.array(moves))
        assert dones.tolist() == [True, True]
        assert [info["is_success"] for info in infos] == [True, False]
        assert [info["TimeLimit.truncated"] for info in infos] == [False, True]
        assert [info["episode"]["l"] for info in infos] == [3, 3]
