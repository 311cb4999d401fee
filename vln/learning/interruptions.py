"""Signals that end a training: Ctrl-C, and those of a scheduler, a container or a closing terminal."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

# By signal, how soon after the first, in seconds, one belongs to the same wish: timeout(1) sends each twice, systemd
# SIGTERM and SIGHUP, and a terminal that closes SIGHUP from the system and from the shell.
TOGETHER = {
    getattr(signal, name): seconds
    for name, seconds in (("SIGINT", 0.2), ("SIGTERM", 0.2), ("SIGHUP", 1.0))
    if hasattr(signal, name)
}

_latest = 0  # of the process, as signals are


def stop_status() -> int:
    """The exit status for a program whose latest training a signal has stopped: 128 and its number; 0 if none did."""
    return 128 + _latest if _latest else 0


def record_stop(number: int) -> None:
    """Keep which signal stopped the latest training, in whichever of its processes it came; 0: none."""
    global _latest
    _latest = number


@contextmanager
def interruption() -> Iterator[Callable[[], int]]:
    """What tells the number of the first signal that came since; 0 while none has. Sent again, one stops at once.

    A signal that is ignored (nohup) or another language's stays so. One that comes when nobody asks any more is sent on
    to what handles it elsewhere.
    """
    first, since, noticed = 0, 0.0, False

    def come(number: int, frame: Any) -> None:
        nonlocal first, since
        now = time.monotonic()
        if not first:
            first, since = number, now
        elif now - since > TOGETHER[number]:
            raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)

    def ask() -> int:
        nonlocal noticed
        noticed = first > 0
        return first

    before = {number: signal.getsignal(number) for number in TOGETHER}
    before = {number: handler for number, handler in before.items() if handler not in (None, signal.SIG_IGN)}
    try:
        for number in before:
            signal.signal(number, come)
    except ValueError:  # signals are the main thread's; elsewhere whoever started the thread ends it
        yield lambda: 0
        return
    try:
        yield ask
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if first and not noticed:
        signal.raise_signal(first)
