"""What an agent is made of: one set of options, of which each agent takes those that its spaces give a use for."""

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Shape:
    """What an agent is made of."""

    memory: str = "lstm"
    """The cell of the recurrent core: elman, elman-relu, gru, lstm, mingru, minlstm, lru, s6, or FILE.py:NAME of your
    own."""
    hidden: int = 192
    """The size of the core's state."""
    layers: int = 1
    """How many cells the core stacks."""
    forget: float = 1.0
    """What the bias of a forget gate begins with, of cells that have one."""
    orthogonal: bool = False
    """Whether the weights from one state to the next begin as rotations, of cells that have such."""
    word_dim: int = 64
    """The size of a word's vector after reading, and of a symbol's; at 0 a symbol is all zeros but for a one."""
    bidirectional: bool = False
    """Whether the instruction is also read backwards."""
    attention: bool = True
    """Whether every step attends to the words of an instruction, or the hops of a path; else these are known only as a
    whole."""
    sight: int = 192
    """The size of what is seen, as a vector."""
    second_look: bool = False
    """Whether to look again, at the places of a view, for what the words attended to speak of."""
    eye: Literal["linear", "conv"] = "linear"
    """Whether glimpses and pictures below 16 pixels are seen by a layer of all pixels, or by convolutions."""
    aim: float = 0.1
    """The standard deviation of actions that are points, from -1 to 1; between other bounds in proportion."""
    apart: float = 0.0
    """Where answers are graded: how much of the gradient of actions and value is kept from what is seen and remembered,
    from 0 to 1; at 1 that is learned by answering alone (as in some readings of Mnih et al. 2014)."""
    dropout: float = 0.0
    """The share of inputs and outputs of the core, and between its layers, left out while training."""
    fog: float = 0.0
    """The share of codes, or of candidates' features, hidden while training; pictures are always seen clearly."""
    mumble: float = 0.0
    """The share of words heard as an unknown one while training, so that unknown words come to mean something."""

    def __post_init__(self) -> None:
        for name in ("apart", "dropout", "fog", "mumble"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a share, from 0 to 1, not {getattr(self, name)}")


class Noted:
    """A Shape that notes which of its choices an agent asks for while it is made."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._asked: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        self._asked.add(name)
        return getattr(self._shape, name)

    def unheeded(self) -> list[str]:
        """The choices that are not the usual ones, and that nobody has asked for: they change nothing."""
        names = Shape.__dataclass_fields__
        changed = [name for name in names if getattr(self._shape, name) != getattr(PLAIN, name)]
        return [name for name in changed if name not in self._asked]


PLAIN = Shape()
