"""Glimpses as a task: which pictures, laid how on a canvas, and the split that is never looked at before the end."""

from functools import partial
from pathlib import Path
from typing import Any

from vln.language import Vocabulary
from vln.tasks import BLIND_AND_DEAF, Floor, Task

from .drawn import drawn
from .eye import Eye
from .find import Found
from .folders import folder
from .frames import ASKED, Frames
from .mnist import handwritten, mnist
from .pairs import READINGS, Pairs
from .pictures import SPLITS, Album
from .placed import Placed
from .questions import WORDS
from .scenes import Scenes
from .shapes import shapes
from .world import Glimpses

PATCH_SHARE = 8 / 28  # of a picture's side that a patch covers unless told, as in most of the literature
LEAST_PATCH = 3  # pixels
SEED = 0  # of what chance decides about canvases
PROBES = 2000  # episodes by which an agent in training is judged
QUESTIONS = ("class", *READINGS, *ASKED)
QUESTIONS_TO_TRAIN, QUESTIONS_TO_JUDGE = 16384, 2048
FIND_PATCH, FIND_SCALES, FIND_LOOKS = 12, 3, 6  # the coarsest patch covers most of the canvas

# What every table of glimpses holds beside the agent: the same agent, looking elsewhere, and nets of like size that see
# the whole picture at once.
FLOORS = {
    "random looks": Floor(world={"gaze": "random"}),
    "scan": Floor(world={"gaze": "scan"}),
    "centre": Floor(world={"gaze": "centre"}),
    "whole, linear": Floor(world={"gaze": "centre", "whole": True}, agent={"eye": "linear"}),
    "whole, conv": Floor(world={"gaze": "centre", "whole": True}, agent={"eye": "conv"}),
}


def glimpse(
    pictures: str | Album = "digits",
    data: Path | str | None = None,
    canvas: int | None = None,
    clutter: int = 0,
    distort: float = 0.0,
    elastic: float = 0.0,
    ask: str = "class",
    side: int | None = None,
    grey: bool = False,
) -> Task:
    """What is the picture?

    pictures: "digits" (scikit-learn's), "mnist" (in the folder `data`/mnist), "shapes", "drawn" (digits in fonts), the
    path of a folder (see folders.folder), or an album (see pictures.Album).
    canvas, clutter: see placed.Placed. distort, elastic: how far pictures to train on are distorted and bent; others
    never are.
    ask: "class"; of two digits "sum" or "both" (see pairs.Pairs); of one that moves "way" or "now" (see frames.Frames).
    side: of the pictures in a folder, whatever size they have there. grey: whether colours are seen as greys.
    """
    if ask not in QUESTIONS:
        raise ValueError(f"nothing is asked that is called {ask!r}; there are {', '.join(QUESTIONS)}")
    if ask != "class" and (clutter or distort or elastic):
        raise ValueError(f"clutter and distorted pictures are for --ask class, not for {ask!r}")
    album = _album(pictures, data, side)

    def scenes(split: str) -> Scenes:
        training, shown = split == "train", album(split).grey() if grey else album(split)
        if ask == "class":
            far = (distort, elastic) if training else (0.0, 0.0)
            return Placed(shown, split, canvas, clutter, *far, training, SEED)
        if ask in READINGS:
            return Pairs(shown, split, ask, canvas, training, SEED)
        return Frames(shown, split, ask, canvas, endless=training, seed=SEED)

    return Task("glimpse", scenes, see, SPLITS, Vocabulary(()), "val", PROBES, "val", FLOORS)


def glimpsefind(
    pictures: str | Album = "digits", data: Path | str | None = None, questions: int = QUESTIONS_TO_TRAIN
) -> Task:
    """What words ask of digits and shapes on one canvas: which digit lies left of the red circle, how many are blue.

    pictures: of digits, as in `glimpse`. questions: how many to train on, each seen in very many variants.
    """
    album = _album(pictures, data, None)
    sizes = {"train": questions} | dict.fromkeys(SPLITS[1:], QUESTIONS_TO_JUDGE)

    def scenes(split: str) -> Scenes:
        if split not in sizes:
            raise ValueError(f"no split is called {split!r}; there are {', '.join(sizes)}")
        return Found(album(split), split, sizes[split], endless=split == "train", seed=SEED)

    world = partial(see, patch=FIND_PATCH, scales=FIND_SCALES, looks=FIND_LOOKS)
    floors = BLIND_AND_DEAF | FLOORS
    return Task("glimpsefind", scenes, world, SPLITS, Vocabulary(WORDS), "val", PROBES, "val", floors)


def see(
    episodes: Any,
    vocabulary: Vocabulary,
    patch: int | None = None,
    scales: int = 1,
    contrast: bool = True,
    whole: bool = False,
    **options: Any,
) -> Glimpses:
    """The world of these scenes.

    patch: of the eye; unless given 8 pixels for pictures of 28, and as many for others as that, but at least 3.
    whole: an eye that sees all of the picture in one look, whatever its patch would be.
    """
    if not whole:
        side = patch or max(LEAST_PATCH, round(PATCH_SHARE * min(episodes.picture)))
        return Glimpses(episodes, vocabulary, Eye(side, scales, contrast), **options)
    height, width, _ = episodes.shape
    if height != width:
        raise ValueError(f"an eye that sees the whole picture needs a square one, not {height}x{width}")
    return Glimpses(episodes, vocabulary, Eye(height, 1, contrast), **{**options, "looks": 1})


_INVENTED = {"shapes": shapes, "drawn": drawn}
SOURCES = ("digits", "mnist", *_INVENTED)  # of pictures, that have a name


def _album(pictures: str | Album, data: Path | str | None, side: int | None) -> Album:
    if not isinstance(pictures, str):
        return pictures
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
