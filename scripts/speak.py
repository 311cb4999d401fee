"""Have a trained speaker say what somebody is to do on paths that nobody has written about, to train a navigator on.

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
    """The folder of a run of task r2r-speaker."""
    out: Path = tyro.MISSING
    """The file to write, of the format of R2R's own."""
    paths: int = 10000
    """How many paths, of the lengths and in the buildings of those that people wrote about for training."""
    temperature: float = 0.5
    """How freely words are drawn: 1 as probable as the speaker finds them, 0 always the likeliest."""
    seed: int = 0
    """Of the paths and the words."""
    device: str | None = None
    """cpu or cuda; a GPU when there is one unless given."""
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
