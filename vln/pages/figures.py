"""Figures of a run: kept in its folder, found again by its report."""

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIGURES_FOLDER = "figures"  # in the folder of a run
SLASH = "\N{DIVISION SLASH}"  # a caption is kept as the name of a file, where a real one would be a folder
KINDS = {".png": "image/png", ".svg": "image/svg+xml"}


def keep_figures(folder: Path, heading: str, figures: "Mapping[str, NDArray[np.uint8] | Figure]") -> list[Path]:
    """Write figures under a heading, in place of those kept under it before. Returns the files.

    figures: by caption, in their order: pictures uint8 [height, width, 3] (.png), and matplotlib's figures (.svg).
    """
    place = folder / heading
    place.mkdir(parents=True, exist_ok=True)
    for old in place.iterdir():
        if old.suffix in KINDS:
            old.unlink()
    files = []
    for number, (caption, figure) in enumerate(figures.items(), start=1):
        name = f"{number:02d} {caption.replace('/', SLASH)}"
        if isinstance(figure, np.ndarray):
            files.append(place / f"{name}.png")
            Image.fromarray(figure).save(files[-1], optimize=True)
        else:
            files.append(place / f"{name}.svg")
            figure.savefig(files[-1], metadata={"Date": None})
    return files


def kept_figures(folder: Path) -> dict[str, list[tuple[str, str]]]:
    """What is kept: by heading (caption, data URI), in the order it was written; nothing where there is no folder."""
    found: dict[str, list[tuple[str, str]]] = {}
    for place in sorted(folder.iterdir()) if folder.is_dir() else []:
        files = sorted(file for file in place.iterdir() if file.suffix in KINDS) if place.is_dir() else []
        if files:
            found[place.name] = [(file.stem.partition(" ")[2], _data_uri(file)) for file in files]
    return found


def _data_uri(file: Path) -> str:
    return f"data:{KINDS[file.suffix]};base64,{base64.b64encode(file.read_bytes()).decode()}"
