"""Describe paths with a trained speaker: more instructions to train a navigator on.

python scripts/train.py r2r-speaker --data DIR --name speaker --baselines 0
python scripts/speak.py runs/speaker --data DIR --paths 20000 --out spoken.json
python scripts/train.py r2r --data DIR --extra-annotations spoken.json
"""

import thread_waiting  # noqa: F401  # before torch is loaded

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from command_line import parse_beside
from errors import plainly
from run_options import RunArguments

from vln.envs.graphs.back_translation import sample_paths, speak, spoken_records
from vln.learning.devices import best_device, use_threads
from vln.pages.progress import counted


@dataclass(frozen=True)
class Options(RunArguments):
    """Who speaks, of how many paths, and how."""

    run: Annotated[Path, tyro.conf.Positional] = tyro.MISSING
    """Folder of a run of task r2r-speaker."""
    out: Path = tyro.MISSING
    """File of annotations to write, in R2R's format."""
    paths: int = 10000
    """Number of paths, with lengths and buildings like those of the training split."""
    temperature: float = 0.5
    """Temperature of sampling words: 1 samples from the policy, 0 is greedy."""
    seed: int = 0
    """Random seed for paths and words."""
    device: str | None = None
    """Device, cpu or cuda; a GPU if there is one unless given."""
    threads: int | None = None
    """CPU threads; all cores unless given."""


def main(options: Options) -> None:
    """Sample paths, say them, and write both."""
    use_threads(options.threads)
    run = options.open(options.run, options.device or best_device())
    if run.plan.task != "r2r-speaker":
        raise SystemExit(f"{options.run} is no speaker's: train task r2r-speaker")
    known = run.task.episodes("train")
    episodes = sample_paths(known, options.paths, options.seed)
    world = run.open_over(episodes)
    with counted("saying paths") as show:
        told = speak(world, run.agent, options.temperature, options.seed, show)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(spoken_records(episodes, told)) + "\n")
    print(f"written: {options.out}; for example: {told[0]}")


def read(arguments: list[str]) -> Options:
    return parse_beside(Options, arguments, __doc__)


if __name__ == "__main__":
    with plainly():
        main(read(sys.argv[1:]))
