"""Padding: pictures of several sizes on a ground of one size."""

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]


def on_page(picture: Picture, page_height: int, page_width: int) -> Picture:
    """The picture in the middle of a page in its own corner's colour; scaled down where the page has no room for it."""
    height, width = picture.shape[:2]
    if (height, width) == (page_height, page_width):
        return picture
    if height > page_height or width > page_width:
        import cv2  # which takes long to import

        scale = min(page_height / height, page_width / width)
        height, width = max(1, int(height * scale)), max(1, int(width * scale))
        picture = np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    top, left = (page_height - height) // 2, (page_width - width) // 2
    page = np.empty((page_height, page_width, 3), dtype=np.uint8)
    page[:] = picture[0, 0]
    page[top : top + height, left : left + width] = picture
    return page
