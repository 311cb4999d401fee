"""Runs: folders that hold a trained agent and everything needed to make it again."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Any

import torch

from vln.agent import Agent
from vln.alphabet import Alphabet
from vln.episode import Episode
from vln.evaluation.evaluate import check_answers, evaluate
from vln.evaluation.generation import generate_text
from vln.evaluation.tables import Entry
from vln.interface import Interface
from vln.language import Vocabulary, split_words
from vln.learning.checkpoints import Checkpoint, load_checkpoint
from vln.learning.devices import keep_memory
from vln.learning.distributed import SINGLE_PROCESS, Processes
from vln.learning.rollouts import Act, greedy, sample
from vln.learning.rules import Rule, Value, rule_of
from vln.learning.threads import ThreadChoice
from vln.learning.training import CHECKPOINT, kept_weights, load_weights, train, transfer_weights
from vln.learning.word_vectors import init_embeddings, read_word_vectors
from vln.runs.plan import WARY, MakeAgent, MakeTask, Plan, Trust, doubt
from vln.runs.results import Results
from vln.runs.traces import Trace, warn_of_unknown
from vln.tasks import Task
from vln.world import World

SAMPLED = 200  # characters that a training shows of what its agent writes


@dataclass(frozen=True)
class Run(Results):
    """A trained agent, what it was trained to be shown, and the task it was trained for.

    plan: as it was trained, but for what whoever opened it said. taught: what the agent's value was taught to be.
    make_task, make_agent, device, trust: as it was opened with, and as its baselines are. doubt: why the plan must not
    be carried out; without it there is the agent, but no task to live in.
    """

    folder: Path
    plan: Plan
    interface: Interface
    agent: Agent
    make_task: MakeTask
    make_agent: MakeAgent
    device: str = "cpu"
    trust: Trust = WARY
    distrust: str = ""
    value_target: Value | None = None

    @cached_property
    def task(self) -> Task:
        """The task, told in the words that the agent knows. Raises ValueError where the run is not trusted with it."""
        if self.distrust:
            raise ValueError(self.distrust)
        return self.make_task(self.plan.task, self.plan.task_options).with_words(self.vocabulary)

    @property
    def world_options(self) -> Mapping[str, Any]:
        return self.plan.world_options

    @property
    def updates(self) -> int:
        return self.plan.config.updates

    @property
    def value(self) -> Value | None:
        return self.value_target

    @property
    def vocabulary(self) -> Vocabulary:
        return Vocabulary(self.interface.words)

    @property
    def alphabet(self) -> Alphabet | None:
        """The characters that the agent reads and writes; None where it has to do with no text."""
        return Alphabet(self.interface.words) if self.interface.texts else None

    def open(self, split: str, **options: Any) -> World[Any]:
        """The world of a split, seen as the agent was trained to see it. options: of the world, in place of its own.

        Raises ValueError where something is shown or asked then that the agent was not trained for.
        """
        return self.fitting(self.task, self.task.open(split, **{**self.plan.world_options, **options}))

    def open_over(self, episodes: Sequence[Episode], **options: Any) -> World[Any]:
        """The same over other episodes than those of a split."""
        return self.fitting(self.task, self.task.open_over(episodes, **{**self.plan.world_options, **options}))

    def ask(self, instruction: str, place: Any, start: Any, act: Act = greedy, seed: int = 0, **options: Any) -> Trace:
        """What the agent does with an instruction, in a place of one's own: a Trace, to be gone through step by step.

            for step in run.ask("go to the blue table", house, start=(1, 1, "east")):
                print(step.action, step.attention)

        place, start: in the terms of the task's world: in rooms a House, and row, column and heading. act: how it acts
        (see vln.learning.rollouts). seed: of the acting, where it draws. options: of the world, in place of its own
        (max_steps).

        Warns of words that the agent does not know; they are the trace's `unknown_words`. Raises ValueError where the
        task has no such episodes, where nobody can start so, and for an instruction without words.
        """
        if not split_words(instruction):
            raise ValueError("an instruction has at least one word")
        trace = Trace(
            self.open_over([self.task.episode_of(instruction, place, start)], **options), self.agent, act, seed
        )
        if "instruction" in self.interface.spaces and "instruction" not in self.plan.without:
            warn_of_unknown(trace.unknown_words, self.vocabulary)
        return trace

    def open_in(self, task: Task, split: str, **options: Any) -> World[Any]:
        """The world of another task, told in the words that the agent knows. Raises ValueError as `open` does."""
        task = task.with_words(self.vocabulary)
        return self.fitting(task, task.open(split, **options))

    def fitting(self, task: Task, world: World[Any]) -> World[Any]:
        """The world, where the agent can live in it. Raises ValueError saying why not."""
        if difference := self.interface.difference(Interface.of(task, world)):
            raise ValueError(f"{self.folder} can't be judged in {task.name} so: {difference}")
        return world

    def baselines(self, task: Task, split: str) -> dict[str, Entry]:
        """Those in folders of its own. One that sees otherwise than the agent can be only in the run's own task."""
        rows = {}
        of_run = plan_of(self.folder).world_options
        for folder in sorted(path.parent for path in self.folder.glob(f"*/{CHECKPOINT}")):
            its = plan_of(folder).world_options
            own = {name: value for name, value in its.items() if name not in of_run or of_run[name] != value}
            if own and task is not self.task:
                continue  # elsewhere it would be shown what it does not know
            one = open_run(folder, self.make_task, self.make_agent, self.device, trust=self.trust)
            seen = {**self.world_options, **own}
            where = one.fitting(task, task.open(split, **seen)) if own else None
            rows[folder.name] = Entry(one.agent, world=where, other_act=sample, updates=one.updates)
        return rows


def begin_run(
    folder: Path,
    plan: Plan,
    make_task: MakeTask,
    make_agent: MakeAgent,
    device: str = "cpu",
    resume: bool = False,
    team: Processes = SINGLE_PROCESS,
    choose_threads: bool = False,
) -> bool:
    """Train what the plan says, in a folder, or go on with it. Returns whether the training came to its end.

    team comes from assemble(size, partial(begin_run, folder, plan, ...)), where several processes are to train.
    choose_threads: whether to use, on a CPU, as many threads as are measured to be fastest, and not those that are set.
    """
    keep_memory()
    task = make_task(plan.task, plan.task_options)
    rule = rule_of(plan.config, options=plan.rule_options)
    taught = task.open("train", **plan.world_options).with_teacher()
    world = on_device(taught, rule, device)
    torch.manual_seed(plan.config.seed)
    agent = plan.make(make_agent, world, device)
    if agent.unused_options and not (plan.is_baseline or plan.without or resume):
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in agent.unused_options)
        raise ValueError(f"in the agent of task {plan.task} {flags} would change nothing: leave it out")
    check_answers(taught, agent)
    if plan.init_from and not resume:
        _check_parts(plan, plan_of(Path(plan.init_from)))
        begun = kept_weights(load_checkpoint(Path(plan.init_from) / CHECKPOINT))
        transfer_weights(agent, begun, task.vocabulary.words)
    if plan.init_embeddings and not resume:
        init_embeddings(agent, read_word_vectors(Path(plan.init_embeddings), task.vocabulary))
    facts = {"plan": asdict(plan), "value": rule.value, **Interface.of(task, world).facts()}
    threads = ThreadChoice(team) if choose_threads and torch.device(device).type == "cpu" else None
    more: dict[str, Any] = {"team": team, "threads": threads, "rule": rule, "sample": sample_of(task)}
    return train(world, agent, plan.config, folder, facts, resume, probe=probe_of(task, plan.world_options), **more)


def _check_parts(plan: Plan, begun: Plan) -> None:
    """Raise ValueError where an agent is made of other parts than the one it begins with: weights of one kind of memory
    may fit into another kind's shapes and mean nothing there."""
    for name, part in plan.agent_options.items():
        other = begun.agent_options.get(name, part)
        if isinstance(part, str | Mapping) and other != part:
            raise ValueError(f"{plan.init_from} can't be begun with: its {name} is {other!r}, this agent's {part!r}")


def on_device(world: World[Any], rule: Rule, device: str) -> World[Any]:
    """A world to learn in on a device: in tensors where the rule needs its gradients, or it can be had so there."""
    needed = rule.differentiates_world or (world.is_differentiable and torch.device(device).type != "cpu")
    return world.differentiable(device) if needed else world


def probe_of(task: Task, options: Mapping[str, Any]) -> Callable[[Agent], Mapping[str, float]] | None:
    """How an agent does in the split for choosing, for the curve of a training; None where the task has no such split.

    val_success: its success, where episodes have a verdict; else the headline. Where the right moves are foretold,
    """
    if task.validation_split not in task.splits:
        return None
    world = task.open(task.validation_split, **options)
    episodes = range(min(task.validation_episodes, len(world.episodes)))

    def probe(agent: Agent) -> dict[str, float]:
        outcomes = evaluate(world, agent, episodes)
        names = {"val_nll": "nll", "val_bits": "bits"} if world.measures_nll else {}
        if not world.verdicts and world.headline not in names.values():
            names[world.headline] = world.headline
        values = {name: fmean(outcome.metrics()[metric] for outcome in outcomes) for name, metric in names.items()}
        return ({"val_success": fmean(outcome.success for outcome in outcomes)} if world.verdicts else {}) | values

    return probe


def sample_of(task: Task) -> Callable[[Agent], str] | None:
    if not task.texts:
        return None
    alphabet = Alphabet(task.vocabulary.words)
    return lambda agent: generate_text(agent, alphabet, None, SAMPLED)


def plan_of(folder: Path) -> Plan:
    """What the run in a folder is of."""
    return _plan_in(load_checkpoint(folder / CHECKPOINT), folder)


def _plan_in(checkpoint: Checkpoint, folder: Path) -> Plan:
    if "plan" not in checkpoint.facts:
        raise ValueError(f"the checkpoint in {folder} does not say what it is of: it was not made by begin_run()")
    return Plan.of(checkpoint.facts["plan"])


def open_run(
    folder: Path,
    make_task: MakeTask,
    make_agent: MakeAgent,
    device: str = "cpu",
    task_options: Mapping[str, Any] | None = None,
    world_options: Mapping[str, Any] | None = None,
    trust: Trust = WARY,
) -> Run:
    """The run in a folder; its agent is made from what the checkpoint holds alone.

    task_options, world_options: in place of its plan's: where its files are now, or what else is to differ. trust: what
    it may do besides. Raises ValueError when the checkpoint is not of a run, or is of another agent.
    """
    checkpoint = load_checkpoint(folder / CHECKPOINT)
    plan = _plan_in(checkpoint, folder)
    interface = Interface.from_facts(checkpoint.facts)
    if any(name != plan.task for name in plan.programs) and not trust.code:
        raise ValueError(doubt(folder, plan, trust))
    agent = plan.make(make_agent, interface, device)
    load_weights(agent, kept_weights(checkpoint))
    here = {**(task_options or {}), **(world_options or {})}
    plan = plan.pointed(task_options or {}, world_options or {})
    refused = doubt(folder, plan, trust, here)
    return Run(
        folder,
        plan,
        interface,
        agent.eval(),
        make_task,
        make_agent,
        device,
        trust,
        refused,
        checkpoint.facts.get("value"),
    )
