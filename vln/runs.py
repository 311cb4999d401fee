"""A run: a folder that holds a trained agent and all that is needed to make it again."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from gymnasium import Space

from vln.agent import Agent
from vln.checkpoints import load_checkpoint
from vln.devices import keep_memory
from vln.evaluation import evaluate
from vln.learning import RULES, Lessons
from vln.tasks import Floor, Task
from vln.team import ALONE, Team
from vln.training import CHECKPOINT, inherit_weights, kept_weights, load_weights, train
from vln.vectors import lend_vectors, read_vectors
from vln.world import World

# How tasks and agents are made: from a name and options; from the spaces of what is observed, the space of moves, the
# number of answers, and options.
MakeTask = Callable[[str, Mapping[str, Any]], Task]
MakeAgent = Callable[[Mapping[str, Space[Any]], Space[Any], int, Mapping[str, Any]], Agent]


@dataclass(frozen=True)
class Plan:
    """What a run is of: facts that JSON can say, enough to make task, world and agent again.

    task: its name. task_options: of the task. world_options: of its world (view, size, max_steps). agent: the options
    of the agent. without: the observations it is not given. begin_with: the folder of the run whose weights it begins
    with, or None. vectors: the file of the word vectors it begins with, or None. lessons: how it is trained.
    """

    task: str
    lessons: Lessons
    task_options: Mapping[str, Any] = field(default_factory=dict)
    world_options: Mapping[str, Any] = field(default_factory=dict)
    agent: Mapping[str, Any] = field(default_factory=dict)
    without: Sequence[str] = ()
    begin_with: str | None = None
    vectors: str | None = None

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> "Plan":
        return cls(**{**facts, "lessons": Lessons(**facts["lessons"])})

    def floor(self, name: str, floor: Floor, updates: int) -> "Plan":
        """The plan of a floor of this name, which is trained for so many updates.

        Where the agent begins with the weights of a run, its floor begins with those of that run's floor.
        """
        return replace(
            self,
            without=floor.without,
            world_options={**self.world_options, **floor.world},
            agent={**self.agent, **floor.agent},
            lessons=replace(self.lessons, updates=updates),
            begin_with=self.begin_with and str(Path(self.begin_with) / name),
        )

    def make(self, make_agent: MakeAgent, world: World[Any], device: str) -> Agent:
        """The agent, before it has learned anything."""
        given = {name: space for name, space in world.spaces.items() if name not in self.without}
        return make_agent(given, world.move_space, world.answers, self.agent).to(device)


@dataclass(frozen=True)
class Run:
    """A trained agent, the task it was trained for, and how its world is opened."""

    folder: Path
    plan: Plan
    task: Task
    agent: Agent

    def open(self, split: str) -> World[Any]:
        """The world of a split, seen as the agent was trained to see it."""
        return self.task.open(split, **self.plan.world_options)


def begin_run(
    folder: Path,
    plan: Plan,
    make_task: MakeTask,
    make_agent: MakeAgent,
    device: str = "cpu",
    resume: bool = False,
    team: Team = ALONE,
) -> bool:
    """Train what the plan says, in a folder, or go on with it. Returns whether the training came to its end.

    team comes from assemble(size, partial(begin_run, folder, plan, ...)), where several processes are to train.
    """
    keep_memory()
    task = make_task(plan.task, plan.task_options)
    world = task.open("train", **plan.world_options).with_teacher()
    if RULES[plan.lessons.rule].through or (world.differentiable and torch.device(device).type != "cpu"):
        world = world.on(device)
    torch.manual_seed(plan.lessons.seed)
    agent = plan.make(make_agent, world, device)
    if plan.begin_with and not resume:
        _check_parts(plan, plan_of(Path(plan.begin_with)))
        begun = kept_weights(load_checkpoint(Path(plan.begin_with) / CHECKPOINT))
        inherit_weights(agent, begun, task.vocabulary.words)
    if plan.vectors and not resume:
        lend_vectors(agent, read_vectors(Path(plan.vectors), task.vocabulary))
    facts = {"plan": asdict(plan), "words": list(task.vocabulary.words)}
    probe, sample = _probe(task, plan), _sample(task)
    return train(world, agent, plan.lessons, folder, facts, resume, team=team, probe=probe, sample=sample)


def _check_parts(plan: Plan, begun: Plan) -> None:
    """Raise ValueError where an agent is made of other parts than the one it begins with: weights of one kind of memory
    may fit into another kind's shapes and mean nothing there."""
    for name, part in plan.agent.items():
        other = begun.agent.get(name, part)
        if isinstance(part, str) and other != part:
            raise ValueError(f"{plan.begin_with} can't be begun with: its {name} is {other!r}, this agent's {part!r}")


def _probe(task: Task, plan: Plan) -> Callable[[Agent], Mapping[str, float]] | None:
    """How an agent does in the split for choosing, for the curve of a training; None where the task has no such split.

    judged: its success. Where the right moves are foretold, nats and bits: how much they surprise it.
    """
    if task.choosing not in task.splits:
        return None
    world = task.open(task.choosing, **plan.world_options)
    episodes = range(min(task.probes, len(world.episodes)))

    def probe(agent: Agent) -> dict[str, float]:
        outcomes = evaluate(world, agent, episodes)
        told = {"judged": sum(outcome.success for outcome in outcomes) / len(outcomes)}
        if world.surprising:
            for name, metric in (("nats", "surprise"), ("bits", "bits")):
                told[name] = sum(outcome.metrics()[metric] for outcome in outcomes) / len(outcomes)
        return told

    return probe


SAMPLED = 200  # characters that a training shows of what its agent writes


def _sample(task: Task) -> Callable[[Agent], str] | None:
    write = task.write
    return None if write is None else lambda agent: write(agent, None, SAMPLED)


def plan_of(folder: Path) -> Plan:
    """What the run in a folder is of."""
    facts = load_checkpoint(folder / CHECKPOINT).facts
    if "plan" not in facts:
        raise ValueError(f"the checkpoint in {folder} does not say what it is of: it was not made by begin_run()")
    return Plan.of(facts["plan"])


def open_run(folder: Path, make_task: MakeTask, make_agent: MakeAgent, device: str = "cpu") -> Run:
    """The run in a folder. Raises ValueError when the task's words are no longer those it was trained with."""
    checkpoint, plan = load_checkpoint(folder / CHECKPOINT), plan_of(folder)
    task = make_task(plan.task, plan.task_options)
    if list(task.vocabulary.words) != checkpoint.facts["words"]:
        raise ValueError(f"{folder} was trained with other words than task {plan.task!r} has now; train it again")
    agent = plan.make(make_agent, task.open(task.choosing, **plan.world_options), device)
    load_weights(agent, kept_weights(checkpoint))
    return Run(folder, plan, task, agent.eval())
