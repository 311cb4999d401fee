"""Trainings from Python: any task, any agent object, and the table and page of the result."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from vln.agent import Agent
from vln.evaluation.evaluate import check_answers
from vln.evaluation.tables import Entry
from vln.interface import Interface
from vln.learning.config import TrainConfig
from vln.learning.rollouts import sample
from vln.learning.rules import Loss, Rule, Value, rule_of
from vln.learning.training import train
from vln.runs.results import Results
from vln.runs.run import on_device, probe_of, sample_of
from vln.tasks import Task
from vln.world import World


@dataclass(frozen=True)
class Trained(Results):
    """An agent that was trained in this program.

    trained_on, config, options: its task, how it was trained, and the options of the world it was trained in. taught:
    what the agent's value was taught to be. ended: whether the training came to its end, and nothing stopped it.
    beside: trained as its baselines, by name.
    """

    folder: Path
    agent: Agent
    own_task: Task
    config: TrainConfig
    options: Mapping[str, Any] = field(default_factory=dict)
    value_target: Value | None = None
    ended: bool = True
    trained_baselines: "Mapping[str, Trained]" = field(default_factory=dict)

    @property
    def task(self) -> Task:
        return self.own_task

    @property
    def world_options(self) -> Mapping[str, Any]:
        return self.options

    @property
    def updates(self) -> int:
        return self.config.updates

    @property
    def value(self) -> Value | None:
        return self.value_target

    def open(self, split: str) -> World[Any]:
        return self.task.open(split, **self.world_options)

    def baselines(self, task: Task, split: str) -> dict[str, Entry]:
        return {
            row: Entry(one.agent, world=task.open(split, **one.world_options), other_act=sample, updates=one.updates)
            for row, one in self.trained_baselines.items()
        }


def train_task(
    task: Task,
    agent: Agent,
    config: TrainConfig,
    folder: Path | str,
    world_options: Mapping[str, Any] | None = None,
    device: str = "cpu",
    resume: bool = False,
    loss: Loss | None = None,
    rule: Rule | None = None,
    live: bool = True,
    beside: Mapping[str, Trained] | None = None,
) -> Trained:
    """Train an agent in split `train` of a task; checkpoint and curves are left in a folder.

    agent: any object of class Agent; its weights change. world_options: of the task's world. device: where it learns
    ("cpu", "cuda"). resume: go on from the folder's checkpoint. loss: what is descended, that of the config's rule
    unless given. rule: how the agent learns, in place of the config's rule. live: whether to show a line
    that tells how far it is. beside: what was trained before to be compared with it, by the name of its row.

    Raises ValueError where the task's world scores answers and the agent gives none.
    """
    options = dict(world_options or {})
    taught = task.open("train", **options).with_teacher()
    agent = agent.to(device)
    check_answers(taught, agent)
    if rule is not None and loss is not None:
        raise ValueError("a rule owns its descent: give a rule or a loss")
    rule = rule or rule_of(config, loss)
    world = on_device(taught, rule, device)
    torch.manual_seed(config.seed)
    facts = {"value": rule.value, **Interface.of(task, taught).facts()}
    more: dict[str, Any] = {"live": live, "probe": probe_of(task, options), "sample": sample_of(task), "rule": rule}
    ended = train(world, agent, config, folder, facts, resume, **more)
    return Trained(Path(folder), agent, task, config, options, rule.value, ended, dict(beside or {}))
