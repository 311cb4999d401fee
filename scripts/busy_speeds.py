"""How fast recipes are trained on a busy machine: whole trainings, alone and beside processes that only spin."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from recipes import RECIPES
from speeds import Speed

SCRIPTS = Path(__file__).parent


@dataclass(frozen=True)
class Busy:
    """Steps per second of whole trainings, start-up included, alone and beside busy processes, one after another."""

    recipes: tuple[str, ...] = ("circlesquare", "shakespeare", "demo")
    """Recipes of train.py to measure."""
    updates: tuple[int, ...] = (150, 60, 30)
    """Number of updates of each recipe."""
    beside: int = 1
    """Number of other processes that spin meanwhile."""
    against: Path | None = None
    """Folder of another checkout, whose trainings alternate with this one's."""
    data: Path = Path("data")
    """Folder of data sets."""
    threads: int | None = None
    """CPU threads; chosen by the trainings unless given."""
    repeats: int = 5
    """Number of measurements of each."""
    json: Path | None = None
    """File to write the figures to, as JSON."""


def busy_speeds(options: Busy) -> dict[str, Speed]:
    if len(options.recipes) != len(options.updates):
        raise SystemExit(f"{len(options.recipes)} recipes and {len(options.updates)} numbers of updates: one for each")
    checkouts = {"": SCRIPTS} | ({", before": options.against.resolve() / "scripts"} if options.against else {})
    speeds: dict[str, Speed] = {}
    for recipe, updates in zip(options.recipes, options.updates, strict=True):
        rows: dict[str, list[float]] = {}
        steps = updates * RECIPES[recipe].train_config.num_envs * RECIPES[recipe].train_config.unroll_length
        for turn in range(options.repeats + 1):
            for beside in (0, options.beside):
                for version, scripts in checkouts.items():
                    name = f"{recipe}{version}, " + (f"beside {beside}" if beside else "alone")
                    seconds = train_for(scripts, recipe, updates, beside, options)
                    if turn:  # the first run of each compiles, and fills the caches
                        rows.setdefault(name, []).append(steps / seconds)
        speeds |= {name: Speed("steps", values) for name, values in rows.items()}
        for version in checkouts:
            alone, busy = (rows[f"{recipe}{version}, {how}"] for how in ("alone", f"beside {options.beside}"))
            speeds[f"{recipe}{version}, beside / alone"] = ratio(busy, alone)
        if options.against:
            for how in ("alone", f"beside {options.beside}"):
                speeds[f"{recipe}, {how} / before"] = ratio(rows[f"{recipe}, {how}"], rows[f"{recipe}, before, {how}"])
    return speeds


def ratio(some: list[float], others: list[float]) -> Speed:
    return Speed("share", [one / other for one, other in zip(some, others, strict=True)])


def train_for(scripts: Path, recipe: str, updates: int, beside: int, options: Busy) -> float:
    """The seconds that a training takes, with all that a process does before and after."""
    command = [sys.executable, str(scripts / "train.py"), "--recipe", recipe, "--updates", str(updates)]
    command += ["--baselines", "0"]
    task, about = RECIPES[recipe].task, RECIPES[recipe].task_options
    if task in ("sail", "r2r", "r2r-speaker") or {"shakespeare", "mnist"} & {about.get("text"), about.get("pictures")}:
        command += ["--data", str(options.data.resolve())]
    command += ["--threads", str(options.threads)] if options.threads else []
    paths = os.pathsep.join([str(scripts.parent), os.environ.get("PYTHONPATH", "")])
    unset = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}  # this script's own
    with tempfile.TemporaryDirectory() as folder, spinning(beside):
        begin = time.perf_counter()
        done = subprocess.run(command, cwd=folder, env=unset | {"PYTHONPATH": paths}, capture_output=True, text=True)
        seconds = time.perf_counter() - begin
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")
    return seconds


@contextmanager
def spinning(count: int) -> Iterator[None]:
    """So many processes that keep a core busy each."""
    spinners = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for spinner in spinners:
            spinner.kill()
            spinner.wait()
