"""Gymnasium spaces as JSON and back: a run keeps those of its agent's training."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from gymnasium import Space
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Tuple
from numpy.typing import NDArray

from vln.spaces import Candidates, Codes, Glimpse, LastAction, Location, Path, Picture, Pose, Possible, Words

BOXES = {kind.__name__: kind for kind in (Box, Picture, Glimpse, Location, Codes, Words, Path, Candidates, Pose)}

Facts = dict[str, Any]


def space_facts(space: Space[Any]) -> Facts:
    """A space as facts. Raises ValueError for a kind of space that is not known here."""
    if isinstance(space, Box):
        bounds = {name: _bound(values) for name, values in (("low", space.low), ("high", space.high))}
        kind = type(space) if type(space) in BOXES.values() else Box
        flags = {flag: getattr(space, flag) for flag in _flags(kind)}
        return {"kind": kind.__name__, **bounds, "shape": list(space.shape), "dtype": str(space.dtype), **flags}
    if isinstance(space, LastAction):
        return {"kind": "LastAction", "actions": int(space.n) - 1}
    if isinstance(space, Discrete):
        return {"kind": "Discrete", "n": int(space.n), "start": int(space.start), "dtype": str(space.dtype)}
    if isinstance(space, Possible):
        return {"kind": "Possible", "actions": space.shape[0]}
    if isinstance(space, MultiBinary):
        return {"kind": "MultiBinary", "n": space.n if isinstance(space.n, int) else list(space.n)}
    if isinstance(space, MultiDiscrete):
        counts = {"nvec": space.nvec.tolist(), "start": space.start.tolist()}
        return {"kind": "MultiDiscrete", **counts, "dtype": str(space.dtype)}
    if isinstance(space, Dict):
        return {"kind": "Dict", "spaces": {name: space_facts(part) for name, part in space.spaces.items()}}
    if isinstance(space, Tuple):
        return {"kind": "Tuple", "spaces": [space_facts(part) for part in space.spaces]}
    known = ", ".join(_MAKERS)
    raise ValueError(f"a run can't keep the space {space}: it keeps {known}")


def space_of(facts: Mapping[str, Any]) -> Space[Any]:
    """The space of these facts."""
    return _MAKERS[facts["kind"]](facts)


def _box(facts: Mapping[str, Any]) -> Box:
    shape, dtype = tuple(facts["shape"]), np.dtype(facts["dtype"])
    low, high = (np.array(_numbers(facts[name]), dtype=dtype) for name in ("low", "high"))
    # What a typed space is made with is less than its bounds, and follows from them.
    kind = BOXES[facts["kind"]]
    space = kind.__new__(kind)
    Box.__init__(space, np.broadcast_to(low, shape), np.broadcast_to(high, shape), shape, dtype.type)
    for flag in _flags(kind):
        setattr(space, flag, facts[flag])
    return space


def _flags(kind: type[Box]) -> tuple[str, ...]:
    """The names of what spaces of this kind say beside their bounds."""
    return getattr(kind, "flags", ())


_MAKERS: dict[str, Callable[[Mapping[str, Any]], Space[Any]]] = {
    **dict.fromkeys(BOXES, _box),
    "LastAction": lambda facts: LastAction(facts["actions"]),
    "Possible": lambda facts: Possible(facts["actions"]),
    "Discrete": lambda facts: Discrete(facts["n"], start=facts["start"], dtype=np.dtype(facts["dtype"]).type),
    "MultiBinary": lambda facts: MultiBinary(facts["n"]),
    "MultiDiscrete": lambda facts: MultiDiscrete(
        facts["nvec"], start=facts["start"], dtype=np.dtype(facts["dtype"]).type
    ),
    "Dict": lambda facts: Dict({name: space_of(part) for name, part in facts["spaces"].items()}),
    "Tuple": lambda facts: Tuple(space_of(part) for part in facts["spaces"]),
}


def _bound(values: NDArray[Any]) -> Any:
    """One number where all are the same, else all of them; infinity, which JSON lacks, as a text."""
    flat = values.ravel()
    return _said(flat[0].item() if len(flat) and (flat == flat[0]).all() else values.tolist())


def _said(value: Any) -> Any:
    if isinstance(value, list):
        return [_said(one) for one in value]
    return str(value) if isinstance(value, float) and not np.isfinite(value) else value


def _numbers(value: Any) -> Any:
    if isinstance(value, list):
        return [_numbers(one) for one in value]
    return float(value) if isinstance(value, str) else value
