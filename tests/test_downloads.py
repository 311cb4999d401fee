"""A file comes from the network whole and right, or not at all; what has come once is not loaded again."""

import hashlib
import re
from pathlib import Path

import pytest
from helpers.mirrors import (
    CHECKSUM,
    CONTENT,
    HALF,
    NAME,
    PART,
    Open,
    Request,
    half,
    half_then_silent,
    missing,
    nobody,
    obliging,
    whole,
)

from vln.downloads import CHUNK, DataSet, fetch


def numbers(*mirrors: str) -> DataSet:
    return DataSet({".": mirrors}, {NAME: CHECKSUM})


def load(folder: Path, *mirrors: str, patience: float = 5.0) -> list[str]:
    """Load the file, see that it is right and alone, and return what was told."""
    told: list[str] = []
    (path,) = fetch(numbers(*mirrors), folder, lambda name, done, total: None, told.append, patience)
    assert path.read_bytes() == CONTENT
    assert list(folder.iterdir()) == [path]
    return told


def refusal(folder: Path, *mirrors: str) -> str:
    """What is said when no address gives the file; nothing has its name then."""
    with pytest.raises(OSError, match=f"no address gives {NAME}") as error:
        load(folder, *mirrors)
    assert {path.name for path in folder.iterdir()} <= {PART}
    return str(error.value)


def test_a_file_is_loaded_once(tmp_path: Path, mirror: Open) -> None:
    server = mirror()
    assert load(tmp_path / "new" / "folder", server.address) == []
    assert load(tmp_path / "new" / "folder", server.address, nobody()) == []
    assert server.asked == [None]
    assert server.sent == len(CONTENT)


def test_the_bytes_that_are_there_are_shown_as_they_come(tmp_path: Path, mirror: Open) -> None:
    (tmp_path / PART).write_bytes(CONTENT[:HALF])
    shown: list[tuple[str, int, int | None]] = []
    list(fetch(numbers(mirror().address), tmp_path, lambda *now: shown.append(now), print))
    assert shown[0] == (NAME, HALF, len(CONTENT))
    assert shown[-1] == (NAME, len(CONTENT), len(CONTENT))
    assert shown == sorted(shown)


def test_a_damaged_file_is_loaded_again(tmp_path: Path, mirror: Open) -> None:
    (tmp_path / NAME).write_bytes(CONTENT[:HALF])
    assert load(tmp_path, mirror().address) == []


def test_a_later_run_goes_on_where_a_download_was_cut_off(tmp_path: Path, mirror: Open) -> None:
    first, second = mirror(half), mirror()
    assert f"What has come is kept in {tmp_path / PART}" in refusal(tmp_path, first.address)
    assert (tmp_path / PART).read_bytes() == CONTENT[:HALF]
    assert load(tmp_path, second.address) == []
    assert second.asked == [f"bytes={HALF}-"]
    assert first.sent + second.sent == len(CONTENT)


def test_the_next_address_goes_on_where_the_one_before_was_cut_off(tmp_path: Path, mirror: Open) -> None:
    first, second = mirror(half), mirror()
    (line,) = load(tmp_path, first.address, second.address)
    assert line.startswith(f"{first.address}{NAME}: ")
    assert second.asked == [f"bytes={HALF}-"]
    assert first.sent + second.sent == len(CONTENT)


def test_a_server_that_can_not_begin_in_the_middle_sends_it_all(tmp_path: Path, mirror: Open) -> None:
    (tmp_path / PART).write_bytes(b"x" * HALF)
    server = mirror(whole)
    assert load(tmp_path, server.address) == []
    assert server.asked == [f"bytes={HALF}-"]
    assert server.sent == len(CONTENT)


def test_what_was_whole_already_is_only_checked(tmp_path: Path, mirror: Open) -> None:
    (tmp_path / PART).write_bytes(CONTENT)
    server = mirror()
    assert load(tmp_path, server.address) == []
    assert server.sent == 0


@pytest.mark.parametrize("length", [HALF, len(CONTENT), len(CONTENT) + 5])
def test_a_wrong_beginning_is_not_held_against_the_address(length: int, tmp_path: Path, mirror: Open) -> None:
    (tmp_path / PART).write_bytes(b"x" * length)
    server = mirror()
    (line,) = load(tmp_path, server.address)
    assert "Once more from the start" in line
    assert server.asked == [f"bytes={length}-", None]


def test_a_file_whose_sum_is_wrong_is_removed_and_the_next_address_tried(tmp_path: Path, mirror: Open) -> None:
    wrong, right = mirror(obliging, b"wrong"), mirror()
    (line,) = load(tmp_path, wrong.address, right.address)
    assert line.startswith(f"{wrong.address}{NAME}: ")
    assert CHECKSUM in line
    assert hashlib.sha256(b"wrong").hexdigest() in line
    assert right.asked == [None]


def test_a_file_that_the_server_calls_packed_is_kept_as_it_was_sent(tmp_path: Path, mirror: Open) -> None:
    def called_packed(request: Request, content: bytes) -> None:
        assert request.headers["Accept-Encoding"] == "identity"
        request.begin(200, len(content), Content_Encoding="gzip")
        request.send(content)

    assert load(tmp_path, mirror(called_packed).address) == []


def test_addresses_that_are_down_are_told_in_a_line_each(tmp_path: Path, mirror: Open) -> None:
    down, lost, slow = nobody(), mirror(missing).address, mirror(half_then_silent)
    lines = load(tmp_path, down, lost, slow.address, mirror().address, patience=0.3)
    reasons = ("Connection refused", "404 Not Found", "timed out")
    assert lines == [f"{at}{NAME}: {why}" for at, why in zip((down, lost, slow.address), reasons, strict=True)]


def test_when_all_fail_each_is_named_with_its_reason(tmp_path: Path, mirror: Open) -> None:
    down, lost, wrong, cut = nobody(), mirror(missing), mirror(obliging, b"wrong"), mirror(half)
    said = refusal(tmp_path, down, lost.address, wrong.address, cut.address)
    for at, why in (
        (down, "Connection refused"),
        (lost.address, "404 Not Found"),
        (wrong.address, "does not match"),
        (cut.address, f"{len(CONTENT) - HALF} more expected"),
    ):
        assert re.search(f"^  {re.escape(at + NAME)}: .*{why}", said, re.M), said
    assert (tmp_path / PART).read_bytes() == CONTENT[:HALF]


def test_each_folder_comes_from_its_own_addresses(tmp_path: Path, mirror: Open) -> None:
    upper, lower = mirror(), mirror()
    names = [f"one/{NAME}", f"one/deeper/{NAME}", "one/deeper/other.gz"]
    mirrors = {"one": [nobody(), upper.address], "one/deeper": [lower.address]}
    told: list[str] = []
    paths = list(fetch(DataSet(mirrors, dict.fromkeys(names, CHECKSUM)), tmp_path, lambda *now: None, told.append))
    assert paths == [tmp_path / name for name in names]
    assert [path.read_bytes() for path in paths] == [CONTENT] * 3
    assert told == [f"{mirrors['one'][0]}{NAME}: Connection refused"]
    assert (len(upper.asked), len(lower.asked)) == (1, 2)


def test_an_address_that_fails_is_not_waited_for_at_every_file(tmp_path: Path, mirror: Open) -> None:
    slow, quick = mirror(half_then_silent), mirror()
    data_set = DataSet({".": [slow.address, quick.address]}, dict.fromkeys("abcde", CHECKSUM))
    told: list[str] = []
    assert len(list(fetch(data_set, tmp_path, lambda *now: None, told.append, patience=0.3))) == 5
    assert told == [f"{slow.address}a: timed out"]
    assert quick.asked == [f"bytes={CHUNK}-", None, None, None, None]


def test_an_address_that_failed_is_tried_again_when_the_others_fail(tmp_path: Path, mirror: Open) -> None:
    def first_only(request: Request, content: bytes) -> None:
        (whole if request.path == "/a" else missing)(request, content)

    def others(request: Request, content: bytes) -> None:
        (missing if request.path == "/a" else whole)(request, content)

    first, second = mirror(others).address, mirror(first_only).address
    told: list[str] = []
    list(
        fetch(DataSet({".": [first, second]}, dict.fromkeys("ab", CHECKSUM)), tmp_path, lambda *now: None, told.append)
    )
    assert told == [f"{first}a: 404 Not Found", f"{second}b: 404 Not Found"]
