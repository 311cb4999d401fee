"""Logs of a training: lines of JSON, TensorBoard, and a display."""

import json
import math
import os
import sys
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Self, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from vln.learning.locks import FolderLock
from vln.learning.tensorboard import TensorBoardEvents
from vln.screens import screen

METRICS_FILE = "metrics.jsonl"
EVENTS_FOLDER = "tensorboard"
PLAIN_SECONDS = 10.0  # between two lines where there is no terminal to draw on

# What the displays show: title, name of the recorded value, format. The shares are parts of the time of an update.
COLUMNS = (
    ("success", "success", ".1%"),
    ("right", "right", ".1%"),
    ("val_success", "val_success", ".1%"),
    ("val_nll", "val_nll", ".3f"),
    ("val_bits", "val_bits", ".3f"),
    ("loss", "loss", ".4f"),
    ("steps/s", "steps_per_second", ",.0f"),
    ("world", "world_share", ".0%"),
    ("forward", "forward_share", ".0%"),
    ("backward", "backward_share", ".0%"),
    ("clipped", "clip_rate", ".0%"),
)


class NullLog:
    """Stands in for a Log in the processes of a team that do not lead."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def record(self, update: int, values: Mapping[str, float]) -> None:
        pass

    def show(self) -> None:
        pass

    def mend(self) -> None:
        pass

    def say(self, text: str) -> None:
        pass


class Log:
    """The record of one training, kept in its folder; a context, so that it is closed whatever happens.

    folder: where `metrics.jsonl` and the folder `tensorboard` go; made when it is not there.
    total_updates: how many updates the whole training has.
    start: how many are done already. What an earlier run recorded after that is dropped, so that a resumed run
        leaves the same file as one that was never stopped.
    live: draw on the terminal; where there is none, or on request, a plain line comes every ten seconds.
    lock: of the folder, where others may train.
    """

    def __init__(
        self, folder: Path, total_updates: int, start: int = 0, live: bool = True, lock: FolderLock | None = None
    ) -> None:
        self._folder, self._lock = folder, lock
        folder.mkdir(parents=True, exist_ok=True)
        _drop_after(start, folder / METRICS_FILE)
        self._file = (folder / METRICS_FILE).open("a+b", buffering=0)
        output = screen(sys.stdout)
        show_live = live and output.isatty()
        self._display = (
            LiveDisplay(total_updates, start, Console(file=output))
            if show_live
            else PlainDisplay(total_updates, start, output)
        )
        self._events = TensorBoardEvents(folder / EVENTS_FOLDER, start, self.say)
        self._start = self._update = start
        self._latest: dict[str, float] = {}
        self._unseen = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.show()
        self._display.close()
        self._events.close()
        self._file.close()

    def record(self, update: int, values: Mapping[str, float]) -> None:
        """Keep these values. `update` counts from 1 and never falls; the same one may be recorded several times.

        What belongs to an update must be recorded before its checkpoint is written: a resumed run starts after it.
        NaN and infinity, which JSON lacks, become null in the file. Raises OSError, with its name, where it can't be
        written.
        """
        if update <= self._start or update < self._update:
            raise ValueError(f"update {update} can't be recorded after update {self._update}")
        self._update = update
        numbers = {name: float(value) for name, value in values.items()}
        safe = {name: value if math.isfinite(value) else None for name, value in numbers.items()}
        self.mend()
        self._write((json.dumps({"update": update} | safe) + "\n").encode())
        self._events.add(update, numbers)
        self._latest |= numbers
        self._unseen = True

    def show(self) -> None:
        """Show the latest values to whoever watches. What must not be lost should be on the disk by then."""
        if self._unseen:
            self._unseen = False
            self._display.show(self._update, self._latest)

    def mend(self) -> None:
        """Where the folder was deleted or moved, make it anew, with all that was recorded.

        Raises BlockingIOError where another training has begun there.
        """
        path = self._folder / METRICS_FILE
        if path.exists() and (self._lock is None or self._lock.held()):
            return
        if self._lock:
            self._lock.renew()
        self._file.seek(0)
        recorded = self._file.readall()  # a deleted file is there for as long as it is open
        self._file.close()
        self._folder.mkdir(parents=True, exist_ok=True)
        self._file = path.open("w+b", buffering=0)
        self._write(recorded)
        self._events.close()
        self._events = TensorBoardEvents(self._folder / EVENTS_FOLDER, self._update, self.say)
        self.say(f"{self._folder} was deleted or moved: it was made anew, with what was recorded; the training goes on")

    def _write(self, content: bytes) -> None:
        rest = memoryview(content)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            path = self._folder / METRICS_FILE
            raise OSError(f"{path} can't be written: {error.strerror}; what was saved before is whole") from None

    def say(self, text: str) -> None:
        """Tell whoever watches; it is not kept."""
        self._display.say(text)


class LiveDisplay:
    """A progress bar with the time left above a table of the latest values, redrawn in place."""

    def __init__(self, total: int, start: int, console: Console) -> None:
        count = (TextColumn("update"), MofNCompleteColumn(), BarColumn())
        clock = (TimeElapsedColumn(), TextColumn("gone,"), TimeRemainingColumn(), TextColumn("left"))
        self._progress = Progress(*count, *clock, speed_estimate_period=120)
        self._task = self._progress.add_task("update", total=total, completed=start)
        self._live = Live(self._picture({}), console=console)
        self._live.start()

    def show(self, update: int, values: Mapping[str, float]) -> None:
        self._progress.update(self._task, completed=update)
        self._live.update(self._picture(values))

    def say(self, text: str) -> None:
        self._live.console.print(text, markup=False, highlight=False)

    def close(self) -> None:
        self._live.stop()

    def _picture(self, values: Mapping[str, float]) -> Group:
        table = Table(*(title for title, _, _ in COLUMNS))
        table.add_row(*(_written(values, name, style) for _, name, style in COLUMNS))
        return Group(self._progress, table)


class PlainDisplay:
    """One line now and then: for files, pipes and CI. The last values are always shown."""

    def __init__(self, total: int, start: int, output: TextIO) -> None:
        self._total, self._start, self._output = total, start, output
        self._begun = time.monotonic()
        self._shown = -math.inf
        self._waiting = ""

    def show(self, update: int, values: Mapping[str, float]) -> None:
        now = time.monotonic()
        left = (now - self._begun) * (self._total - update) / (update - self._start)
        told = [f"{title} {_written(values, name, style)}" for title, name, style in COLUMNS if name in values]
        self._waiting = "  ".join([f"update {update}/{self._total}", f"{timedelta(seconds=round(left))} left", *told])
        if now - self._shown >= PLAIN_SECONDS:
            self._shown = now
            self._tell()

    def say(self, text: str) -> None:
        print(text, file=self._output, flush=True)

    def close(self) -> None:
        self._tell()

    def _tell(self) -> None:
        if self._waiting:
            self.say(self._waiting)
        self._waiting = ""


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The recorded lines of a `metrics.jsonl`, in order: `update` (int) and the values, None where one was not finite.

    A last line without its end was cut off by a kill and is left out. Raises ValueError, with file and line, for
    any other line that is not a record.
    """
    return [_record(line, path, number) for number, line in enumerate(_whole_lines(path), start=1)]


def _whole_lines(path: Path) -> list[bytes]:
    return path.read_bytes().split(b"\n")[:-1]


def _record(line: bytes, path: Path, number: int) -> dict[str, Any]:
    try:
        values = json.loads(line)
    except ValueError as error:
        raise ValueError(f"{path}, line {number}: not JSON ({error}): {line[:60]!r}") from error
    if not isinstance(values, dict) or not isinstance(values.get("update"), int):
        raise ValueError(f"{path}, line {number}: a record names its update: {line[:60]!r}")
    return values


def _drop_after(update: int, path: Path) -> None:
    """Cut off what was recorded after this update; updates never fall, so that is the end of the file."""
    if path.exists():
        kept = sum(values["update"] <= update for values in read_metrics(path))
        os.truncate(path, sum(len(line) + 1 for line in _whole_lines(path)[:kept]))


def _written(values: Mapping[str, float], name: str, style: str) -> str:
    value = values.get(name, math.nan)
    return format(value, style) if math.isfinite(value) else "-"
