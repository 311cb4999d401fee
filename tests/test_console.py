"""The command `vln` runs every script that is a command, and no other."""

import sys
from pathlib import Path

import pytest
from helpers.commands import ROOT, SCRIPTS, standing_in

from vln import console

IS_NONE = {"set_up", "write_docs"}  # scripts that an installation does not need


def call(folder: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["vln", *arguments])
    monkeypatch.setattr(sys, "orig_argv", ["python", "/somewhere/bin/vln", *arguments])
    monkeypatch.setattr(sys, "path", [*sys.path])
    with standing_in(folder):
        console.main()


def test_every_script_with_a_main_is_a_command() -> None:
    texts = {name: ROOT / "scripts" / f"{name}.py" for name in SCRIPTS}
    runs = {name for name, file in texts.items() if file.is_file() and "__main__" in file.read_text()} - IS_NONE
    assert set(console.commands()) == {name.replace("_", "-") for name in runs}
    assert all(does.endswith(".") for does in console.commands().values())


def test_alone_it_lists_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    call(tmp_path, monkeypatch)
    listed = capsys.readouterr().out
    assert all(f"\n{name} " in listed for name in console.commands())
    with pytest.raises(SystemExit, match=r"no command 'trian'; there are analyse, .*train, watch"):
        call(tmp_path, monkeypatch, "trian")


def test_it_runs_the_script_and_advice_names_it_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        call(tmp_path, monkeypatch, "train", "parity", "--help")
    assert "task parity:" in capsys.readouterr().out
    with pytest.raises(SystemExit, match=r"name the task before all flags: vln train parity"):
        call(tmp_path, monkeypatch, "train", "--attention", "parity")
