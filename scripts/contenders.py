"""Who is judged or watched, and where: what evaluate.py and watch.py are both told."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
from beside import Beside

from vln.agents.scripted import scripted_for
from vln.devices import best_device, use_threads
from vln.envs.catalogue import make_task
from vln.judging import Contender
from vln.rollouts import greedy, sample
from vln.runs import Run, plan_of
from vln.tasks import Task, shuffled
from vln.training import CHECKPOINT
from vln.world import World


@dataclass(frozen=True)
class Place(Beside):
    """Whom to look at, and where. Options of task and world that are given take the place of a run's own."""

    run: Annotated[Path | None, tyro.conf.Positional] = None
    """The folder of a run."""
    agent: Literal["random", "stop", "straight", "expert", "chance"] | None = None
    """Without a run: which agent."""
    task: str | None = None
    """In which task, without a run; with one: another than its own, which must show and ask the same."""
    split: str | None = None
    """Which of the task's splits: val_seen, val_unseen, val_novel, val, test, ... (a wrong one is answered with those
    there are); the one that it is judged by unless given."""
    draw: bool = False
    """Whether agents draw their moves from their policies, instead of making the likeliest: so they leave loops."""
    seed: int = 0
    """Of the agents that draw their moves."""
    device: str | None = None
    """cpu or cuda; a GPU when there is one unless given."""
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
    contenders: dict[str, Contender]

    @property
    def title(self) -> str:
        """The task's name, and what is not as it was trained."""
        said = ", ".join(f"{name} {value}" for name, value in self.changes.items())
        return f"{self.task.name} ({said})" if said else self.task.name


def contend(place: Place) -> Scene:
    """Where to look: of a run the rows are all there are, else the one that was asked for."""
    use_threads(place.threads)
    if place.run is None:
        return _scripted(place)
    device = place.device or best_device()
    run = place.open(place.run, device) if place.task is None else place.open_with(place.run, {}, {}, device)
    if place.task is None:
        task, changes = run.task, place.changes(place.run)
        split = place.split or task.judging
        world = run.open(split)
    else:
        task, changes = make_task(place.task, place.task_options).with_words(run.vocabulary), {}
        split = place.split or task.judging
        world = run.open_in(task, split, **place.world_options)
    act = sample if place.draw else greedy
    contenders = {"agent": Contender(run.agent, act, updates=run.plan.lessons.updates)} | scripted_for(world)
    if task.shuffled and place.task is None:
        others = replace(task, source=shuffled(task.source), words=task.vocabulary)
        contenders["shuffled"] = Contender(run.agent, act, world=others.open(split, **run.plan.world_options))
    contenders |= _floors(place, run, task, split, world, device)
    if changes or place.task:
        _tell_unknown(run, world)
    return Scene(task, changes, split, world, contenders)


def _scripted(place: Place) -> Scene:
    if place.agent is None or place.task is None:
        raise SystemExit("give the folder of a run, or --agent and --task")
    if place.draw:
        raise SystemExit(f"--draw is for the agent of a run: {place.agent} has only one way to act")
    task = make_task(place.task, place.task_options)
    split = place.split or task.judging
    world = task.open(split, **place.world_options)
    return Scene(task, {}, split, world, {place.agent: chosen(scripted_for(world), place.agent, task)})


def chosen(contenders: Mapping[str, Contender], name: str, task: Task) -> Contender:
    """The contender of this name. Raises SystemExit where there is none."""
    if name not in contenders:
        raise SystemExit(f"in task {task.name} no agent is called {name!r}; there are {', '.join(contenders)}")
    return contenders[name]


def _floors(place: Place, run: Run, task: Task, split: str, world: World[Any], device: str) -> dict[str, Contender]:
    """The trained floors in the folders of a run, each in the world as it was trained to see it."""
    rows = {}
    of_run = plan_of(run.folder).world_options
    for folder in sorted(path.parent for path in run.folder.glob(f"*/{CHECKPOINT}")):
        its = plan_of(folder).world_options
        own = {name: value for name, value in its.items() if name not in of_run or of_run[name] != value}
        if own and place.task:
            continue  # elsewhere it would be shown what it does not know
        floor = place.open_with(folder, {}, {}, device)
        seen = {**run.plan.world_options, **own}
        where = floor.fitting(task, task.open(split, **seen)) if own else world
        rows[folder.name] = Contender(floor.agent, world=where, other=sample, updates=floor.plan.lessons.updates)
    return rows


def _tell_unknown(run: Run, world: World[Any]) -> None:
    """Say how many words of the instructions the agent does not know: to it they are all alike."""
    if "instruction" not in run.interface.spaces:
        return
    texts = [episode.instruction for episode in world.episodes]
    if run.vocabulary.unknown(texts):
        print(run.vocabulary.unknown_summary(texts), file=sys.stderr)
