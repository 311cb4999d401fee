"""A checker of worlds: every promise of vln.world.World, on random walks and on the expert's path."""

import traceback
from collections.abc import Callable
from copy import deepcopy
from dataclasses import fields
from functools import partial
from typing import Any

import numpy as np
from gymnasium import Space
from gymnasium.spaces import Box, Dict, Discrete
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from vln.actions import choices_in, draw_actions, each_part, named_parts
from vln.checker_faults import Faults, form_of, is_array, same_values
from vln.language import Vocabulary
from vln.state import State, put, take
from vln.world import World

BATCH = 5  # episodes side by side
STEPS = 60  # of the walks, at most
KEPT = 4  # earlier states that are asked again, and batches that are compared with single rows


def check_world(world: World[Any], seed: int = 0) -> None:
    """Raises AssertionError when a world breaks a promise of its contract: all faults, each with what and where.

    The promises are those of vln.world.World's docstring, tried on a few episodes. Some moves are drawn at random, of
    those that `possible` allows where that is observed, and some are the expert's, so that episodes end in every way.
    What is true of these walks need not be true of others: another seed walks other ways.

    Raises ValueError for a world in tensors: check the world in arrays that it was made from.
    """
    if world.uses_tensors:
        raise ValueError("check the world in arrays: this one is made from it by `on`")
    faults = Faults()
    _check_declared(world, faults)
    if not faults.found:
        for part in (_check_random_walk, _check_expert, _check_teacher):
            try:
                part(world, np.random.default_rng(seed), faults)
            except Exception as error:  # whatever a world of somebody's own may raise is a fault of it
                where = traceback.extract_tb(error.__traceback__)[-1]
                told = f"{type(error).__name__} was raised in {where.name}, line {where.lineno}: {error}"
                faults.add(part.__name__.removeprefix("_check_").replace("_", " "), told)
    faults.raise_if_any(type(world).__name__)


def _check_declared(world: World[Any], faults: Faults) -> None:
    here = "declared"
    for name in ("episodes", "vocabulary", "action_names", "max_steps", "spaces"):
        faults.check(hasattr(world, name), here, f"{name} is missing")
    if faults.found:
        return
    faults.check(len(world.episodes), here, "episodes are none")
    faults.check(isinstance(world.vocabulary, Vocabulary), here, "vocabulary is no vln.language.Vocabulary")
    faults.check(world.max_steps >= 1, here, f"max_steps is below 1: {world.max_steps}")
    for name, space in world.spaces.items():
        faults.check(isinstance(space, Space), here, f"spaces[{name!r}] is no Gymnasium space: {space!r}")
    space, count = world.action_space, len(world.action_names)
    faults.check(isinstance(space, Box | Dict | Discrete), here, f"action_space is no Discrete, Box or Dict: {space}")
    named = choices_in(space) if isinstance(space, Dict | Discrete) else int(np.prod(space.shape or ()))
    faults.check(named == count, here, f"moves are {count} names, but action_space needs {named}: {world.action_names}")
    names = len(world.answer_names)
    faults.check(names in (0, world.num_answers), here, f"names are {names}, but there are {world.num_answers} answers")
    faults.check(world.num_answers or not world.scores_answers, here, "graded worlds need answers: there are 0")


# One batch of episodes


def _check_random_walk(world: World[Any], rng: np.random.Generator, faults: Faults) -> None:
    numbers = rng.integers(len(world.episodes), size=BATCH)
    state = world.begin(numbers)
    if not _check_begun(world, state, numbers, faults):
        return
    earlier: list[tuple[str, State, Any]] = []
    first, sizes = state, set()
    for step in range(min(STEPS, world.max_steps + 1)):
        here = f"step {step}"
        before = deepcopy(state)
        _check_state(world, state, first, here, faults)
        sizes.add(_draw(world, state, here, faults))
        if world.resumable and len(earlier) < KEPT:
            earlier.append((here, state, deepcopy(_asked(world, state))))
        faults.check_same(state, before, f"{here}, state", "is written into when it is asked")
        on = np.flatnonzero(~_over(world, state))
        if not len(on) or step >= world.max_steps:
            faults.check(not len(on), here, f"an episode goes on after max_steps: {world.max_steps}")
            break
        if world.resumable:
            state = take(state, on)
            if len(earlier) == KEPT or step < KEPT:
                _check_rows(world, state, _some_moves(world, state, rng), here, faults)
        state = _step(world, state, rng, here, faults)
    if world.picture_size is None:
        faults.check(len(sizes) == 1, "draw", f"pictures differ in size without a picture_size: {sorted(sizes)}")
    for here, state, said in earlier:
        faults.check_same(_asked(world, state), said, f"{here}, asked again at the end", "has changed")
    _check_put(world, first, rng, faults)


def _check_begun(world: World[Any], state: State, numbers: NDArray[np.int64], faults: Faults) -> bool:
    """Whether the walk can go on."""
    here = "begin"
    if not isinstance(state, State):
        faults.add(here, f"gives no vln.state.State but {type(state).__name__}")
        return False
    types = {"episode": "int64", "steps": "int32", "previous": "int64", "length": "float32", "least_error": "float32"}
    types |= {"stopped": "bool", "failed": "bool"}
    for one in fields(state):
        values = getattr(state, one.name)
        if not isinstance(values, np.ndarray) or values.shape[:1] != (BATCH,):
            shape = getattr(values, "shape", type(values).__name__)
            faults.add(here, f"field {one.name} is no array of {BATCH} rows, one for each episode: {shape}")
        elif one.name in types and (values.dtype != types[one.name] or values.shape != (BATCH,)):
            faults.add(here, f"field {one.name} is not {types[one.name]} [B]: {values.dtype} {values.shape}")
    if faults.found:
        return False
    faults.check((state.episode == numbers).all(), here, "field episode is not what was asked for")
    faults.check(not state.steps.any(), here, f"field steps is not 0: {state.steps}")
    none_yet = len(world.action_names) if isinstance(world.action_space, Discrete) else 0
    faults.check((state.previous == none_yet).all(), here, f"field previous is not {none_yet}: {state.previous}")
    if world.resumable:
        faults.check_same(world.begin(numbers), state, "begin, again", "is not the same")
    texts = world.instructions(numbers)
    right = len(texts) == BATCH and all(isinstance(text, str) for text in texts)
    faults.check(right, "instructions", f"are not {BATCH} texts: {texts!r}")
    return True


def _check_state(world: World[Any], state: State, first: State, here: str, faults: Faults) -> None:
    """All that is promised of one state."""
    _check_observed(world, state, here, faults)
    count = len(state)
    for name in ("terminated", "truncated", "success"):
        flags = getattr(world, name)(state)
        faults.check(is_array(flags, "bool", (count,)), here, f"{name} is not bool [{count}]: {form_of(flags)}")
    error = world.error(state)
    faults.check(is_array(error, "float32", (count,)), here, f"error is not float32 [{count}]: {form_of(error)}")
    faults.check(not (np.isnan(error) | (error < 0)).any(), here, f"error is NaN or below 0: {error}")
    if len(state) == len(first) and not state.steps.any():
        close = same_values(state.least_error, error)
        faults.check(close, here, f"least_error is not the error where it begins: {state.least_error}, not {error}")
    over = (world.terminated(state) & world.truncated(state)).any()
    faults.check(not over, here, "an episode is both terminated and truncated")
    if world.num_answers and world.resumable:
        answer = world.correct_answer(state)
        inside = is_array(answer, "int64", (count,)) and ((answer >= 0) & (answer < world.num_answers)).all()
        faults.check(inside, here, f"answer is not int64 [{count}] from 0 to {world.num_answers - 1}: {answer!r}")
    for name, values in (world.labels(state) | {"position": world.position(state)}).items():
        rows = isinstance(values, np.ndarray) and values.shape[:1] == (count,)
        kind = "position" if name == "position" else f"label {name!r}"
        faults.check(rows, here, f"{kind} is no array of {count} rows: {form_of(values)}")
    for name, values in world.measure(state).items():
        faults.check(is_array(values, "float64", (count,)), here, f"measure {name!r} is not float64: {form_of(values)}")
    going = take(state, np.flatnonzero(~_over(world, state))) if world.resumable else state
    if len(going) and not _over(world, going).any():
        _check_best(world, going, world.expert(going), "expert", here, faults)
        _check_stop(world, going, here, faults)


def _check_observed(world: World[Any], state: State, here: str, faults: Faults) -> None:
    seen = world.observe(state)
    if set(seen) != set(world.spaces):
        faults.add(here, f"observe gives other names than spaces: {sorted(seen)}, not {sorted(world.spaces)}")
        return
    for name, values in seen.items():
        space = batch_space(world.spaces[name], len(state))
        if not is_array(values, str(space.dtype), tuple(space.shape or ())):
            wanted = f"{space.dtype} {space.shape}"
            faults.add(here, f"observation {name!r} is not as its space says: {form_of(values)}, not {wanted}")
        elif not space.contains(values):
            faults.add(here, f"observation {name!r} is outside its space: from {values.min()} to {values.max()}")
    kept = deepcopy(seen)
    try:
        for values in seen.values():
            values[...] = 1
    except ValueError:
        faults.add(here, "observe gives an array that can't be written: give new ones")
        return
    again = world.observe(state)
    for name in seen:
        if not same_values(again[name], kept[name]):
            faults.add(here, f"observation {name!r} shares its memory with the world or state: give a copy")
            seen[name][...] = kept[name]  # mended, so that only this is said


def _check_best(world: World[Any], state: State, best: Any, who: str, here: str, faults: Faults) -> None:
    """Optimal moves have the right form."""
    for name, space, values in named_parts(world.action_space, best):
        what = f"{who}{name}"
        if isinstance(space, Discrete):
            shape = (len(state), int(space.n))
            faults.check(is_array(values, "bool", shape), here, f"{what} is not bool {shape}: {form_of(values)}")
            faults.check(np.asarray(values).any(axis=-1).all(), here, f"{what} has no optimal move at some state")
        elif isinstance(space, Box):
            form = (len(state), *space.shape)
            right = isinstance(values, np.ndarray) and values.shape == form and values.dtype.kind == "f"
            faults.check(right, here, f"{what} is not float {form}: {form_of(values)}")
            inside = np.isnan(values) | ((values >= space.low) & (values <= space.high))
            faults.check(inside.all(), here, f"{what} is outside move_space: {values}")


def _check_stop(world: World[Any], state: State, here: str, faults: Faults) -> None:
    """Stopping is right where the error is 0, a success there, and none beyond the tolerance."""
    if world.stop is None or world.scores_answers:
        return
    error, says = world.error(state), world.expert(state)[:, world.stop]
    # Where success is out of reach it may say stop, too: there is nothing better.
    faults.check(says[error == 0].all(), here, f"expert does not say stop where error is 0: {error}")
    if world.resumable:
        stopped = world.step(state, np.full(len(state), world.stop))
        faults.check(world.terminated(stopped).all(), here, "stop does not end an episode")
        close = error <= world.tolerance
        success = world.success(stopped)
        faults.check((success == close).all(), here, f"stop is a success elsewhere than within tolerance: {error}")


def _check_rows(world: World[Any], state: State, move: Any, here: str, faults: Faults) -> None:
    """What becomes of a row does not depend on the others beside it."""
    together = world.step(state, move)
    for row in range(len(state)):
        one = np.array([row])
        alone = world.step(take(state, one), each_part(partial(np.take, indices=one, axis=0), move))
        told = f"{here}, row {row}"
        faults.check_same(alone, take(together, one), told, "is stepped otherwise alone than in a batch")
        both = (_asked(world, alone), _asked(world, together, one))
        faults.check_same(*both, told, "is otherwise alone than in a batch")


def _check_put(world: World[Any], state: State, rng: np.random.Generator, faults: Faults) -> None:
    """New episodes begin beside others, as they do when slots are reset."""
    if not world.resumable:
        return
    slots = np.array([1, 3])
    other = world.begin(rng.integers(len(world.episodes), size=len(slots)))
    merged = put(state, slots, other)
    faults.check_same(_asked(world, merged, slots), _asked(world, other), "put", "is not what was put there")
    rest = np.setdiff1d(np.arange(BATCH), slots)
    faults.check_same(_asked(world, merged, rest), _asked(world, state, rest), "put", "changes beside what is put")


def _step(world: World[Any], state: State, rng: np.random.Generator, here: str, faults: Faults) -> State:
    """The next state, after all that is promised of a step was looked at."""
    if world.scores_answers:
        logits = rng.normal(size=(len(state), world.num_answers)).astype(np.float32)
        state = world.give_answer(state, logits)
    move = _some_moves(world, state, rng)
    before, kept = deepcopy(state), deepcopy(move)
    after = world.step(state, move)
    faults.check_same(state, before, f"{here}, state", "is written into by step")
    faults.check_same(move, kept, f"{here}, moves", "are written into by step")
    for one in fields(state):
        was, now = getattr(state, one.name), getattr(after, one.name)
        right = is_array(now, str(was.dtype), was.shape)
        faults.check(right, here, f"step changes the form of field {one.name}: {form_of(was)} to {form_of(now)}")
    faults.check((after.steps == state.steps + 1).all(), here, f"step does not add 1 to steps: {after.steps}")
    faults.check((after.episode == state.episode).all(), here, "step changes episode")
    faults.check((after.length >= state.length).all(), here, "step makes length less")
    if isinstance(world.action_space, Discrete) and "previous" in world.spaces:
        faults.check((after.previous == move).all(), here, f"previous is not the last move: {after.previous}")
    faults.check((after.least_error <= state.least_error).all(), here, "least_error grows")
    return after


# Those who know what is right


def _check_expert(world: World[Any], rng: np.random.Generator, faults: Faults) -> None:
    """Whoever follows the expert, and answers right, succeeds; where that is possible."""
    begun = state = world.begin(rng.integers(len(world.episodes), size=BATCH))
    for _ in range(world.max_steps):
        over = _over(world, state)
        if over.all():
            break
        on = np.flatnonzero(~over) if world.resumable else np.arange(len(state))
        going = take(state, on)
        if world.scores_answers and world.resumable:
            truth = world.correct_answer(going)
            going = world.give_answer(going, 20 * np.eye(world.num_answers, dtype=np.float32)[truth])
        state = put(
            state, on, world.step(going, draw_actions(world.action_space, len(going), rng, world.expert(going)))
        )
    if world.scores_answers and not world.resumable:
        return  # what is right is known after the step alone
    failed = ~world.success(state) & np.isfinite(world.error(begun))
    cut = failed & world.truncated(state)
    faults.check(not cut.any(), "expert", f"is cut off by max_steps: episodes {state.episode[cut]}")
    failed &= ~cut
    faults.check(not failed.any(), "expert", f"does not succeed when it is followed: episodes {state.episode[failed]}")


def _check_teacher(world: World[Any], rng: np.random.Generator, faults: Faults) -> None:
    taught = world.with_teacher()
    state = taught.begin(rng.integers(len(world.episodes), size=BATCH))
    for step in range(KEPT):
        if _over(taught, state).any():
            break
        best = taught.teacher(state)
        _check_best(taught, state, best, "teacher", f"step {step}", faults)
        state = taught.step(state, draw_actions(taught.action_space, len(state), rng, best))


def _some_moves(world: World[Any], state: State, rng: np.random.Generator) -> Any:
    """A possible move for every row, drawn at random or the expert's."""
    possible = world.observe(state).get("possible")
    best = world.expert(state) if rng.random() < 0.5 else None if possible is None else possible != 0
    return draw_actions(world.action_space, len(state), rng, best)


# What is compared


def _asked(world: World[Any], state: State, rows: NDArray[np.int64] | None = None) -> dict[str, Any]:
    """All that a world says of a state, or of some rows of it."""
    ask: list[tuple[str, Callable[[Any], Any]]] = [
        (name, getattr(world, name)) for name in ("error", "success", "terminated", "truncated", "position")
    ]
    said: dict[str, Any] = {name: question(state) for name, question in ask}
    said |= {f"observation {name!r}": values for name, values in world.observe(state).items()}
    said |= {f"label {name!r}": values for name, values in world.labels(state).items()}
    if not _over(world, state).any():
        said |= {f"expert{name}": values for name, _, values in named_parts(world.action_space, world.expert(state))}
    return said if rows is None else {name: values[rows] for name, values in said.items()}


def _draw(world: World[Any], state: State, here: str, faults: Faults) -> tuple[int, ...]:
    """The size of the first row's picture."""
    picture = world.draw(state, 0, world.position(state)[:1])
    right = isinstance(picture, np.ndarray) and picture.ndim == 3 and picture.shape[2] == 3
    right = right and picture.dtype == np.uint8
    faults.check(right, here, f"draw gives no uint8 [height, width, 3]: {form_of(picture)}")
    return np.shape(picture)


def _over(world: World[Any], state: State) -> NDArray[np.bool_]:
    return np.asarray(world.terminated(state) | world.truncated(state))
