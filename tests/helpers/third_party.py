"""Where tests find the packages of others: installed once, outside the repository, behind all that is ours."""

import hashlib
import os
import subprocess
import sys
import sysconfig
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pooch
import pytest

# Active Perception Gym, and of all that is loaded with it what we do not have.
PACKAGES = (
    "ap_gym==0.7.1",
    "aiohappyeyeballs==2.7.1",
    "aiohttp==3.14.5",
    "aiosignal==1.4.0",
    "anyio==4.16.0",
    "attrs==26.1.0",
    "datasets==5.2.0",
    "dill==0.4.1",
    "frozenlist==1.8.0",
    "h11==0.16.0",
    "httpcore2==2.16.2",
    "httpx2==2.16.2",
    "huggingface_hub==2.4.0",
    "multidict==7.2.1",
    "multiprocess==0.70.19",
    "pandas==3.1.1",
    "propcache==0.5.4",
    "pyarrow==26.0.1",
    "PyYAML==6.0.3",
    "shapely==2.2.0",
    "tqdm==4.70.1",
    "truststore==0.10.5",
    "xxhash==4.1.0",
    "yarl==1.25.1",
)
PATIENCE = 600  # seconds for 80 MB


def add_peers() -> None:
    """Make ap_gym importable, last of all places: what we have ourselves is not replaced. Skips where it can't be had.

    In CI, where every test must run, conftest.py makes a skip a failure.
    """
    if trouble := _trouble():
        pytest.skip(f"ap_gym can't be installed: {trouble}")


@cache
def _trouble() -> str:
    """What is wrong, once ap_gym was to be made importable; nothing if it is."""
    key = hashlib.sha256(" ".join((*PACKAGES, sysconfig.get_platform(), sys.version)).encode()).hexdigest()[:12]
    folder = Path(pooch.os_cache("vln")) / f"peers-{key}"
    try:
        if not folder.is_dir():
            _install(folder)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        return str(error.stderr or error).strip().splitlines()[-1]
    sys.path.append(str(folder))
    return ""


def _install(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent) as beside:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        where = ["--retries", "1", "--target", f"{beside}/packages"]
        subprocess.run([*pip, *where, *PACKAGES], check=True, capture_output=True, text=True, timeout=PATIENCE)
        # All or nothing; whoever was first is as good.
        if not folder.is_dir():
            os.rename(f"{beside}/packages", folder)
