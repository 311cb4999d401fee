"""Networks and policies. They know spaces, not worlds."""

from .catalogue import agent_for
from .cell_checker import check_cell
from .recurrent import RecurrentAgent
from .shape import Shape

__all__ = ["RecurrentAgent", "Shape", "agent_for", "check_cell"]
