"""Signals that end a training: what was learned is saved, the program ends as schedulers expect, nobody is ignored."""

import fcntl
import os
import runpy
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers.root import SCRIPTS, environment, program
from helpers.trainee import CONFIG, train_here

from vln.agents.config import AgentConfig
from vln.learning import interruptions
from vln.learning.checkpoints import load_checkpoint
from vln.learning.config import TrainConfig
from vln.learning.interruptions import interruption, stop_status
from vln.learning.learner import Learner
from vln.learning.training import CHECKPOINT

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


def send(number: int) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_saves_and_ends_and_is_said_afterwards(number: signal.Signals, tmp_path: Path) -> None:
    assert not train_here(tmp_path, hit=(number, 3))
    assert load_checkpoint(tmp_path / CHECKPOINT).facts["update"] == 3
    assert stop_status() == 128 + number


def test_a_signal_in_the_last_update_stops_what_would_come_next(tmp_path: Path) -> None:
    assert not train_here(tmp_path, hit=(signal.SIGTERM, CONFIG.updates))
    assert load_checkpoint(tmp_path / CHECKPOINT).facts["update"] == CONFIG.updates
    assert stop_status() == 143
    assert train_here(tmp_path, resume=True)
    assert stop_status() == 0


@pytest.mark.parametrize("number", SIGNALS)
def test_afterwards_a_signal_means_what_it_did_before(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with interruption():
        assert signal.getsignal(number) is not before
    assert signal.getsignal(number) is before


def test_a_hangup_that_nohup_has_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruption() as interrupted:
            send(signal.SIGHUP)
            assert interrupted() == 0
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize(
    ("number", "ending"),
    [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit), (signal.SIGHUP, SystemExit)],
)
def test_a_signal_that_is_sent_again_stops_at_once(
    number: signal.Signals, ending: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(interruptions.TOGETHER, number, -1.0)
    with interruption() as interrupted:
        send(number)
        assert interrupted() == number
        with pytest.raises(ending) as stopped:
            send(number)
    assert getattr(stopped.value, "code", 128 + number) == 128 + number


def test_signals_that_come_together_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    # timeout(1) sends SIGTERM twice, systemd SIGHUP after it.
    for number in SIGNALS:
        monkeypatch.setitem(interruptions.TOGETHER, number, 1e9)
    with interruption() as interrupted:
        for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            send(number)
        assert interrupted() == signal.SIGTERM


def test_a_signal_that_comes_too_late_to_be_noticed_is_not_lost() -> None:
    def finish() -> None:
        with interruption() as interrupted:
            assert interrupted() == 0
            send(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        finish()


@pytest.fixture
def recipes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An empty folder, where scripts can be run, and their recipes made tiny."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(SCRIPTS)
    module = __import__("recipes")
    shape, config = AgentConfig(hidden=8, word_dim=8, view_dim=8), TrainConfig(updates=4, num_envs=2, unroll_length=4)
    mazes = replace(module.RECIPES["mazes"], task_options={"houses": 3})
    for name, recipe in {"demo": module.Options(task="parity", name="demo"), "mazes": mazes}.items():
        shape = AgentConfig(hidden=8, word_dim=8) if name == "demo" else AgentConfig(hidden=8, word_dim=8, view_dim=8)
        monkeypatch.setitem(module.RECIPES, name, replace(recipe, agent_config=shape, train_config=config, threads=1))
    yield module
    for name in ("recipes", "errors", "entries", "train", "evaluate", "watch", "analyses", "analyses.common"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("command", "number"),
    [
        ("train parity --threads 1 --hidden 8 --num-envs 2", signal.SIGTERM),
        ("compare parity --threads 1 --hidden 8 --num-envs 2 --seeds 1 --memories gru", signal.SIGHUP),
        ("demo", signal.SIGTERM),
        ("sail --data none --seeds 1", signal.SIGTERM),
    ],
)
def test_every_script_that_trains_ends_with_the_status_of_the_signal(
    command: str, number: signal.Signals, recipes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    learn = Learner.learn

    def learn_and_send(learner: Learner[Any], *arguments: Any) -> dict[str, float]:
        send(number)
        return learn(learner, *arguments)

    monkeypatch.setattr(Learner, "learn", learn_and_send)
    monkeypatch.setattr(sys, "argv", command.split())
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(SCRIPTS / f"{command.split()[0]}.py"), run_name="__main__")
    assert ended.value.code == 128 + number
    (saved,) = Path("runs").rglob(CHECKPOINT)
    assert load_checkpoint(saved).facts["update"] == 1


def test_a_terminal_that_is_closed_costs_nothing(tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    training = subprocess.Popen(
        program("trainee", str(tmp_path), "SIGSTOP", "3"),
        env=environment(),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(theirs, termios.TIOCSCTTY, 0),
    )
    os.close(theirs)
    os.waitid(os.P_PID, training.pid, os.WSTOPPED)  # in the middle of an update
    os.close(ours)  # the system sends SIGHUP, and SIGCONT
    assert training.wait() == 129
    assert load_checkpoint(tmp_path / CHECKPOINT).facts["update"] == 3
