"""The data sets that the script loads, and what it says of them."""

import gzip
import hashlib
import re
import signal
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest
from helpers.data import data_folder
from helpers.mirrors import (
    CHECKSUM,
    CONTENT,
    HALF,
    NAME,
    PART,
    Offer,
    Open,
    Request,
    half,
    missing,
    nobody,
    whole,
)
from helpers.root import ROOT

from vln.downloads import CHUNK, checksums


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


def contents(folder: Path) -> dict[str, bytes]:
    """What is in the files under a folder, by their paths in it."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def sums(files: dict[str, bytes]) -> dict[str, str]:
    """What the list of checksums has to say of these files."""
    return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


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
