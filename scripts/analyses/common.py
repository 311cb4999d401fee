"""What all analyses share: what they find, the run they look into, tables, and colours for what a unit was."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import tyro
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.table import Table
from run_options import Where

from vln.pages.figures import FIGURES_FOLDER
from vln.runs.run import Run
from vln.world import World

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_SHOWN = 2000  # steps of an episode in a picture


@dataclass
class Found:
    """What an analysis has found: tables and words to read, facts for JSON, figures by caption."""

    tables: list[Table] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    figures: "dict[str, NDArray[np.uint8] | Figure]" = field(default_factory=dict)


@dataclass(frozen=True)
class Analysis(ABC):
    """What every analysis can be told."""

    figures: Path | None = None
    """The folder for figures. Of a run unless given, where its report finds them; of untrained agents none are kept."""
    json: Path | None = None
    """Where to write what was found."""
    threads: int = 1
    """CPU threads."""
    seed: int = 0
    """Of all that is drawn by chance."""

    @abstractmethod
    def look(self) -> Found:
        """Look, and say what was found."""

    @property
    def folder(self) -> Path | None:
        """Where figures go; None for nowhere."""
        return self.figures


@dataclass(frozen=True)
class OfRun(Analysis, Where):
    """What every analysis of one trained run can be told besides."""

    run: Annotated[Path, tyro.conf.Positional] = Path()
    """The folder of the run."""
    split: str | None = None
    """Whose episodes it lives; those it was chosen by unless given."""
    episodes: int = 32
    """How many of them, evenly spread."""

    @property
    def folder(self) -> Path:
        return self.figures or self.run / FIGURES_FOLDER

    def lives(self) -> tuple[Run, World[Any], list[int]]:
        """The run, where it lives, and the episodes."""
        run = self.open(self.run)
        world = run.open(self.split or run.task.validation_split)
        if self.episodes < 1:
            raise ValueError(f"episodes must be at least 1, not {self.episodes}")
        count = min(self.episodes, len(world.episodes))
        return run, world, np.linspace(0, len(world.episodes) - 1, count).round().astype(int).tolist()


def columns(title: str, names: tuple[str, ...], words: int = 1) -> Table:
    """An empty table; the first `words` columns are words, the others numbers."""
    shown = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for number, name in enumerate(names):
        # A narrow terminal may break what stands below a name, never the name.
        worded = number < words
        shown.add_column(name, justify="left" if worded else "right", no_wrap=worded, min_width=len(name))
    return shown


def plot(width: float = 8, height: float = 5) -> "tuple[Figure, Axes]":
    """A figure with axes to draw on."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.grid(alpha=0.3)
    return figure, axes


def to_colours(values: NDArray[Any], low: float, high: float, name: str = "RdBu_r") -> NDArray[np.uint8]:
    """A colour [n, 3] for every value [n] of a scale of this name: from blue, where it is low, to red."""
    import matplotlib

    share = np.clip((values - low) / max(high - low, 1e-12), 0, 1)
    # The ends of a scale are too dark to read letters on.
    return (255 * matplotlib.colormaps[name](0.12 + 0.76 * share)[:, :3]).astype(np.uint8)
