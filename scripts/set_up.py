"""Fill .venv with what this project needs, in exactly the versions of constraints.txt.

    python3 scripts/set_up.py STAMP

The Makefile calls it; it needs Python alone. STAMP is a file written at the end, so that nothing is done twice.
"""

import importlib.util
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".venv"
PYTHON = FOLDER / "bin" / "python"
CONSTRAINTS = ROOT / "constraints.txt"
HEADLESS = "opencv-python-headless"


def main(stamp: Path) -> None:
    make_folder()
    print("set-up: installing torch", flush=True)
    pip("install", "-c", str(CONSTRAINTS), "torch")
    print("set-up: installing vln and everything else", flush=True)
    pip("install", "-c", str(CONSTRAINTS), "-e", f"{ROOT}[dev]")
    mend_opencv(pinned("opencv-python", CONSTRAINTS.read_text()), opencv_error, pip)
    stamp.touch()
    print("set-up: ready", flush=True)


def make_folder() -> None:
    """An environment with pip in .venv; one that works is kept."""
    if PYTHON.exists() and subprocess.run([PYTHON, "-m", "pip", "--version"], capture_output=True).returncode == 0:
        return
    if importlib.util.find_spec("ensurepip") is None:
        raise SystemExit("set-up: this Python can't make environments with pip; on Debian install python3-venv")
    print(f"set-up: making .venv with Python {sys.version.split()[0]}", flush=True)
    venv.create(FOLDER, clear=True, with_pip=True)


def pip(*arguments: str) -> None:
    command = [str(PYTHON), "-m", "pip", "-qq", "--disable-pip-version-check", *arguments]
    if subprocess.run(command, cwd=ROOT).returncode != 0:
        raise SystemExit(f"set-up: failed at: pip {' '.join(arguments)}")


def pinned(package: str, constraints: str) -> str:
    """The version of a package in the text of constraints.txt."""
    pins = dict(line.split("==") for line in constraints.splitlines() if "==" in line)
    return pins[package]


def opencv_error() -> str:
    """What `import cv2` complains about in .venv; empty when it works."""
    tried = subprocess.run([PYTHON, "-c", "import cv2"], capture_output=True, text=True)
    return tried.stderr if tried.returncode else ""


def mend_opencv(version: str, import_error: Callable[[], str], pip: Callable[..., None]) -> None:
    """Put the headless build in the place of opencv-python where the system lacks a library that it draws with."""
    error = import_error()
    if "cannot open shared object file" in error:
        pip("uninstall", "--yes", "opencv-python")
        # Both builds own the same files: the headless one has to be written anew even where it was there before.
        pip("install", "--force-reinstall", "--no-deps", f"{HEADLESS}=={version}")
        print(f"set-up: a system library is missing for opencv-python: took {HEADLESS} {version} in its place")
        error = import_error()
    if error:
        raise SystemExit(f"set-up: cv2 can't be imported:\n{error}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
