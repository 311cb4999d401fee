"""Distortion: pictures to train on are turned, scaled, sheared, shifted and bent at random, so that few become many."""

import numpy as np

from vln.kernels import kernel

from .chance import chance

# How far a picture is distorted at most, at distort = 1.
MOST_TURN = np.radians(15)
MOST_GROWTH = 0.15
MOST_SHEAR = 0.15
MOST_SHIFT = 0.07  # of a side

# How it is bent, at elastic = 1: by a field of displacements, a cubic B-spline over a grid of random ones. On pictures
# of 28 pixels the field varies by 1.4 of them (a standard deviation) and is as smooth as if blurred by a Gaussian of 4:
# the elastic distortions of Simard, Steinkraus & Platt (2003).
INTERVALS = 4  # of the grid, along a side
KNOTS = INTERVALS + 3
MOST_BEND = 0.18  # of a side: the largest displacement of a point of the grid

# What chance decides, counted from the purpose that distortion begins at. Others' may come after these and before the
# bends, which lie far beyond.
TURN, GROWTH, STRETCH, SHEAR, RIGHT, DOWN, END = range(7)
FIRST_BEND = 1 << 16


@kernel
def lay_distorted(image, key, purpose, distort, elastic, top, left, canvas):
    """Lay a picture on a canvas as if seen through an affine map about its middle and then bent.

    purpose: the first of those of its chance. distort, elastic: how far, from 0 to 1. What leaves its frame is cut off.
    """
    height, width, channels = image.shape
    turn = distort * MOST_TURN * _around_zero(key, purpose + TURN)
    tall = np.exp(distort * MOST_GROWTH * _around_zero(key, purpose + GROWTH))
    wide = tall * np.exp(distort * MOST_GROWTH * 0.5 * _around_zero(key, purpose + STRETCH))
    shear = distort * MOST_SHEAR * _around_zero(key, purpose + SHEAR)
    across = distort * MOST_SHIFT * width * _around_zero(key, purpose + RIGHT)
    down = distort * MOST_SHIFT * height * _around_zero(key, purpose + DOWN)
    cosine, sine = np.cos(turn), np.sin(turn)
    bends = np.zeros((KNOTS, KNOTS, 2))
    if elastic > 0:
        _draw_bends(key, purpose + FIRST_BEND, elastic * MOST_BEND * np.array([height, width]), bends)
    of_row, of_column = np.empty(4), np.empty((width, 4))
    first = np.empty(width, np.int64)
    for column in range(width):
        first[column] = _weigh_knots(column, width, of_column[column])
    bends_of_row = np.zeros((KNOTS, 2))
    for row in range(height):
        if elastic > 0:
            begin = _weigh_knots(row, height, of_row)
            bends_of_row[:] = 0
            for knot in range(4):
                bends_of_row += of_row[knot] * bends[begin + knot]
        for column in range(width):
            y, x = row - (height - 1) / 2 - down, column - (width - 1) / 2 - across
            if elastic > 0:
                for knot in range(4):
                    y += of_column[column, knot] * bends_of_row[first[column] + knot, 0]
                    x += of_column[column, knot] * bends_of_row[first[column] + knot, 1]
            turned_x, turned_y = cosine * x + sine * y, cosine * y - sine * x
            from_column = (turned_x + shear * turned_y) / wide + (width - 1) / 2
            from_row = turned_y / tall + (height - 1) / 2
            for channel in range(channels):
                seen = _between_pixels(image[:, :, channel], from_row, from_column)
                canvas[top + row, left + column, channel] = np.uint8(seen + 0.5)


@kernel
def _around_zero(key, purpose):
    return 2 * chance(key, purpose) - 1


@kernel
def _draw_bends(key, purpose, most, bends):
    for down in range(KNOTS):
        for across in range(KNOTS):
            for axis in range(2):
                number = (down * KNOTS + across) * 2 + axis
                bends[down, across, axis] = most[axis] * _around_zero(key, purpose + number)


@kernel
def _weigh_knots(place, size, weights):
    """The weights [4] of the points of the grid about a place on a side, as of a cubic B-spline, and which is first."""
    along = (place + 0.5) / size * INTERVALS
    begin = np.int64(along)
    beyond = along - begin
    weights[0] = (1 - beyond) ** 3 / 6
    weights[1] = (3 * beyond**3 - 6 * beyond**2 + 4) / 6
    weights[2] = (-3 * beyond**3 + 3 * beyond**2 + 3 * beyond + 1) / 6
    weights[3] = beyond**3 / 6
    return begin


@kernel
def _between_pixels(pixels, row, column):
    """The bilinear mixture of the four pixels about a point; outside the picture it is dark."""
    height, width = pixels.shape
    upper, before = np.int64(np.floor(row)), np.int64(np.floor(column))
    lower_share, after_share = row - upper, column - before
    seen = 0.0
    for below in range(2):
        for beside in range(2):
            r, c = upper + below, before + beside
            if 0 <= r < height and 0 <= c < width:
                share = lower_share if below else 1 - lower_share
                share *= after_share if beside else 1 - after_share
                seen += share * pixels[r, c]
    return seen
