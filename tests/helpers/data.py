"""Where the tests find the public data sets."""

from pathlib import Path

import pytest

from helpers.root import ROOT


def data_folder(name: str) -> Path:
    """The folder of one data set, `../shared/data/NAME` beside the repository.

    Skips the test where it is absent. In CI, where every test must run, conftest.py makes a skip a failure.
    """
    folder = ROOT.parent / "shared" / "data" / name
    if not folder.is_dir():
        pytest.skip(f"the data set {name!r} is not in {folder}")
    return folder
