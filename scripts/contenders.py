"""Who is judged or watched, and where: what evaluate.py and watch.py are both told."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from vln.agents.catalogue import make_agent
from vln.agents.scripted import scripted_for
from vln.devices import best_device, use_threads
from vln.envs.catalogue import TaskOptions, WorldOptions, make_task
from vln.judging import Contender
from vln.rollouts import greedy, sample
from vln.runs import Run, open_run
from vln.tasks import Task, shuffled
from vln.training import CHECKPOINT
from vln.world import World


@dataclass(frozen=True)
class Place:
    """Whom to look at, and where."""

    run: Annotated[Path | None, tyro.conf.Positional] = None
    """The folder of a run."""
    agent: Literal["random", "stop", "straight", "expert", "chance"] | None = None
    """Without a run: which agent."""
    task: str | None = None
    """In which task, without a run; with one: another than its own, which must show and ask the same."""
    split: str | None = None
    """Where: val_seen, val_unseen, val_novel (rooms), paragraphs (sail), held_out and test (r2r); val, test (glimpses).
    val_unseen or val unless given."""
    draw: bool = False
    """Whether agents draw their moves from their policies, instead of making the likeliest: so they leave loops."""
    seed: int = 0
    """Of the agents that draw their moves."""
    device: str | None = None
    """cpu or cuda; a GPU when there is one unless given."""
    threads: int | None = None
    """CPU threads; all cores unless given."""
    about: tyro.conf.OmitArgPrefixes[TaskOptions] = field(default_factory=TaskOptions)
    world: tyro.conf.OmitArgPrefixes[WorldOptions] = field(default_factory=WorldOptions)


def contend(place: Place) -> tuple[Task, World[Any], dict[str, Contender]]:
    """The task, its world, and the rows of its table: of a run all there are, else the one that was asked for."""
    use_threads(place.threads)
    if place.run is None:
        if place.agent is None or place.task is None:
            raise SystemExit("give the folder of a run, or --agent and --task")
        task = make_task(place.task, place.about.given())
        world = task.open(place.split or task.judging, **place.world.given())
        known = scripted_for(world)
        if place.agent not in known:
            raise SystemExit(f"in task {place.task} no agent is called {place.agent!r}; there are {', '.join(known)}")
        return task, world, {place.agent: known[place.agent]}
    device = place.device or best_device()
    run = open_run(place.run, make_task, make_agent, device)
    task = make_task(place.task, place.about.given()) if place.task else run.task
    split = place.split or task.judging
    world = run.open(split) if place.task is None else elsewhere(run, task, task.open(split, **place.world.given()))
    act = sample if place.draw else greedy
    contenders = {"agent": Contender(run.agent, act)} | scripted_for(world)
    if task.shuffled and task is run.task:
        others = replace(task, source=shuffled(task.source), words=task.vocabulary)
        contenders["shuffled"] = Contender(run.agent, act, world=others.open(split, **run.plan.world_options))
    for floor in run.task.floors:
        if (place.run / floor / CHECKPOINT).exists():
            its = open_run(place.run / floor, make_task, make_agent, device)
            other = its.plan.world_options != run.plan.world_options
            if other and place.task:
                continue  # elsewhere it would be shown what it does not know
            where = run.task.open(split, **its.plan.world_options) if other else world
            contenders[floor] = Contender(its.agent, act, world=where)
    return task, world, contenders


def elsewhere(run: Run, task: Task, world: World[Any]) -> World[Any]:
    """The world of a task that a run was not trained for. Raises SystemExit where its agent would not fit."""
    own = run.open(run.task.choosing)
    for what, one, other in (
        ("what is shown", own.spaces, world.spaces),
        ("the moves", own.move_space, world.move_space),
        ("the answers", own.names, world.names),
        ("the words", run.task.vocabulary, task.vocabulary),
    ):
        if one != other:
            raise SystemExit(f"{run.folder} can't be judged in {task.name}: {what} differs, {one} there, {other} here")
    return world
