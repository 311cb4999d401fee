"""Ask a trained agent to follow an instruction in a house of your own, and see its actions.

python scripts/ask.py runs/demo "go to the blue table" --house house.txt --start 1,1,east --video out.mp4

The house is a floor plan: `#` is a wall, `.` floor, `+` a door, and a letter what a line below the rows says:

#########
#...#...#
#.r.+..b#
#########
r = red chair
b = blue table

Without --house, the instruction is followed in the place of an episode of the run's own task (--split, --episode).
"""

import thread_waiting  # noqa: F401  # before torch is loaded

import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro
from command_line import parse_beside
from errors import plainly
from PIL import Image
from run_options import RunArguments

from vln.envs.rooms import House
from vln.learning.devices import use_threads
from vln.learning.rollouts import greedy, sample
from vln.pages.video import FPS, reel, write_video
from vln.runs.run import Run
from vln.runs.traces import TraceStep


@dataclass(frozen=True)
class Options(RunArguments):
    """Which agent, what it is told, where it stands, and what to keep of it."""

    run: Annotated[Path, tyro.conf.Positional] = tyro.MISSING
    """Folder of a run."""
    instruction: Annotated[str, tyro.conf.Positional] = tyro.MISSING
    """Instruction, in the words of the training; unknown words are named."""
    house: Path | None = None
    """File of a floor plan; in rooms only."""
    start: str | None = None
    """Start of the agent, as row,column,heading (1,1,east, counted from 0), or in R2R viewpoint,degrees. Needed with
    --house; else the start of the episode unless given."""
    split: str | None = None
    """Split of the episode whose place is used without --house; the task's test split unless given."""
    episode: int | None = None
    """Number of that episode, from 0; 0 unless given."""
    draw: bool = False
    """Whether to sample actions from the policy instead of acting greedily."""
    seed: int = 0
    """Random seed of sampled actions."""
    video: Path | None = None
    """File of a video to write, ending in .mp4 or .gif."""
    picture: Path | None = None
    """File of a picture to write: the whole path, after the last action."""
    fps: float = FPS
    """Actions a second of the video."""
    threads: int | None = None
    """CPU threads; all cores unless given."""


def main(options: Options) -> list[TraceStep]:
    """Let the agent live the episode, print every step, and write what was asked for."""
    use_threads(options.threads)
    run = options.open(options.run)
    place, start = _where(options, run)
    act = sample if options.draw else greedy
    with warnings.catch_warnings(record=True) as unknown:
        warnings.simplefilter("always", UserWarning)
        trace = run.ask(options.instruction, place, start, act, options.seed)
    for warning in unknown:
        print(warning.message, file=sys.stderr)
    steps = []
    for step in trace:
        steps.append(step)
        print(_line(len(steps), step))
    print("stopped" if steps[-1].stopped else f"cut off after {len(steps)} steps", "at", _told(steps[-1].next_pose))
    if options.video:
        pictures = [*(step.picture for step in steps), steps[-1].next_picture]
        write_video(options.video, reel([pictures]), options.fps)
        print(f"written: {options.video}")
    if options.picture:
        options.picture.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(steps[-1].next_picture).save(options.picture)
        print(f"written: {options.picture}")
    return steps


def _where(options: Options, run: Run) -> tuple[Any, tuple[Any, ...]]:
    """The place, and where in it the agent begins."""
    start = None if options.start is None else _start(options.start)
    if options.house is not None:
        if options.split is not None or options.episode is not None:
            raise SystemExit("a place is a house or that of an episode: give --house, or --split and --episode")
        if start is None:
            raise SystemExit("say where in the house the agent begins: --start row,column,heading, as in 1,1,east")
        return House.of_text(options.house.read_text(encoding="utf-8")), start
    episodes = run.task.episodes(options.split or run.task.test_split)
    number = options.episode or 0
    if not 0 <= number < len(episodes):
        raise SystemExit(f"the split has the episodes 0 to {len(episodes) - 1}, not {number}")
    own = run.task.open_over([episodes[number]], **run.plan.world_options)
    return episodes[number].place, start or own.pose(own.begin(np.zeros(1, dtype=np.int64)), 0)


def _start(text: str) -> tuple[Any, ...]:
    return tuple(int(part) if part.lstrip("-").isdigit() else part for part in map(str.strip, text.split(",")))


def _line(number: int, step: TraceStep) -> str:
    """A step for people: where, what and how surely; and the words attended to most, the strongest first."""
    chance = f" ({step.probabilities[step.action]:.0%})" if step.action in step.probabilities else ""
    strongest = sorted(step.attention, key=lambda pair: -pair[1])[:3]
    heard = "".join(f"  {word} {share:.0%}" for word, share in strongest)
    return f"{number:3}  {_told(step.pose):14} {step.action + chance:18}{heard}".rstrip()


def _told(pose: tuple[Any, ...]) -> str:
    return ", ".join(map(str, pose))


def read(arguments: list[str]) -> Options:
    return parse_beside(Options, arguments, __doc__)


if __name__ == "__main__":
    with plainly():
        main(read(sys.argv[1:]))
