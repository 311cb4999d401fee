"""Faults of a checker: all are collected, and each is reported once, with what and where."""

from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from vln.actions import first_part
from vln.state import State

CLOSE = {"rtol": 1e-5, "atol": 1e-6}  # a sum may depend on the size of a batch in its last bits


@dataclass
class Faults:
    """What was found. A fault is told up to its colon, then its values; it is known by the first part."""

    found: dict[str, str] = field(default_factory=dict)

    def add(self, here: str, fault: str) -> None:
        self.found.setdefault(fault.split(":")[0], f"{here}: {fault}")

    def check(self, holds: Any, here: str, fault: str) -> None:
        """Add the fault where it does not hold."""
        if not holds:
            self.add(here, fault)

    def check_same(self, one: Any, other: Any, here: str, fault: str) -> None:
        """Add the fault, with the name of a field or key, wherever two states, dicts or arrays differ."""
        first, second = _named(one), _named(other)
        for name in first.keys() & second.keys():
            same = same_values(first_part(first[name]), first_part(second[name]))
            self.check(same, here, f"{name} {fault}".strip())

    def raise_if_any(self, what: str) -> None:
        """Raises AssertionError with all that was found."""
        if self.found:
            count = len(self.found)
            listed = "\n".join(f"- {fault}" for fault in self.found.values())
            raise AssertionError(f"{what} breaks {count} promise{'s' * (count > 1)}:\n{listed}")


def is_array(values: Any, dtype: str, shape: tuple[int, ...]) -> bool:
    """Whether this is a NumPy array of this dtype and shape."""
    return isinstance(values, np.ndarray) and str(values.dtype) == dtype and values.shape == shape


def form_of(values: Any) -> str:
    """The dtype and shape of an array; of anything else its type."""
    return f"{values.dtype} {values.shape}" if isinstance(values, np.ndarray) else type(values).__name__


def _named(values: Any) -> dict[str, Any]:
    if isinstance(values, State):
        return {f"field {one.name}": getattr(values, one.name) for one in fields(values)}
    return values if isinstance(values, dict) else {"": values}


def same_values(one: Any, other: Any) -> bool:
    """Whether two arrays have one shape and dtype, and the same values, but for the last bits of fractions."""
    one, other = np.asarray(one), np.asarray(other)
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    return np.allclose(one, other, equal_nan=True, **CLOSE) if one.dtype.kind == "f" else np.array_equal(one, other)
