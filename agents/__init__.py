"""Networks and policies. They know spaces, not worlds."""

from .navigator import Navigator, Shape

__all__ = ["Navigator", "Shape"]
