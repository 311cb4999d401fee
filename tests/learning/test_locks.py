"""One training a folder: the second is refused before it has changed anything, and a killed one holds nothing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.trainee import SAVE_EVERY, train_here

from vln.learning.checkpoints import load_checkpoint
from vln.learning.locks import LOCK_FILE, FolderLock
from vln.learning.logs import METRICS_FILE, read_metrics
from vln.learning.training import CHECKPOINT

HOLD = """
import sys, pathlib
from vln.learning.locks import FolderLock
with FolderLock(pathlib.Path(sys.argv[1])):
    input()
"""


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.parametrize("resume", [False, True])
def test_the_second_training_in_a_folder_is_refused_and_changes_nothing(resume: bool, tmp_path: Path) -> None:
    refused = []

    def begin_another(update: int) -> None:
        if update == SAVE_EVERY + 6:  # a checkpoint was written, and values were recorded after it
            before = contents(tmp_path)
            with pytest.raises(BlockingIOError, match=rf"^{tmp_path} is another training's, of process {os.getpid()}:"):
                train_here(tmp_path, resume)
            assert contents(tmp_path) == before
            refused.append(update)

    assert train_here(tmp_path, meanwhile=begin_another)
    assert refused
    assert train_here(tmp_path, resume=True)


def test_a_training_that_is_killed_holds_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE)
    try:
        while not (tmp_path / LOCK_FILE).exists() or not (tmp_path / LOCK_FILE).read_text():
            assert holder.poll() is None
        with pytest.raises(BlockingIOError, match=f"of process {holder.pid}:"), FolderLock(tmp_path):
            pass
    finally:
        holder.kill()
        holder.communicate()
    with FolderLock(tmp_path):
        assert (tmp_path / LOCK_FILE).read_text().split()[0] == str(os.getpid())


def test_nothing_is_made_where_there_is_nothing_to_go_on_with(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no checkpoint at"):
        train_here(tmp_path / "mistyped", resume=True)
    assert not (tmp_path / "mistyped").exists()


@pytest.mark.parametrize("moved", [False, True])
def test_a_folder_that_is_gone_is_made_anew_with_all_that_was_recorded(
    moved: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"

    def lose(update: int) -> None:
        if update == SAVE_EVERY + 6:
            shutil.move(folder, tmp_path / "elsewhere") if moved else shutil.rmtree(folder)

    assert train_here(folder, meanwhile=lose)
    assert [row["update"] for row in read_metrics(folder / METRICS_FILE)] == [20, 40, 45]
    assert load_checkpoint(folder / CHECKPOINT).facts["update"] == 45
    assert list((folder / "tensorboard").iterdir())
    assert capsys.readouterr().out.count(f"{folder} was deleted or moved: it was made anew") == 1


def test_a_folder_that_is_another_trainings_by_now_is_left_to_it(tmp_path: Path) -> None:
    folder, others = tmp_path / "run", FolderLock(tmp_path / "run")

    def lose(update: int) -> None:
        if update == SAVE_EVERY + 1:
            shutil.rmtree(folder)
            others.__enter__()
            (folder / METRICS_FILE).write_text('{"update": 1}\n')

    with pytest.raises(BlockingIOError, match="run is another training's"):
        train_here(folder, meanwhile=lose)
    others.__exit__()
    assert sorted(file.name for file in folder.iterdir()) == [LOCK_FILE, METRICS_FILE]
    assert (folder / METRICS_FILE).read_text() == '{"update": 1}\n'
