"""Worlds, and what can be asked in them."""

from .registry import TASKS, make_task

__all__ = ["TASKS", "make_task"]
