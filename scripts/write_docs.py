"""Write what stands between the marks of README.md and docs/: tables, numbers and curves of the code and docs/results.

python scripts/write_docs.py
python scripts/write_docs.py --check
"""

import thread_waiting  # noqa: F401  # before torch is loaded

import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import tyro
from docs_commands import command_rows, option_rows
from docs_curves import TITLES, curve_svg
from docs_numbers import RESULTS, filled, metric_shown, number
from errors import plainly
from gymnasium import Space
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary

import vln  # noqa: F401  # registers the environments
from vln.agents.scripted import scripted_for
from vln.envs.graphs.graph import Graph
from vln.envs.graphs.graph_batch import GraphBatch
from vln.envs.graphs.path_descriptions import PathDescriptions
from vln.envs.graphs.world import Graphs
from vln.envs.registry import make_task, spec_of
from vln.envs.sail.task import SPLITS
from vln.episode import Episode
from vln.evaluation.evaluate import evaluate
from vln.language import Vocabulary
from vln.metrics import metric_of, ordered
from vln.options import Option
from vln.tasks import GeneratedEpisodes, Task
from vln.world import World

ROOT = Path(__file__).resolve().parent.parent
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
MARK = re.compile(r"<!-- (\w+):(.*?)-->.*?<!-- end -->", re.S)
INLINE = ("result",)  # kinds of marks that stand within a sentence
NEEDS_DATA = {"r2r": {"data": "DIR"}, "r2r-speaker": {"data": "DIR"}}
LIKE = {"sail": "mazes", "circlesquare-apgym": "circlesquare"}  # tasks whose worlds show the same as one without data

# What an agent is shown, by name.
OBSERVATIONS = {
    "instruction": "token ids of the instruction's words, padded with 0 (1 is an unknown word)",
    "view": "what the agent sees",
    "previous": "the last action; the number of actions at first",
    "possible": "which actions are possible",
    "pose": "heading and elevation, and what the last action changed",
    "where": "where the eye looks: column and row, from -1 to 1",
    "path": "the path to describe: where each of its steps leads",
    "input": "the symbol, or the numbers, of this step",
}


@dataclass(frozen=True)
class Options:
    """Whether to write or to compare."""

    check: bool = False
    """Whether to compare only, and print which pages are stale."""


def main(options: Options) -> list[Path]:
    """Write the pages and curves, or compare them. Returns those that were not what they are now."""
    files = {page: written(page.read_text()).encode() for page in PAGES}
    files |= {
        RESULTS / f"{name}.svg": curve_svg(RESULTS / f"{name}.csv", *columns) for name, columns in curves().items()
    }
    stale = [file for file, content in files.items() if not file.exists() or file.read_bytes() != content]
    for file in stale:
        print(f"{file.relative_to(ROOT)}: {'not what the code says' if options.check else 'written'}")
        if not options.check:
            file.write_bytes(files[file])
    if options.check and stale:
        raise SystemExit("python scripts/write_docs.py writes them")
    return stale


def written(page: str) -> str:
    """The page with all that its marks ask for, as the code and the results say it now."""

    def write(mark: re.Match[str]) -> str:
        kind, text = mark[1], mark[2]
        if kind not in WRITERS:
            raise ValueError(f"nothing is written for the mark {mark[0][:60]!r}; there are {', '.join(WRITERS)}")
        body = numbers(text) if kind == "numbers" else WRITERS[kind](*filter(None, map(str.strip, text.split("|"))))
        body = body if kind in INLINE else f"\n\n{body}\n\n"
        return f"<!-- {kind}:{text}-->{body}<!-- end -->"

    return MARK.sub(write, page)


def ids(*names: str) -> str:
    """The Gymnasium id of each task, its name on the command line and its splits."""
    known = {spec.kwargs["task"]: id for id, spec in gymnasium.registry.items() if id.startswith("vln/")}
    rows = []
    for name in names:
        # A fold of SAIL is only made with its data, and only its splits are wanted.
        named, judged = (SPLITS, Task.test_split) if name == "sail" else _splits(make_task(name, NEEDS_DATA.get(name)))
        splits = ", ".join(f"`{split}`" for split in named)
        rows.append((f"`{known[name]}`" if name in known else "", f"`{name}`", splits, f"`{judged}`"))
    return table(("id", "task", "splits", "test split"), rows)


def options(name: str) -> str:
    """The options of a task and of its world."""
    spec = spec_of(name)
    rows = [
        (f"`{one.name}`", what, _default(one), _values(one), one.help)
        for what, those in (("task", spec.task_options), ("world", spec.world_options))
        for one in those.values()
    ]
    return table(("option", "of the", "default", "values", "meaning"), rows) if rows else "It has no options."


def observations(name: str) -> str:
    """What an agent is shown, with the shape; axes that depend on the data are called K."""
    first, *others = samples(LIKE.get(name, name))
    rows = []
    for key, space in first.spaces.items():
        shapes = [_shape(world.spaces[key]) for world in (first, *others)]
        axes = ("K" if len(set(sizes)) > 1 else str(sizes[0]) for sizes in zip(*shapes, strict=True))
        kind = _kind(space)
        if any(_kind(world.spaces[key]) != kind for world in others):
            kind = "Discrete(K)"
        rows.append((f"`{key}`", f"{kind} [{', '.join(axes)}]".replace(" []", ""), OBSERVATIONS[key]))
    return table(("observation", "space", "meaning"), rows)


def actions(name: str) -> str:
    """What an agent does, in a sentence."""
    first, *others = samples(LIKE.get(name, name))
    names = [f"`{move}`" for move in first.action_names]
    space = first.action_space
    if first.display == "sentence":
        return f"An action is a word of the vocabulary, or {names[-1]}."
    if isinstance(space, Discrete):
        if any(len(world.action_names) != len(first.action_names) for world in others):
            return f"An action is one of K choices, {names[0]} and so on, and {names[-1]}."
        listed = ", ".join(f"{number} {move}" for number, move in enumerate(names))
        text = f"An action is one of {len(names)} choices: {listed}" if len(names) <= 16 else _many(names)
    else:
        text = f"An action is {_kind(space)} {list(_shape(space))}: {', '.join(names)}"
    beside = f"; beside it stands an answer, the logits of {first.num_answers} classes" if first.scores_answers else ""
    return f"{text}{beside}."


def metrics(name: str) -> str:
    """The metrics of a task's episodes, in the order of a table's columns."""
    world = samples(LIKE.get(name, name))[0]
    entry = next(iter(scripted_for(world).values()))
    (outcome,) = evaluate(world, entry.agent, range(1), entry.act, world.expert if entry.oracle else None)
    rows = []
    for one in ordered(outcome.metrics()):
        metric = metric_of(one, world.metrics)
        unit = world.unit if metric.unit is None else metric.unit
        headline = " (headline)" if one == world.headline else ""
        rows.append((f"`{one}`{headline}", metric.title, unit, metric.better, metric.meaning))
    return table(("metric", "column", "unit", "better", "meaning"), rows)


def baselines(name: str) -> str:
    """The rows of a task's table beside the agent."""
    scripted = ", ".join(f"`{row}`" for row in scripted_for(samples(LIKE.get(name, name))[0]))
    trained = ", ".join(
        f"`{row}`" for row in make_task("mazes" if name == "sail" else name, NEEDS_DATA.get(name)).baselines
    )
    return f"Without training: {scripted}. Trained like the agent: {trained or 'none'}."


def result(file: str, row: str, metric: str) -> str:
    """One number of docs/results, without its unit."""
    return number(file.removesuffix(".json"), row, metric)


def results(file: str, *columns: str) -> str:
    """A table of docs/results: these metrics of all its rows. Raises ValueError for one that no row has."""
    rows = json.loads((RESULTS / file).read_text())["rows"]
    known = {name for values in rows.values() for name in values}
    if unknown := [one for one in columns if one not in known]:
        raise ValueError(f"no row of {file} has {unknown[0]!r}; there are {', '.join(sorted(known))}")
    heads = [metric_shown(one).head for one in columns]
    return table(
        ("", *heads),
        [(row, *(result(file, row, one) if one in values else "" for one in columns)) for row, values in rows.items()],
    )


def numbers(template: str) -> str:
    """A table, or any text, with numbers of docs/results in it (see docs_numbers)."""
    return filled(template.strip())


def curve(name: str, *columns: str) -> str:
    """The curve of a training: columns of docs/results/NAME.csv, which main() draws as NAME.svg beside it."""
    titles = " and ".join(TITLES[column] for column in columns)
    return f"![{titles}, over the updates](../results/{name}.svg)"


def curves() -> dict[str, list[str]]:
    """The columns of every curve that a page shows, by its name."""
    shown = (mark[2].split("|") for page in PAGES for mark in MARK.finditer(page.read_text()) if mark[1] == "curve")
    return {name.strip(): [column.strip() for column in columns] for name, *columns in shown}


def commands() -> str:
    """The commands, each with what it does."""
    return table(("command", "what it does"), command_rows())


def config(which: str) -> str:
    """The options of a training ("train") or of an agent ("agent")."""
    return table(("option", "default", "meaning"), option_rows(which))


WRITERS: dict[str, Callable[..., str]] = {
    function.__name__: function
    for function in (
        ids,
        options,
        observations,
        actions,
        metrics,
        baselines,
        result,
        results,
        numbers,
        curve,
        commands,
        config,
    )
}


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown."""
    lines = [tuple(heads), *(tuple(one.replace("|", "\\|").replace("\n", " ") for one in row) for row in rows)]
    first, *rest = ("| " + " | ".join(line) + " |" for line in lines)
    return "\n".join([first, "|" + "---|" * len(lines[0]), *rest])


@cache
def samples(name: str) -> tuple[World[Any], ...]:
    """Worlds of a task over few episodes that need no data; of buildings two, which differ in what depends on data."""
    if name in ("r2r", "r2r-speaker"):
        return tuple(_building(name, ends) for ends in (2, 3))
    task = make_task(name, {"houses": 3} if name == "mazes" else None)
    if isinstance(task.source, GeneratedEpisodes):
        one = replace(task.source, sizes={"train": (1, 1)})
        return (task.open_over(one("train")),)
    return (task.open(task.test_split),)


def _building(name: str, ends: int) -> World[Any]:
    """A star of viewpoints: one in the middle, and so many around it."""
    turns = np.linspace(0, 2 * np.pi, ends, endpoint=False)
    around = [(4 * float(np.sin(turn)), 4 * float(np.cos(turn)), 1.5) for turn in turns]
    edges = np.array([(0, end + 1) for end in range(ends)], dtype=np.int32)
    names = tuple("abcdefgh"[: ends + 1])
    graph = Graph.of("star", names, np.array([(0.0, 0.0, 1.5), *around]), edges)
    middle = Graphs.episode_of("go to the end" + " again" * (ends - 2), graph, ("a", 0))
    path = np.arange(2, dtype=np.int32)[:, None]
    episode = Episode(middle.instruction, graph, middle.start, (1,), graph.scan, "star", path)
    world: Any = Graphs if name == "r2r" else PathDescriptions
    return world([episode], Vocabulary.of([episode.instruction]), GraphBatch.of([graph]))


def _splits(task: Task) -> tuple[tuple[str, ...], str]:
    return task.splits, task.test_split


def _many(names: list[str]) -> str:
    return f"An action is one of K choices: {', '.join(names[:3])} and so on"


def _shape(space: Space[Any]) -> tuple[int, ...]:
    return space.shape or ()


def _kind(space: Space[Any]) -> str:
    if isinstance(space, Discrete):
        return f"Discrete({space.n})"
    if isinstance(space, MultiBinary):
        return "MultiBinary"
    if isinstance(space, Dict):
        return "Dict"
    assert isinstance(space, Box)
    return f"{space.dtype}"


def _default(option: Option) -> str:
    if option.default is None:
        return ""
    if isinstance(option.default, tuple):
        return f"`{' '.join(map(str, option.default))}`"
    return f"`{option.default}`"


def _values(option: Option) -> str:
    kinds: Mapping[type[Any], str] = {bool: "yes or no", int: "integer", float: "number", str: "text", Path: "path"}
    return ", ".join([*(f"`{name}`" for name in option.names), *(kinds[kind] for kind in option.kinds)])


def read(arguments: list[str]) -> Options:
    return tyro.cli(Options, args=arguments, description=__doc__)


if __name__ == "__main__":
    with plainly():
        main(read(sys.argv[1:]))
