"""Complaints: what is wrong with what a script was given, without the way through the code that found it."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def plainly() -> Iterator[None]:
    """End the script with no more than what a ValueError says, where the toolkit raised it: that is about its input.

    Any other error is a fault of the code, and shows where it happened.
    """
    try:
        yield
    except ValueError as error:
        *_, (frame, _) = traceback.walk_tb(error.__traceback__)
        *_, place = traceback.extract_tb(error.__traceback__)
        if not frame.f_globals.get("__name__", "").startswith("vln.") or not (place.line or "").startswith("raise "):
            raise
        raise SystemExit(str(error)) from None
