"""Output streams: what can be printed is printed, and what can't never stops a program."""

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from functools import partial
from io import TextIOBase
from typing import Any, TextIO, cast

GONE = (errno.EPIPE, errno.EIO)  # nobody reads any more: a pipe or a terminal was closed


class Screen(TextIOBase):
    r"""A text stream that passes everything on to another one and never fails.

    What the other one's encoding lacks is written like \u2013. What it can't take, since its reader is gone, it was
    closed or the disk is full, is lost; failure is then why. stream: None in a program that was started without one.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self.stream = stream
        self.failure: Exception | None = None

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return (self.stream and self.stream.encoding) or "utf-8"

    @property
    def gone(self) -> bool:
        """Whether nobody can see it any more."""
        return self.stream is None or (isinstance(self.failure, OSError) and self.failure.errno in GONE)

    def write(self, text: str) -> int:
        self._attempt(partial(self._pass_on, text))
        return len(text)

    def flush(self) -> None:
        self._attempt(lambda stream: stream.flush())

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        with suppress(AttributeError, OSError, ValueError):
            return self.stream is not None and self.stream.isatty()
        return False

    def fileno(self) -> int:
        if self.stream is None:
            raise OSError("this program was started without such a stream")
        return self.stream.fileno()

    def drop(self) -> None:
        """Where something could not be written: write what is left of it nowhere, or Python would fail at its end."""
        if self.failure is None:
            return
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)

    def _pass_on(self, text: str, stream: TextIO) -> None:
        try:
            stream.write(text)
        except UnicodeEncodeError:
            stream.write(text.encode(self.encoding, "backslashreplace").decode(self.encoding))

    def _attempt(self, act: Callable[[TextIO], Any]) -> None:
        if self.stream is None or self.gone:
            return
        try:
            act(self.stream)
        except (OSError, ValueError) as error:  # ValueError: it was closed by this program
            self.failure = error


def screen(stream: TextIO | None) -> TextIO:
    """The same stream, as one that never fails."""
    return cast(TextIO, Screen(stream))


@contextmanager
def unfailing() -> Iterator[None]:
    """Within, what is printed never ends the program. At the end it does, where a full disk has lost some of it."""
    output, errors = Screen(sys.stdout), Screen(sys.stderr)
    try:
        with redirect_stdout(cast(TextIO, output)), redirect_stderr(cast(TextIO, errors)):
            yield
            output.flush()
        if output.failure and not output.gone:
            raise SystemExit(f"not all that was printed could be written: {output.failure}")
    finally:
        for stream in (output, errors):
            stream.flush()
            stream.drop()
