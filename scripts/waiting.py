"""Threads that wait do so passively: every script imports this first, for OpenMP reads it once, when torch is loaded.

A thread that spins for others wastes the core that another program, or the thread it waits for, could use: beside one
busy process a small training took ten times as long. What the user has set stays.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
