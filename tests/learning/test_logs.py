"""What a training tells: kept line by line, the same after a resume, readable after a kill."""

import io
import math
from pathlib import Path

import pytest
from rich.console import Console
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from vln.learning.logs import EVENTS_FOLDER, METRICS_FILE, LiveDisplay, Log, read_metrics


def train(folder: Path, updates: range, total: int = 6) -> None:
    with Log(folder, total_updates=total, start=updates.start - 1) as log:
        for update in updates:
            log.record(update, {"loss": 1 / update, "success": 0.5})
            log.show()


def test_every_record_is_on_the_disk_before_the_next_update(tmp_path: Path) -> None:
    with Log(tmp_path, total_updates=2) as log:
        log.record(1, {"loss": 0.25})
        assert read_metrics(tmp_path / METRICS_FILE) == [{"update": 1, "loss": 0.25}]


def test_a_resumed_run_leaves_the_same_file_as_one_never_stopped(tmp_path: Path) -> None:
    train(tmp_path / "whole", range(1, 7))
    train(tmp_path / "resumed", range(1, 5))
    train(tmp_path / "resumed", range(3, 7))  # from the checkpoint of update 2
    assert (tmp_path / "resumed" / METRICS_FILE).read_bytes() == (tmp_path / "whole" / METRICS_FILE).read_bytes()


def test_a_run_begun_anew_forgets_the_old_one(tmp_path: Path) -> None:
    train(tmp_path, range(1, 7))
    train(tmp_path, range(1, 3))
    assert [values["update"] for values in read_metrics(tmp_path / METRICS_FILE)] == [1, 2]


def test_tensorboard_shows_each_update_of_a_resumed_run_once(tmp_path: Path) -> None:
    train(tmp_path, range(1, 5))
    train(tmp_path, range(3, 7))
    events = EventAccumulator(str(tmp_path / EVENTS_FOLDER)).Reload()
    assert [event.step for event in events.Scalars("loss")] == [1, 2, 3, 4, 5, 6]


def test_a_line_cut_off_by_a_kill_is_left_out_and_written_over(tmp_path: Path) -> None:
    train(tmp_path, range(1, 4))
    path = tmp_path / METRICS_FILE
    path.write_bytes(path.read_bytes()[:-5])
    assert [values["update"] for values in read_metrics(path)] == [1, 2]
    train(tmp_path, range(3, 5))
    assert [values["update"] for values in read_metrics(path)] == [1, 2, 3, 4]


@pytest.mark.parametrize("damage", [b"{'update': 2}", b"[2]", b'{"loss": 0.5}', b"", b"\xff\xfe"])
def test_a_corrupt_line_is_an_error_that_names_file_and_line(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / METRICS_FILE
    path.write_bytes(b'{"update": 1}\n' + damage + b'\n{"update": 3}\n')
    with pytest.raises(ValueError, match=rf"{METRICS_FILE}, line 2"):
        read_metrics(path)


def test_what_is_not_finite_becomes_null(tmp_path: Path) -> None:
    with Log(tmp_path, total_updates=1) as log:
        log.record(1, {"loss": math.nan, "clip_rate": math.inf, "success": 1})
    assert "null" in (tmp_path / METRICS_FILE).read_text()
    assert read_metrics(tmp_path / METRICS_FILE) == [{"update": 1, "loss": None, "clip_rate": None, "success": 1.0}]


def test_updates_never_fall(tmp_path: Path) -> None:
    with Log(tmp_path, total_updates=9, start=4) as log:
        log.record(6, {"loss": 1.0})
        log.record(6, {"success": 0.5})
        with pytest.raises(ValueError, match="update 5 can't be recorded after update 6"):
            log.record(5, {"loss": 1.0})
    with Log(tmp_path, total_updates=9, start=4) as log, pytest.raises(ValueError, match="update 4"):
        log.record(4, {"loss": 1.0})


def test_without_a_terminal_the_first_and_the_last_values_are_plain_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(tmp_path, range(1, 7))
    first, last = capsys.readouterr().out.splitlines()
    assert first.startswith("update 1/6  0:00:0")
    assert last == "update 6/6  0:00:00 left  success 50.0%  loss 0.1667"


def test_a_terminal_shows_progress_and_a_table_that_keeps_the_latest_values() -> None:
    screen = io.StringIO()
    display = LiveDisplay(total=10, start=4, console=Console(file=screen, force_terminal=True, width=100))
    display.show(5, {"success": 0.5, "steps_per_second": 12345.0, "backward_share": 0.6})
    display.say("saved [1/2]")
    display.close()
    assert all(text in screen.getvalue() for text in ("5/10", "50.0%", "12,345", "60%", "saved [1/2]"))
