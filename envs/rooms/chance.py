"""Random choices of houses and phrases."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

Option = TypeVar("Option")


def pick(rng: np.random.Generator, options: Sequence[Option]) -> Option:
    """One of the options, each as likely as the others. Unlike `rng.choice` it keeps their type, and is quick."""
    return options[int(rng.integers(len(options)))]
