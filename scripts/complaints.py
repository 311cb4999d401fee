"""Complaints: what is wrong with what a script was given, without the way through the code that found it."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SCRIPTS = Path(__file__).parent


@contextmanager
def plainly() -> Iterator[None]:
    """End the script with no more than what an error says, where the toolkit or a script raised it about its input.

    Any other error is a fault of the code, and shows where it happened.
    """
    try:
        yield
    except (ValueError, FileNotFoundError) as error:
        *_, (frame, _) = traceback.walk_tb(error.__traceback__)
        *_, place = traceback.extract_tb(error.__traceback__)
        ours = frame.f_globals.get("__name__", "").startswith("vln.") or SCRIPTS in Path(place.filename).parents
        if not ours or not (place.line or "").startswith("raise "):
            raise
        raise SystemExit(str(error)) from None
