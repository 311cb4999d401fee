"""A window that shows pictures, where there is a display."""

import os
import sys
import warnings
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray


class Viewer:
    """Shows one picture after another. Opens with the first; where no window can open it warns once and shows none."""

    def __init__(self, title: str) -> None:
        self.title = title
        self._open = False
        self._missing = False

    def show(self, picture: NDArray[np.uint8], seconds: float) -> None:
        """Show an RGB picture [height, width, 3] and let people look at it for a moment."""
        if self._missing:
            return
        if reason := _no_display():
            self._give_up(reason)
            return
        import cv2

        try:
            cv2.imshow(self.title, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
            cv2.waitKey(max(1, round(seconds * 1000)))
            self._open = True
        except cv2.error:
            self._give_up("this OpenCV is built without windows (opencv-python-headless)")

    def close(self) -> None:
        """Close the window. Closing twice does no harm."""
        if self._open:
            import cv2

            with suppress(cv2.error):  # somebody has closed it already
                cv2.destroyWindow(self.title)
            cv2.waitKey(1)  # windows go when their events are handled
            self._open = False

    def _give_up(self, reason: str) -> None:
        # A warning, not an error: a program that runs for hours must not end because nobody can watch it.
        self._missing = True
        warnings.warn(f'no window can be opened: {reason}. render_mode="rgb_array" gives pictures.', stacklevel=4)


def _no_display() -> str | None:
    """Why no window can open, or None. Asked first: without a display, OpenCV on Linux ends the whole process."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return "there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set)"
    return None
