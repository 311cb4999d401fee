"""Networks and policies. They know spaces, not worlds."""

from vln.agents.recurrent.cell_checker import check_cell

from .config import AgentConfig
from .recurrent_agent import RecurrentAgent
from .registry import agent_for

__all__ = ["AgentConfig", "RecurrentAgent", "agent_for", "check_cell"]
