"""Pictures that can only be looked at through a small, moving eye."""

from .image_splits import LabelledImages
from .sensor import GlimpseSensor
from .world import Glimpses

__all__ = ["GlimpseSensor", "Glimpses", "LabelledImages"]
