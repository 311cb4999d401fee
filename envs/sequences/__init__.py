"""Sequences: something is given at every step, and something is to be answered."""

from .bits import sequence_task
from .world import NOTHING, Line, Sequences

__all__ = ["NOTHING", "Line", "Sequences", "sequence_task"]
