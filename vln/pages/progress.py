"""Progress bars."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from vln.screens import screen

Show = Callable[[int, int], None]  # is told how much is done, and how much there is


def unseen(done: int, whole: int) -> None:
    """For whoever does not wait."""


@contextmanager
def counted(what: str, console: Console | None = None) -> Iterator[Show]:
    """What shows, in a terminal, how much of a piece of work is done; nothing is shown before it is told anything.

    The bar is written to stderr, unless another console is given, and cleared at the end.
    """
    console = console or Console(file=screen(sys.stderr))
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )

    def show(done: int, whole: int) -> None:
        if not bar.task_ids:
            bar.add_task(what, total=whole)
            bar.start()
        bar.update(bar.task_ids[0], completed=done, total=whole)

    try:
        yield show
    finally:
        bar.stop()
