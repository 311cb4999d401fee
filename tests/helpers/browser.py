"""A page as a real browser sees it: Debian's Chromium in .ci/run, elsewhere whatever is installed."""

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
SWITCHES = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",  # what the page logs, and the errors of its scripts
)


@dataclass(frozen=True)
class Page:
    """dom: the document after its scripts ran. complaints: what the browser logged about the page."""

    dom: str
    complaints: list[str]


def open_page(path: Path, fragment: str = "", *switches: str) -> Page:
    """Open a file in a headless browser. Without one the test is skipped, but in CI it fails."""
    found = [browser for name in NAMES if (browser := shutil.which(name))]
    if not found:
        plainly = f"this machine has no browser: none of {', '.join(NAMES)} is on the PATH"
        if os.environ.get("CI") == "true":
            pytest.fail(plainly)
        pytest.skip(plainly)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        address = path.resolve().as_uri() + fragment
        command = [found[0], *SWITCHES, f"--user-data-dir={profile}", *switches, "--dump-dom", address]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return Page(done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line])
