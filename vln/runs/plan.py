"""A plan: the facts of a run that JSON can say, and what a run of somebody else's is trusted with."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gymnasium import Space

from vln.agent import Agent
from vln.interface import Interface
from vln.learning.config import TrainConfig
from vln.tasks import Baseline, Task
from vln.user_files import MARK
from vln.world import World

# How tasks and agents are made: from a name and options; from the spaces of what is observed, the space of moves, the
# number of answers, options, and whether answers are scored.
MakeTask = Callable[[str, Mapping[str, Any]], Task]


MakeAgent = Callable[[Mapping[str, Space[Any]], Space[Any], int, Mapping[str, Any], bool], Agent]


@dataclass(frozen=True)
class Plan:
    """The facts of a run that JSON can say, enough to make its task, world and agent again.

    task: name of the task. task_options, world_options, agent_options: options of the task, its world (view, size,
    max_steps) and the agent. without: names of the observations that the agent lacks. init_from: folder of the run
    that the initial weights come from, or None. init_embeddings: file of the initial word vectors, or None. config:
    options of the training. rule_options: options of a user's own learning rule. baseline_share: updates of the trained
    baselines, as a share of the agent's. is_baseline: true for a baseline, which lacks a part and so has no use for
    some options of its agent.

    Paths are absolute, so that they are found from any working directory.
    """

    task: str
    config: TrainConfig
    task_options: Mapping[str, Any] = field(default_factory=dict)
    world_options: Mapping[str, Any] = field(default_factory=dict)
    agent_options: Mapping[str, Any] = field(default_factory=dict)
    without: Sequence[str] = ()
    init_from: str | None = None
    init_embeddings: str | None = None
    baseline_share: float = 0.0
    is_baseline: bool = False
    rule_options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def programs(self) -> list[str]:
        """What of its task and agent is found in programs of somebody's own (see vln.user_files)."""
        encoders = self.agent_options.get("encoders", {})
        names = (self.task, *self.agent_options.values(), *encoders.values())
        return [name for name in names if isinstance(name, str) and MARK in name]

    @property
    def training_programs(self) -> list[str]:
        """The same of all that it takes to go on with its training: of its rule, too."""
        return self.programs + ([self.config.rule] if MARK in self.config.rule else [])

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> "Plan":
        return cls(**{**facts, "config": TrainConfig(**facts["config"])})

    def of_baseline(self, name: str, baseline: Baseline, updates: int) -> "Plan":
        """The plan of a baseline of this name, which is trained for so many updates.

        Where the agent begins with the weights of a run, its baseline begins with those of that run's baseline.
        """
        return replace(
            self,
            is_baseline=True,
            without=baseline.without,
            world_options={**self.world_options, **baseline.world},
            agent_options={**self.agent_options, **baseline.agent},
            config=replace(self.config, updates=updates),
            init_from=self.init_from and str(Path(self.init_from) / name),
        )

    def pointed(self, task_options: Mapping[str, Any], world_options: Mapping[str, Any]) -> "Plan":
        """The same plan with these options in place of its own: where its files are now, or what else is to differ."""
        task_options, world_options = {**self.task_options, **task_options}, {**self.world_options, **world_options}
        return replace(self, task_options=task_options, world_options=world_options)

    def make(self, make_agent: MakeAgent, place: World[Any] | Interface, device: str) -> Agent:
        """The agent, before it has learned anything. place: the world it learns in, or what such a world shows it."""
        spaces = {name: space for name, space in place.spaces.items() if name not in self.without}
        options = dict(self.agent_options)
        if "encoders" in options:
            # What a baseline is not given it needs no encoder for.
            options["encoders"] = {name: own for name, own in options["encoders"].items() if name not in self.without}
        return make_agent(spaces, place.action_space, place.num_answers, options, place.scores_answers).to(device)


@dataclass(frozen=True)
class Trust:
    """What is allowed to a run, which somebody else may have made. code: to have the Python file run that it names as
    its task. paths: to have the files and folders opened that it names."""

    code: bool = False
    paths: bool = False


WARY = Trust()


def doubt(folder: Path, plan: Plan, trust: Trust, named_here: Collection[str] = (), training: bool = False) -> str:
    """What the run in a folder would do that it is not trusted with, in words; nothing where all is well.

    named_here: the options of its plan that whoever opens the run has named himself. training: whether it is to go on
    with its training.
    """
    programs = plan.training_programs if training else plan.programs
    if programs and not trust.code:
        files = " and ".join(sorted({name.rpartition(":")[0] for name in programs}))
        return f"{folder} would have {files} run as a program: read that file, then allow it with --trust-code"
    for name, value in {**plan.task_options, **plan.world_options}.items():
        if name not in named_here and _is_path(value) and not trust.paths:
            return (
                f"{folder} would have {value} opened, where its {name} was: say where that is now with "
                f"--{name} PATH, or allow what the run names with --trust-paths"
            )
    return ""


def _is_path(value: Any) -> bool:
    return isinstance(value, str) and ("/" in value or "\\" in value or Path(value).exists())
