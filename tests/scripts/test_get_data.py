"""Data sets come from the network whole and right, or not at all; what has come once is not loaded again."""

import gzip
import hashlib
import re
import signal
import socket
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType

import pytest
from helpers.data import data_folder
from helpers.root import ROOT

from vln.downloads import CHUNK, DataSet, checksums, fetch

NAME = "numbers.gz"
CONTENT = bytes(number * number % 251 for number in range(3 * CHUNK))
CHECKSUM = hashlib.sha256(CONTENT).hexdigest()
HALF = CHUNK + 100  # where servers stop in these tests
PART = f"{NAME}.part"

Answer = Callable[["Request", bytes], None]


class Request(BaseHTTPRequestHandler):
    """What a mirror was asked, and how it answers: as the function says that the server was given."""

    mirror: "Mirror"

    def do_GET(self) -> None:
        self.mirror.asked.append(self.headers["Range"])
        self.mirror.answer(self, self.mirror.content)

    def begin(self, status: int, length: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(length)} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def send(self, content: bytes) -> None:
        self.mirror.sent += len(content)  # counted first: a test may ask as soon as the last byte is out
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


def obliging(request: Request, content: bytes) -> None:
    """From where it is asked to begin."""
    if (asked := request.headers["Range"]) is None:
        return whole(request, content)
    start = int(asked.removeprefix("bytes=").removesuffix("-"))
    if start >= len(content):
        return request.begin(416, 0)
    request.begin(206, len(content) - start, Content_Range=f"bytes {start}-{len(content) - 1}/{len(content)}")
    return request.send(content[start:])


def whole(request: Request, content: bytes) -> None:
    """All of it, whatever part is asked for."""
    request.begin(200, len(content))
    request.send(content)


def half(request: Request, content: bytes) -> None:
    """The beginning, although all of it is announced."""
    request.begin(200, len(content))
    request.send(content[:HALF])


def half_then_silent(request: Request, content: bytes) -> None:
    half(request, content)
    request.mirror.closing.wait()


def missing(request: Request, content: bytes) -> None:
    request.send_error(404)


@dataclass
class Mirror:
    """A server on this machine, what it was asked for and how many bytes it gave."""

    answer: Answer = obliging
    content: bytes = CONTENT
    asked: list[str | None] = field(default_factory=list)
    sent: int = 0
    closing: threading.Event = field(default_factory=threading.Event)
    address: str = ""

    def __enter__(self) -> "Mirror":
        handler = type("Handler", (Request,), {"mirror": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.address = f"http://127.0.0.1:{self._server.server_port}/"
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


Open = Callable[..., Mirror]
Offer = Callable[[dict[str, tuple[str, ...]], list[str]], None]


@pytest.fixture
def mirror() -> Iterator[Open]:
    """Opens servers that close with the test."""
    with ExitStack() as stack:
        yield lambda *arguments: stack.enter_context(Mirror(*arguments))


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy could not reach these servers."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(ROOT / "scripts")
    yield __import__("get_data")
    sys.modules.pop("get_data", None)


@pytest.fixture
def offer(script: ModuleType, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Offer:
    """Lets the script know a data set "numbers": these files, the folders they are in and the addresses of each."""

    def add(mirrors: dict[str, tuple[str, ...]], names: list[str]) -> None:
        folder = tmp_path_factory.mktemp("checksums")
        (folder / "numbers.txt").write_text("".join(f"{CHECKSUM}  {name}\n" for name in names))
        monkeypatch.setattr(script, "CHECKSUMS", folder)
        monkeypatch.setitem(script.MIRRORS, "numbers", mirrors)

    return add


def nobody() -> str:
    """An address where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/"


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


def contents(folder: Path) -> dict[str, bytes]:
    """What is in the files under a folder, by their paths in it."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def sums(files: dict[str, bytes]) -> dict[str, str]:
    """What the list of checksums has to say of these files."""
    return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


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


def test_the_script_loads_every_file_and_says_where(
    tmp_path: Path, mirror: Open, script: ModuleType, offer: Offer, capsys: pytest.CaptureFixture[str]
) -> None:
    names, down, server = ["few/one.gz", "few/two.gz", "more/three.gz"], nobody(), mirror()
    offer({"few": (down, server.address), "more": (server.address,)}, names)
    script.main(script.Options("numbers", tmp_path))
    assert contents(tmp_path) == dict.fromkeys(names, CONTENT)
    said = capsys.readouterr().out
    assert f"numbers is in {tmp_path / 'few'} and {tmp_path / 'more'}: 3 files, 3 of them new\n" in said
    assert f"{down}one.gz: Connection refused\n" in said


def test_the_script_loads_only_what_is_not_there_or_not_right(
    tmp_path: Path, mirror: Open, script: ModuleType, offer: Offer, capsys: pytest.CaptureFixture[str]
) -> None:
    names, server = [f"numbers/{letter}.gz" for letter in "abcd"], mirror()
    offer({"numbers": (server.address,)}, names)
    (tmp_path / "numbers").mkdir()
    (tmp_path / "numbers" / "a.gz").write_bytes(CONTENT)
    (tmp_path / "numbers" / "b.gz").write_bytes(b"wrong")
    (tmp_path / "numbers" / "c.gz.part").write_bytes(CONTENT[:HALF])
    for expected in ("3", "none"):
        script.main(script.Options("numbers", tmp_path))
        assert f": 4 files, {expected} of them new\n" in capsys.readouterr().out
        assert contents(tmp_path) == dict.fromkeys(names, CONTENT)
    assert server.asked == [None, f"bytes={HALF}-", None]


def test_the_script_keeps_what_came_before_a_file_that_no_address_gives(
    tmp_path: Path, mirror: Open, script: ModuleType, offer: Offer
) -> None:
    def all_but_the_second(request: Request, content: bytes) -> None:
        (half if request.path == "/two.gz" else whole)(request, content)

    names, cut, lost, server = (
        ["numbers/one.gz", "numbers/two.gz"],
        mirror(all_but_the_second),
        mirror(missing),
        mirror(),
    )
    offer({"numbers": (lost.address, cut.address)}, names)
    with pytest.raises(SystemExit) as stopped:
        script.main(script.Options("numbers", tmp_path))
    said = str(stopped.value)
    assert said.startswith("no address gives numbers/two.gz:\n")
    assert f"  {lost.address}two.gz: 404 Not Found\n" in said
    assert f"  {cut.address}two.gz: IncompleteRead({HALF} bytes read, {len(CONTENT) - HALF} more expected)\n" in said
    assert contents(tmp_path) == {names[0]: CONTENT, f"{names[1]}.part": CONTENT[:HALF]}
    offer({"numbers": (server.address,)}, names)
    script.main(script.Options("numbers", tmp_path))
    assert contents(tmp_path) == dict.fromkeys(names, CONTENT)
    assert server.asked == [f"bytes={HALF}-"]


def test_the_script_says_what_can_not_be_loaded(tmp_path: Path, script: ModuleType, offer: Offer) -> None:
    with pytest.raises(SystemExit, match=r"no data set is called 'dinner'; there are: mnist, r2r$"):
        script.main(script.Options("dinner", tmp_path))
    offer({"numbers": (nobody(),)}, [f"numbers/{NAME}"])
    with pytest.raises(SystemExit, match=rf"no address gives numbers/{NAME}:\n  http.*refused"):
        script.main(script.Options("numbers", tmp_path))


def test_the_script_stops_at_once_and_says_how_to_go_on(
    tmp_path: Path, mirror: Open, script: ModuleType, offer: Offer, capsys: pytest.CaptureFixture[str]
) -> None:
    part = tmp_path / "numbers" / PART

    def interrupting(person: int, request: Request, content: bytes) -> None:
        half(request, content)
        while not (part.exists() and part.stat().st_size):
            time.sleep(0.01)
        signal.pthread_kill(person, signal.SIGINT)
        request.mirror.closing.wait()

    first, second = mirror(partial(interrupting, threading.get_ident())), mirror()
    offer({"numbers": (first.address, second.address)}, [f"numbers/{NAME}"])
    with pytest.raises(SystemExit) as stopped:
        script.main(script.Options("numbers", tmp_path))
    assert stopped.value.code == 130
    assert f"python scripts/get_data.py numbers --to {tmp_path}\n" in capsys.readouterr().out
    assert contents(tmp_path) == {f"numbers/{PART}": CONTENT[:CHUNK]}
    assert second.asked == []


@pytest.mark.parametrize("name", ["mnist", "r2r"])
def test_every_checksum_has_a_file_and_every_folder_addresses(name: str, script: ModuleType) -> None:
    lines = (script.CHECKSUMS / f"{name}.txt").read_text().splitlines()
    assert all(re.fullmatch(r"[0-9a-f]{64}  [\w/.-]+", line) for line in lines)
    files = checksums(script.CHECKSUMS / f"{name}.txt")
    assert len(files) == len(lines)
    assert {str(Path(path).parent) for path in files} == set(script.MIRRORS[name])
    addresses = [address for mirrors in script.MIRRORS[name].values() for address in mirrors]
    assert all(re.fullmatch(r"https://\S+/", address) for address in addresses)
    assert len(set(addresses)) == 2 * len(script.MIRRORS[name])


def test_r2r_is_four_files_of_instructions_and_ninety_graphs(
    tmp_path: Path, mirror: Open, script: ModuleType, offer: Offer
) -> None:
    instructions, graphs = mirror(), mirror()
    offer(
        {"r2r": (instructions.address,), "matterport/connectivity": (graphs.address,)},
        list(checksums(script.CHECKSUMS / "r2r.txt")),
    )
    script.main(script.Options("numbers", tmp_path))
    splits = {f"r2r/R2R_{split}.json" for split in ("train", "val_seen", "val_unseen", "test")}
    others = contents(tmp_path).keys() - splits - {"matterport/connectivity/scans.txt"}
    assert len(others) == 90
    assert all(re.fullmatch(r"matterport/connectivity/\w{11}_connectivity\.json", name) for name in others)
    assert (len(instructions.asked), len(graphs.asked)) == (4, 91)


def test_the_checksums_of_mnist_are_those_of_its_files(script: ModuleType) -> None:
    files = {f"mnist/{name}": content for name, content in contents(data_folder("mnist")).items()}
    assert sums(files) == checksums(script.CHECKSUMS / "mnist.txt")


def test_the_checksums_of_r2r_are_those_of_its_files(script: ModuleType) -> None:
    files = {f"r2r/{path.stem}": gzip.decompress(path.read_bytes()) for path in data_folder("r2r").glob("*.json.gz")}
    with tarfile.open(data_folder("matterport") / "connectivity.tar.gz") as graphs:
        for member in graphs:
            if content := graphs.extractfile(member):
                files[f"matterport/{member.name}"] = content.read()
    del files["matterport/connectivity/README.md"]
    assert sums(files) == checksums(script.CHECKSUMS / "r2r.txt")
