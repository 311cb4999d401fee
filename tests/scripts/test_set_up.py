"""The set-up swaps in the headless OpenCV where the usual one can't be loaded."""

import runpy

import pytest
from helpers.root import ROOT

SET_UP = runpy.run_path(str(ROOT / "scripts" / "set_up.py"))
NO_LIBRARY = "ImportError: libGL.so.1: cannot open shared object file: No such file or directory"


def mend(errors: list[str]) -> list[tuple[str, ...]]:
    """What pip is asked to do when importing cv2 says these things, one after the other."""
    asked: list[tuple[str, ...]] = []
    SET_UP["mend_opencv"]("5.0.0.93", lambda: errors.pop(0), lambda *arguments: asked.append(arguments))
    return asked


def test_an_opencv_that_works_is_left_alone() -> None:
    assert mend([""]) == []


def test_a_missing_library_brings_the_headless_build_of_the_same_version(capsys: pytest.CaptureFixture[str]) -> None:
    removal, installation = mend([NO_LIBRARY, ""])
    assert removal == ("uninstall", "--yes", "opencv-python")
    assert installation[-1] == "opencv-python-headless==5.0.0.93"
    assert "opencv-python-headless 5.0.0.93 in its place" in capsys.readouterr().out


def test_another_trouble_with_opencv_is_told_and_not_hidden() -> None:
    with pytest.raises(SystemExit, match="numpy is too old"):
        mend(["ImportError: numpy is too old"])


def test_a_version_is_read_from_the_constraints() -> None:
    assert SET_UP["pinned"]("opencv-python", "# exact\nnumpy==2.0\nopencv-python==5.0.0.93\n") == "5.0.0.93"
