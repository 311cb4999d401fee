"""Worlds, and what can be asked in them."""

from .catalogue import TASKS, make_task

__all__ = ["TASKS", "make_task"]
