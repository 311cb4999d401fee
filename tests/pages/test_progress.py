"""A bar of progress: shown where somebody can watch, gone afterwards, and silent elsewhere."""

import io

from rich.console import Console

from vln.pages.progress import counted


def told(terminal: bool, *steps: tuple[int, int]) -> str:
    file = io.StringIO()
    with counted("folding [paper]", Console(file=file, force_terminal=terminal, width=80)) as show:
        for done, whole in steps:
            show(done, whole)
    return file.getvalue()


def test_in_a_terminal_the_share_done_is_shown() -> None:
    shown = told(True, (1, 4), (4, 4))
    assert "folding [paper]" in shown
    assert "100%" in shown


def test_nothing_is_shown_before_anything_is_told() -> None:
    assert "folding" not in told(True)


def test_elsewhere_than_in_a_terminal_nothing_is_written() -> None:
    assert told(False, (1, 4), (4, 4)) == ""
