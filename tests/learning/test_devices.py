"""Threads and memory: what a training sets for its whole process."""

import os
import platform
import subprocess
import sys

import pytest

WINDOWS = """
import resource, sys
import torch
from vln.learning.devices import keep_memory

if sys.argv[1] == "kept":
    assert keep_memory()
for update in range(30):
    window = [torch.zeros(1 << 21) for _ in range(12)]  # of 8 MiB each
    del window
    if update == 9:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only the GNU C library lets a process choose")
def test_kept_memory_is_not_asked_for_again() -> None:
    """Pages that a process touches for the first time are faults: with memory kept, later windows have next to none."""

    # Left to itself the library gives back now more, now less; told to, it gives back all of it.
    eager = os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}

    def faults(how: str) -> int:
        command = [sys.executable, "-c", WINDOWS, how]
        said = subprocess.run(command, capture_output=True, text=True, check=True, env=eager)
        return int(said.stdout)

    assert faults("kept") * 10 < faults("given back")
