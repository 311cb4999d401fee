"""The command `vln` runs every script that is a command, and no other."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from commands import ROOT, SCRIPTS, standing_in

IS_NONE = {"console", "set_up"}  # a script that an installation needs not


@pytest.fixture
def console(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.setattr(sys, "path", [*sys.path])
    spec = importlib.util.spec_from_file_location("vln.scripts.console", ROOT / "scripts" / "console.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    with standing_in(tmp_path):
        yield module


def call(console: ModuleType, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["vln", *arguments])
    console.main()


def test_every_script_with_a_main_is_a_command(console: ModuleType) -> None:
    texts = {name: ROOT / "scripts" / f"{name}.py" for name in SCRIPTS}
    runs = {name for name, file in texts.items() if file.is_file() and "__main__" in file.read_text()} - IS_NONE
    assert set(console.commands()) == {name.replace("_", "-") for name in runs}
    assert all(does.endswith(".") for does in console.commands().values())


def test_alone_it_lists_them(
    console: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    call(console, monkeypatch)
    listed = capsys.readouterr().out
    assert all(f"\n{name} " in listed for name in console.commands())
    with pytest.raises(SystemExit, match=r"no command 'trian'; there are analyse, .*train, watch"):
        call(console, monkeypatch, "trian")


def test_it_runs_the_script_and_advice_names_it_so(
    console: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        call(console, monkeypatch, "train", "parity", "--help")
    assert "task parity:" in capsys.readouterr().out
    with pytest.raises(SystemExit, match=r"name the task before all flags: vln train parity"):
        call(console, monkeypatch, "train", "--attention", "parity")
