"""Saving and loading: one file, written whole or not at all, without pickle, that holds all that is needed to go on."""

import json
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

FORMAT = 1  # of what a checkpoint holds; raised when an older one can no longer be read

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
    """Write a checkpoint. Whoever is stopped in the middle, by a power cut too, still has the one from before."""
    facts = {"format": str(FORMAT), "facts": json.dumps(checkpoint.facts)}
    arrays = {name: np.asarray(array, order="C") for name, array in checkpoint.arrays.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        file.write(save(arrays, metadata=facts))
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint. Raises FileNotFoundError, or ValueError when it is cut short, foreign or of another format."""
    if not path.is_file():
        raise FileNotFoundError(f"there is no checkpoint at {path}")
    content = path.read_bytes()
    try:
        arrays = load(content)
        (length,) = struct.unpack("<Q", content[:8])
        facts = json.loads(content[8 : 8 + length]).get("__metadata__", {})
    except (SafetensorError, ValueError, struct.error) as error:
        raise ValueError(f"{path} is no whole checkpoint ({error}): it is cut short or was damaged") from None
    if "format" not in facts:
        raise ValueError(f"{path} holds tensors but is no checkpoint of vln")
    if facts["format"] != str(FORMAT):
        raise ValueError(f"{path} has checkpoint format {facts['format']}; this version of vln reads format {FORMAT}")
    return Checkpoint(arrays, json.loads(facts["facts"]))
