"""Videos: pictures one after another in a file that plays in a browser."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import imageio_ffmpeg
import numpy as np

from vln.pages.padding import Picture, on_page

FPS = 4.0  # moves a second: slow enough to follow them
HOLD = 6  # frames for which the end of an episode stands still

_H264 = (
    *("-crf", "16"),  # low enough for thin lines and small print to stay sharp
    *("-movflags", "+faststart"),  # the index comes first, so that playing begins before all is loaded
    # A video that does not say how its colours are coded is shown in others, a little off, by some browsers.
    *("-vf", "scale=out_color_matrix=bt709:out_range=tv,setparams=color_primaries=bt709:color_trc=bt709"),
)
# A palette made for these pictures; without dithering, flat colours stay flat and the file small.
_GIF = ("-filter_complex", "split[a][b];[a]palettegen[p];[b][p]paletteuse=dither=none")

# For each kind of file: the codec, how it stores pixels, and its options.
KINDS = {".mp4": ("libx264", "yuv420p", _H264), ".gif": ("gif", "pal8", _GIF)}


def write_video(path: Path | str, frames: Iterable[Picture], fps: float = FPS) -> None:
    """Write frames, uint8 [height, width, 3], as H.264 where the path ends in .mp4, or as a GIF that plays for ever.

    The frames may come from a generator: they are written as they come. Where H.264 needs an even height or width,
    the last row or column is repeated. The file appears when it is complete; folders on the way to it are made.
    Raises ValueError for another ending, for no frames, and for a frame that is none or of another size.
    """
    path = Path(path)
    if path.suffix.lower() not in KINDS:
        raise ValueError(f"a video's name ends in {' or '.join(KINDS)}, not {path.suffix!r}: {path}")
    if not fps > 0:
        raise ValueError(f"a video shows more than 0 frames a second, not {fps}")
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.stem}-unfinished{path.suffix.lower()}")
    try:
        _encode(unfinished, _even(_alike(frames)), fps)
        if not unfinished.exists():
            raise OSError(f"ffmpeg could not write {path}; it says why above")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def reel(episodes: Sequence[Sequence[Picture]], hold: int = HOLD) -> Iterator[Picture]:
    """The pictures of episodes one after another, the last of each for `hold` more frames.

    Places differ in size: every picture lies in the middle of a page that has room for all, in its own corner's colour.
    """
    shapes = [picture.shape for pictures in episodes for picture in pictures]
    height, width = (max((shape[side] for shape in shapes), default=0) for side in (0, 1))
    for pictures in episodes:
        for picture in [*pictures, *[*pictures[-1:]] * hold]:
            yield on_page(picture, height, width)


def _alike(frames: Iterable[Picture]) -> Iterator[Picture]:
    """The same frames; raises ValueError at one that is no picture, or of another size than the first."""
    first: tuple[int, ...] | None = None
    for number, frame in enumerate(frames, start=1):
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[-1] != 3:
            raise ValueError(f"frame {number} is {frame.dtype} {list(frame.shape)}, not uint8 [height, width, 3]")
        first = first or frame.shape
        if frame.shape != first:
            raise ValueError(f"frame {number} is {frame.shape[:2]} (height, width), the first {first[:2]}: use reel()")
        yield frame
    if first is None:
        raise ValueError("a video needs at least one frame")


def _even(frames: Iterable[Picture]) -> Iterator[Picture]:
    for frame in frames:
        height, width = frame.shape[:2]
        yield np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


def _encode(path: Path, frames: Iterator[Picture], fps: float) -> None:
    codec, pixels, options = KINDS[path.suffix]
    first = next(frames)
    height, width = first.shape[:2]
    writer = imageio_ffmpeg.write_frames(
        str(path.absolute()),  # or ffmpeg would take "a:b.mp4" for an address
        (width, height),
        pix_fmt_out=pixels,
        fps=fps,
        codec=codec,
        quality=None,
        macro_block_size=1,  # sizes are even already; nothing is to be scaled
        ffmpeg_log_level="error",
        output_params=list(options),
    )
    writer.send(None)
    try:
        writer.send(np.ascontiguousarray(first))
        for frame in frames:
            writer.send(np.ascontiguousarray(frame))
    finally:
        writer.close()
