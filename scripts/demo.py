"""Train the default agent from first-person pixels, evaluate it in new houses, and leave table, report and video.

    python scripts/demo.py

Leaves runs/demo/ with checkpoint, metrics.jsonl, TensorBoard events, table.json, report.html and episodes.mp4; goes on
where an earlier one was stopped.
"""

import thread_waiting  # noqa: F401  # before torch is loaded

import sys
import time
from pathlib import Path

import evaluate
import train
import watch
from errors import plainly
from recipes import RECIPES

from vln.learning.interruptions import stop_status
from vln.learning.training import CHECKPOINT

FOLDER = Path("runs/demo")
SPLIT = "val_unseen"


def main() -> int:
    began = time.perf_counter()
    recipe = RECIPES["demo"]
    options = train.Options(resume=FOLDER) if (FOLDER / CHECKPOINT).exists() else recipe
    if not train.main(options):
        return stop_status()
    judged = evaluate.Options(run=FOLDER, split=SPLIT, json=FOLDER / "table.json", report=FOLDER / "report.html")
    evaluate.main(judged)
    watch.main(watch.Options(run=FOLDER, split=SPLIT, video=FOLDER / "episodes.mp4"))
    minutes = (time.perf_counter() - began) / 60
    print(f"done in {minutes:.1f} minutes; open {FOLDER / 'report.html'} and {FOLDER / 'episodes.mp4'}")
    return 0


if __name__ == "__main__":
    with plainly():
        sys.exit(main())
