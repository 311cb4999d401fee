"""Threads that wait do so passively: every script imports this first, for OpenMP reads it once, when torch is loaded.

A thread that spins for others wastes the core that another program, or the thread it waits for, could use: beside one
busy process a small training took ten times as long. One that sleeps at once costs about 70 microseconds to wake, so it
spins a little first. What the user has set stays.
"""

import os

SPINS = "100000"  # of GNU OpenMP, before a thread sleeps: where nobody else is busy, a small network needs them

if "OMP_WAIT_POLICY" not in os.environ:
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
