"""Networks and policies. They know spaces, not worlds."""

from .cell_checker import check_cell
from .glimpser import Glimpser
from .navigator import Navigator
from .sequencer import Sequencer
from .shape import Shape

__all__ = ["Glimpser", "Navigator", "Sequencer", "Shape", "check_cell"]
