"""The scripts as a user runs them, in the process of a test and in an empty folder."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import tyro

from helpers.root import ROOT

SCRIPTS = {path.stem for path in (ROOT / "scripts").iterdir()}
SHORT = (
    "--difficulty",
    "1",
    "--houses",
    "512",
    "--updates",
    "2",
    "--num-envs",
    "2",
    "--unroll-length",
    "4",
    "--threads",
    "1",
)
FEW = "--updates 4 --num-envs 2 --unroll-length 4 --hidden 8 --word-dim 8 --view-dim 8 --threads 1".split()  # noqa: SIM905


@contextmanager
def standing_in(folder: Path) -> Iterator[Path]:
    """In this folder, from which the scripts can be imported; afterwards they are forgotten."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.syspath_prepend(ROOT / "scripts")
        yield folder
    for name in [*sys.modules]:
        if name.split(".")[0] in SCRIPTS:
            del sys.modules[name]


def run(script: str, *arguments: str) -> Any:
    """What the script's main() returns."""
    module = __import__(script)
    read = getattr(module, "read", None)
    options = read(list(arguments)) if read else tyro.cli(module.Options, args=arguments)
    return module.main(options)
