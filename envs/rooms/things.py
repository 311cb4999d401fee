"""What a cell can hold, how it can be coloured and what its floor can be: the tables every view and phrase reads.

A cell is three small codes: `kind`, `colour`, `floor`. Code 0 means "not seen" in a view and is never in a map.
"""

from enum import IntEnum

UNSEEN = 0


class Kind(IntEnum):
    """What stands in a cell. The order is fixed: checkpoints and views store these codes."""

    UNSEEN = 0
    NOTHING = 1  # free floor
    WALL = 2
    DOOR = 3  # coloured, closed to the eye, opens for whoever walks into it
    DOORWAY = 4  # an opening: one walks and sees through it
    BALL = 5
    BED = 6
    BOX = 7
    CHAIR = 8
    CLOCK = 9
    LAMP = 10
    PLANT = 11
    SOFA = 12
    TABLE = 13
    VASE = 14
    BARSTOOL = 15  # the last three objects and the three pictures are found only in the SAIL mazes
    EASEL = 16
    HATRACK = 17
    BUTTERFLY = 18  # a hall whose walls show butterflies: one walks through it
    FISH = 19
    TOWER = 20


class Colour(IntEnum):
    """The colour of an object or a door. SAIL's objects have none."""

    NONE = 0
    RED = 1
    GREEN = 2
    BLUE = 3
    YELLOW = 4
    PURPLE = 5
    WHITE = 6


class Floor(IntEnum):
    """What one walks on. The first eight are SAIL's hall patterns; a room of a house is named by its floor."""

    UNSEEN = 0
    BLUE = 1
    BRICK = 2
    CONCRETE = 3
    FLOWER = 4
    GRASS = 5
    GRAVEL = 6
    WOOD = 7
    YELLOW = 8
    CHECKERED = 9
    MARBLE = 10
    PURPLE = 11
    STRIPED = 12


HOUSE_KINDS = tuple(range(Kind.BALL, Kind.VASE + 1))  # the ten kinds of object that furnish a house
PICTURES = (Kind.BUTTERFLY, Kind.FISH, Kind.TOWER)
COLOURS = tuple(range(Colour.RED, Colour.WHITE + 1))
HOUSE_FLOORS = tuple(range(Floor.BLUE, Floor.STRIPED + 1))

# What lies under walls, in doors and in doorways. No room has it: a threshold belongs to neither of its rooms.
THRESHOLD = int(Floor.CONCRETE)
ROOM_FLOORS = tuple(floor for floor in HOUSE_FLOORS if floor != THRESHOLD)

# The codes of one cell are below these numbers (for embeddings and the bounds of Gymnasium's Box).
CODES = (max(Kind) + 1, max(Colour) + 1, max(Floor) + 1)

# The colours in red, green, blue, by Colour code.
RGB = ((150, 150, 150), (220, 45, 40), (40, 175, 60), (50, 90, 230), (240, 205, 40), (160, 60, 200), (245, 245, 245))
