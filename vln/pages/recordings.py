"""Recordings: replays as plain values for a page's script, with pictures as WebP in base64."""

import base64
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from io import BytesIO
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vln.evaluation.replays import Frame, Replay, pictures
from vln.metrics import METRICS, number
from vln.pages.films import foretold
from vln.pages.texts import visible

PICTURE_WIDTH = 720  # pixels; wider pictures are made smaller
MOST_PICTURES = 1500  # of this width on a page; of more, each is so much smaller that the page is no larger
PICTURE_QUALITY = 75  # of WebP, out of 100
PICTURE_EFFORT = 2  # of WebP, from 0 to 6: less than half the time of 4, for files a twelfth larger
SQUARE = 6  # pixels a side, in which changes are looked for; those in squares side by side are stored as one
MOST_PATCHES = 8  # of one step; where more has changed, one patch holds it all
LEAST_SHARE = 0.0005  # of 1: less would read 0.0 %, and such an alternative is left out
MOST_ALTERNATIVES = 12  # besides what is right and what was done
MOST_STEPS = 2000  # of a text or of columns: a page holds no more


def recordings(replays: Sequence[Replay]) -> list[dict[str, Any]]:
    """Replays as the page's script reads them."""
    count = sum(len(replay.steps) + 1 for replay in replays if replay.display == "picture")
    width = round(PICTURE_WIDTH * min(1.0, MOST_PICTURES / max(1, count)) ** 0.5)
    return [recording(replay, width) for replay in replays]


def recording(replay: Replay, width: int = PICTURE_WIDTH) -> dict[str, Any]:
    """A replay, its pictures at most so wide; what its steps have besides depends on how they are shown."""
    steps = replay.steps[: MOST_STEPS if replay.display in ("text", "columns") else None]
    told = [_step(replay, frame) for frame in steps]
    record: dict[str, Any] = {
        "shown": replay.display,
        "words": replay.words,
        "names": _names(replay.action_names, [step["moves"] for step in told]),
        "answers": [visible(name) for name in replay.answer_names],
        "labels": _labels(replay),
        "steps": told,
        "whole": len(replay.steps),
        "end": None,
    }
    if replay.display == "text":
        text, surprise = foretold(replay)
        return record | {"text": text[: len(steps) + 1], "nats": _rounded(surprise[: len(steps) + 1], 2)}
    if replay.display == "columns":
        for step, frame in zip(told, steps, strict=True):
            step |= _column(replay, frame)
        return record
    if replay.display == "sentence":
        return record | _picture(_smaller(replay.steps[0].draw(), width))
    shots = (_smaller(picture, width) for picture in pictures(replay))
    first = next(shots)
    # Most of a map stays as it was: a step holds only the patches that differ from the first picture.
    with ThreadPoolExecutor() as pool:
        patches = [[], *pool.map(partial(_patches, first), shots)]
    for step, changed in zip(told, patches, strict=False):
        step["patches"] = changed
    if replay.end is not None:
        record["end"] = {"patches": patches[-1], "outcome": replay.verdict, "left": _measured(replay, replay.error)}
    return record | _picture(first)


LEFT = {"sentence": "still to say"}  # what an error is called, by how steps are shown; elsewhere a distance to go


def _labels(replay: Replay) -> dict[str, str]:
    """What the page calls the numbers of a step, and the alternatives that are right."""
    left = "nll" if replay.answer_names else LEFT.get(replay.display, "distance to go")
    value = "expected chance of success" if replay.value == "success" else f"expected {left}"
    tag = {"picture": "expert", "sentence": "a person"}.get(replay.display, "right")
    return {"left": left, "value": value, "tag": tag}


def _step(replay: Replay, frame: Frame) -> dict[str, Any]:
    right = np.flatnonzero(frame.expert).tolist()
    anything = len(right) == len(frame.expert)  # where any move is as good, none is the right one
    step: dict[str, Any] = {"moves": alternatives(frame.probabilities, [] if anything else right, frame.choices)}
    if not anything:
        step["right"] = right
    step["taken"] = frame.choices
    if frame.action_names:
        step["signs"] = frame.action_names
    if replay.display in ("text", "columns"):
        return step
    if frame.numbers:
        step["point"] = _point(frame.numbers)
    if frame.belief is not None:
        step["belief"] = alternatives(frame.belief, [] if frame.truth is None else [frame.truth])
        step["truth"] = frame.truth
    if frame.attention is not None:
        step["attention"] = _rounded(frame.attention, 4)
    if frame.value is not None:
        step["value"] = _expected(replay, frame.value)
    return step | {"left": _measured(replay, frame.error)}


def alternatives(
    shares: NDArray[np.floating],
    right: Sequence[int] = (),
    taken: Sequence[int] = (),
    most: int = MOST_ALTERNATIVES,
) -> list[Any]:
    """The likeliest of these, each (number, share), the likeliest first; with what is right and what was done.

    Then, where there are others, how many they are and the sum of their shares.
    """
    likely = np.argsort(-shares, kind="stable")[:most].tolist()
    chosen = {number for number in likely if shares[number] >= LEAST_SHARE} | {*right[:most], *taken}
    rows = [[number, round(float(shares[number]), 4)] for number in sorted(chosen, key=lambda one: (-shares[one], one))]
    others = len(shares) - len(rows)
    left = float(shares.sum()) - sum(float(shares[number]) for number in chosen)
    return [*rows, [-others, round(max(0.0, left), 4)]] if others and left >= LEAST_SHARE else rows


def _names(moves: Sequence[str], steps: Sequence[list[Any]]) -> dict[int, str]:
    """What those moves are called that are among the alternatives at some step."""
    used = {number for rows in steps for number, _ in rows if 0 <= number < len(moves)}
    return {number: visible(moves[number]) for number in sorted(used)}


def _column(replay: Replay, frame: Frame) -> dict[str, Any]:
    """What was given at a step, what was answered, and what is right if anything is."""
    if frame.choices:
        asked = not frame.expert.all()
        right = visible(replay.action_names[int(frame.expert.argmax())]) if asked else ""
        return {
            "input": [visible(given) for given in frame.inputs],
            "answered": ", ".join(visible(replay.action_names[move]) for move in frame.choices),
            "truth": right,
            "good": bool(frame.expert[list(frame.choices)].all()) if asked else None,
        }
    answered, right = _point(frame.numbers), _point(frame.expert_numbers)
    return {"input": frame.inputs, "answered": answered, "truth": right, "good": None}


def _expected(replay: Replay, value: float) -> str:
    if replay.value == "success":
        return f"{METRICS['success'].written(value)} %"
    return _measured(replay, value)


def _measured(replay: Replay, distance: float) -> str:
    return f"{number(distance)} {replay.unit}".rstrip()


def _point(point: Sequence[float]) -> str:
    numbers = ", ".join(f"{part:.2f}" for part in point)
    return f"({numbers})" if len(point) > 1 else numbers


def _rounded(values: NDArray[np.floating], decimals: int) -> list[float]:
    return [round(float(value), decimals) for value in values]


def _picture(picture: NDArray[np.uint8]) -> dict[str, Any]:
    return {"picture": webp(picture), "size": [picture.shape[1], picture.shape[0]]}


def _smaller(picture: NDArray[np.uint8], most: int) -> NDArray[np.uint8]:
    """The picture, at most about so wide: by a whole factor, which is many times as fast as any other."""
    height, width = picture.shape[:2]
    factor = math.ceil(width / (1.15 * most))
    if factor == 1:
        return picture
    cut = picture[: height // factor * factor, : width // factor * factor]
    size = (width // factor, height // factor)
    return np.asarray(cv2.resize(cut, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _patches(first: NDArray[np.uint8], picture: NDArray[np.uint8]) -> list[dict[str, Any]]:
    """Pieces that hold all that differs from the first picture, in shares of its size; they may overlap."""
    height, width = first.shape[:2]
    same = cv2.inRange(cv2.absdiff(first, picture), (0, 0, 0), (0, 0, 0))
    # In squares of a few pixels, which is as exact as boxes need be and much faster.
    rows, columns = -(-height // SQUARE), -(-width // SQUARE)
    whole = np.full((rows * SQUARE, columns * SQUARE), 255, dtype=np.uint8)
    whole[:height, :width] = same
    changed = (whole.reshape(rows, SQUARE, columns, SQUARE).min(axis=(1, 3)) == 0).astype(np.uint8)
    near = cv2.dilate(changed, np.ones((3, 3), np.uint8))
    boxes = cv2.connectedComponentsWithStats(near)[2][1:, : cv2.CC_STAT_AREA]  # the first is the background
    if len(boxes) > MOST_PATCHES:
        boxes = np.array([cv2.boundingRect(near)])
    corners = [
        (SQUARE * left, SQUARE * top, min(SQUARE * (left + wide), width), min(SQUARE * (top + high), height))
        for left, top, wide, high in boxes.tolist()
    ]
    return [
        {
            "x": left / width,
            "y": top / height,
            "width": (right - left) / width,
            "picture": webp(picture[top:foot, left:right]),
        }
        for left, top, right, foot in corners
    ]


def webp(picture: NDArray[np.uint8]) -> str:
    """A picture [height, width, 3] as WebP, in base64."""
    code = BytesIO()
    Image.fromarray(picture).save(code, "WEBP", quality=PICTURE_QUALITY, method=PICTURE_EFFORT)
    return base64.b64encode(code.getvalue()).decode()
