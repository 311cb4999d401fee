"""Judge a trained run, or an agent that needs no training, beside its floors and its ceiling.

python scripts/evaluate.py runs/demo --split val_unseen --json table.json --report report.html
python scripts/evaluate.py --agent random --task goto
"""

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import tyro
from complaints import plainly
from contenders import Place, contend
from rich.console import Console

from vln.agents.catalogue import make_agent
from vln.agents.ensemble import Ensemble
from vln.beam import Judge
from vln.envs.catalogue import make_task
from vln.envs.glimpse.gaze import gaze_maps
from vln.envs.glimpse.world import Glimpses
from vln.envs.graphs.speaking import judge_by_speaker
from vln.envs.graphs.task import RoomToRoom
from vln.envs.graphs.tellings import Tellings
from vln.envs.graphs.trajectories import walked, write_trajectories
from vln.envs.graphs.world import Graphs
from vln.envs.rooms import Rooms
from vln.envs.sail.judging import judge_paragraphs
from vln.envs.sail.task import Sail
from vln.episode import Episode
from vln.figures import FIGURES_FOLDER, kept_figures
from vln.judging import Contender, judge, make_table, show_table
from vln.logs import METRICS_FILE, read_metrics
from vln.metrics import Outcome, Walk, by_family, by_length
from vln.replays import replay
from vln.report import write_report
from vln.runs import open_run
from vln.world import World

CURVES = ("judged", "success", "loss", "imitation", "answering", "clip_rate", "steps_per_second")


@dataclass(frozen=True)
class Options(Place):
    """Whom to judge, where, and what to leave."""

    episodes: int | None = None
    """How many, from the first on; all unless given."""
    beam: int = 1
    """Above 1: the agent tries ways in the place before it goes, the likeliest so many of them at every step."""
    speaker: Path | None = None
    """Of R2R, with --beam: the folder of a speaker's run that has a say in which of the ways found is gone."""
    trust: float = 0.5
    """In the speaker, from 0 to below 1."""
    ensemble: tuple[Path, ...] = ()
    """The folders of runs of the same task that decide together with the first."""
    json: Path | None = None
    """Where to write the table as JSON."""
    report: Path | None = None
    """Where to write a page to look at; needs a run."""
    trajectories: Path | None = None
    """Of R2R: where to write what the evaluation server takes."""
    replays: int = 20
    """How many episodes the page shows, failures first."""


def write_page(
    options: Options, world: World[Any], table: dict[str, Any], shown: Contender, rows: list[Outcome]
) -> None:
    """The page: the table, the curves of the training, success by kind, and episodes to step through."""
    assert options.run is not None
    assert options.report is not None
    lines = read_metrics(options.run / METRICS_FILE)
    named = [name for name in CURVES if world.graded or name != "answering"]
    curves = {name: [(line["update"], line[name]) for line in lines if line.get(name) is not None] for name in named}
    failed = [number for number, outcome in enumerate(rows) if not outcome.success]
    reached = [number for number, outcome in enumerate(rows) if outcome.success]
    chosen = (failed[: options.replays * 3 // 4] + reached)[: options.replays]
    breakdowns = {"by kind" if world.graded else "by family": by_family(rows)}
    if walks := [row for row in rows if isinstance(row, Walk)]:
        breakdowns["by length of the shortest path"] = by_length(walks)
    title = f"{table['task']}: {options.run.name} on {table['split']}"
    galleries = {"Where it looks, by class": gaze_maps(world, rows)} if isinstance(world, Glimpses) else {}
    lived = replay(world, shown.agent, chosen, shown.act)
    figures = kept_figures(options.run / FIGURES_FOLDER)
    write_report(options.report, title, table, curves, breakdowns, lived, galleries, figures)


def _speaker(options: Options, world: World[Any]) -> Judge:
    """The say of a speaker in which way is gone."""
    assert options.speaker is not None
    run = open_run(options.speaker, make_task, make_agent)
    if not isinstance(world, Graphs) or not isinstance(run.task.source, RoomToRoom) or options.beam == 1:
        raise SystemExit("a speaker has a say in task r2r among several ways: give --beam, and the run of a speaker")

    def tell(episodes: list[Episode]) -> Tellings:
        telling = run.task.world(episodes, run.task.vocabulary, **run.plan.world_options)
        assert isinstance(telling, Tellings)
        return telling

    return judge_by_speaker(world, tell, run.agent, options.trust)


def main(options: Options) -> dict[str, Any]:
    """Judge, print the table, and write what was asked for."""
    if options.report and not options.run:
        raise SystemExit("a report is of a run: give its folder")
    if (options.ensemble or options.beam > 1) and not options.run:
        raise SystemExit("--ensemble and --beam are for runs: give the folder of one")
    if options.draw and options.beam > 1:
        raise SystemExit("moves are either drawn or planned: give --draw or --beam")
    task, world, contenders = contend(options)
    if options.run:
        others = [open_run(folder, make_task, make_agent).agent for folder in options.ensemble]
        agent = Ensemble([contenders["agent"].agent, *others]).eval() if others else contenders["agent"].agent
        judge_of_ways = _speaker(options, world) if options.speaker else None
        contenders["agent"] = replace(contenders["agent"], agent=agent, beam=options.beam, judge=judge_of_ways)
    if options.trajectories:
        if not isinstance(world, Graphs):
            raise SystemExit("only walks on navigation graphs are written as trajectories: those of task r2r")
        shown = contenders["agent" if options.run else str(options.agent)]
        label = world.expert if shown.told else None
        ways = walked(world, shown.agent, shown.act, label, options.seed)
        write_trajectories(options.trajectories, ways)
        if not all(episode.goals for episode in world.episodes):
            print(f"written: {options.trajectories}; the goals of this split are secret, so there is no table")
            return {}
    rows = judge(world, contenders, options.episodes, options.seed)
    split = options.split or task.judging
    table = make_table(task.name, split, options.seed, rows)
    if isinstance(task.source, Sail) and isinstance(world, Rooms) and split == "val_unseen":
        for row, found in judge_paragraphs(world, task.source.relays(), contenders, options.seed).items():
            table["rows"][row]["paragraph"] = found._asdict()
    Console().print(show_table(table))
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(table, indent=1, allow_nan=False) + "\n")
    if options.report:
        write_page(options, world, table, contenders["agent"], rows["agent"])
    return table


if __name__ == "__main__":
    with plainly():
        main(tyro.cli(Options, args=sys.argv[1:], description=__doc__))
