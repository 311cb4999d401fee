"""Glimpses as a task: which pictures, laid how on a canvas, and the split that is never looked at before the end."""

from pathlib import Path
from typing import Any

from vln.language import Vocabulary
from vln.tasks import Floor, Task

from .drawn import drawn
from .eye import Eye
from .folders import folder
from .mnist import handwritten, mnist
from .pictures import SPLITS, Album
from .scenes import Placed
from .shapes import shapes
from .world import Glimpses

PATCH_SHARE = 8 / 28  # of a picture's side that a patch covers unless told, as in most of the literature
LEAST_PATCH = 3  # pixels
SEED = 0  # of what chance decides about canvases

# What every table of glimpses holds beside the agent: the same agent, looking elsewhere, and nets of like size that see
# the whole picture at once.
FLOORS = {
    "random": Floor(world={"gaze": "random"}),
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
) -> Task:
    """What is the picture? Its class is asked for.

    pictures: "digits" (scikit-learn's), "mnist" (in the folder `data`/mnist), "shapes", "drawn" (digits in fonts), the
    path of a folder (see folders.folder), or an album (see pictures.Album).
    canvas, clutter: see scenes.Placed. distort: how far pictures to train on are distorted; others never are.
    """
    album = _album(pictures, data)

    def scenes(split: str) -> Placed:
        training = split == "train"
        return Placed(album(split), split, canvas, clutter, distort if training else 0.0, training, SEED)

    return Task(
        "glimpse",
        scenes,
        see,
        SPLITS,
        words=Vocabulary(()),
        choosing="val",
        probes=2000,
        judging="val",
        floors=FLOORS,
    )


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


def _album(pictures: str | Album, data: Path | str | None) -> Album:
    if not isinstance(pictures, str):
        return pictures
    if pictures == "digits":
        return handwritten()
    if pictures == "mnist":
        if data is None:
            raise ValueError("mnist needs data: the folder that holds mnist/train-images-idx3-ubyte.gz and the rest")
        return mnist(Path(data) / "mnist")
    if pictures in _INVENTED:
        return _INVENTED[pictures]()
    if Path(pictures).is_dir():
        return folder(pictures)
    names = ", ".join(("digits", "mnist", *_INVENTED))
    raise ValueError(f"no pictures are called {pictures!r}; there are {names}, and the path of a folder may be given")
