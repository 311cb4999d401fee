"""A checker for vector environments: Gymnasium has one for single environments only."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import gymnasium
import numpy as np
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.utils.passive_env_checker import data_shares_objects
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv
from gymnasium.vector.utils import batch_space, iterate

MakeVector = Callable[[int, AutoresetMode], VectorEnv]
MakeSingle = Callable[[], gymnasium.Env]
Act = Callable[[np.random.Generator, VectorEnv], Any]

SEED = 7


def any_action(rng: np.random.Generator, vector: VectorEnv) -> Any:
    """An action for every slot, all equally probable."""
    vector.action_space.seed(int(rng.integers(2**31)))
    return deepcopy(vector.action_space.sample())


def check_vector_env(
    make_vector: MakeVector, make_single: MakeSingle, act: Act = any_action, slots: int = 5, steps: int = 200
) -> None:
    """Raises AssertionError, with what and where, when a vector environment breaks a promise in some autoreset mode.

    The promises: it declares its spaces and its mode, and keeps to them; it does what as many single environments in
    Gymnasium's own SyncVectorEnv do when seeded alike, step for step, infos included; what it has returned is never
    written again nor read, and so it is with the actions it was given; no episode is both terminated and truncated,
    but where a limit like Gymnasium's TimeLimit makes it so in the single environment; a slot's seed means the same
    episodes however many slots there are; and where autoreset is disabled, slots can be reset alone, and one whose
    episode is over can't be stepped.

    make_vector: makes a vector environment of so many slots in such a mode. Its infos may leave out some that the
        single environment gives, but those it has must be the same.
    act: chooses the actions. Where its choices never lead is not checked; at least one episode must end.
    """
    for mode in AutoresetMode:
        _check_declared(make_vector(slots, mode), make_single(), mode, slots)
        _check_in_step(make_vector(slots, mode), make_single, mode, act, steps)
        _check_fewer_slots(make_vector, mode, act, slots)
    _check_over_is_over(make_vector(slots, AutoresetMode.DISABLED), act, steps)


def _check_declared(vector: VectorEnv, single: gymnasium.Env, mode: AutoresetMode, slots: int) -> None:
    assert vector.num_envs == slots, f"num_envs is {vector.num_envs}, but {slots} were asked for"
    declared = vector.metadata.get("autoreset_mode")
    assert declared is mode, f"metadata['autoreset_mode'] is {declared!r}, but {mode} was asked for"
    assert "autoreset_mode" not in type(vector).metadata, "the class's own metadata was written to: copy it first"
    for name in ("observation_space", "action_space"):
        one, batched = getattr(vector, f"single_{name}"), getattr(vector, name)
        assert one == getattr(single, name), f"single_{name} is {one}; the single one's is {getattr(single, name)}"
        assert batched == batch_space(one, slots), f"{name} is {batched}, not single_{name} {slots} times"
    vector.close()
    vector.close()


def _check_in_step(vector: VectorEnv, make_single: MakeSingle, mode: AutoresetMode, act: Act, steps: int) -> None:
    """What the vector environment does is what single environments do; its arrays are its user's."""
    singles = SyncVectorEnv([make_single] * vector.num_envs, autoreset_mode=mode)
    rng, ended_once = np.random.default_rng(SEED), False
    ours: tuple[Any, ...] = vector.reset(seed=SEED)
    theirs: tuple[Any, ...] = singles.reset(seed=SEED)
    here = f"mode {mode.name}, reset(seed={SEED})"
    _check_same(vector, ours, theirs, here)
    for step in range(steps):
        before, as_returned = ours, deepcopy(ours)
        actions = act(rng, vector)
        theirs, ours = singles.step(deepcopy(actions)), vector.step(actions)
        here = f"mode {mode.name}, step {step}"
        assert data_equivalence(before, as_returned, exact=True), f"{here}: wrote into what was returned before it"
        shared = data_shares_objects((before[0], before[-1]), (ours[0], ours[-1]))
        assert not shared, f"{here}: shares memory with what was returned before it"
        _check_flags(vector, ours, theirs, here)
        _check_same(vector, ours, theirs, here)
        # What the user does with his arrays must not matter.
        _spoil((before, actions))
        ended = ours[2] | ours[3]
        ended_once |= bool(ended.any())
        if mode == AutoresetMode.DISABLED and ended.any():
            ours, theirs = (env.reset(options={"reset_mask": ended.copy()}) for env in (vector, singles))
            _check_same(vector, ours, theirs, f"{here}, then a reset of slots {np.flatnonzero(ended).tolist()}")
    assert ended_once, f"no episode ended in {steps} steps: pass an `act` that ends some"


def _check_fewer_slots(make_vector: MakeVector, mode: AutoresetMode, act: Act, slots: int, steps: int = 30) -> None:
    """The first slots of a large vector environment live what a small one with the same seed lives."""
    large, small = make_vector(slots, mode), make_vector(2, mode)
    rng = np.random.default_rng(SEED)
    seen = [env.reset(seed=SEED)[0] for env in (large, small)]
    for step in range(steps):
        first, second = (
            list(iterate(env.observation_space, one)) for env, one in zip((large, small), seen, strict=True)
        )
        assert data_equivalence(first[:2], second, exact=True), (
            f"mode {mode.name}, step {step}, seed {SEED}: the first two of {slots} slots observe other things than two"
        )
        actions = act(rng, large)
        seen = [_step_or_reset(env, _of_first(env.num_envs, actions)) for env in (large, small)]


def _of_first(slots: int, actions: Any) -> Any:
    """The actions of so many slots."""
    if isinstance(actions, dict):
        return {name: values[:slots].copy() for name, values in actions.items()}
    return actions[:slots].copy()


def _step_or_reset(vector: VectorEnv, actions: Any) -> Any:
    """The observation after a step, the ended slots reset where that is left to the user."""
    observation, _, terminated, truncated, _ = vector.step(actions)
    ended = terminated | truncated
    if vector.metadata["autoreset_mode"] == AutoresetMode.DISABLED and ended.any():
        observation, _ = vector.reset(options={"reset_mask": ended})
    return observation


def _check_over_is_over(vector: VectorEnv, act: Act, steps: int) -> None:
    rng = np.random.default_rng(SEED)
    vector.reset(seed=SEED)
    for _ in range(steps):
        _, _, terminated, truncated, _ = vector.step(act(rng, vector))
        if (terminated | truncated).any():
            break
    try:
        vector.step(act(rng, vector))
    except (AssertionError, gymnasium.error.Error):
        return
    raise AssertionError("mode DISABLED: a slot was stepped though its episode was over; that must be an error")


def _check_flags(vector: VectorEnv, ours: tuple[Any, ...], theirs: tuple[Any, ...], here: str) -> None:
    _, reward, terminated, truncated, _ = ours
    for name, array, dtype in (
        ("rewards", reward, np.float64),
        ("terminations", terminated, np.bool_),
        ("truncations", truncated, np.bool_),
    ):
        assert isinstance(array, np.ndarray), f"{here}: {name} are a {type(array).__name__}, not an array"
        is_right = array.shape == (vector.num_envs,) and array.dtype == dtype
        assert is_right, f"{here}: {name} are {array.dtype} {array.shape}, not {np.dtype(dtype)} ({vector.num_envs},)"
    assert np.isfinite(reward).all(), f"{here}: rewards are not finite: {reward}"
    both = np.flatnonzero(terminated & truncated & ~(theirs[2] & theirs[3]))
    assert not len(both), f"{here}: the episodes of slots {both.tolist()} are both terminated and truncated"


def _check_same(vector: VectorEnv, ours: tuple[Any, ...], theirs: tuple[Any, ...], here: str) -> None:
    """Both returned the same; only infos may be fewer."""
    assert vector.observation_space.contains(ours[0]), f"{here}: the observation is not in observation_space: {ours[0]}"
    names = ("observations", "rewards", "terminations", "truncations") if len(ours) == 5 else ("observations",)
    for name, one, other in zip(names, ours, theirs, strict=False):
        assert data_equivalence(one, other, exact=True), f"{here}: {name} are {one}; single environments give {other}"
    _check_same_infos(ours[-1], theirs[-1], here)


def _check_same_infos(ours: dict[str, Any], theirs: dict[str, Any], here: str) -> None:
    for name, value in ours.items():
        assert name in theirs, f"{here}: infos have {name!r}, which single environments do not give"
        if name.startswith("_"):
            assert data_equivalence(value, theirs[name], exact=True), f"{here}: infos[{name!r}] is {value}"
        elif isinstance(value, dict):
            _check_same_infos(value, theirs[name], f"{here}, infos[{name!r}]")
        else:
            about = ours[f"_{name}"]
            one, other = value[about], theirs[name][about]
            assert data_equivalence(one, other, exact=True), (
                f"{here}: infos[{name!r}] is {one}; single environments give {other}"
            )


def _spoil(data: Any) -> None:
    """Write nonsense into every array."""
    if isinstance(data, dict | tuple):
        for part in data.values() if isinstance(data, dict) else data:
            _spoil(part)
    elif isinstance(data, np.ndarray) and data.dtype == object:
        _spoil(tuple(data))
    elif isinstance(data, np.ndarray):
        data.fill(1)
