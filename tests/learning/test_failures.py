"""What goes wrong around a training: it is said in a line, and what was saved before is whole."""

import multiprocessing
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from helpers import failing_processes
from helpers.full_disks import files_up_to
from helpers.root import environment, program
from helpers.trainee import SAVE_EVERY, train_here

from vln.agent import Agent
from vln.learning.checkpoints import load_checkpoint
from vln.learning.distributed import launch
from vln.learning.logs import EVENTS_FOLDER, METRICS_FILE, Log, read_metrics
from vln.learning.training import CHECKPOINT


@contextmanager
def disk_that_fills(folder: Path, at: int, room: Callable[[], int]) -> Iterator[Callable[[int], None]]:
    """What a training is to do in every update so that from one on no file may be larger than `room` says then."""
    with ExitStack() as stack:
        yield lambda update: stack.enter_context(files_up_to(room())) if update == at else None


def test_a_disk_that_is_full_at_a_checkpoint_leaves_the_one_from_before(tmp_path: Path) -> None:
    path = tmp_path / CHECKPOINT
    complaint = r"checkpoint\.safetensors can't be written: File too large; the one from before is whole"
    with (
        disk_that_fills(tmp_path, SAVE_EVERY + 1, lambda: path.stat().st_size // 2) as fill,
        pytest.raises(OSError, match=complaint),
    ):
        train_here(tmp_path, meanwhile=fill)
    assert load_checkpoint(path).facts["update"] == SAVE_EVERY
    assert not list(tmp_path.glob("*.partial"))


def test_a_disk_that_is_full_at_a_record_leaves_what_can_be_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / METRICS_FILE
    with (
        disk_that_fills(tmp_path, 2 * SAVE_EVERY + 1, lambda: path.stat().st_size + 10) as fill,
        pytest.raises(
            OSError, match=r"metrics\.jsonl can't be written: File too large; what was saved before is whole"
        ),
    ):
        train_here(tmp_path, meanwhile=fill)
    assert load_checkpoint(tmp_path / CHECKPOINT).facts["update"] == 2 * SAVE_EVERY
    assert [row["update"] for row in read_metrics(path)] == [20]
    assert train_here(tmp_path, resume=True)
    assert [row["update"] for row in read_metrics(path)] == [20, 40, 45]


def test_a_disk_that_is_full_for_events_only_costs_the_events(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Log(tmp_path, total_updates=9) as log:
        room = sum(file.stat().st_size for file in (tmp_path / EVENTS_FOLDER).iterdir())
        with files_up_to(room + 30):
            for update in (1, 2, 3):
                log.record(update, {})
    assert [row["update"] for row in read_metrics(tmp_path / METRICS_FILE)] == [1, 2, 3]
    output = capsys.readouterr()
    assert output.out.count(f"no more events for TensorBoard in {tmp_path / EVENTS_FOLDER}: [Errno 27]") == 1
    assert output.err == ""


def test_events_that_can_not_be_written_are_told_once_and_done_without(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / EVENTS_FOLDER).write_text("in the way")
    assert train_here(tmp_path)
    output = capsys.readouterr()
    assert output.out.count(f"no more events for TensorBoard in {tmp_path / EVENTS_FOLDER}: ") == 1
    assert output.err == ""


@pytest.mark.parametrize("name", ["probe", "sample"])
def test_what_is_asked_of_an_agent_can_fail_and_what_it_learned_is_saved(name: str, tmp_path: Path) -> None:
    def fail(agent: Agent) -> Any:
        raise ArithmeticError("no number")

    asked: dict[str, Any] = {name: fail}
    with pytest.raises(ArithmeticError, match="no number"):
        train_here(tmp_path, **asked)
    assert load_checkpoint(tmp_path / CHECKPOINT).facts["update"] == SAVE_EVERY


def test_what_is_recorded_of_an_update_is_there_before_its_checkpoint_and_is_shown_after_it(tmp_path: Path) -> None:
    order = []

    def saved() -> int:
        path = tmp_path / CHECKPOINT
        return load_checkpoint(path).facts["update"] if path.exists() else 0

    def probe(agent: Agent) -> dict[str, float]:
        order.append(("asked", saved()))
        return {"val_success": 0.5}

    def sample(agent: Agent) -> str:
        order.append(("shown", saved()))
        assert read_metrics(tmp_path / METRICS_FILE)[-1]["val_success"] == 0.5
        return "text"

    assert train_here(tmp_path, probe=probe, sample=sample)
    assert order == [
        (what, saved)
        for before, after in ((0, 15), (15, 30), (30, 45))
        for what, saved in (("asked", before), ("shown", after))
    ]


def test_a_process_that_is_killed_is_named_and_none_is_left_over() -> None:
    with pytest.raises(ChildProcessError, match=r"process 1 of 3 \(pid \d+\) was killed by SIGKILL"):
        launch(3, failing_processes.kill_the_first)
    assert not multiprocessing.active_children()


def test_a_process_that_fails_is_named_with_where_it_did() -> None:
    with pytest.raises(ChildProcessError, match=r"(?s)process 1 of 2 \(pid \d+\) failed:.*in fail.*no such luck"):
        launch(2, failing_processes.fail)


def test_when_the_leading_process_is_killed_the_others_end() -> None:
    # It returns when all have ended that hold the end of the pipe.
    command = program("failing_processes")
    done = subprocess.run(command, env=environment(), stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == -signal.SIGKILL
    assert re.fullmatch(r"process \d+, which led this training, is gone; so \d+ ends\n", done.stderr)
