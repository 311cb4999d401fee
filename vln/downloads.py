"""Downloads: several addresses for a file, interrupted ones go on, and only files with the right checksum are kept."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

import pooch
import requests
import urllib3

CHUNK = 2**16  # bytes; at most so many are lost when a download is stopped
PATIENCE = 20.0  # seconds in which a server has to answer, and to send the next bytes


@dataclass(frozen=True)
class DataSet:
    """Files that lie in one folder or several, each folder on several servers.

    mirrors: by folder, the addresses it has there, which end in a slash; tried in this order.
    files: the SHA256 of each by its path, with the folder: "mnist/train-labels-idx1-ubyte.gz".
    """

    mirrors: Mapping[str, Sequence[str]]
    files: Mapping[str, str]


def checksums(path: Path) -> dict[str, str]:
    """The SHA256 of each file by its path, from a list as sha256sum writes it."""
    lines = (line.split(maxsplit=1) for line in path.read_text().splitlines())
    return {name: checksum for checksum, name in lines}


def fetch(
    data_set: DataSet,
    to: Path,
    show: Callable[[str, int, int | None], None],
    tell: Callable[[str], None],
    patience: float = PATIENCE,
) -> Iterator[Path]:
    """Where the files of a data set lie, one after the other, loaded into `to` unless there already and right.

    What is not whole yet lies beside its place, with `.part` after its name, and the next call goes on with that.
    Raises OSError, with every address and what was wrong there, when none of them gives a file.

    show: called while a file is loaded with its path in the data set, the bytes that are there and those there will
        be, None where nobody knows.
    tell: called with a line about each address that fails.
    """
    to = to.resolve()
    # A server that is down is not waited for again at every file: those that failed least come first.
    failures: Counter[str] = Counter()
    for name, checksum in data_set.files.items():
        place = to / name
        troubles = []
        for mirror in sorted(data_set.mirrors[str(PurePosixPath(name).parent)], key=failures.__getitem__):
            trouble = _load(mirror + place.name, checksum, place, partial(show, name), tell, patience)
            if not trouble:
                break
            tell(trouble)
            troubles.append(f"  {trouble}")
            failures[mirror] += 1
        else:
            part = _part(place)
            kept = f"What has come is kept in {part}: try again later to go on from there." if part.exists() else ""
            raise OSError("\n".join([f"no address gives {name}:", *troubles, kept]).strip())
        yield place


def _load(
    address: str,
    checksum: str,
    place: Path,
    show: Callable[[int, int | None], None],
    tell: Callable[[str], None],
    patience: float,
) -> str:
    """Load one file from one address; what was wrong there, or nothing when the file is in its place and right."""
    part = _part(place)

    def download(_: str, temporary: str, __: object) -> None:
        _go_on(address, part, show, patience)
        # To a place of pooch's own, which checks the sum there and then gives the file its name or removes it.
        os.replace(part, temporary)

    def trouble() -> str:
        try:
            pooch.retrieve(address, checksum, place.name, place.parent, downloader=download)
        except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
            return f"{address}: {_reason(error)}"
        return ""

    begun = part.exists()
    found = trouble()
    if found and begun and not part.exists():
        # The beginning came from elsewhere, or long ago: perhaps that is what was wrong, and not this address.
        tell(f"{found} Once more from the start.")
        found = trouble()
    return found


def _part(place: Path) -> Path:
    """Where a file lies as long as it is not whole."""
    return place.with_name(f"{place.name}.part")


def _go_on(address: str, part: Path, show: Callable[[int, int | None], None], patience: float) -> None:
    """Load what `part` lacks of the file at this address; all of it where the server gives only that."""
    done = part.stat().st_size if part.exists() else 0
    # A server must not pack what it sends, or what comes is not the file whose sum is known.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={done}-"} if done else {})
    with requests.get(address, headers=headers, stream=True, timeout=patience) as answer:
        if done and answer.status_code == requests.codes.requested_range_not_satisfiable:
            return  # nothing lies beyond: the part is whole, or none of this file; its sum will tell
        if not answer.ok:
            raise requests.HTTPError(f"{answer.status_code} {answer.reason}")
        resumed = answer.status_code == requests.codes.partial_content
        done = done if resumed else 0
        length = answer.headers.get("Content-Length")
        total = done + int(length) if length else None
        answer.raw.enforce_content_length = True  # urllib3 1 takes a file that is cut off for a whole one otherwise
        with part.open("ab" if resumed else "wb") as file:
            show(done, total)
            # Not answer.iter_content, which unpacks what a server calls packed: some say so of every .gz file.
            for chunk in answer.raw.stream(CHUNK, decode_content=False):
                file.write(chunk)
                done += len(chunk)
                show(done, total)


def _reason(error: BaseException) -> str:
    """What went wrong in the first place, in a few words: "Connection refused"."""
    while deeper := error.__cause__ or error.__context__:
        error = deeper
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
