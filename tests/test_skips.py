"""In CI a skipped test is a failure, elsewhere it is only named."""

from pathlib import Path

import pytest

ONE_SKIPPED = """
import pytest

def test_passes():
    pass

@pytest.mark.skip(reason="no browser here")
def test_needs_a_browser():
    pass
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeconftest((Path(__file__).parent / "conftest.py").read_text())
    pytester.makepyfile(ONE_SKIPPED)
    return pytester


@pytest.mark.parametrize("processes", ["0", "1"])  # 0: here, without others
def test_in_ci_a_skipped_test_fails_the_run_and_is_named(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, processes: str
) -> None:
    monkeypatch.setenv("CI", "true")
    result = project.runpytest_inprocess("-n", processes)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["SKIPPED *test_needs_a_browser: *no browser here"])


def test_elsewhere_a_skipped_test_is_only_named(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    result = project.runpytest_inprocess()
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["SKIPPED *test_needs_a_browser: *no browser here"])
