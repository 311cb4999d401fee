"""The tasks by name, for the command line and for Gymnasium."""

from collections.abc import Callable, Mapping
from typing import Any

from gymnasium.vector import AutoresetMode

from vln.gym.env import TaskEnv
from vln.gym.vector_env import TaskVectorEnv
from vln.tasks import Task, TaskSpec
from vln.user_files import MARK, load
from vln.world import World

from .glimpse import circle_square
from .glimpse import task as glimpse
from .graphs import task as graphs
from .rooms import task as rooms
from .sail import task as sail
from .sequences import task as sequences
from .third_party import active_perception

TASKS: dict[str, TaskSpec] = {
    **rooms.TASKS,
    **sail.TASKS,
    **glimpse.TASKS,
    **graphs.TASKS,
    **circle_square.TASKS,
    **active_perception.TASKS,
    **sequences.TASKS,
}


def spec_of(name: str) -> TaskSpec:
    """What makes the task of this name.

    A name like `corner.py:TASK` means what a file of the user's own calls so: a Task, a function that makes one, or a
    TaskSpec, which tells a command line of the options of its world, too.
    """
    if MARK in name:
        return _from_file(name)
    if name not in TASKS:
        raise ValueError(f"no task is called {name!r}; there are {', '.join(TASKS)}")
    return TASKS[name]


def make_task(name: str, options: Mapping[str, Any] | None = None) -> Task:
    """The task of this name, with its own options (difficulty; for sail data, protocol, fold, heading, ...)."""
    return spec_of(name).task(name, options or {})


def _from_file(name: str) -> TaskSpec:
    found = load(name)
    if isinstance(found, TaskSpec):
        return found
    if isinstance(found, Task):
        return TaskSpec(lambda: found, found.world)
    if not callable(found):
        raise ValueError(f"{name} is no task: neither a Task, nor a function that makes one, nor a TaskSpec")
    return TaskSpec(found, _world_of(found))


def _world_of(make: Callable[..., Any]) -> Callable[..., World[Any]] | None:
    """What opens the world of a task, where its function needs no options; one that does says it by a TaskSpec."""
    try:
        task = make()
    except (TypeError, ValueError, OSError):
        return None
    return task.world if isinstance(task, Task) else None


def make_env(
    task: str, render_mode: str | None = None, path_metrics: bool = True, split: str | None = None, **options: Any
) -> TaskEnv:
    """What gymnasium.make calls. options: those of the task and of its world."""
    return TaskEnv(spec_of(task).open(task, split, **options), render_mode, path_metrics)


def make_vector_env(
    task: str,
    num_envs: int = 1,
    render_mode: str | None = None,
    autoreset_mode: AutoresetMode | str = AutoresetMode.SAME_STEP,
    path_metrics: bool = False,
    max_episode_steps: int | None = None,
    split: str | None = None,
    **options: Any,
) -> TaskVectorEnv:
    """What gymnasium.make_vec calls: the batched world itself. See TaskVectorEnv for its modes.

    max_episode_steps: as in gymnasium.make; what a world knows as max_steps is its own. split, options: as in make_env.
    """
    return TaskVectorEnv(
        spec_of(task).open(task, split, **options),
        num_envs,
        autoreset_mode,
        render_mode,
        path_metrics,
        max_episode_steps=max_episode_steps,
    )
