"""Checkpoints: one file without pickle, written whole or not at all, that holds everything to go on with a training."""

import hashlib
import json
import os
import struct
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

FORMAT = 4  # of what a checkpoint holds; raised when an older one can no longer be read
UNKNOWN = "0" * 64  # in the place of the SHA-256 of a file, which can't be of itself

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Checkpoint:
    """Arrays by name, and facts that JSON can say."""

    arrays: Arrays
    facts: dict[str, Any]

    def part(self, prefix: str) -> Arrays:
        """The arrays whose name begins with this prefix and a slash, by the rest of their name."""
        start = f"{prefix}/"
        return {name[len(start) :]: array for name, array in self.arrays.items() if name.startswith(start)}


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint. Whoever is stopped in the middle, by a power cut too, still has the one from before.

    Raises OSError, with the file's name, where it can't be written; the one from before stays.
    """
    facts = {"format": str(FORMAT), "facts": json.dumps(checkpoint.facts), "sha256": UNKNOWN}
    arrays = {name: np.asarray(array, order="C") for name, array in checkpoint.arrays.items()}
    content = save(arrays, metadata=facts)
    place = content.index(f'"{UNKNOWN}"'.encode()) + 1
    digest = _digest(content, place)
    partial = path.with_name(path.name + ".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            file.writelines((content[:place], digest, memoryview(content)[place + len(digest) :]))
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        # What was begun takes room on a disk that may be full.
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        before = "; the one from before is whole" if path.exists() else ""
        raise OSError(f"{path} can't be written: {error.strerror or error}{before}") from None


def find_checkpoint(path: Path) -> None:
    """Raise FileNotFoundError where there is no checkpoint."""
    if not path.is_file():
        raise FileNotFoundError(f"there is no checkpoint at {path}")


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises FileNotFoundError, or ValueError when it is cut short, damaged in any bit, foreign or of another format.
    """
    find_checkpoint(path)
    content = path.read_bytes()
    try:
        (length,) = struct.unpack("<Q", content[:8])
        header = json.loads(content[8 : 8 + length])
        facts = header.get("__metadata__", {})
        stored = str(facts.get("sha256", "")).encode()
        intact = _digest(content, content.find(stored)) == stored
        # Only numbers that are known to be whole are made arrays of: damaged ones can fail in other ways.
        arrays = load(content) if intact or "format" not in facts else {}
    except (AttributeError, SafetensorError, ValueError, struct.error) as error:
        raise ValueError(f"{path} is no whole checkpoint ({error}): it is cut short or was damaged") from None
    if "format" not in facts:
        raise ValueError(f"{path} holds tensors but is no checkpoint of vln")
    if facts["format"] != str(FORMAT):
        raise ValueError(
            f"{path} has checkpoint format {facts['format']}; this version of vln reads format {FORMAT}: train it again"
        )
    if not intact:
        raise ValueError(f"{path} is no whole checkpoint (its SHA-256 is another): it is cut short or was damaged")
    return Checkpoint(arrays, json.loads(facts["facts"]))


def _digest(content: bytes, place: int) -> bytes:
    """The SHA-256, in hexadecimal, of a file's content with that of UNKNOWN in its own place."""
    whole = memoryview(content)
    digest = hashlib.sha256(whole[:place])
    digest.update(UNKNOWN.encode())
    digest.update(whole[place + len(UNKNOWN) :])
    return digest.hexdigest().encode()
