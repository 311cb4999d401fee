"""Held-out combinations and phrasings, which are never trained."""

from .things import COLOURS, HOUSE_KINDS

NOVEL = "val_novel"  # the one split whose houses hold novel pairs and whose phrasings are novel ones

# For each of the ten kinds one (kind, colour) that no house of another split holds; every colour is among them.
NOVEL_PAIRS = tuple((int(kind), int(COLOURS[place % len(COLOURS)])) for place, kind in enumerate(HOUSE_KINDS))
