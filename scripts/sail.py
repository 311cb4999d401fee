"""Train and evaluate agents in every maze of SAIL, and pool their results: the rows of the results.

python scripts/sail.py --data DIR
python scripts/sail.py --data DIR --heading random --seeds 3

All begin with what agents learned in invented mazes. Each fold trains on two maps and is tested on the third; a
figure pools the three, so that every sentence counts once.
"""

import thread_waiting  # noqa: F401  # before torch is loaded

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import train
import tyro
from errors import plainly
from recipes import RECIPES
from recipes import Options as Training
from rich.console import Console
from rich.table import Table
from run_options import Where

from vln.agents.ensemble import Ensemble
from vln.agents.scripted import scripted_for
from vln.envs.sail.chained import PARAGRAPH, lived_relays, pooled
from vln.envs.sail.task import relays_of
from vln.evaluation.evaluate import evaluate
from vln.evaluation.intervals import interval
from vln.evaluation.tables import Entry
from vln.learning.devices import use_threads
from vln.learning.interruptions import stop_status
from vln.learning.rollouts import greedy, sample
from vln.learning.training import CHECKPOINT
from vln.outcomes import Outcome
from vln.runs.run import Run
from vln.world import World

FOLDS = ("grid", "jelly", "l")
KINDS = ("sentence", "paragraph")


@dataclass(frozen=True)
class Options:
    """What to train, and how often."""

    data: Path
    """Folder that holds sail/."""
    heading: str = "mei"
    """Start heading where it is unknown: mei (which gives the first turn away) or random."""
    seeds: int = 3
    """Number of agents to train in every fold."""
    ensemble: int = 10
    """Largest number of agents of the ensemble."""
    beam: int = 10
    """Width of the ensemble's beam search."""
    name: str = "sail"
    """Name of the folder in runs/ for the runs."""
    baselines: int = 1
    """Number of seeds for which baselines are trained too."""
    pretrainings: int = 1
    """Number of agents trained in synthetic mazes first; the agents of the folds begin with their weights, in turn."""
    pretraining_baselines: float = 1.0
    """Updates of the baselines in synthetic mazes, as a share of the agent's."""
    json: Path | None = None
    """File to write the figures to, as JSON."""


Row = tuple[list[Outcome], list[Outcome]]  # of the sentences and of the paragraphs of one fold


def folder_of(options: Options, fold: str, seed: int) -> Path:
    return Path("runs") / options.name / options.heading / f"{fold}-{seed}"


def train_all(options: Options) -> None:
    """Train what is not there yet. What was broken off goes on."""
    mazes, sail = RECIPES["mazes"], RECIPES["sail"]
    for seed in range(min(options.pretrainings, options.seeds)):
        about, config = {**mazes.task_options, "heading": options.heading}, replace(mazes.train_config, seed=seed)
        baselines = options.pretraining_baselines if seed < options.baselines else 0.0
        train_in(
            folder_of(options, "mazes", seed),
            replace(mazes, task_options=about, train_config=config, baselines=baselines),
        )
    for seed in range(options.seeds):
        init_from = folder_of(options, "mazes", seed % options.pretrainings)
        baselines = 1.0 if seed < options.baselines else 0.0
        for fold in FOLDS:
            about = {"data": str(options.data.absolute()), "fold": fold, "heading": options.heading}
            about = {**sail.task_options, **about}
            config = replace(sail.train_config, seed=seed)
            one = replace(sail, task_options=about, train_config=config, baselines=baselines, init_from=init_from)
            train_in(folder_of(options, fold, seed), one)


def train_in(folder: Path, recipe: Training) -> None:
    name, resume = str(folder.relative_to("runs")), folder if (folder / CHECKPOINT).exists() else None
    if not train.main(replace(recipe, name=name, resume=resume)):
        raise SystemExit(stop_status())


def open_all(options: Options, folders: Iterable[Path]) -> list[Run]:
    """The runs in these folders, with the corpus where it is now."""
    where = Where(data=str(options.data))
    return [where.open(folder) for folder in folders]


def judge_fold(options: Options, fold: str) -> dict[str, list[Row]]:
    """For every kind of row one entry a seed."""
    runs = open_all(options, (folder_of(options, fold, seed) for seed in range(options.seeds)))
    pretrainings = min(options.pretrainings, options.seeds)
    task = runs[0].task
    world, relays = runs[0].open("val_unseen"), relays_of(task)

    def lived(one: Entry, where: World[Any] = world) -> Row:
        label = where.expert if one.oracle else None
        sentences = evaluate(where, one.agent, act=one.act, label=label, beam=one.beam)
        return sentences, lived_relays(where, one, relays)

    rows = {name: [lived(one)] for name, one in scripted_for(world).items()}
    for baseline in task.baselines:
        seeds = range(min(options.baselines, options.seeds))
        baselines = open_all(options, (folder_of(options, fold, seed) / baseline for seed in seeds))
        opened = [run.open_in(task, "val_unseen", **run.plan.world_options) for run in baselines]
        rows[baseline] = [
            max((lived(Entry(run.agent, act), its) for act in (greedy, sample)), key=successes_of)
            for run, its in zip(baselines, opened, strict=True)
        ]
    # What agents that have learned in invented mazes only make of people's words, of which some are unknown to them.
    pretrained = open_all(options, (folder_of(options, "mazes", seed) for seed in range(pretrainings)))
    strange = [run.open_in(task, "val_unseen", **run.plan.world_options) for run in pretrained]
    rows["synthetic only"] = [lived(Entry(run.agent), its) for run, its in zip(pretrained, strange, strict=True)]
    rows["agent"] = [lived(Entry(run.agent)) for run in runs]
    rows["agent, beam"] = [lived(Entry(runs[0].agent, beam=options.beam))]
    together = Ensemble([run.agent for run in runs[: options.ensemble]]).eval()
    rows["ensemble"] = [lived(Entry(together))]
    rows["ensemble, beam"] = [lived(Entry(together, beam=options.beam))]
    return rows


def successes_of(row: Row) -> int:
    """Of sentences: by these a baseline's way to act is chosen, likeliest moves or drawn ones."""
    return sum(outcome.success for outcome in row[0])


def figures(found: dict[str, dict[str, list[Row]]]) -> dict[str, Any]:
    """Of every row: the mean over the seeds of the pooled accuracies, each seed's, the interval of the first, folds."""
    rows = {}
    for name, entries in next(iter(found.values())).items():
        rows[name] = {
            kind: {
                "mean": fmean(each := [fmean(successes(found, name, seed, place)) for seed in range(len(entries))]),
                "seeds": each,
                "interval of the first": list(interval(successes(found, name, 0, place))[1:]),
                "folds": {
                    fold: fmean(fmean(one.success for one in entry[place]) for entry in of[name])
                    for fold, of in found.items()
                },
            }
            for place, kind in enumerate(KINDS)
        }
    return rows


def successes(found: dict[str, dict[str, list[Row]]], name: str, seed: int, place: int) -> list[bool]:
    return [one.success for one in pooled({fold: of[name][seed][place] for fold, of in found.items()})]


def show(rows: dict[str, Any], titles: Sequence[str]) -> Table:
    table = Table(*titles)
    for name, row in rows.items():
        folds = ("/".join(PARAGRAPH.written(row[kind]["folds"][fold]) for kind in KINDS) for fold in FOLDS)
        table.add_row(name, *(PARAGRAPH.written(row[kind]["mean"]) for kind in KINDS), *folds)
    return table


def main(options: Options) -> dict[str, Any]:
    """Train, judge, show and write."""
    if min(options.seeds, options.pretrainings, options.ensemble) < 1:
        raise SystemExit("it takes at least one seed, one beginning and one member of the ensemble")
    use_threads(None)
    train_all(options)
    rows = figures({fold: judge_fold(options, fold) for fold in FOLDS})
    told = {
        "protocol": "vDev",
        "heading": options.heading,
        "walls": "fail",
        "seeds": options.seeds,
        "pretrainings": min(options.pretrainings, options.seeds),
        "beam": options.beam,
    }
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(told | {"rows": rows}, indent=1) + "\n")
    Console().print(show(rows, (f"SAIL vDev, {options.heading}, {PARAGRAPH.unit}", *KINDS, *FOLDS)))
    return rows


if __name__ == "__main__":
    with plainly():
        main(tyro.cli(Options, description=__doc__))
