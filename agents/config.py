"""AgentConfig: the options of an agent, of which each agent uses those that its spaces give a use for."""

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class AgentConfig:
    """What an agent is made of."""

    memory: str = "lstm"
    """Cell of the recurrent core: elman, elman-relu, gru, lstm, mingru, minlstm, lru, s6, or FILE.py:NAME."""
    hidden: int = 192
    """Size of the core's state."""
    layers: int = 1
    """Number of cells that the core stacks."""
    forget_bias: float = 1.0
    """Initial bias of the forget gate, of cells that have one."""
    orthogonal: bool = False
    """Whether recurrent weights are initialized as rotations, of cells that have such weights."""
    word_dim: int = 64
    """Size of a word's vector after reading, and of a symbol's; at 0 a symbol is one-hot."""
    bidirectional: bool = False
    """Whether the instruction is also read backwards."""
    attention: bool = True
    """Whether every step attends to the words of an instruction, or the hops of a path; else these are known only as a
    whole."""
    view_dim: int = 192
    """Size of the vector of what is seen."""
    spatial_attention: bool = False
    """Whether every step attends to the places of a view as well, by the words attended to."""
    view_encoder: Literal["linear", "conv"] = "linear"
    """Encoder of glimpses and of pictures below 16 pixels: a layer of all pixels, or convolutions."""
    action_std: float = 0.1
    """Standard deviation of actions that are points, from -1 to 1; between other bounds in proportion."""
    head_detach: float = 0.0
    """Share of the gradient of action and value heads that does not reach the core, from 0 to 1, where answers are
    scored; at 1 the core learns by answering alone (as in some readings of Mnih et al. 2014)."""
    dropout: float = 0.0
    """Dropout at the inputs and outputs of the core, and between its layers."""
    view_dropout: float = 0.0
    """Share of codes, or of candidates' features, hidden while training; pictures are always seen clearly."""
    word_dropout: float = 0.0
    """Share of words read as unknown while training, so that unknown words come to mean something."""

    def __post_init__(self) -> None:
        for name in ("head_detach", "dropout", "view_dropout", "word_dropout"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a share, from 0 to 1, not {getattr(self, name)}")


class ConfigUse:
    """An AgentConfig that records which of its options are read while an agent is made."""

    def __init__(self, config: AgentConfig) -> None:
        self._config = config
        self._read: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        self._read.add(name)
        return getattr(self._config, name)

    def unused(self) -> list[str]:
        """The options that are not the defaults, and that nothing has read: they change nothing."""
        names = AgentConfig.__dataclass_fields__
        changed = [name for name in names if getattr(self._config, name) != getattr(DEFAULT, name)]
        return [name for name in changed if name not in self._read]


DEFAULT = AgentConfig()
