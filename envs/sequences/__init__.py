"""Sequences: an input at every step, and targets at some."""

from .bits import sequence_task
from .world import NOTHING, SequenceEpisode, Sequences

__all__ = ["NOTHING", "SequenceEpisode", "Sequences", "sequence_task"]
