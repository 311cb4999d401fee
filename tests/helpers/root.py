"""Where the repository is, and how tests run programs of their own."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "scripts"
TESTS = ROOT / "tests"


def program(name: str, *arguments: str) -> list[str]:
    """The command that runs a module of these helpers as a program, with `environment()`."""
    return [sys.executable, "-m", f"helpers.{name}", *arguments]


def environment() -> dict[str, str]:
    """The environment in which a process finds these helpers."""
    paths = [str(TESTS), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
