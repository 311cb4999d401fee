"""Complaints: what is wrong with what a script was given, without the way through the code that found it."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vln.screens import unfailing

SCRIPTS = Path(__file__).parent


@contextmanager
def plainly() -> Iterator[None]:
    """End the script with no more than what an error says, where the toolkit or a script raised it about its input, or
    the system about a file; and with the status of Ctrl-C where that was pressed.

    Any other error is a fault of the code, and shows where it happened. What the script prints never ends it: what a
    stream's encoding lacks is escaped, and where nobody reads any more it goes on without.
    """
    with unfailing():
        try:
            yield
        except (ValueError, OSError) as error:
            if not (_raised_by_us(error) or _of_the_system(error)):
                raise
            raise SystemExit(str(error)) from None
        except KeyboardInterrupt:
            raise SystemExit(130) from None


def _raised_by_us(error: Exception) -> bool:
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    *_, place = traceback.extract_tb(error.__traceback__)
    ours = frame.f_globals.get("__name__", "").startswith("vln.") or SCRIPTS in Path(place.filename).parents
    return ours and (place.line or "").startswith("raise ")


def _of_the_system(error: Exception) -> bool:
    """A full disk, a folder that may not be written: nothing that the code could know."""
    return isinstance(error, OSError) and error.errno is not None and not isinstance(error, FileNotFoundError)
