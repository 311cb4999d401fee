"""Watch episodes of a trained run, or of a scripted agent, as a video, in a window, or both.

python scripts/watch.py runs/demo --split val_unseen --episodes 8 --video out.mp4
python scripts/watch.py --agent expert --task route --window
"""

import thread_waiting  # noqa: F401  # before torch is loaded

import sys
from dataclasses import dataclass
from pathlib import Path

from command_line import parse_beside
from entries import TableArguments, chosen, open_scene
from errors import plainly

from vln.evaluation.replays import failures_first, replay
from vln.pages.films import film
from vln.pages.video import FPS, reel, write_video
from vln.pages.viewer import Viewer


@dataclass(frozen=True)
class Options(TableArguments):
    """Whom to watch, where and how."""

    episodes: int = 8
    """Number of episodes, from the first on; failures are shown first."""
    video: Path | None = None
    """Video file to write, ending in .mp4 or .gif."""
    window: bool = False
    """Whether to show the episodes in a window."""
    fps: float = FPS
    """Actions a second."""


def main(options: Options) -> None:
    """Live the episodes, say how each ended, and show them."""
    if not (options.video or options.window):
        raise SystemExit("say how to watch: --video out.mp4, --window, or both")
    scene = open_scene(options)
    shown_one = chosen(scene.entries, options.agent or "agent", scene.task)
    world = shown_one.world or scene.world
    episodes = range(min(options.episodes, len(world.episodes)))
    replays = failures_first(replay(world, shown_one.agent, episodes, shown_one.act, seed=options.seed))
    shown = [film(lived) for lived in replays]
    if options.video:
        write_video(options.video, reel(shown), options.fps)
    for lived in replays:
        print(f"{lived.name}: {', '.join((lived.verdict, *lived.way))}: {' '.join(lived.words) or lived.family}")
    if options.video:
        print(f"written: {options.video}")
    if options.window:
        window = Viewer("vln")
        for picture in reel(shown):
            window.show(picture, 1 / options.fps)
        window.close()


def read(arguments: list[str]) -> Options:
    return parse_beside(Options, arguments, __doc__)


if __name__ == "__main__":
    with plainly():
        main(read(sys.argv[1:]))
