"""Records as JSON: whole, or an object a line (JSON Lines), plain or gzipped, with a byte order mark or without."""

import gzip
import json
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class Repeating(dict[str, Any]):
    """An object that names something twice, of which only the last would count.

    name: what it names twice.
    """

    name: str


@dataclass(frozen=True)
class Broken:
    """A line that is no JSON."""

    reason: str


def read_json(file: Path) -> Any:
    """What a file holds; of JSON Lines an iterator over what its lines hold, Broken where one is no JSON.

    An object that names something twice is a Repeating one. Raises ValueError, with the file, when it can't be read,
    is cut off or is no JSON.
    """
    text = _read_text(file)
    try:
        return _parse(text)
    except (ValueError, RecursionError) as error:
        lines = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
        if len(lines) > 1 and _is_object(lines[0][1]):
            return _read_lines(lines)
        raise ValueError(f"{file} is no whole JSON, plain or gzipped: {error}") from None


def _read_text(file: Path) -> str:
    try:
        content = file.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
        return content.decode(json.detect_encoding(content))
    except (EOFError, zlib.error, gzip.BadGzipFile, ValueError) as error:
        raise ValueError(f"{file} is no whole JSON, plain or gzipped: {error}") from None
    except OSError as error:
        raise ValueError(f"{file} can't be read: {error.strerror or error}") from None


def _read_lines(lines: list[tuple[int, str]]) -> Iterator[Any]:
    for number, line in lines:
        try:
            yield _parse(line)
        except (ValueError, RecursionError) as error:
            yield Broken(f"line {number} is no whole JSON: {error}")


def _is_object(line: str) -> bool:
    try:
        return isinstance(_parse(line), dict)
    except (ValueError, RecursionError):
        return False


def _parse(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_object)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    repeating, names = Repeating(found), Counter(name for name, _ in pairs)
    repeating.name = next(name for name, count in names.items() if count > 1)
    return repeating
