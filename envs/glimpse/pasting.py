"""Canvases: pictures laid on dark ground."""

from numba import prange

from vln.kernels import shared_kernel


@shared_kernel
def lay(images, number, places, canvas):
    """Lay of images [n, height, width, channels] that of this number [B] on each canvas, left and top at places."""
    _, height, width, _ = images.shape
    for slot in prange(len(number)):
        left, top = places[slot]
        canvas[slot, top : top + height, left : left + width] = images[number[slot]]


@shared_kernel
def lay_glowing(sprites, number, places, colours, canvas):
    """Lay items [B, items] of sprites [n, height, width], how opaque they are, in colours [B, items, 3]; -1 is none."""
    _, height, width = sprites.shape
    for slot in prange(len(number)):
        for item in range(number.shape[1]):
            if number[slot, item] < 0:
                continue
            left, top = places[slot, item]
            sprite = sprites[number[slot, item]]
            for row in range(height):
                for column in range(width):
                    for channel in range(3):
                        seen = sprite[row, column] * colours[slot, item, channel]
                        canvas[slot, top + row, left + column, channel] = (seen + 127) // 255
