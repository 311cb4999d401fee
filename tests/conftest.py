"""What holds for every test: threads and examples that are the same each time, and in CI no test is skipped."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import hypothesis
import pytest
from helpers.mirrors import Mirror

from vln.learning.devices import use_threads

pytest_plugins = ["pytester"]

THREADS = 1  # what tests compute is so small that several would wait for each other longer than they work

# The first example of a test compiles kernels, which takes seconds: a deadline would only tell of that.
hypothesis.settings.register_profile("vln", deadline=None, derandomize=True)
hypothesis.settings.load_profile("vln")


@pytest.fixture(scope="session", autouse=True)
def _signals() -> None:
    """What whoever started the tests has ignored (nohup, a shell's background) is not, in them and what they start."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(scope="session", autouse=True)
def _threads() -> None:
    use_threads(THREADS)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the skipped tests: what was not tried must not look like what passed."""
    for report in terminalreporter.stats.get("skipped", []):
        terminalreporter.write_line(f"SKIPPED {report.nodeid}: {report.longrepr[2]}", yellow=True)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a skipped test fails the run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") == "true" and reporter and reporter.stats.get("skipped"):
        reporter.write_line("\nCI runs every test, but some were skipped", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Mirror]]:
    """Opens servers that close with the test; a proxy could not reach them."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with ExitStack() as stack:
        yield lambda *arguments: stack.enter_context(Mirror(*arguments))
