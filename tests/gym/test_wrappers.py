"""Every wrapper of Gymnasium goes around every kind of environment; a new wrapper must be entered in a table here."""

from collections.abc import Callable
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import Space, wrappers
from gymnasium.error import DependencyNotInstalled
from gymnasium.spaces import Box, Dict, Discrete, flatdim
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv
from gymnasium.wrappers import vector as batched
from helpers.glimpse_worlds import glimpses
from helpers.graph_worlds import hall_world
from helpers.short_sequences import short
from helpers.tiny import tiny

from vln.gym.env import TaskEnv
from vln.gym.vector_env import TaskVectorEnv
from vln.world import World

# Rooms of several sizes; glimpses, whose actions are dicts; symbols and numbers to answer with.
PLACES: dict[str, Callable[[], World[Any]]] = {
    "rooms, symbols": lambda: tiny("GoTo", 2).open("train", max_steps=4),
    "rooms, pixels": lambda: tiny("Sequence", 4).open("train", view="first_person", size=16, max_steps=4),
    "graphs": partial(hall_world, max_steps=4),
    "glimpses": partial(glimpses, looks=3),
    "symbols": lambda: short("copy").open("val"),
    "numbers": lambda: short("adding").open("val"),
}

# Gymnasium's advice on spaces and videos.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:gymnasium")

SLOTS = 2
CONVERSIONS = ("ArrayConversion", "NumpyToTorch")
# What a wrapper needs that is no requirement of this project: without it Gymnasium says so.
NEEDS = {"RecordVideo": "moviepy", "HumanRendering": "pygame"} | dict.fromkeys(CONVERSIONS, "array_api_compat")
DRAWN = (
    *("AddRenderObservation", "GrayscaleObservation", "ResizeObservation", "AddWhiteNoise", "ObstructView"),
    *("RenderCollection", "RecordVideo", "HumanRendering"),
)

flat, seen = wrappers.FlattenObservation, wrappers.AddRenderObservation


@cache
def opened(place: str) -> World[Any]:
    return PLACES[place]()


def acted(space: Space[Any], numbers: Any) -> Any:
    """Numbers [n] or [B, n] as an action: a number each, or the largest of a choice's."""
    if isinstance(space, Discrete):
        return numbers.argmax(axis=-1)
    if isinstance(space, Dict):
        sizes = np.cumsum([flatdim(part) for part in space.values()])
        parts = np.split(numbers, sizes[:-1], axis=-1)
        return {name: acted(part, some) for (name, part), some in zip(space.items(), parts, strict=True)}
    return numbers.reshape(*numbers.shape[:-1], *(space.shape or ())).astype(space.dtype)


def by_numbers(env: Any) -> Any:
    """The environment with an action that is a Box, for wrappers that take no other."""
    if isinstance(env, VectorEnv):
        single = env.single_action_space
        box = Box(-1, 1, (flatdim(single),), np.float32)
        return batched.TransformAction(env, partial(acted, single), single_action_space=box)
    box = Box(-1, 1, (flatdim(env.action_space),), np.float32)
    return wrappers.TransformAction(env, partial(acted, env.action_space), box)


def finite(env: Any) -> Any:
    """The environment with an observation that is a Box with bounds."""
    env = flat(env)
    low, high = (np.clip(bound, -10, 10) for bound in (env.observation_space.low, env.observation_space.high))
    return wrappers.TransformObservation(env, lambda one: np.clip(one, low, high), Box(low, high, dtype=low.dtype))


def first(env: Any) -> str:
    """The name of a part of the observation."""
    space: Any = env.observation_space if isinstance(env, gymnasium.Env) else env.single_observation_space
    return next(iter(space.spaces))


ATARI = "is for Atari's emulator, whose lives and screen it asks for"
JAX = "is for environments in JAX; these are in NumPy"

# How each is put around an environment, a folder being for what it writes; or why it goes around none of them.
SINGLE: dict[str, Callable[[Any, Path], Any] | str] = {
    "AtariPreprocessing": ATARI,
    "DelayObservation": lambda env, _: wrappers.DelayObservation(flat(env), 2),
    "DtypeObservation": lambda env, _: wrappers.DtypeObservation(flat(env), np.float64),
    "DiscretizeObservation": lambda env, _: wrappers.DiscretizeObservation(finite(env), 2, multidiscrete=True),
    "FilterObservation": lambda env, _: wrappers.FilterObservation(env, [first(env)]),
    "FlattenObservation": lambda env, _: flat(env),
    "FrameStackObservation": lambda env, _: wrappers.FrameStackObservation(env, 3),
    "GrayscaleObservation": lambda env, _: wrappers.GrayscaleObservation(
        wrappers.ResizeObservation(seen(env), (40, 60))
    ),
    "TransformObservation": lambda env, _: wrappers.TransformObservation(env, dict, None),
    "MaxAndSkipObservation": lambda env, _: wrappers.MaxAndSkipObservation(flat(env), 2),
    "NormalizeObservation": lambda env, _: wrappers.NormalizeObservation(flat(env)),
    "AddRenderObservation": lambda env, _: seen(env, render_only=False),
    "ResizeObservation": lambda env, _: wrappers.ResizeObservation(seen(env), (40, 60)),
    "ReshapeObservation": lambda env, _: wrappers.ReshapeObservation(flat(env), (1, flatdim(env.observation_space))),
    "RescaleObservation": lambda env, _: wrappers.RescaleObservation(finite(env), np.float32(0), np.float32(1)),
    "TimeAwareObservation": lambda env, _: wrappers.TimeAwareObservation(wrappers.TimeLimit(env, 3), flatten=False),
    "ClipAction": lambda env, _: wrappers.ClipAction(by_numbers(env)),
    "DiscretizeAction": lambda env, _: wrappers.DiscretizeAction(by_numbers(env), 3, multidiscrete=True),
    "TransformAction": lambda env, _: by_numbers(env),
    "RescaleAction": lambda env, _: wrappers.RescaleAction(by_numbers(env), np.float32(0), np.float32(2)),
    "StickyAction": lambda env, _: wrappers.StickyAction(env, 0.5),
    "RepeatAction": lambda env, _: wrappers.RepeatAction(env, 2),
    "ClipReward": lambda env, _: wrappers.ClipReward(env, -1, 1),
    "TransformReward": lambda env, _: wrappers.TransformReward(env, lambda reward: 2 * float(reward)),
    "NormalizeReward": lambda env, _: wrappers.NormalizeReward(env),
    "TimeLimit": lambda env, _: wrappers.TimeLimit(env, 2),
    "Autoreset": lambda env, _: wrappers.Autoreset(env),
    "PassiveEnvChecker": lambda env, _: wrappers.PassiveEnvChecker(env),
    "OrderEnforcing": lambda env, _: wrappers.OrderEnforcing(env),
    "RecordEpisodeStatistics": lambda env, _: wrappers.RecordEpisodeStatistics(env),
    "AddWhiteNoise": lambda env, _: wrappers.AddWhiteNoise(env, 0.5),
    "ObstructView": lambda env, _: wrappers.ObstructView(env, 0.2, 8),
    "RenderCollection": lambda env, _: wrappers.RenderCollection(env),
    "RecordVideo": lambda env, folder: wrappers.RecordVideo(env, str(folder), lambda _: True),
    "HumanRendering": lambda env, _: wrappers.HumanRendering(env),
    "ArrayConversion": lambda env, _: wrappers.ArrayConversion(env, np, np),
    "JaxToNumpy": JAX,
    "JaxToTorch": JAX,
    "NumpyToTorch": lambda env, _: wrappers.NumpyToTorch(env),
}


def with_picture(env: Any) -> Any:
    """The vector environment with an observation that is a picture, for which Gymnasium has no vector wrapper."""
    env.reset()
    box = Box(0, 255, env.render()[0].shape, np.uint8)
    return batched.TransformObservation(env, lambda _: np.stack(env.render()), single_observation_space=box)


def bounded(env: Any) -> Any:
    """The vector environment with an observation that is a Box with bounds."""
    env = batched.FlattenObservation(env)
    space = env.single_observation_space
    low, high = (np.clip(bound, -10, 10) for bound in (space.low, space.high))
    box = Box(low, high, dtype=space.dtype)
    return batched.TransformObservation(env, lambda all_of_them: np.clip(all_of_them, low, high), None, box)


VECTOR: dict[str, Callable[[Any, Path], Any] | str] = {
    "VectorizeTransformObservation": lambda env, _: batched.VectorizeTransformObservation(
        env, wrappers.FilterObservation, filter_keys=[first(env)]
    ),
    "VectorizeTransformAction": lambda env, _: batched.VectorizeTransformAction(by_numbers(env), wrappers.ClipAction),
    "VectorizeTransformReward": lambda env, _: batched.VectorizeTransformReward(
        env, wrappers.TransformReward, func=lambda reward: 2 * reward
    ),
    "DictInfoToList": lambda env, _: batched.DictInfoToList(env),
    "TransformObservation": lambda env, _: batched.TransformObservation(env, dict),
    "FilterObservation": lambda env, _: batched.FilterObservation(env, [first(env)]),
    "FlattenObservation": lambda env, _: batched.FlattenObservation(env),
    "GrayscaleObservation": lambda env, _: batched.GrayscaleObservation(with_picture(env)),
    "ResizeObservation": lambda env, _: batched.ResizeObservation(with_picture(env), (40, 60)),
    "ReshapeObservation": lambda env, _: batched.ReshapeObservation(
        batched.FlattenObservation(env), (1, flatdim(env.single_observation_space))
    ),
    "RescaleObservation": lambda env, _: batched.RescaleObservation(bounded(env), np.float32(0), np.float32(1)),
    "DtypeObservation": lambda env, _: batched.DtypeObservation(batched.FlattenObservation(env), np.float64),
    "NormalizeObservation": lambda env, _: batched.NormalizeObservation(batched.FlattenObservation(env)),
    "TransformAction": lambda env, _: by_numbers(env),
    "ClipAction": lambda env, _: batched.ClipAction(by_numbers(env)),
    "RescaleAction": lambda env, _: batched.RescaleAction(by_numbers(env), 0.0, 2.0),
    "TransformReward": lambda env, _: batched.TransformReward(env, lambda reward: 2 * reward),
    "ClipReward": lambda env, _: batched.ClipReward(env, -1, 1),
    "NormalizeReward": lambda env, _: batched.NormalizeReward(env),
    "RecordEpisodeStatistics": lambda env, _: batched.RecordEpisodeStatistics(env),
    "RecordVideo": lambda env, folder: batched.RecordVideo(env, str(folder), episode_trigger=lambda _: True),
    "HumanRendering": lambda env, _: batched.HumanRendering(env),
    "ArrayConversion": lambda env, _: batched.ArrayConversion(env, np, np),
    "JaxToNumpy": JAX,
    "JaxToTorch": JAX,
    "NumpyToTorch": lambda env, _: batched.NumpyToTorch(env),
}


def refusal(name: str, mode: AutoresetMode, world: World[Any]) -> str | None:
    """Why Gymnasium's own vector environments are not taken in this mode, either."""
    if name in CONVERSIONS and ("instruction" in world.spaces or mode == AutoresetMode.SAME_STEP):
        return "it can't convert infos that are texts, nor the objects of final_obs"
    if name.endswith("Observation") and mode == AutoresetMode.SAME_STEP:
        return "observation wrappers do not change final_obs, and so they refuse the mode"
    if name == "NormalizeObservation" and mode == AutoresetMode.DISABLED:
        return "it takes mode NEXT_STEP only"
    return None


def missing(name: str) -> bool:
    return name in NEEDS and not find_spec(NEEDS[name])


def live(env: Any, ends: int = 2) -> None:
    """Live through so many ends of episodes with actions by chance."""
    observation, _ = env.reset(seed=0)
    env.action_space.seed(0)
    for _ in range(40 * ends):
        if not hasattr(observation, "cpu") and not isinstance(env, CONVERTED):
            assert env.observation_space.contains(observation)
        observation, _, terminated, truncated, _ = env.step(env.action_space.sample())
        if terminated or truncated:
            ends -= 1
            if not ends:
                return env.close()
            observation, _ = env.reset()
    raise AssertionError("no episode ended")


def live_many(env: Any, mode: AutoresetMode, ends: int = 3) -> None:
    """The same with a vector environment."""
    env.reset(seed=0)
    env.action_space.seed(0)
    for _ in range(40 * ends):
        observation, _, terminated, truncated, _ = env.step(env.action_space.sample())
        assert isinstance(env, CONVERTED) or env.observation_space.contains(observation)
        over = np.asarray(terminated) | np.asarray(truncated)
        ends -= over.sum()
        if ends <= 0:
            return env.close()
        if mode == AutoresetMode.DISABLED and over.any():
            env.reset(options={"reset_mask": over.copy()})
    raise AssertionError("no episode ended")


CONVERTED = (wrappers.ArrayConversion, batched.ArrayConversion) if find_spec("array_api_compat") else ()


def test_every_wrapper_is_in_a_table() -> None:
    assert set(SINGLE) == set(wrappers.__all__) - {"vector"}
    assert set(VECTOR) == set(batched.__all__)


@pytest.mark.parametrize("name", [name for name, put in SINGLE.items() if callable(put)])
def test_a_wrapper_goes_around_every_environment(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    put: Any = SINGLE[name]
    for number, place in enumerate(PLACES):
        env = TaskEnv(opened(place), "rgb_array" if name in DRAWN else None)
        if missing(name):
            with pytest.raises((DependencyNotInstalled, ModuleNotFoundError)):
                live(put(env, tmp_path))
            return
        live(put(env, tmp_path / str(number)))


@pytest.mark.parametrize("mode", AutoresetMode)
@pytest.mark.parametrize("name", [name for name, put in VECTOR.items() if callable(put)])
def test_a_wrapper_goes_around_every_vector_environment(
    name: str, mode: AutoresetMode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    put: Any = VECTOR[name]
    # Pictures take long to draw: two places show what there is to see.
    for number, place in enumerate(("rooms, symbols", "glimpses") if name in DRAWN else PLACES):
        world, drawn = opened(place), "rgb_array" if name in DRAWN else None
        vector = TaskVectorEnv(world, SLOTS, mode, drawn)
        if missing(name):
            with pytest.raises((DependencyNotInstalled, ModuleNotFoundError)):
                live_many(put(vector, tmp_path), mode)
            return
        if refusal(name, mode, world):
            theirs = SyncVectorEnv([partial(TaskEnv, world, drawn)] * SLOTS, autoreset_mode=mode)
            for env in (vector, theirs):
                with pytest.raises((ValueError, BufferError)):
                    live_many(put(env, tmp_path), mode)
        else:
            live_many(put(vector, tmp_path / str(number)), mode)
