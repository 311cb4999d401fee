"""Judge a trained run, or an agent that needs no training, beside its floors and its ceiling.

python scripts/evaluate.py runs/demo --split val_unseen --json table.json --report report.html
python scripts/evaluate.py --agent random --task goto
"""

import waiting  # noqa: F401  # before torch is loaded

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from command_line import parse_beside
from complaints import plainly
from contenders import Place, Scene, chosen, contend
from rich.console import Console

from vln.agents.ensemble import Ensemble
from vln.beam import Judge
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
from vln.runs import Run, value_of
from vln.world import World

REPLAYS = 20  # episodes on a page
TRUST = 0.5  # in a speaker
CURVES = (
    "judged",
    "success",
    "nats",
    "loss",
    "imitation",
    "squared_error",
    "answering",
    "clip_rate",
    "steps_per_second",
)
SUCCESSES = ("judged", "success")  # curves of what says little where episodes have no verdict


@dataclass(frozen=True)
class Options(Place):
    """Whom to judge, where, and what to leave."""

    episodes: int | None = None
    """How many, from the first on; all unless given."""
    beam: int = 1
    """Above 1: the agent tries ways in the place before it goes, the likeliest so many of them at every step."""
    speaker: Path | None = None
    """Of R2R, with --beam: the folder of a speaker's run that has a say in which of the ways found is gone."""
    trust: float | None = None
    """In the speaker, from 0 to below 1; 0.5 unless given."""
    ensemble: tuple[Path, ...] = ()
    """The folders of runs of the same task that decide together with the first."""
    json: Path | None = None
    """Where to write the table as JSON."""
    report: Path | None = None
    """Where to write a page to look at; needs a run."""
    trajectories: Path | None = None
    """Of R2R: where to write what the evaluation server takes."""
    replays: int | None = None
    """How many episodes the page shows, failures first; 20 unless given."""

    def check(self) -> None:
        """Raise SystemExit where something is asked for that would change nothing."""
        planned, paired = self.beam > 1, bool(self.speaker)
        for wrong, why in (
            (self.beam < 1, f"--beam is how many ways are tried, at least 1, not {self.beam}"),
            (self.run and self.agent, "a run's table holds every agent: give its folder, or --agent and --task"),
            (self.report and not self.run, "a report is of a run: give its folder"),
            (
                self.replays is not None and not self.report,
                "--replays is how many episodes a page shows: give --report",
            ),
            (not self.run and (self.ensemble or planned), "--ensemble and --beam are for runs: give the folder of one"),
            (self.draw and planned, "moves are either drawn or planned: give --draw or --beam"),
            (paired and not planned, "a speaker has a say among several ways: give --beam"),
            (self.trust is not None and not paired, "--trust is in a speaker: give --speaker"),
            (
                self.trajectories and self.episodes is not None,
                "a file of trajectories is of a whole split: leave out --episodes",
            ),
        ):
            if wrong:
                raise SystemExit(why)


def write_page(
    options: Options, world: World[Any], table: dict[str, Any], shown: Contender, rows: Sequence[Outcome]
) -> None:
    """The page: the table, the curves of the training, success by kind, and episodes to step through."""
    assert options.run is not None
    assert options.report is not None
    lines = read_metrics(options.run / METRICS_FILE)
    left_out = (() if world.graded else ("answering",)) + (() if world.verdicts else SUCCESSES)
    named = [name for name in CURVES if name not in left_out]
    curves = {name: [(line["update"], line[name]) for line in lines if line.get(name) is not None] for name in named}
    most = REPLAYS if options.replays is None else options.replays
    numbers = worth_showing(rows, most) if world.verdicts else range(min(most, len(rows)))
    breakdowns = {"by kind" if world.graded else "by family": by_family(rows)}
    if walks := [row for row in rows if isinstance(row, Walk)]:
        breakdowns["by length of the shortest path"] = by_length(walks)
    breakdowns = {name: groups for name, groups in breakdowns.items() if len(groups) > 1 and world.verdicts}
    title = f"{table['task']}: {options.run.name} on {table['split']}"
    galleries = {"Where it looks, by class": gaze_maps(world, rows)} if isinstance(world, Glimpses) else {}
    value = value_of(options.run)
    lived = replay(world, shown.agent, numbers, shown.act, None, options.seed, shown.beam, shown.judge, value)
    figures = kept_figures(options.run / FIGURES_FOLDER)
    write_report(options.report, title, table, curves, breakdowns, lived, galleries, figures)


def worth_showing(rows: Sequence[Outcome], count: int) -> list[int]:
    """Which episodes a page shows: three failures to every success, or what there is of either."""
    failed = [number for number, outcome in enumerate(rows) if not outcome.success]
    reached = [number for number, outcome in enumerate(rows) if outcome.success]
    failures = failed[: max(count * 3 // 4, count - len(reached))]
    return failures + reached[: count - len(failures)]


def _speaker(options: Options, world: World[Any], speaker: Path) -> Judge:
    """The say of a speaker in which way is gone."""
    run = options.open_other(speaker)
    if not isinstance(world, Graphs) or not isinstance(run.task.source, RoomToRoom):
        raise SystemExit("a speaker has a say in task r2r: give the run of a speaker, and of who follows in r2r")

    def tell(episodes: list[Episode]) -> Tellings:
        telling = run.open_over(episodes)
        assert isinstance(telling, Tellings)
        return telling

    return judge_by_speaker(world, tell, run.agent, TRUST if options.trust is None else options.trust)


def _together(options: Options, scene: Scene) -> Contender:
    """The row of the agent: as it is, or with those that decide with it, and as wide as it is to search."""
    agent = scene.contenders["agent"].agent
    others = [_like_minded(options.open_other(folder), scene) for folder in options.ensemble]
    if others:
        agent = Ensemble([agent, *(run.agent for run in others)]).eval()
    judge_of_ways = _speaker(options, scene.world, options.speaker) if options.speaker else None
    return replace(scene.contenders["agent"], agent=agent, beam=options.beam, judge=judge_of_ways)


def _like_minded(run: Run, scene: Scene) -> Run:
    """A run whose agent can live in a world beside another. Raises ValueError where it can't."""
    run.fitting(scene.task, scene.world)
    if run.interface.words != scene.task.vocabulary.words:
        raise SystemExit(f"{run.folder} knows other words than the first of the ensemble: they can't decide together")
    return run


def _write_trajectories(options: Options, scene: Scene, file: Path) -> bool:
    """Write the ways of the agent. Returns whether they can be judged here."""
    if not isinstance(scene.world, Graphs):
        raise SystemExit("only walks on navigation graphs are written as trajectories: those of task r2r")
    shown = chosen(scene.contenders, options.agent or "agent", scene.task)
    label = scene.world.expert if shown.told else None
    ways = walked(scene.world, shown.agent, shown.act, label, options.seed, shown.beam, shown.judge)
    write_trajectories(file, ways)
    return all(episode.goals for episode in scene.world.episodes)


def main(options: Options) -> dict[str, Any]:
    """Judge, print the table, and write what was asked for."""
    options.check()
    scene = contend(options)
    world, contenders = scene.world, scene.contenders
    if options.run:
        contenders["agent"] = _together(options, scene)
    if options.trajectories and not _write_trajectories(options, scene, options.trajectories):
        print(f"written: {options.trajectories}; the goals of this split are secret, so there is no table")
        return {}
    judged, more = judge(world, contenders, options.episodes, options.seed), {}
    if isinstance(scene.task.source, Sail) and isinstance(world, Rooms) and scene.split == "val_unseen":
        as_judged = {row: one.contender for row, one in judged.items() if one.contender}
        more["paragraph"] = judge_paragraphs(world, scene.task.source.relays(), as_judged, options.seed)
    table = make_table(scene.title, scene.split, options.seed, judged, world, more)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(table, indent=1, allow_nan=False) + "\n")
    if options.report:
        write_page(options, world, table, contenders["agent"], judged["agent"].outcomes)
    Console().print(show_table(table))
    return table


def read(arguments: list[str]) -> Options:
    return parse_beside(Options, arguments, __doc__)


if __name__ == "__main__":
    with plainly():
        main(read(sys.argv[1:]))
