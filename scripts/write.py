"""Generate text with a trained agent, character by character.

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
from vln.evaluation.generation import generate_text
from vln.learning.devices import best_device, use_threads
from vln.runs.run import open_run


@dataclass(frozen=True)
class Options:
    """Who writes, after what, how much and how freely."""

    run: Annotated[Path, tyro.conf.Positional]
    """Folder of a run of task characters."""
    prompt: str | None = None
    """Beginning of the text, which the agent goes on from; the start of a line unless given."""
    length: int = 500
    """Number of characters to write."""
    temperature: float = 1.0
    """Temperature of sampling characters: 1 samples from the policy, 0 is greedy."""
    top_k: int | None = None
    """Number of most likely characters to sample from; all unless given."""
    seed: int = 0
    """Random seed of the sampling."""
    device: str | None = None
    """Device, cpu or cuda; a GPU if there is one unless given."""
    threads: int | None = None
    """CPU threads; all cores unless given."""


def main(options: Options) -> None:
    """Write the prompt and what comes after it."""
    use_threads(options.threads)
    run = open_run(options.run, make_task, make_agent, options.device or best_device())
    if run.alphabet is None:
        raise SystemExit(f"{options.run} is of task {run.plan.task}, which has no text to go on with: train characters")
    sampling = {"temperature": options.temperature, "top_k": options.top_k, "seed": options.seed}
    print(generate_text(run.agent, run.alphabet, options.prompt, options.length, **sampling))


if __name__ == "__main__":
    with plainly():
        main(tyro.cli(Options, args=sys.argv[1:], description=__doc__))
