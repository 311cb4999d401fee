"""Houses on a grid, and everything needed to write a family of instructions."""

from .building import build
from .house import COLOUR, FLOOR, KIND, Goal, House
from .paths import shortest_path, walking_distances
from .things import Colour, Floor, Kind
from .world import Rooms

__all__ = [
    "COLOUR",
    "FLOOR",
    "KIND",
    "Colour",
    "Floor",
    "Goal",
    "House",
    "Kind",
    "Rooms",
    "build",
    "shortest_path",
    "walking_distances",
]
