"""Files of users, in which a task, an agent or a cell is found by name: FILE.py:NAME."""

import sys
from functools import cache
from pathlib import Path
from runpy import run_path
from typing import Any

MARK = ".py:"  # in every such name


def absolute_name(name: str) -> str:
    """The same name with the file named from the root; of anything else the name as it is."""
    file, colon, variable = name.rpartition(":")
    return f"{Path(file).expanduser().absolute()}{colon}{variable}" if MARK in name else name


def load(name: str) -> Any:
    """What a file calls so. The file is run once in a process, until it is written anew, and may import its neighbours.

    Raises ValueError where there is no such file, or nothing of this name in it.
    """
    file, _, variable = name.rpartition(":")
    path = Path(file).expanduser()
    if not path.is_file():
        raise ValueError(f"there is no file {file!r} for {variable!r} to be in")
    written = path.stat()
    found = _run(path.absolute(), written.st_mtime_ns, written.st_size)
    if variable not in found:
        raise ValueError(f"{file} has nothing called {variable!r}")
    return found[variable]


@cache
def _run(file: Path, when: int, size: int) -> dict[str, Any]:
    """All that a file defines."""
    if str(file.parent) not in sys.path:
        sys.path.append(str(file.parent))
    return run_path(str(file))
