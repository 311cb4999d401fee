"""Picture files, PNG and JPEG of every kind, as 8 bits of red, green and blue."""

import io
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

DEEP, SENSORS = 16, 14  # bits of a colour: of files that have more than 8, and of what is stored in them
WHITE = 2**DEEP - 1

_DAMAGED = (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError)  # what Pillow raises
_DEPTH = 24  # the byte of a PNG file that says how many bits a colour has


def read_picture(file: Path, white: int = WHITE) -> Image.Image:
    """A picture upright and without transparency. white: the value of a colour of 16 bits that becomes 255.

    Raises ValueError, with the file's name, when it is damaged or neither PNG nor JPEG.
    """
    image, depth = _open(file)
    if depth == DEEP:
        image = _shallow(image, _deep(file), white)
    elif image.mode == "L" and depth < 8 and "transparency" in image.info:
        image.info["transparency"] *= 255 // (2**depth - 1)  # Pillow spreads the greys, but not the one that is clear
    try:
        upright = ImageOps.exif_transpose(image)
    except _DAMAGED as error:
        raise ValueError(f"{file} does not say how it is to be turned: {error}") from None
    if upright.has_transparency_data:
        upright = upright.convert("RGBA")
        upright = Image.alpha_composite(Image.new("RGBA", upright.size, "black"), upright)
    return upright.convert("RGB")


def white_of(files: Sequence[Path]) -> int:
    """What is white in all of these files' colours of 16 bits: the largest value of as many bits as they use.

    Where they use more than 14 it is the largest there is. Warns where it is not.
    """
    deep, largest = [file for file in files if _is_deep(file)], 0
    for file in deep:
        _open(file)  # which says what is wrong with it
        largest = max(largest, int(_deep(file)[..., :3].max()))
    if not deep or largest >= 2**SENSORS:
        return WHITE
    white = 2 ** max(1, largest.bit_length()) - 1
    warnings.warn(
        f"{len(deep)} pictures of 16 bits, such as {deep[0]}, have no value above {largest}: 0 to {white} are seen as "
        "0 to 255",
        stacklevel=2,
    )
    return white


def _open(file: Path) -> tuple[Image.Image, int]:
    """What Pillow makes of a file, and the bits of each colour in it."""
    try:
        content = file.read_bytes()
        with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as image:
            image.load()
            return image, content[_DEPTH] if image.format == "PNG" else 8
    except _DAMAGED as error:
        raise ValueError(f"{file} can not be read as a picture in PNG or JPEG: {error}") from None


def _is_deep(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            head = opened.read(_DEPTH + 1)
    except OSError as error:
        raise ValueError(f"{file} can't be read: {error.strerror or error}") from None
    return head[:4] == b"\x89PNG" and head[_DEPTH:] == bytes([DEEP])


def _deep(file: Path) -> NDArray[np.uint16]:
    """The values of a file that is whole, [height, width, 1, 3 or 4]; of colours Pillow would read 8 bits alone."""
    import cv2  # which only these pictures need, and some systems can't load

    values = cv2.imdecode(np.frombuffer(file.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None or values.dtype != np.uint16:
        raise ValueError(f"{file} can not be read as a picture of 16 bits")
    return np.atleast_3d(values)


def _shallow(image: Image.Image, values: NDArray[np.uint16], white: int) -> Image.Image:
    """A picture of 16 bits in 8, with what Pillow knows of how it lies."""
    clear = values[..., 3:] // 257
    if values.shape[2] == 1 and "transparency" in image.info:
        clear = np.where(values == image.info["transparency"], 0, 255)
    colours = np.round(values[..., 2::-1] * (255 / white)).repeat(3 if values.shape[2] == 1 else 1, axis=2)
    shallow = Image.fromarray(np.concatenate([colours, clear], axis=2).astype(np.uint8))
    shallow.info.update({name: image.info[name] for name in ("exif",) if name in image.info})
    return shallow
