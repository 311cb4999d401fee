"""Networks and policies. They know spaces, not worlds."""

from .catalogue import agent_for
from .recurrent import RecurrentAgent
from .shape import Shape

__all__ = ["RecurrentAgent", "Shape", "agent_for"]
