"""What a person watches: shown as far as it can be, and never the end of what a program does."""

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import pytest
from helpers.root import SCRIPTS
from helpers.trainee import CONFIG, train_here
from rich.console import Console
from rich.table import Table

from vln.learning.checkpoints import load_checkpoint
from vln.learning.logs import LiveDisplay, PlainDisplay
from vln.learning.training import CHECKPOINT
from vln.pages.progress import counted
from vln.screens import Screen, screen

TEXT = "Тень – 50 ± 3 %\udc80"
PROGRAM = "import sys; sys.path.insert(0, sys.argv[1]); from errors import plainly\nwith plainly(): "


def ascii_stream() -> TextIO:
    return io.TextIOWrapper(io.BytesIO(), encoding="ascii")


@contextmanager
def stream_nobody_reads() -> Iterator[TextIO]:
    ours, theirs = os.pipe()
    os.close(ours)
    stream = os.fdopen(theirs, "w")
    stream.write("is anybody there?")  # what is never written is complained about when it is closed
    yield stream
    with pytest.raises(BrokenPipeError):
        stream.close()


def shown_in(stream: TextIO) -> str:
    stream.flush()
    content = stream.buffer
    assert isinstance(content, io.BytesIO)
    return content.getvalue().decode("ascii")


def test_what_an_encoding_lacks_is_escaped() -> None:
    stream = ascii_stream()
    print(TEXT, "and on", file=screen(stream))
    assert shown_in(stream) == "\\u0422\\u0435\\u043d\\u044c \\u2013 50 \\xb1 3 %\\udc80 and on\n"


def test_a_stream_that_can_show_it_shows_it() -> None:
    stream = io.StringIO()
    print("Тень – 50 ± 3 %", file=screen(stream))
    assert stream.getvalue() == "Тень – 50 ± 3 %\n"


def test_nothing_is_lost_but_what_nobody_can_read() -> None:
    with stream_nobody_reads() as stream:
        watched = Screen(stream)
        for _ in range(3):
            print("is there anybody?", file=screen(stream), flush=True)
            watched.write("is there anybody?" * 10000)
            watched.flush()
        assert isinstance(watched.failure, BrokenPipeError)
        assert watched.gone


def test_a_program_without_streams_prints_nowhere() -> None:
    closed = io.StringIO()
    closed.close()
    for stream in (None, closed):
        print("hello", file=screen(stream), flush=True)
        assert not screen(stream).isatty()


def displays(stream: TextIO) -> list[LiveDisplay | PlainDisplay]:
    console = Console(file=screen(stream), force_terminal=True, width=140)
    return [PlainDisplay(9, 0, screen(stream)), LiveDisplay(9, 0, console)]


@pytest.mark.parametrize("kind", [0, 1])
def test_every_display_goes_on_where_it_can_not_be_seen(kind: int) -> None:
    stream = ascii_stream()
    with stream_nobody_reads() as nobody:
        for one in (stream, nobody):
            display = displays(one)[kind]
            display.show(1, {"loss": 0.5})
            display.say(TEXT)
            display.close()
    assert "\\u2013 50" in shown_in(stream)
    assert "0.5000" in shown_in(stream)


def test_a_bar_and_a_table_are_drawn_with_what_there_is() -> None:
    stream = ascii_stream()
    console = Console(file=screen(stream), force_terminal=True, width=140)
    table = Table("–", title=TEXT)
    table.add_row("±")
    console.print(table)
    with counted("Тень", console) as show:
        show(1, 2)
    assert "\\xb1" in shown_in(stream)
    assert "\\u2500" not in shown_in(stream)  # its lines are made of - and |


@pytest.mark.parametrize("reader", [True, False])
def test_a_training_ends_as_ever_before_a_stream_that_can_not_show_it(
    reader: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stream_nobody_reads() as nobody:
        stream = ascii_stream() if reader else nobody
        monkeypatch.setattr(sys, "stdout", stream)
        assert train_here(tmp_path, sample=lambda agent: TEXT)
        if reader:
            assert shown_in(stream).count("\\u2013 50") == 3
    assert load_checkpoint(tmp_path / CHECKPOINT).facts["update"] == CONFIG.updates


def run(program: str, **options: object) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", PROGRAM + program, str(SCRIPTS)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, **options)  # type: ignore[call-overload]


def test_a_script_prints_what_ascii_can_not_say() -> None:
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    output, errors = run(f"print({TEXT[:-1]!r})", stdout=subprocess.PIPE, env=environment).communicate()
    assert (output, errors) == ("\\u0422\\u0435\\u043d\\u044c \\u2013 50 \\xb1 3 %\n", "")


def test_a_script_does_all_it_has_to_when_its_reader_leaves() -> None:
    program = "\n    for _ in range(9): print('x' * 9000, flush=True)\n    sys.exit(7)"
    started = run(program, stdout=subprocess.PIPE)
    assert started.stdout is not None
    started.stdout.close()  # as `| head` does
    assert started.stderr is not None
    assert (started.stderr.read(), started.wait()) == ("", 7)
    started.stderr.close()


def test_a_script_says_where_what_it_printed_is_lost() -> None:
    with Path("/dev/full").open("w") as full:
        started = run("print('a table')", stdout=full)
        _, errors = started.communicate()
    assert errors == "not all that was printed could be written: [Errno 28] No space left on device\n"
    assert started.returncode == 1


def test_a_script_that_is_interrupted_shows_no_traceback() -> None:
    started = run("raise KeyboardInterrupt", stdout=subprocess.PIPE)
    assert started.communicate() == ("", "")
    assert started.returncode == 130
