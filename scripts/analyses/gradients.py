"""Gradients through time: how much what was remembered long ago moves the last answer, and what truncation changes."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.table import Table
from run_options import Where
from torch import Tensor

from vln.agent import Agent, Decision
from vln.agents.analysis.activations import CORE, core_of
from vln.agents.analysis.gradients import PartScore, gradients_through_time, step_jacobian, truncation
from vln.agents.recurrent.cells import Gated
from vln.agents.registry import make_agent
from vln.envs.registry import make_task
from vln.learning.logs import METRICS_FILE, read_metrics
from vln.learning.rollouts import Rollout, RolloutState, follow_teacher, rollout
from vln.pages.figures import FIGURES_FOLDER
from vln.pages.progress import counted
from vln.world import World

from .common import Analysis, Found, columns, plot

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Compared(Analysis, Where):
    """Untrained memories, and trained runs, beside one another."""

    memories: tuple[str, ...] = ("elman", "elman-relu*1.5", "gru", "lstm", "lru")
    """Untrained memories to compare, each NAME or NAME*GAIN; none to look only into runs."""
    run: tuple[Path, ...] = ()
    """Folders of trained runs to look into."""
    task: str = "adding"
    """Of sequences, in which the untrained are asked; a run is asked in its own task."""
    length: int = 100
    """Steps of a line; of a run's episodes, how many are looked at, at most."""
    hidden: int = 32
    """The size of an untrained memory."""
    num_envs: int = 32
    """Episodes that are averaged over."""

    @property
    def folder(self) -> Path | None:
        return self.figures or (self.run[0] / FIGURES_FOLDER if len(self.run) == 1 and not self.memories else None)

    def lives(self) -> Iterator[tuple[str, Agent, Rollout]]:
        """The name of every agent, the agent, and what it lives through while the teacher moves."""
        if not self.memories and not self.run:
            raise ValueError("nothing to look into: name --memories or a --run")
        total = len(self.memories) + len(self.run)
        with counted("looking into") as show:
            world = make_task(self.task, {"length": self.length}).open("val") if self.memories else None
            for number, memory in enumerate(self.memories):
                show(number, total)
                assert world is not None
                agent = self._untrained(memory, world)
                yield memory, agent, lived(world, agent, self.num_envs, world.max_steps, self.seed)
            for number, folder in enumerate(self.run, start=len(self.memories)):
                show(number, total)
                run = self.open(folder)
                place = run.open(run.task.validation_split).with_teacher()
                steps = min(self.length, place.max_steps)
                yield folder.name, run.agent, lived(place, run.agent, self.num_envs, steps, self.seed)

    def _untrained(self, memory: str, world: World[Any]) -> Agent:
        """An agent that has learned nothing, of a memory NAME or NAME*GAIN. Raises ValueError for no gain."""
        kind, _, gain = memory.partition("*")
        try:
            times = float(gain or 1)
        except ValueError:
            raise ValueError(f"memory {memory!r}: {gain!r} is no number to multiply weights by") from None
        torch.manual_seed(self.seed)
        shape = {"memory": kind, "hidden": self.hidden, "word_dim": 0}
        agent = make_agent(world.spaces, world.action_space, world.num_answers, shape, world.scores_answers)
        for cell in core_of(agent).cells:
            if times != 1 and not isinstance(cell, Gated):
                raise ValueError(f"memory {memory!r}: {kind} has no weights from state to state to multiply")
            if isinstance(cell, Gated):
                cell.across[0].data.mul_(times)
        return agent.eval()


@dataclass(frozen=True)
class Gradients(Compared):
    """How much what was remembered so many steps before the last answer still moves it: vanishing and exploding.

    Of trained runs it says, too, in which share of the updates their gradient was clipped.
    """

    def look(self) -> Found:
        """The norm of the gradient with respect to what was remembered before every step."""
        found = []
        for name, agent, seen in self.lives():
            found += reaches(name, agent, seen)
        clipped = {folder.name: clipping(folder) for folder in self.run}
        facts = {one.name: {"norms": one.norms.tolist(), "largest": one.largest, "radius": one.radius} for one in found}
        words = [f"{name}: {share:.1%} of the updates were clipped" for name, share in clipped.items()]
        figures: Any = {"Gradient of the last answer": draw_reaches(found)}
        return Found([show_reaches(found)], words, facts, figures)


@dataclass(frozen=True)
class Truncation(Compared):
    """How far the gradient of truncated BPTT points away from the full one, by the length of the window.

    It is the gradient of how unlikely all of the teacher's moves are; the cosine with the full one is 1 without bias.
    """

    unroll_lengths: tuple[int, ...] = (1, 2, 5, 10, 20, 50)
    """Lengths of a window."""
    task: str = "repeatprevious"
    """Of sequences, in which the untrained are asked; a run is asked in its own task."""

    def look(self) -> Found:
        """The cosine for every window."""
        shown = columns(
            "cosine between the gradient of a window's BPTT and the full one", ("", *map(str, self.unroll_lengths))
        )
        told = Found(tables=[shown])
        figure, axes = plot()
        for name, agent, seen in self.lives():
            found = truncation(
                agent, seen.observation, seen.episode_starts, all_answers(seen), list(self.unroll_lengths)
            )
            shown.add_row(name, *(f"{cosine:.3f}" for cosine in found.values()))
            told.facts[name] = found
            axes.semilogx(list(found), list(found.values()), marker="o", label=name)
        axes.set_xlabel("steps of a window")
        axes.set_ylabel("cosine with the full gradient")
        axes.legend(fontsize="small")
        told.figures["What truncation does to the gradient"] = figure
        return told


@dataclass(frozen=True)
class Reach:
    """What was found of one state of one agent.

    norms: [T - 1], of the gradient with respect to what was remembered 1, 2, ... steps before the last answer. largest,
    radius: the largest singular value of the Jacobian of a step half way, of the whole memory, and the largest modulus
    of its eigenvalues.
    """

    name: str
    norms: NDArray[np.float64]
    largest: float
    radius: float

    @property
    def factor(self) -> float:
        """By how much a step back multiplies the norm, on the geometric mean; 0 where nothing arrives."""
        first, last = self.norms[0], self.norms[-1]
        return float((last / first) ** (1 / (len(self.norms) - 1))) if first > 0 and len(self.norms) > 1 else 0.0


def lived(world: World[Any], agent: Agent, slots: int, steps: int, seed: int) -> Rollout:
    """So many steps from the beginning of episodes on, in which the teacher moves."""
    course, rng = RolloutState.begin(world, agent, slots, seed), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        return rollout(world, agent, course, steps, follow_teacher, rng, world.teacher)[0]


def last_answer(seen: Rollout) -> Any:
    """How unlikely the last moves of the teacher are to an agent, averaged over slots."""
    assert seen.teacher_actions is not None  # a teacher was asked
    best = seen.teacher_actions[-1]

    def score(decision: Decision) -> Tensor:
        return -decision.policy[-1].log_prob_of_any(best).mean()

    return score


def all_answers(seen: Rollout) -> PartScore:
    """How unlikely the moves of the teacher are to an agent, summed over a window and averaged over slots."""
    best = seen.teacher_actions
    assert best is not None  # a teacher was asked

    def score(decision: Decision, part: slice) -> Tensor:
        return -decision.policy.log_prob_of_any(best[part]).mean(dim=1).sum()

    return score


def reaches(name: str, agent: Agent, seen: Rollout) -> list[Reach]:
    """What is found of every state of an agent."""
    found = gradients_through_time(agent, seen.observation, seen.episode_starts, last_answer(seen))
    core = core_of(agent)
    half = len(seen.episode_starts) // 2
    entering: list[Tensor] = []
    hook = core.register_forward_pre_hook(lambda _, given: entering.append(given[0].detach()))
    with torch.no_grad():
        first = {name: values[:half] for name, values in seen.observation.items()}
        _, memory = agent(first, agent.initial(seen.episode_starts.shape[1]), seen.episode_starts[:half])
    hook.remove()
    jacobian = step_jacobian(core, entering[0][-1, 0], memory[CORE][0])
    largest, radius = float(np.linalg.norm(jacobian, 2)), float(np.abs(np.linalg.eigvals(jacobian)).max())
    many = core.layers > 1
    return [
        Reach(f"{name}, {state}{f' {layer + 1}' if many else ''}", norms.mean(axis=1)[:0:-1], largest, radius)
        for (layer, state), norms in found.items()
    ]


def clipping(run: Path) -> float:
    """The share of a run's updates whose gradient was clipped, as its record tells."""
    told = [line["clip_rate"] for line in read_metrics(run / METRICS_FILE) if line.get("clip_rate") is not None]
    return float(np.mean(told)) if told else float("nan")


def show_reaches(found: list[Reach]) -> Table:
    """For a terminal."""
    names = ("", "1 step ago", "half way", "first", "factor a step", "singular", "radius")
    shown = columns("norm of the gradient of the last answer", names)
    for reach in found:
        norms = (reach.norms[0], reach.norms[len(reach.norms) // 2], reach.norms[-1])
        cells = [f"{value:.1e}" for value in norms] + [f"{x:.3f}" for x in (reach.factor, reach.largest, reach.radius)]
        shown.add_row(reach.name, *cells)
    return shown


def draw_reaches(found: list[Reach]) -> "Figure":
    """The norms over time, of the first of each, on a scale of powers of ten."""
    figure, axes = plot()
    for reach in found:
        steps = np.arange(1, len(reach.norms) + 1)
        shown = np.where(reach.norms > 0, reach.norms, np.nan) / reach.norms[0]
        axes.semilogy(steps, shown, label=reach.name, linestyle="--" if reach.name.endswith("cell") else "-")
    axes.set_xlabel("steps before the last answer")
    axes.set_ylabel("gradient with respect to the memory, of that one step before")
    axes.legend(fontsize="small")
    return figure
