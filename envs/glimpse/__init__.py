"""Pictures that can only be looked at through a small, moving eye."""

from .eye import Eye
from .pictures import Pictures
from .world import Glimpses

__all__ = ["Eye", "Glimpses", "Pictures"]
