"""Sequences: something is given at every step, and something is to be answered."""

from .bits import sequence_task
from .world import NOTHING, SequenceEpisode, Sequences

__all__ = ["NOTHING", "SequenceEpisode", "Sequences", "sequence_task"]
