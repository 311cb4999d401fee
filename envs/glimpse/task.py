"""Glimpses as tasks: sources of pictures, canvases, and splits, of which test is for the end."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

from vln.language import Vocabulary
from vln.tasks import BLIND_AND_DEAF, Baseline, Task, TaskSpec

from .canvas import PlacedImages
from .find import FoundImages
from .folders import folder
from .font_digits import drawn
from .frames import Frames
from .image_splits import SPLITS, ImageSplits
from .mnist import handwritten, mnist
from .pairs import READINGS, Pairs
from .questions import WORDS
from .scene_source import SceneSource
from .sensor import GlimpseSensor
from .shapes import shapes
from .world import WORDS as MAX_WORDS
from .world import Gaze, Glimpses, Move, Start

PATCH_SHARE = 8 / 28  # of a picture's side that a patch covers unless told, as in most of the literature
LEAST_PATCH = 3  # pixels
SEED = 0  # of what chance decides about canvases
PROBES = 2000  # episodes by which an agent in training is judged
Question = Literal["class", "sum", "both", "way", "now"]
PictureName = Literal["digits", "mnist", "shapes", "font_digits"]
SOURCES: tuple[str, ...] = get_args(PictureName)
QUESTIONS: tuple[str, ...] = get_args(Question)
QUESTIONS_TO_TRAIN, QUESTIONS_TO_JUDGE = 16384, 2048
FIND_PATCH, FIND_SCALES, FIND_LOOKS = 12, 3, 6  # the coarsest patch covers most of the canvas

# What every table of glimpses holds beside the agent: the same agent, looking elsewhere, and nets of like size that see
# the whole picture at once.
BASELINES = {
    "random looks": Baseline(world={"gaze": "random"}),
    "scan": Baseline(world={"gaze": "scan"}),
    "centre": Baseline(world={"gaze": "centre"}),
    "whole, linear": Baseline(world={"gaze": "centre", "whole": True}, agent={"view_encoder": "linear"}),
    "whole, conv": Baseline(world={"gaze": "centre", "whole": True}, agent={"view_encoder": "conv"}),
}


def glimpse(
    pictures: PictureName | Path | str | ImageSplits = "digits",
    data: Path | str | None = None,
    canvas: int | None = None,
    clutter: int = 0,
    distort: float = 0.0,
    elastic: float = 0.0,
    ask: Question = "class",
    side: int | None = None,
    grey: bool = False,
) -> Task:
    """What is the picture?

    pictures: Source of the pictures, which is digits (of scikit-learn), mnist, shapes, font_digits, the path of a
    folder (see folders.folder), or an ImageSplits.
    data: Folder of data sets; mnist/ is in it.
    canvas: Side of a larger, dark canvas on which each picture is placed at random, in pixels (see canvas.py).
    clutter: Number of pieces of other pictures on the canvas.
    distort: Strength of random rotation, scaling, shearing and shifting of training pictures, from 0 to 1.
    elastic: Strength of random elastic distortions of training pictures, from 0 to 1 (Simard et al. 2003).
    ask: Question about the picture, which is its class; of two digits their sum, or both in order (see pairs.Pairs); of
    a moving one its direction (way) or its present class (now; see frames.Frames).
    side: Side that pictures of a folder are scaled to, in pixels. grey: Whether to convert colours to grey.
    """
    if ask not in QUESTIONS:
        raise ValueError(f"nothing is asked that is called {ask!r}; there are {', '.join(QUESTIONS)}")
    if ask != "class" and (clutter or distort or elastic):
        raise ValueError(f"clutter and distorted pictures are for --ask class, not for {ask!r}")
    album = _album(pictures, data, side)

    def scenes(split: str) -> SceneSource:
        training, shown = split == "train", album(split).grey() if grey else album(split)
        if ask == "class":
            far = (distort, elastic) if training else (0.0, 0.0)
            return PlacedImages(shown, split, canvas, clutter, *far, training, SEED)
        if ask in READINGS:
            return Pairs(shown, split, ask, canvas, training, SEED)
        return Frames(shown, split, ask, canvas, endless=training, seed=SEED)

    return Task("glimpse", scenes, see, SPLITS, Vocabulary(()), "val", PROBES, "val", BASELINES)


def glimpsefind(
    pictures: PictureName | Path | str | ImageSplits = "digits",
    data: Path | str | None = None,
    questions: int = QUESTIONS_TO_TRAIN,
) -> Task:
    """What words ask of digits and shapes on one canvas: which digit lies left of the red circle, how many are blue.

    pictures: Source of the digits, as in `glimpse`. data: Folder of data sets; mnist/ is in it.
    questions: Number of questions to train on, each with very many variants of its canvas.
    """
    album = _album(pictures, data, None)
    sizes = {"train": questions} | dict.fromkeys(SPLITS[1:], QUESTIONS_TO_JUDGE)

    def scenes(split: str) -> SceneSource:
        if split not in sizes:
            raise ValueError(f"no split is called {split!r}; there are {', '.join(sizes)}")
        return FoundImages(album(split), split, sizes[split], endless=split == "train", seed=SEED)

    baselines = BLIND_AND_DEAF | BASELINES
    return Task("glimpsefind", scenes, find, SPLITS, Vocabulary(WORDS), "val", PROBES, "val", baselines)


def see(
    episodes: Any,
    vocabulary: Vocabulary,
    patch: int | None = None,
    scales: int = 1,
    contrast: bool = True,
    whole: bool = False,
    looks: int = 6,
    start: Start | Sequence[float] = "centre",
    move: Move = "continuous",
    limit: float = 0.3,
    stride: int | None = None,
    stops: bool = False,
    gaze: Gaze = "free",
    max_words: int = MAX_WORDS,
) -> Glimpses:
    """The world of these scenes; see also Glimpses.

    patch: Side of the finest patch, in pixels; in proportion to 8 for pictures of 28 unless given, and at least 3.
    scales: Number of patches around one centre, each of twice the side of the one before.
    contrast: Whether to normalise the contrast of each patch.
    whole: Whether the sensor sees the whole picture in one look.
    looks: Number of looks of an episode. start: Location of the first look.
    move: Kind of action: a location to look at (continuous), a shift of it (relative), or a step left, right, up or
    down (discrete). limit: Length of the longest relative move.
    stride: Length of a discrete move, in pixels. stops: Whether one of the discrete moves ends the episode.
    gaze: Control of the sensor, which is the agent's (free) or a scripted one. max_words: Number of token ids of an
    instruction.
    """
    if whole:
        height, width, _ = episodes.shape
        if height != width:
            raise ValueError(f"an eye that sees the whole picture needs a square one, not {height}x{width}")
        eye, looks = GlimpseSensor(height, 1, contrast), 1
    else:
        eye = GlimpseSensor(patch or max(LEAST_PATCH, round(PATCH_SHARE * min(episodes.picture))), scales, contrast)
    return Glimpses(episodes, vocabulary, eye, looks, start, move, limit, stride, stops, gaze, max_words)


find = partial(see, patch=FIND_PATCH, scales=FIND_SCALES, looks=FIND_LOOKS)

TASKS = {"glimpse": TaskSpec(glimpse, see), "glimpsefind": TaskSpec(glimpsefind, find)}

_INVENTED = {"shapes": shapes, "font_digits": drawn}


def _album(pictures: str | Path | ImageSplits, data: Path | str | None, side: int | None) -> ImageSplits:
    if not isinstance(pictures, str | Path):
        return pictures
    pictures = str(pictures)
    if side is not None and (pictures in ("digits", "mnist") or pictures in _INVENTED):
        raise ValueError(f"{pictures} have the size they have; a side is for pictures in a folder")
    if pictures == "digits":
        return handwritten()
    if pictures == "mnist":
        if data is None:
            raise ValueError("mnist needs data: the folder that holds mnist/train-images-idx3-ubyte.gz and the rest")
        return mnist(Path(data) / "mnist")
    if pictures in _INVENTED:
        return _INVENTED[pictures]()
    if Path(pictures).is_dir():
        return folder(pictures, side)
    raise ValueError(
        f"no pictures are called {pictures!r}; there are {', '.join(SOURCES)}, and the path of a folder may be given"
    )
