"""Typed spaces: what an observation is, where a Box can't say it, and the rules by which plain spaces are read.

All of them remain ordinary Gymnasium spaces: they can be sampled, batched, pickled and given to any other library.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import Space
from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete

WHITE = 255
FIRST_CHANNELS = (1, 3, 4)  # so many rows in a picture, and more columns, are probably channels put first


class _Typed(Box):
    """A Box that equals only boxes of its own kind. flags: the names of what it says beside its bounds."""

    flags: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other) or not super().__eq__(other):
            return False
        return all(getattr(self, flag) == getattr(other, flag) for flag in self.flags)

    __hash__ = None  # type: ignore[assignment]  # as of every Box: its bounds are arrays

    def __repr__(self) -> str:
        flags = "".join(f", {flag}" for flag in self.flags if getattr(self, flag))
        return f"{type(self).__name__}({self.low.min()}, {self.high.max()}, {self.shape}, {self.dtype}{flags})"


class Picture(_Typed):
    """Pixels [height, width, channels] from black (low) to white (high); uint8 up to 255 unless given."""

    def __init__(
        self,
        height: int,
        width: int,
        channels: int = 3,
        low: float = 0,
        high: float = WHITE,
        dtype: Any = np.uint8,
    ) -> None:
        if not np.isfinite([low, high]).all() or low >= high:
            raise ValueError(f"a picture of floats has finite bounds, from black to white, not {low} and {high}")
        super().__init__(low, high, (height, width, channels), dtype)


class Glimpse(Picture):
    """A small picture of a part of a larger one, float32 in a unit of its own, as an eye sees it at one place."""

    def __init__(self, height: int, width: int, channels: int = 1, low: float = 0, high: float = 1) -> None:
        super().__init__(height, width, channels, low, high, np.float32)


class Location(_Typed):
    """Where the picture beside it was taken: float32 coordinates from -1 to 1.

    What is seen and where are multiplied (Mnih et al. 2014, arXiv:1406.6247; Ba et al. 2015, arXiv:1412.7755).
    """

    def __init__(self, coordinates: int = 2) -> None:
        super().__init__(-1, 1, (coordinates,), np.float32)


class Codes(_Typed):
    """Cells [rows, columns, layers], in every layer one of so many kinds, uint8.

    A square view is a map: what lies side by side in it is near. The columns of any other are ways to look, each of
    which is seen in the same manner.
    """

    def __init__(self, rows: int, columns: int, counts: Sequence[int]) -> None:
        if not counts or min(counts) < 1 or max(counts) > WHITE:
            raise ValueError(f"a layer of codes has from 1 to {WHITE} kinds, not {list(counts)}")
        # The bound says that this is no image: Stable-Baselines3 takes a Box up to 255 for one.
        highest = np.array(counts, dtype=np.uint8) - np.uint8(1)
        super().__init__(0, np.broadcast_to(highest, (rows, columns, len(counts))).copy(), dtype=np.uint8)


class Words(_Typed):
    """The token ids [length] of a sentence, int32 below the size of the vocabulary; 0 is padding.

    They may be longer or shorter elsewhere. changes: whether another sentence may be shown at every step, as of a place
    that is told in words; else it stays as it is through an episode, as an instruction does, and is read once.
    """

    flags = ("changes",)

    def __init__(self, length: int, vocabulary: int, changes: bool = False) -> None:
        super().__init__(0, vocabulary - 1, (length,), np.int32)
        self.changes = changes

    @property
    def vocabulary(self) -> int:
        """How many token ids there are."""
        return int(self.high.max()) + 1


class Path(_Typed):
    """A sequence of vectors, float32 [steps, numbers]; rows of zeros, which come last, are none.

    It stays as it is through an episode, and may be longer or shorter elsewhere.
    """

    def __init__(self, steps: int, numbers: int, bound: float = np.inf) -> None:
        super().__init__(-bound, bound, (steps, numbers), np.float32)


class Candidates(_Typed):
    """Things to choose among, each told by float32 numbers [count, numbers]; rows of zeros are none.

    Observations of several such spaces of one count are about the same candidates, row by row. actions: whether action
    k is to choose row k; the last action of all is then to stop.
    """

    flags = ("actions",)

    def __init__(self, count: int, numbers: int, bound: float = np.inf, actions: bool = False) -> None:
        super().__init__(-bound, bound, (count, numbers), np.float32)
        self.actions = actions


class Pose(_Typed):
    """Where one stands and how one is turned, in float32 numbers of the order of one."""

    def __init__(self, numbers: int, bound: float = np.inf) -> None:
        super().__init__(-bound, bound, (numbers,), np.float32)


class LastAction(Discrete):
    """The action taken last, one of `actions`; before the first it is the number of actions."""

    def __init__(self, actions: int) -> None:
        super().__init__(actions + 1)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and super().__eq__(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"LastAction({int(self.n) - 1})"


class Possible(MultiBinary):
    """Which of the actions can be taken now, 1 for those; agents take no other."""

    def __init__(self, actions: int) -> None:
        super().__init__(actions)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and super().__eq__(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Possible({self.n})"


def typed(space: Space[Any]) -> Space[Any]:
    """What a plain space is taken for; one that says what it is stays as it is.

    A Box of three axes is a Picture (channels last) where it is of uint8 up to 255, or of floats with finite bounds,
    and Codes where it is of whole numbers from 0 to less than 255. A Box of floats with one axis or none is numbers,
    Discrete a symbol, MultiBinary and MultiDiscrete one symbol for each entry. Raises ValueError where a space may be
    several things, or is none of these, with what to say instead.
    """
    if isinstance(space, _Typed | Discrete | MultiBinary | MultiDiscrete):
        return space
    if not isinstance(space, Box):
        raise ValueError(f"no agent here reads the space {space}: say its parts as observations of their own")
    axes, floats = len(space.shape), np.issubdtype(space.dtype, np.floating)
    if axes == 3:
        return _picture(space) if _is_picture(space) else _codes(space)
    if axes < 2 and floats:
        return space
    if axes == 1:
        raise ValueError(
            f"{space.dtype} numbers {list(space.shape)} may be words or measures: declare vln.spaces.Words(length, "
            "vocabulary), MultiDiscrete for symbols, or a Box of floats for measures"
        )
    if axes == 2 and floats:
        raise ValueError(
            f"rows of numbers {list(space.shape)} may be things to choose among or a sequence: declare "
            "vln.spaces.Candidates(count, numbers) or vln.spaces.Path(steps, numbers)"
        )
    raise ValueError(
        f"no agent here reads a Box of shape {space.shape} and {space.dtype}; expected rows, columns, channels: a grey "
        "picture has one channel, vln.spaces.Picture(height, width, 1), and codes have layers, "
        "vln.spaces.Codes(rows, columns, counts)"
    )


def _is_picture(space: Box) -> bool:
    """Whether a Box of three axes is pictures and not codes. Raises ValueError where it may be either, or neither."""
    low, high = space.low.min(), space.high.max()
    if np.issubdtype(space.dtype, np.floating):
        if np.isfinite([low, high]).all() and low < high:
            return True
        raise ValueError(f"a picture of floats has finite bounds, from black to white, not {low} and {high}")
    if space.dtype == np.uint8 and high == WHITE:
        return True
    if low != 0 or high >= WHITE:
        what = f"a view of {space.dtype} from {low} to {high}"
        raise ValueError(f"{what} is neither a picture (uint8 up to {WHITE}) nor codes (from 0 to less than {WHITE})")
    return False


def _picture(space: Box) -> Picture:
    first, _, last = space.shape
    if first in FIRST_CHANNELS and last not in FIRST_CHANNELS:
        raise ValueError(
            f"a picture of shape {space.shape} seems to have its channels first; here they come last: transpose it, or "
            "declare vln.spaces.Picture(height, width, channels)"
        )
    height, width, channels = space.shape
    return Picture(height, width, channels, float(space.low.min()), float(space.high.max()), space.dtype)


def _codes(space: Box) -> Codes:
    rows, columns, _ = space.shape
    return Codes(rows, columns, [int(highest) + 1 for highest in space.high.max(axis=(0, 1))])
