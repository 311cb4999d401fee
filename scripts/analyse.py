"""What goes on inside recurrent agents: how far learning reaches back in time.

    python scripts/analyse.py gradients
    python scripts/analyse.py gradients --run runs/mine --figure gradients.svg --json gradients.json

`gradients` compares untrained memories, and trained runs, by how much what was remembered long ago still moves the last
answer: the norm of the gradient with respect to the memory so many steps before. A memory may be given a gain, as in
elman-relu*1.5: its weights from state to state are so many times as large.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro
from complaints import plainly
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from torch import Tensor

from vln.agent import Agent, Decision
from vln.agents.catalogue import make_agent
from vln.agents.cells import Gated
from vln.agents.instruments.gradients import gradients_through_time, step_jacobian
from vln.agents.instruments.readings import CORE, core_of
from vln.devices import use_threads
from vln.envs.catalogue import make_task
from vln.policies import at, log_likelihood_of_any
from vln.progress import counted
from vln.rollouts import Course, Rollout, follow_teacher, rollout
from vln.runs import open_run
from vln.world import World


@dataclass(frozen=True)
class Gradients:
    """How much what was remembered so many steps before the last answer still moves it."""

    memories: tuple[str, ...] = ("elman", "elman-relu*1.5", "gru", "lstm", "lru")
    """Untrained memories to compare, each NAME or NAME*GAIN; none to look only into runs."""
    run: tuple[Path, ...] = ()
    """Folders of trained runs to look into."""
    task: str = "adding"
    """Of sequences, in which the untrained are asked; a run is asked in its own task."""
    length: int = 100
    """Steps of a line."""
    hidden: int = 32
    """The size of an untrained memory."""
    slots: int = 32
    """Episodes that the norms are averaged over."""
    seed: int = 0
    """Of the weights and the episodes."""
    figure: Path | None = None
    """Where to draw the norms over time (.png, .svg or .pdf)."""
    json: Path | None = None
    """Where to write the figures."""
    threads: int = 1
    """CPU threads."""


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


def lived(world: World[Any], agent: Agent, slots: int, seed: int) -> Rollout:
    """Whole episodes, or what of them the longest allows, in which the teacher moves."""
    course, rng = Course.begin(world, agent, slots, seed), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        return rollout(world, agent, course, world.max_steps, follow_teacher, rng, world.teacher)[0]


def last_answer(seen: Rollout) -> Any:
    """How unlikely the last moves of the teacher are to an agent, averaged over slots."""
    assert seen.best is not None  # a teacher was asked
    best = seen.best[-1]

    def score(decision: Decision) -> Tensor:
        return -log_likelihood_of_any(at(decision.policy, -1), best).mean()

    return score


def reaches(name: str, agent: Agent, world: World[Any], slots: int, seed: int) -> list[Reach]:
    """What is found of every state of an agent."""
    seen = lived(world, agent, slots, seed)
    found = gradients_through_time(agent, seen.observation, seen.starts, last_answer(seen))
    core = core_of(agent)
    half = len(seen.starts) // 2
    entering: list[Tensor] = []
    hook = core.register_forward_pre_hook(lambda _, given: entering.append(given[0].detach()))
    with torch.no_grad():
        first = {name: values[:half] for name, values in seen.observation.items()}
        _, memory = agent(first, agent.initial(slots), seen.starts[:half])
    hook.remove()
    jacobian = step_jacobian(core, entering[0][-1, 0], memory[CORE][0])
    largest, radius = float(np.linalg.norm(jacobian, 2)), float(np.abs(np.linalg.eigvals(jacobian)).max())
    many = core.layers > 1
    return [
        Reach(f"{name}, {state}{f' {layer + 1}' if many else ''}", norms.mean(axis=1)[:0:-1], largest, radius)
        for (layer, state), norms in found.items()
    ]


def untrained(memory: str, world: World[Any], options: Gradients) -> Agent:
    """An agent that has learned nothing, of a memory NAME or NAME*GAIN. Raises ValueError for a gain that is none."""
    kind, _, gain = memory.partition("*")
    try:
        times = float(gain or 1)
    except ValueError:
        raise ValueError(f"memory {memory!r}: {gain!r} is no number to multiply weights by") from None
    torch.manual_seed(options.seed)
    shape = {"memory": kind, "hidden": options.hidden, "words": 0}
    agent = make_agent(world.spaces, world.move_space, world.answers, shape)
    for cell in core_of(agent).cells:
        if times != 1 and not isinstance(cell, Gated):
            raise ValueError(f"memory {memory!r}: {kind} has no weights from state to state to multiply")
        if isinstance(cell, Gated):
            cell.across[0].data.mul_(times)
    return agent.eval()


def gradients(options: Gradients) -> list[Reach]:
    """Of every memory and run."""
    found = []
    world = make_task(options.task, {"length": options.length}).open("val")
    with counted("looking into") as show:
        total = len(options.memories) + len(options.run)
        for number, memory in enumerate(options.memories):
            show(number, total)
            found += reaches(memory, untrained(memory, world, options), world, options.slots, options.seed)
        for number, folder in enumerate(options.run, start=len(options.memories)):
            show(number, total)
            run = open_run(folder, make_task, make_agent)
            place = run.open(run.task.choosing)
            found += reaches(folder.name, run.agent, place, options.slots, options.seed)
    return found


def show_reaches(found: list[Reach]) -> Table:
    """For a terminal."""
    shown = Table(
        title="norm of the gradient of the last answer", title_justify="left", box=SIMPLE_HEAD, pad_edge=False
    )
    columns = ("1 step ago", "half way", "first", "factor a step", "singular", "radius")
    for name in ("", *columns):
        shown.add_column(name, justify="right" if name else "left", no_wrap=not name)
    for reach in found:
        norms = (reach.norms[0], reach.norms[len(reach.norms) // 2], reach.norms[-1])
        cells = [f"{value:.1e}" for value in norms] + [f"{x:.3f}" for x in (reach.factor, reach.largest, reach.radius)]
        shown.add_row(reach.name, *cells)
    return shown


def draw_reaches(found: list[Reach], file: Path) -> None:
    """The norms over time, of the first of each, on a scale of powers of ten."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot()
    for reach in found:
        steps = np.arange(1, len(reach.norms) + 1)
        shown = np.where(reach.norms > 0, reach.norms, np.nan) / reach.norms[0]
        axes.semilogy(steps, shown, label=reach.name, linestyle="--" if reach.name.endswith("cell") else "-")
    axes.set_xlabel("steps before the last answer")
    axes.set_ylabel("gradient with respect to the memory, of that one step before")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=120)


def main(options: Gradients) -> None:
    """Look, tell, draw and write."""
    use_threads(options.threads)
    if not options.memories and not options.run:
        raise SystemExit("nothing to look into: name --memories or a --run")
    found = gradients(options)
    Console().print(show_reaches(found))
    if options.figure:
        draw_reaches(found, options.figure)
        print(f"drawn: {options.figure}")
    if options.json:
        told = {r.name: {"norms": r.norms.tolist(), "largest": r.largest, "radius": r.radius} for r in found}
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(told, indent=1) + "\n")


def parse(arguments: list[str]) -> Gradients:
    """The options of what is to be looked into."""
    return tyro.extras.subcommand_cli_from_dict({"gradients": Gradients}, args=arguments, description=__doc__)


if __name__ == "__main__":
    with plainly():
        main(parse(sys.argv[1:]))
