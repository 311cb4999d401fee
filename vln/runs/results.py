"""Results: table and page of a trained agent, beside whatever it is compared with."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from vln.agent import Agent
from vln.evaluation.replays import Value
from vln.evaluation.tables import Entry, Table, table_of
from vln.learning.rollouts import Act, greedy
from vln.pages.report import REPLAYS, write_page
from vln.tasks import Task, shuffled
from vln.world import World

# The rows of a world's table that need no training, as vln.agents.scripted.scripted_for gives them.
Rows = Callable[[World[Any]], Mapping[str, Entry]]


def no_rows(world: World[Any]) -> Mapping[str, Entry]:
    """Nobody beside the agent."""
    return {}


class Results(ABC):
    """What was trained, and how it is evaluated.

    folder: of its checkpoint and training curves. agent: as it is evaluated.
    """

    folder: Path
    agent: Agent

    @property
    @abstractmethod
    def task(self) -> Task:
        """What the agent was trained for."""

    @property
    @abstractmethod
    def world_options(self) -> Mapping[str, Any]:
        """The options of the world that it was trained in."""

    @property
    @abstractmethod
    def updates(self) -> int:
        """How many updates it was trained with."""

    @property
    @abstractmethod
    def value(self) -> Value | None:
        """What the value of the agent was taught to be."""

    @abstractmethod
    def open(self, split: str) -> World[Any]:
        """The world of a split, seen as the agent was trained to see it."""

    @abstractmethod
    def baselines(self, task: Task, split: str) -> dict[str, Entry]:
        """The baselines that were trained beside it, by name; where they see otherwise, each in a world of its own."""

    def entries(self, split: str, rows: Rows = no_rows, act: Act = greedy) -> dict[str, Entry]:
        """The rows of its table in a split of its task: the agent, what needs no training, and trained baselines.

        rows: those that need no training (see vln.agents.scripted.scripted_for), or any others. act: how the agent
        chooses among its moves.
        """
        world, task = self.open(split), self.task
        entries = {"agent": Entry(self.agent, act, updates=self.updates), **rows(world), **scripted_in(task, world)}
        if task.shuffled:
            others = replace(task, source=shuffled(task.source), words=task.vocabulary)
            entries["shuffled"] = Entry(self.agent, act, world=others.open(split, **self.world_options))
        return entries | self.baselines(task, split)

    def table(
        self,
        split: str | None = None,
        rows: Rows = no_rows,
        episodes: int | None = None,
        seed: int = 0,
        act: Act = greedy,
    ) -> Table:
        """The results table of a split (the one that agents of this task are tested on unless given).

        rows, act: as of `entries`. episodes: how many, from the first on; all unless given. seed: of the acting, where
        it draws.
        """
        split = split or self.task.test_split
        entries, measured = self.entries(split, rows, act), self.task.split_metrics
        return table_of(self.open(split), entries, self.task.name, split, episodes, seed, measured)

    def page(
        self,
        split: str | None,
        path: Path | str,
        rows: Rows = no_rows,
        episodes: int | None = None,
        seed: int = 0,
        act: Act = greedy,
        replays: int = REPLAYS,
    ) -> Table:
        """Write a page to look at: the table, training curves, and episodes to step through. Returns the table.

        replays: how many episodes the page shows, failures first. The rest as of `table`.
        """
        table = self.table(split, rows, episodes, seed, act)
        title = f"{table.facts['task']}: {self.folder.name} on {table.facts['split']}"
        write_page(Path(path), table, self.folder, replays, self.value, title=title)
        return table


def scripted_in(task: Task, world: World[Any]) -> dict[str, Entry]:
    """The rows that a task declares itself and that need no training."""
    return {row: make(world) for row, make in task.scripted.items()}
