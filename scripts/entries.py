"""The agents that evaluate.py and watch.py run, and their splits: options that both share."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro
from run_options import RunArguments

from vln.agents.scripted import scripted_for
from vln.envs.registry import make_task
from vln.evaluation.tables import Entry
from vln.learning.devices import best_device, use_threads
from vln.learning.rollouts import Act, greedy, sample
from vln.runs.results import scripted_in
from vln.runs.run import Run
from vln.tasks import Task
from vln.world import World


@dataclass(frozen=True)
class TableArguments(RunArguments):
    """Whom to look at, and where. Options of task and world that are given take the place of a run's own."""

    run: Annotated[Path | None, tyro.conf.Positional] = None
    """Folder of a run."""
    agent: str | None = None
    """Scripted agent, without a run: random, stop, straight, expert, chance, or one that the task declares."""
    task: str | None = None
    """Task, without a run; with a run another task than its own, with the same observations and actions."""
    split: str | None = None
    """Split of the task: val_seen, val_unseen, val_novel, val, test, ... (an unknown one is answered with the list);
    the task's test split unless given."""
    draw: bool = False
    """Whether to sample actions from the policies instead of acting greedily, which avoids loops."""
    seed: int = 0
    """Random seed of sampled actions."""
    device: str | None = None
    """Device, cpu or cuda; a GPU if there is one unless given."""
    threads: int | None = None
    """CPU threads; all cores unless given."""


@dataclass(frozen=True)
class Scene:
    """Where somebody is looked at, and who: the task, what of it is not as a run was trained, its split and world, and
    the rows of its table."""

    task: Task
    changes: Mapping[str, Any]
    split: str
    world: World[Any]
    entries: dict[str, Entry]
    run: Run | None = None

    @property
    def title(self) -> str:
        """The task's name, and what is not as it was trained."""
        said = ", ".join(f"{name} {value}" for name, value in self.changes.items())
        return f"{self.task.name} ({said})" if said else self.task.name


def open_scene(place: TableArguments) -> Scene:
    """Where to look: of a run the rows are all there are, else the one that was asked for."""
    use_threads(place.threads)
    if place.run is None:
        return _scripted(place)
    device, act = place.device or best_device(), sample if place.draw else greedy
    if place.task is not None:
        return _elsewhere(place, place.run, place.task, act, device)
    run = place.open(place.run, device)
    split, changes = place.split or run.task.test_split, place.changes(place.run)
    scene = Scene(run.task, changes, split, run.open(split), run.entries(split, scripted_for, act), run)
    if changes:
        _tell_unknown(run, scene.world)
    return scene


def _elsewhere(place: TableArguments, folder: Path, name: str, act: Act, device: str) -> Scene:
    """A run in another task than its own."""
    run = place.open_with(folder, {}, {}, device)
    task = make_task(name, place.task_options).with_words(run.vocabulary)
    split = place.split or task.test_split
    world = run.open_in(task, split, **place.world_options)
    agent = {"agent": Entry(run.agent, act, updates=run.updates)}
    entries = agent | scripted_for(world) | scripted_in(task, world) | run.baselines(task, split)
    _tell_unknown(run, world)
    return Scene(task, {}, split, world, entries, run)


def _scripted(place: TableArguments) -> Scene:
    if place.agent is None or place.task is None:
        raise SystemExit("give the folder of a run, or --agent and --task")
    if place.draw:
        raise SystemExit(f"--draw is for the agent of a run: {place.agent} has only one way to act")
    task = make_task(place.task, place.task_options)
    split = place.split or task.test_split
    world = task.open(split, **place.world_options)
    rows = scripted_for(world) | scripted_in(task, world)
    return Scene(task, {}, split, world, {place.agent: chosen(rows, place.agent, task)})


def chosen(entries: Mapping[str, Entry], name: str, task: Task) -> Entry:
    """The entry of this name. Raises SystemExit where there is none."""
    if name not in entries:
        raise SystemExit(f"in task {task.name} no agent is called {name!r}; there are {', '.join(entries)}")
    return entries[name]


def _tell_unknown(run: Run, world: World[Any]) -> None:
    """Say how many words of the instructions the agent does not know: to it they are all alike."""
    if "instruction" not in run.interface.spaces:
        return
    texts = [episode.instruction for episode in world.episodes]
    if run.vocabulary.unknown(texts):
        print(run.vocabulary.unknown_summary(texts), file=sys.stderr)
