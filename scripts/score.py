"""Score trajectories of any program, in the form of R2R's evaluation server.

Only this split's annotations and its scans are read.

python scripts/score.py trajectories.json --data DIR --split val_unseen
"""

import thread_waiting  # noqa: F401  # before torch is loaded

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro
from errors import plainly

from vln.envs.graphs.task import atlas_for, source_of
from vln.envs.graphs.trajectories import read_trajectories, score
from vln.envs.graphs.world import Graphs
from vln.evaluation.tables import Result, tabulate
from vln.language import Vocabulary


@dataclass(frozen=True)
class Options:
    """What to score, and against what."""

    trajectories: Annotated[Path, tyro.conf.Positional]
    """File with a list of {"instr_id", "trajectory": [[viewpoint, heading, elevation], ...]}, one for each instruction,
    or in one of its other forms (steps of several viewpoints, an object a line, ...; plain or gzipped)."""
    data: Path
    """Folder that holds matterport/ and r2r/."""
    split: str = "val_unseen"
    """Split: val_seen, val_unseen, train, or file with --annotations."""
    annotations: str | None = None
    """Another annotations file in R2R's format."""
    skip_broken: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Whether to leave out broken records of annotations and print their number."""
    json: Path | None = None
    """File to write the table to, as JSON."""


def main(options: Options) -> dict[str, Any]:
    """Score, print the table, and write what was asked for."""
    source = source_of(options.data, options.annotations, options.skip_broken, validation_scans=0, mirror=False)
    episodes = source(options.split)
    atlas = atlas_for(source.data, episodes)
    world = Graphs(episodes, Vocabulary(()), atlas, view="none")  # nobody reads the instructions
    trajectories = read_trajectories(options.trajectories)
    try:
        outcomes = score(world, trajectories, source.left_out(options.split))
    except ValueError as error:
        raise SystemExit(f"{options.trajectories}: {error}") from None
    table = tabulate(world, {options.trajectories.stem: Result(outcomes)}, "r2r", options.split)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(table.json())
    table.show()
    return dict(table.facts)


if __name__ == "__main__":
    with plainly():
        main(tyro.cli(Options, args=sys.argv[1:], description=__doc__))
