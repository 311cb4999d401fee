"""Files from the network: tried at several addresses, gone on with where they were cut off, kept only when right."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pooch
import requests
import urllib3

CHUNK = 2**16  # bytes; at most so many are lost when a download is stopped
PATIENCE = 20.0  # seconds in which a server has to answer, and to send the next bytes


@dataclass(frozen=True)
class DataSet:
    """Files that lie together on several servers.

    mirrors: the folders they lie in, as addresses that end in a slash, tried in this order.
    files: the SHA256 of each by its name.
    """

    mirrors: tuple[str, ...]
    files: Mapping[str, str]


def fetch(
    data_set: DataSet,
    name: str,
    folder: Path,
    show: Callable[[int, int | None], None],
    tell: Callable[[str], None],
    patience: float = PATIENCE,
) -> Path:
    """Where one file of a data set lies, loaded into this folder unless it is there already and right.

    What is not whole yet lies beside it, with `.part` after its name, and the next call goes on with that.
    Raises OSError, with every address and what was wrong there, when none of them gives the file.

    show: called while it is loaded with the bytes that are there and those there will be, None where nobody knows.
    tell: called with a line about each address that fails.
    """
    folder = folder.resolve()
    part = folder / f"{name}.part"

    def load(address: str, place: str, _: object) -> None:
        _go_on(address, part, show, patience)
        os.replace(part, place)  # a place of pooch's own; it checks the sum there and then names or removes the file

    def trouble(address: str) -> str:
        try:
            pooch.retrieve(address, data_set.files[name], name, folder, downloader=load)
        except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
            return f"{address}: {_reason(error)}"
        return ""

    troubles = []
    for mirror in data_set.mirrors:
        begun = part.exists()
        found = trouble(mirror + name)
        if found and begun and not part.exists():
            # The beginning came from elsewhere, or long ago: perhaps that is what was wrong, and not this address.
            tell(f"{found} Once more from the start.")
            found = trouble(mirror + name)
        if not found:
            return folder / name
        tell(found)
        troubles.append(f"  {found}")
    kept = f"What has come is kept in {part}: try again later to go on from there." if part.exists() else ""
    raise OSError("\n".join([f"no address gives {name}:", *troubles, kept]).strip())


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
