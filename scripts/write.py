"""Have a trained agent write: character by character, each of which it is given next.

python scripts/train.py --recipe shakespeare --data DIR
python scripts/write.py runs/shakespeare --prompt "ROMEO:" --length 500 --temperature 0.8
"""

import thread_waiting  # noqa: F401  # before torch is loaded

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from errors import plainly

from vln.agents.registry import make_agent
from vln.envs.registry import make_task
from vln.evaluation.generation import write_text
from vln.learning.devices import best_device, use_threads
from vln.runs.run import open_run


@dataclass(frozen=True)
class Options:
    """Who writes, after what, how much and how freely."""

    run: Annotated[Path, tyro.conf.Positional]
    """The folder of a run of task characters."""
    prompt: str | None = None
    """What the text begins with; the agent goes on from there. Unless given, it begins after the end of a line."""
    length: int = 500
    """How many characters to write."""
    temperature: float = 1.0
    """How freely they are drawn: 1 as probable as the agent finds them, 0 always the likeliest."""
    top: int | None = None
    """Of how many, the likeliest, each is drawn; of all unless given."""
    seed: int = 0
    """Of the drawing."""
    device: str | None = None
    """cpu or cuda; a GPU when there is one unless given."""
    threads: int | None = None
    """CPU threads; all cores unless given."""


def main(options: Options) -> None:
    """Write the prompt and what comes after it."""
    use_threads(options.threads)
    run = open_run(options.run, make_task, make_agent, options.device or best_device())
    if run.alphabet is None:
        raise SystemExit(f"{options.run} is of task {run.plan.task}, which has no text to go on with: train characters")
    how = {"temperature": options.temperature, "top": options.top, "seed": options.seed}
    print(write_text(run.agent, run.alphabet, options.prompt, options.length, **how))


if __name__ == "__main__":
    with plainly():
        main(tyro.cli(Options, args=sys.argv[1:], description=__doc__))
