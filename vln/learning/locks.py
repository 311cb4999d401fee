"""A lock on the folder of a run: one training at a time writes there."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Self
from uuid import uuid4

from filelock import FileLock, SoftFileLock, Timeout

LOCK_FILE = ".lock"  # in the folder of a run; it stays there, held by nobody


class FolderLock:
    """A folder that belongs to one training, which makes it; a context.

    The system holds the lock, so a process that is killed leaves it free. Raises BlockingIOError, with the folder and
    the process that holds it, where another training has it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._words = f"{os.getpid()} {uuid4()}\n"

    def __enter__(self) -> Self:
        self._take()
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release(force=True)

    def held(self) -> bool:
        """Whether the folder is still the one that was taken; it may have been deleted or moved, and be another's."""
        file = self.folder / LOCK_FILE
        return file.exists() and (isinstance(self._lock, SoftFileLock) or file.read_text() == self._words)

    def renew(self) -> None:
        """Take it again: the folder was deleted, and the file of the lock with it."""
        self._lock.release(force=True)
        self._take()

    def _take(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / LOCK_FILE
        self._lock = FileLock(file)
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            holder = file.read_text().split()[:1] if file.exists() else []
            raise BlockingIOError(
                f"{self.folder} is another training's, of process {' '.join(holder) or 'unknown'}: wait for its end, "
                "stop it, or train in another folder"
            ) from None
        if not isinstance(self._lock, SoftFileLock):  # which writes the process down itself
            with suppress(OSError):  # on a full disk the lock is as good without it
                file.write_text(self._words)
