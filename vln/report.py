"""A report: one HTML page, complete in itself, of how an agent does and how it went about single episodes."""

import base64
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import jinja2
import numpy as np
from numpy.typing import NDArray

from .metrics import Interval
from .replays import Frame, Replay, failures_first, pictures

PICTURE_WIDTH = 720  # pixels; wider pictures are made smaller
PICTURE_QUALITY = 75  # of WebP, out of 100
PATCH_GAP = 15  # pixels; changes nearer than this are stored as one
MOST_PATCHES = 8  # of one step; where more has changed, one patch holds it all
LEAST_SHARE = 0.0005  # of 1: less would read 0.0 %, and such a move is left out
CURVE_POINTS = 300  # longer curves are drawn by the means of so many pieces
CURVE_BOX = (340, 170)  # the width and height of a curve's drawing
CURVE_MARGIN = (44, 24, 12, 24)  # left, right, top and bottom, for the numbers at its axes

# What a metric is called in the table's head, and in full. Other metrics keep their own name.
METRIC_NAMES = {
    "accuracy": ("accuracy", "the last answer was right; in sequences, every one"),
    "average_accuracy": ("average", "answers that were right, of all that were asked for"),
    "squared_error": ("MSE", "mean squared error of the numbers that were asked for"),
    "surprise": (
        "nats",
        "surprise of the truth (cross-entropy) to who gave the last answer; in sequences, the mean of all",
    ),
    "bits": ("bits", "the same in bits, of every answer that was asked for: of a text, bits per character"),
    "looks": ("looks", "how many there were"),
    "success": ("SR", "success: stopped where it should have"),
    "oracle_success": ("OSR", "oracle success: was within reach of the goal at some time"),
    "spl": ("SPL", "success weighted by path length"),
    "ndtw": ("nDTW", "likeness to the reference path (normalised dynamic time warping)"),
    "sdtw": ("SDTW", "success weighted by nDTW"),
    "cls": ("CLS", "coverage of the reference path weighted by length"),
    "navigation_error": ("NE", "navigation error: distance from the goal at the end"),
    "trajectory_length": ("TL", "trajectory length: distance travelled"),
}
# In the place's unit, or in that which their name says; every other metric is a share of 1.
LENGTHS = ("navigation_error", "trajectory_length", "surprise", "bits", "looks")

# What a row of the table stands for.
ROW_MEANINGS = {
    "agent": "the trained agent",
    "random": "any move, by chance",
    "stop": "stops at once",
    "straight": "mostly forward",
    "blind": "trained without views",
    "deaf": "trained without the instruction",
    "shuffled": "the agent, told the instructions of other episodes",
    "expert": "knows the whole place",
    "random looks": "trained to look at places drawn by chance",
    "scan": "trained to look over a fixed grid",
    "centre": "trained to look at the centre only",
    "whole, linear": "sees the whole picture at once, by linear layers",
    "whole, conv": "sees the whole picture at once, by convolutions",
    "chance": "looks anywhere and guesses",
}


def write_report(
    path: Path,
    title: str,
    table: Mapping[str, Any],
    curves: Mapping[str, Sequence[tuple[float, float]]],
    breakdowns: Mapping[str, Sequence[tuple[str, int, Interval]]],
    replays: Sequence[Replay],
    galleries: Mapping[str, Sequence[tuple[str, NDArray[np.uint8]]]] | None = None,
    figures: Mapping[str, Sequence[tuple[str, str]]] | None = None,
) -> None:
    """Write one self-contained HTML page, which asks nothing of any network.

    table: {"task", "split", "episodes", "seed", "rows": {row: {metric: {"mean", "low", "high"}}}}, as `evaluate.py
        --json` writes it. The rows come in their order, the metrics in the page's.
    curves: the training curves by name, each of (step, value); values that are not finite are left out.
    breakdowns: success by some property, by title ("by family"), each of (label, episodes, interval).
    replays: shown failures first.
    galleries: pictures to look at side by side, by title, each of (label, picture).
    figures: what analyses left (see figures.kept_figures), by title, each of (caption, data URI).
    Raises ValueError when the table has no rows or lacks a part.
    """
    missing = [key for key in ("task", "split", "episodes", "seed", "rows") if key not in table]
    if missing:
        raise ValueError(f"the report's table lacks {', '.join(missing)}")
    if not table["rows"]:
        raise ValueError("the report's table has no rows: evaluate an agent, or one of the floors, first")
    for name, row in table["rows"].items():
        for metric, bounds in row.items():
            if not {"mean", "low", "high"} <= set(bounds):
                raise ValueError(f"row {name!r}, metric {metric!r} needs mean, low and high, and has {list(bounds)}")

    ordered = failures_first(replays)
    drawings = {name: _drawing(points) for name, points in curves.items()}
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,  # instructions can come from anyone
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "percent": percent}
    page = environment.get_template("report.html.jinja").render(
        title=title,
        table=table,
        metrics=_metrics(table["rows"]),
        metric_names=METRIC_NAMES,
        lengths=LENGTHS,
        row_meanings=ROW_MEANINGS,
        curves={name: drawing for name, drawing in drawings.items() if drawing},
        curve_box=CURVE_BOX,
        curve_left=CURVE_MARGIN[0],
        breakdowns=breakdowns,
        galleries={
            title: [(label, _webp(picture), picture.shape) for label, picture in shown]
            for title, shown in (galleries or {}).items()
        },
        figures=figures or {},
        replays=ordered,
        recordings=[_recording(replay) for replay in ordered],
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")


def number(value: float) -> str:
    """A number for people: three digits, thousands apart."""
    if not math.isfinite(value):
        return "∞" if value > 0 else "–"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def percent(share: float) -> str:
    return f"{100 * share:.1f}" if math.isfinite(share) else "–"


def _metrics(rows: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The table's columns: the metrics known here in their order, then others in theirs."""
    present = dict.fromkeys(metric for row in rows.values() for metric in row)
    return [metric for metric in METRIC_NAMES if metric in present] + [
        metric for metric in present if metric not in METRIC_NAMES
    ]


def _drawing(points: Sequence[tuple[float, float]]) -> dict[str, Any] | None:
    """What the page needs to draw a curve: its line, and ticks as (place, label); None when nothing can be drawn."""
    line = np.array([point for point in points if all(map(math.isfinite, point))], dtype=np.float64)
    if not len(line):
        return None
    first, last = line[0, 0], max(line[-1, 0], line[0, 0] + 1e-9)
    line = np.stack([piece.mean(axis=0) for piece in np.array_split(line, min(len(line), CURVE_POINTS))])
    (width, height), (left, right, top, bottom) = CURVE_BOX, CURVE_MARGIN
    rows, columns = _ticks(line[:, 1]), _ticks(np.array([first, last]))
    low, high = min(rows[0], line[:, 1].min()), max(rows[-1], line[:, 1].max())

    def across(step: float) -> float:
        return left + (step - first) / (last - first) * (width - left - right)

    def down(value: float) -> float:
        return height - bottom - (value - low) / (high - low) * (height - top - bottom)

    return {
        "line": " ".join(f"{across(step):.1f},{down(value):.1f}" for step, value in line),
        "rows": [(round(down(value), 1), number(value)) for value in rows],
        "columns": [(round(across(step), 1), number(step)) for step in columns if first <= step <= last],
        "first": line[0],
        "last": line[-1],
        "end": (round(across(line[-1, 0]), 1), round(down(line[-1, 1]), 1)),
    }


def _ticks(values: NDArray[np.float64]) -> list[float]:
    """From two to six round numbers over the range of these values, or around the only one."""
    low, high = float(values.min()), float(values.max())
    if low == high:
        low, high = low - 0.5, high + 0.5
    rough = (high - low) / 4
    unit = 10 ** math.floor(math.log10(rough))
    step = unit * next(factor for factor in (1, 2, 5, 10) if factor * unit >= rough * (1 - 1e-9))
    return [step * index for index in range(math.floor(low / step), math.ceil(high / step) + 1)]


def _recording(replay: Replay) -> dict[str, Any]:
    """A replay as the page's script reads it: plain values, pictures as WebP in base64."""
    first, *others = (_smaller(picture) for picture in pictures(replay))
    height, width = first.shape[:2]
    # Most of a map stays as it was: a step holds only the patches that differ from the first picture.
    patches = [_patches(first, picture) for picture in (first, *others)]
    return {
        "words": replay.words,
        "answers": replay.answers,
        "picture": _webp(first),
        "size": [width, height],
        "steps": [
            {
                "patches": changed,
                "moves": _moves(replay, frame),
                "taken": _move_in_words(replay, frame),
                "belief": None if frame.belief is None else [round(float(share), 4) for share in frame.belief],
                "truth": frame.truth,
                "attention": None if frame.attention is None else [round(float(part), 4) for part in frame.attention],
                "value": None if frame.value is None else number(frame.value),
                "error": number(frame.error),
            }
            for frame, changed in zip(replay.steps, patches, strict=False)
        ],
        "end": None
        if replay.end is None
        else {
            "patches": patches[-1],
            "outcome": replay.outcome,
            "error": number(replay.error),
        },
    }


def _moves(replay: Replay, frame: Frame) -> list[dict[str, Any]]:
    """The moves that matter at a step: what was probable, what is best, what was done."""
    names = frame.signs or replay.moves
    rows = zip(names, frame.probabilities.tolist(), frame.expert.tolist(), strict=True)
    return [
        {"name": name, "share": round(share, 4), "tagged": best, "bold": number == frame.move}
        for number, (name, share, best) in enumerate(rows)
        if share >= LEAST_SHARE or best or number == frame.move
    ]


def _move_in_words(replay: Replay, frame: Frame) -> str:
    if isinstance(frame.move, int):
        return (frame.signs or replay.moves)[frame.move]
    return f"({', '.join(f'{part:.2f}' for part in frame.move)})"


def _smaller(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = picture.shape[:2]
    if width <= PICTURE_WIDTH:
        return picture
    size = (PICTURE_WIDTH, max(1, round(height * PICTURE_WIDTH / width)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _patches(first: NDArray[np.uint8], picture: NDArray[np.uint8]) -> list[dict[str, Any]]:
    """Pieces that hold all that differs from the first picture, in shares of its size; they may overlap."""
    changed = (first != picture).any(axis=-1).astype(np.uint8)
    changed = np.asarray(cv2.dilate(changed, np.ones((PATCH_GAP, PATCH_GAP), np.uint8)), dtype=np.uint8)
    boxes = cv2.connectedComponentsWithStats(changed)[2][1:, : cv2.CC_STAT_AREA]  # the first is the background
    if len(boxes) > MOST_PATCHES:
        boxes = np.array([cv2.boundingRect(changed)])
    height, width = first.shape[:2]
    return [
        {
            "x": left / width,
            "y": top / height,
            "width": wide / width,
            "picture": _webp(picture[top : top + high, left : left + wide]),
        }
        for left, top, wide, high in boxes.tolist()
    ]


def _webp(picture: NDArray[np.uint8]) -> str:
    """A picture [height, width, 3] as WebP, in base64."""
    blue_first = np.ascontiguousarray(picture[..., ::-1])  # as OpenCV takes it
    done, code = cv2.imencode(".webp", blue_first, [cv2.IMWRITE_WEBP_QUALITY, PICTURE_QUALITY])
    if not done:
        raise RuntimeError("OpenCV could not write WebP: its installation lacks it")
    return base64.b64encode(code.tobytes()).decode()
