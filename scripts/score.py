"""Score trajectories that any program has written, in the form that R2R's evaluation server takes.

python scripts/score.py trajectories.json --data DIR --split val_unseen
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro
from complaints import plainly
from rich.console import Console

from vln.envs.graphs.task import r2r
from vln.envs.graphs.trajectories import read_trajectories, score
from vln.envs.graphs.world import Graphs
from vln.judging import make_table, show_table


@dataclass(frozen=True)
class Options:
    """What to score, and against what."""

    trajectories: Annotated[Path, tyro.conf.Positional]
    """A list of {"instr_id", "trajectory": [[viewpoint, heading, elevation], ...]}, one for each instruction."""
    data: Path
    """The folder that holds matterport/ and r2r/."""
    split: str = "val_unseen"
    """val_seen, val_unseen, train, or file with --annotations."""
    annotations: str | None = None
    """Another file of R2R's format."""
    json: Path | None = None
    """Where to write the table as JSON."""


def main(options: Options) -> dict[str, Any]:
    """Score, print the table, and write what was asked for."""
    world = r2r(options.data, options.annotations, kept=0, mirrored=False).open(options.split, view="none")
    assert isinstance(world, Graphs)
    trajectories = read_trajectories(options.trajectories)
    try:
        outcomes = score(world, trajectories)
    except ValueError as error:
        raise SystemExit(f"{options.trajectories}: {error}") from None
    table = make_table("r2r", options.split, 0, {options.trajectories.stem: outcomes})
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(table, indent=1, allow_nan=False) + "\n")
    Console().print(show_table(table))
    return table


if __name__ == "__main__":
    with plainly():
        main(tyro.cli(Options, args=sys.argv[1:], description=__doc__))
