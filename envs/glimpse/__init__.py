"""Pictures seen through a small, moving sensor."""

from .image_splits import LabelledImages
from .sensor import GlimpseSensor
from .world import Glimpses

__all__ = ["GlimpseSensor", "Glimpses", "LabelledImages"]
