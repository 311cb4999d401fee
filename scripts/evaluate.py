"""Evaluate a trained run, or a scripted agent, beside the baselines and the oracle of its task.

python scripts/evaluate.py runs/demo --split val_unseen --json table.json --report report.html
python scripts/evaluate.py --agent random --task goto
"""

import thread_waiting  # noqa: F401  # before torch is loaded

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from command_line import parse_beside
from entries import Scene, TableArguments, chosen, open_scene
from errors import plainly

from vln.agent import Rescorer
from vln.agents.ensemble import Ensemble
from vln.evaluation.tables import Entry, table_of
from vln.pages.report import REPLAYS, write_page
from vln.runs.run import Run

TRUST = 0.5  # in a speaker


@dataclass(frozen=True)
class Options(TableArguments):
    """Whom to judge, where, and what to leave."""

    episodes: int | None = None
    """Number of episodes, from the first on; all unless given."""
    beam: int = 1
    """Width of a beam search in the world before the agent acts; 1 for none."""
    speaker: Path | None = None
    """Folder of a speaker's run that rescores the paths of the beam search (R2R, with --beam)."""
    trust: float | None = None
    """Weight of the speaker's score, from 0 to below 1; 0.5 unless given."""
    ensemble: tuple[Path, ...] = ()
    """Folders of runs of the same task whose policies are averaged with the first."""
    json: Path | None = None
    """File to write the table to, as JSON."""
    report: Path | None = None
    """HTML file to write a report to; needs a run."""
    trajectories: Path | None = None
    """File to write trajectories to, in the form of R2R's evaluation server."""
    replays: int | None = None
    """Number of episodes that the report shows, failures first; 20 unless given."""

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


def _rescorer(options: Options, scene: Scene, speaker: Path) -> Rescorer:
    """The say of a speaker in which way is gone."""
    if scene.task.rescorer is None:
        raise SystemExit(f"nobody speaks in task {scene.task.name}: --speaker is for tasks with a rescorer, like r2r")
    run, trust = options.open_other(speaker), TRUST if options.trust is None else options.trust
    return scene.task.rescorer(scene.world, run.open_over, run.agent, trust)


def _together(options: Options, scene: Scene) -> Entry:
    """The row of the agent: as it is, or with those that decide with it, and as wide as it is to search."""
    agent = scene.entries["agent"].agent
    others = [_like_minded(options.open_other(folder), scene) for folder in options.ensemble]
    if others:
        agent = Ensemble([agent, *(run.agent for run in others)]).eval()
    rescorer = _rescorer(options, scene, options.speaker) if options.speaker else None
    return replace(scene.entries["agent"], agent=agent, beam=options.beam, rescorer=rescorer)


def _like_minded(run: Run, scene: Scene) -> Run:
    """A run whose agent can live in a world beside another. Raises ValueError where it can't."""
    run.fitting(scene.task, scene.world)
    if run.interface.words != scene.task.vocabulary.words:
        raise SystemExit(f"{run.folder} knows other words than the first of the ensemble: they can't decide together")
    return run


def _write_paths(options: Options, scene: Scene, file: Path) -> bool:
    """Write the ways of the agent. Returns whether they can be judged here."""
    if scene.task.write_paths is None:
        raise SystemExit(
            f"the ways of task {scene.task.name} have no form for files: only walks on navigation graphs are written "
            "as trajectories, those of task r2r"
        )
    scene.task.write_paths(scene.world, chosen(scene.entries, options.agent or "agent", scene.task), file, options.seed)
    return all(episode.goals for episode in scene.world.episodes)


def main(options: Options) -> dict[str, Any]:
    """Evaluate, print the table, and write what was asked for."""
    options.check()
    scene = open_scene(options)
    if options.run:
        scene.entries["agent"] = _together(options, scene)
    if options.trajectories and not _write_paths(options, scene, options.trajectories):
        print(f"written: {options.trajectories}; the goals of this split are secret, so there is no table")
        return {}
    measured = scene.task.split_metrics
    table = table_of(scene.world, scene.entries, scene.title, scene.split, options.episodes, options.seed, measured)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(table.json())
    if options.report and scene.run:
        replays = REPLAYS if options.replays is None else options.replays
        title = f"{scene.title}: {scene.run.folder.name} on {scene.split}"
        write_page(options.report, table, scene.run.folder, replays, scene.run.value, title=title)
    table.show()
    return dict(table.facts)


def read(arguments: list[str]) -> Options:
    return parse_beside(Options, arguments, __doc__)


if __name__ == "__main__":
    with plainly():
        main(read(sys.argv[1:]))
