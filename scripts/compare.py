"""Compare recurrent cores in a task: every cell with equal numbers of weights and steps, over several seeds.

python scripts/compare.py goto --updates 600 --json goto.json --figure goto.svg
python scripts/compare.py adding --length 50 --unroll-length 50 --memories elman lstm lru s6 --name adding-50
python scripts/compare.py adding --length 200 --unroll-length 200 --memories elman lstm lru s6 --init-from
runs/adding-50

A run that is complete is not trained again, and one that was stopped goes on: so a long comparison can be broken off.
"""

import thread_waiting  # noqa: F401  # before torch is loaded

import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from statistics import mean, median, stdev
from typing import Annotated, Any

import numpy as np
import tyro
from analyses.common import columns, plot
from command_line import Subject, called, first_said, parse
from errors import plainly
from recipes import DEFAULT_TASK, OF_TASKS
from rich.console import Console
from rich.table import Table
from run_options import RunArguments

from vln.agents.config import AgentConfig
from vln.agents.recurrent.core import CELLS
from vln.agents.registry import make_agent
from vln.envs.registry import TASKS, make_task, spec_of
from vln.evaluation.evaluate import evaluate
from vln.learning.checkpoints import load_checkpoint
from vln.learning.config import TrainConfig
from vln.learning.devices import best_device, use_threads
from vln.learning.distributed import launch
from vln.learning.interruptions import stop_status
from vln.learning.logs import METRICS_FILE, read_metrics
from vln.learning.training import CHECKPOINT
from vln.metrics import Metric, described_metric, metric_of, ordered
from vln.options import places_in
from vln.runs.plan import Plan
from vln.runs.run import begin_run, plan_of
from vln.user_files import MARK, absolute_name
from vln.world import World

CURVES = ("squared_error", "loss")  # what is drawn where moves are learned: the first of these that was recorded
TITLES = {"squared_error": "mean squared error", "answer_loss": "answer loss, nats"}  # drawn on a logarithmic scale
PIECES = 100  # points of a curve
SECONDS_FILE = "cpu_seconds.json"  # in the folder of a run


@dataclass(frozen=True)
class Options(RunArguments):
    """In which task, which memories, and how long."""

    task: Annotated[str, tyro.conf.Positional, tyro.conf.arg(help=f"{OF_TASKS}.")] = "goto"
    name: str | None = None
    """Of the folder in runs/ that holds the runs; compare-TASK unless given."""
    init_from: Path | None = None
    """Folder of another comparison; each training begins with the weights of its memory and seed there."""
    memories: tuple[str, ...] = tuple(CELLS)
    """Recurrent cores to compare. All have about as many weights as the agent with an LSTM of --hidden units."""
    seeds: int = 3
    """Number of trainings of each core."""
    split: str | None = None
    """Split to evaluate on; the validation split unless given."""
    json: Path | None = None
    """File to write the figures to, as JSON."""
    figure: Path | None = None
    """File to draw the curves to (.png, .svg or .pdf)."""
    device: str | None = None
    """Device, cpu or cuda; a GPU if there is one unless given."""
    threads: int | None = None
    """CPU threads; all cores unless given."""
    agent_config: tyro.conf.OmitArgPrefixes[AgentConfig] = field(default_factory=AgentConfig)
    train_config: tyro.conf.OmitArgPrefixes[TrainConfig] = field(
        default_factory=lambda: TrainConfig(updates=600, unroll_length=20)
    )

    @property
    def folder(self) -> Path:
        return Path("runs") / (self.name or f"compare-{Path(self.task).stem}")

    def plan(self, shape: AgentConfig, seed: int) -> Plan:
        config = replace(self.train_config, seed=self.train_config.seed + seed)
        init_from = str(self.init_from.absolute() / run_name(shape.memory, seed)) if self.init_from else None
        task, about, world = absolute_name(self.task), self.task_options, self.world_options
        plan = Plan(task, config, about, world, asdict(shape), init_from=init_from)
        return Plan.of(json.loads(json.dumps(asdict(plan))))  # as a checkpoint tells it, to be compared with


def places_of(plan: Plan) -> tuple[dict[str, Any], dict[str, Any]]:
    """The options of task and world that name files and folders."""
    known = spec_of(plan.task).options
    return places_in(plan.task_options, known), places_in(plan.world_options, known)


def run_name(memory: str, seed: int) -> str:
    """The name of a run's folder within a comparison's."""
    return f"{memory}-{seed}"


def weights_of(options: Options, world: World[Any], shape: AgentConfig) -> int:
    """How many weights the agent of this shape has."""
    agent = options.plan(shape, 0).make(make_agent, world, "cpu")
    return sum(weights.numel() for weights in agent.parameters())


def sized(options: Options, world: World[Any], memory: str) -> tuple[AgentConfig, int]:
    """The shape with this memory that has nearly as many weights as the one with an LSTM, and how many it has."""
    wanted = weights_of(options, world, replace(options.agent_config, memory="lstm"))
    shape = partial(replace, options.agent_config, memory=memory)
    low, high = 1, 4 * options.agent_config.hidden
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if weights_of(options, world, shape(hidden=middle)) >= wanted else (middle + 1, high)
    around = [(weights_of(options, world, shape(hidden=size)), size) for size in (max(1, low - 1), low)]
    weights, size = min(around, key=lambda one: abs(one[0] - wanted))
    return shape(hidden=size), weights


def trained(options: Options, shape: AgentConfig, seed: int) -> dict[str, Any] | None:
    """What became of one training: its metrics and curve. None when it was stopped."""
    folder = options.folder / run_name(shape.memory, seed)
    plan, device = options.plan(shape, seed), options.device or best_device()
    begun = (folder / CHECKPOINT).exists()
    if begun and plan_of(folder).pointed(*places_of(plan)) != plan:
        raise SystemExit(f"{folder} holds a run with other settings; give another --name")
    done = begun and load_checkpoint(folder / CHECKPOINT).facts["update"] >= plan.config.updates
    if not done:
        print(f"training in {folder}: {plan.config.updates} updates", flush=True)
        before = time.process_time()
        if not launch(
            plan.config.num_processes, partial(begin_run, folder, plan, make_task, make_agent, device, begun)
        ):
            return None
        if not begun and plan.config.num_processes == 1:  # or it would be less than all of them
            (folder / SECONDS_FILE).write_text(json.dumps(time.process_time() - before) + "\n")
    run = replace(options, trust_code=True).open(folder, device)  # what it names was named here
    world = run.open(options.split or run.task.validation_split)
    metrics = [outcome.metrics() for outcome in evaluate(world, run.agent)]
    lines = read_metrics(folder / METRICS_FILE)
    # An eye that is led at first is not judged by how well it follows.
    curves = ("answer_loss",) if world.scores_answers else CURVES
    curve = next(name for name in curves if any(line.get(name) is not None for line in lines))
    seconds = folder / SECONDS_FILE
    return {
        "seed": plan.config.seed,
        "cpu_seconds": json.loads(seconds.read_text()) if seconds.exists() else None,
        "metrics": {name: mean(one[name] for one in metrics) for name in metrics[0]},
        "curve": {curve: [(line["update"], line[curve]) for line in lines if line.get(curve) is not None]},
    }


def compare(options: Options) -> dict[str, Any] | None:
    """Every memory with every seed; None when it was stopped."""
    task = make_task(options.task, options.task_options)
    if unheard_of := [memory for memory in options.memories if memory not in CELLS]:
        raise ValueError(f"no memory is called {unheard_of[0]!r}; there are {', '.join(CELLS)}")
    if options.agent_config.memory != AgentConfig().memory:
        raise ValueError(
            f"--memory is one agent's; name all that are to be compared: --memories {options.agent_config.memory}"
        )
    if options.seeds < 1:
        raise ValueError(f"seeds must be at least 1, not {options.seeds}")
    _check_beginnings(options)
    world = task.open(task.validation_split, **options.world_options)
    shapes = {memory: sized(options, world, memory) for memory in options.memories}
    found = {memory: {"hidden": of.hidden, "weights": weights, "runs": []} for memory, (of, weights) in shapes.items()}
    # Seed by seed, so that a comparison that is broken off has as much of every memory.
    for seed in range(options.seeds):
        for memory, (shape, _) in shapes.items():
            ended = trained(options, shape, seed)
            if ended is None:
                return None
            runs: Any = found[memory]["runs"]
            runs.append(ended)
    config = options.train_config
    names = ordered(name for row in found.values() for run in row["runs"] for name in run["metrics"])  # type: ignore[attr-defined]
    return {
        "task": task.name,
        "split": options.split or task.validation_split,
        "updates": config.updates,
        "steps": config.updates * config.num_envs * min(config.unroll_length, world.max_steps),
        "metrics": {name: metric_of(name, world.metrics).description(world.unit, world.step_name) for name in names},
        "rows": found,
    }


def _check_beginnings(options: Options) -> None:
    """Raise ValueError where a run lacks another to begin with: before hours of training, not in the midst of them."""
    if options.init_from is None:
        return
    for memory in options.memories:
        for seed in range(options.seeds):
            beginning = options.init_from / run_name(memory, seed)
            if not (beginning / CHECKPOINT).exists():
                raise ValueError(f"there is no run in {beginning} to begin with")


def show(compared: Mapping[str, Any]) -> Table:
    """For a terminal: means over seeds, with their deviation; the CPU time of trainings that were never broken off."""
    rows = compared["rows"]
    metrics = {name: described_metric(name, described) for name, described in compared["metrics"].items()}
    title = f"{compared['task']}, {compared['split']}: {compared['updates']} updates, {compared['steps']:,} steps"
    table = columns(title, ("memory", "hidden", "weights", *(metric.head for metric in metrics.values()), "CPU s"))
    for memory, row in rows.items():
        cells = [_spread(metric, [run["metrics"][name] for run in row["runs"]]) for name, metric in metrics.items()]
        seconds = [run["cpu_seconds"] for run in row["runs"] if run["cpu_seconds"] is not None]
        took = f"{median(seconds):.0f}" if seconds else "–"
        table.add_row(memory, str(row["hidden"]), _thousands(row["weights"]), *cells, took)
    return table


def _thousands(count: int) -> str:
    """Short, so that a terminal of 80 columns has room for what matters."""
    return f"{count / 1000:.0f}k" if count >= 10_000 else f"{count:,}"


def _spread(metric: Metric, values: Sequence[float]) -> str:
    apart = f" ± {metric.written(stdev(values))}" if len(values) > 1 else ""
    return f"{metric.written(mean(values))}{apart}"


def draw(compared: Mapping[str, Any], file: Path) -> None:
    """A line for every memory: the median over seeds of what was recorded while training; thin, each of them."""
    figure, axes = plot()
    for number, (memory, row) in enumerate(compared["rows"].items()):
        lines = []
        for run in row["runs"]:
            ((name, curve),) = run["curve"].items()
            pieces = np.array_split(np.array(curve, dtype=float), min(len(curve), PIECES))
            lines.append(np.array([piece.mean(axis=0) for piece in pieces]))
            axes.plot(*lines[-1].T, color=f"C{number}", linewidth=0.5, alpha=0.5)
        axes.plot(*np.median(lines, axis=0).T, color=f"C{number}", label=memory)
    axes.set_xlabel("updates")
    axes.set_ylabel(TITLES.get(name, name))
    if name in TITLES:
        axes.set_yscale("log")
    axes.legend(fontsize="small")
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=120)


def main(options: Options) -> dict[str, Any]:
    """Train what is left to train, show the table, write and draw."""
    use_threads(options.threads)
    compared = compare(options)
    if compared is None:
        sys.exit(stop_status())
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(compared) + "\n")
    if options.figure:
        draw(compared, options.figure)
    Console().print(show(compared))
    if options.figure:
        print(f"drawn: {options.figure}")
    return compared


def read(arguments: list[str]) -> Options:
    task = first_said(arguments, lambda argument: argument in TASKS or MARK in argument) or DEFAULT_TASK
    options = parse(Options, arguments, __doc__, Subject.task(task))
    if options.task != task:
        raise SystemExit(f"name the task before all flags: {called('compare')} {options.task} ...")
    return options


if __name__ == "__main__":
    with plainly():
        main(read(sys.argv[1:]))
