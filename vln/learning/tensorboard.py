"""TensorBoard events, without which a training goes on where they can't be written."""

import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


class TensorBoardEvents:
    """A file of events in a folder; those of earlier files that are of updates after `start` are shown no more.

    What goes wrong is told to `warn`, once and in a line; then no more is written. (Torch's SummaryWriter writes in a
    thread of its own, whose errors come late and with a traceback.)
    """

    def __init__(self, folder: Path, start: int, warn: Callable[[str], None]) -> None:
        self._folder, self._warn = folder, warn
        self._file: Any = None
        self._attempt(lambda: self._begin(start))

    def add(self, update: int, values: Mapping[str, float]) -> None:
        if self._file:
            self._attempt(lambda: self._write(step=update, summary=self._summary(values)))

    def close(self) -> None:
        if self._file:
            self._attempt(self._file.close)
        self._file = None

    def _begin(self, start: int) -> None:
        # Imported here because it takes a while that only a training should wait for.
        from tensorboard.compat.proto import event_pb2, summary_pb2
        from tensorboard.summary.writer.record_writer import RecordWriter

        self._kinds = event_pb2, summary_pb2
        self._folder.mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{time.time_ns()}.{socket.gethostname()}"  # in the order of time
        self._file = RecordWriter((self._folder / name).open("wb"))
        self._write(step=start + 1, file_version="brain.Event:2")
        self._write(step=start + 1, session_log=event_pb2.SessionLog(status=event_pb2.SessionLog.START))

    def _summary(self, values: Mapping[str, float]) -> Any:
        _, kinds = self._kinds
        return kinds.Summary(value=[kinds.Summary.Value(tag=name, simple_value=one) for name, one in values.items()])

    def _write(self, **content: Any) -> None:
        kinds, _ = self._kinds
        self._file.write(kinds.Event(wall_time=time.time(), **content).SerializeToString())
        self._file.flush()

    def _attempt(self, act: Callable[[], Any]) -> None:
        try:
            act()
        except Exception as error:  # what it is does not matter: curves are for whoever watches
            self._file = None
            self._warn(f"no more events for TensorBoard in {self._folder}: {error}")
