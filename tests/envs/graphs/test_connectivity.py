"""Reading navigation graphs: what is read, what is kept for the next time, and what is an error that says where."""

import json
import math
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.data import data_folder
from helpers.graph_worlds import HALL, WAYS, connectivity, graph, line, slow_distances, write_archive, write_folder

from vln.envs.graphs.connectivity import find_connectivity, read_graph, read_graphs
from vln.envs.graphs.graph import Graph
from vln.envs.graphs.task import graphs_in

SMALL = "8194nk5LbLH"  # a scan of 20 viewpoints

Records = list[dict[str, Any]]


@pytest.fixture
def records() -> Records:
    """A file of the hall, which a test may break."""
    return connectivity()


@pytest.fixture(scope="module")
def real() -> dict[str, Graph]:
    return dict(graphs_in(data_folder("matterport")))


def same(one: Graph, other: Graph) -> bool:
    arrays = ("position", "edges", "distance")
    return (one.scan, one.viewpoints, one.mirrored) == (other.scan, other.viewpoints, other.mirrored) and all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in arrays
    )


def test_a_folder_and_an_archive_of_the_same_files_are_the_same_graphs(tmp_path: Path, records: Records) -> None:
    scans = {"hall": records, "annex": connectivity(excluded="d")}
    folder = read_graphs(write_folder(tmp_path / "folder", **scans), tmp_path / "cache")
    archive = read_graphs(write_archive(tmp_path / "c.tar.gz", **scans), tmp_path / "cache")
    assert list(folder) == list(archive) == ["annex", "hall"]
    assert all(same(folder[scan], archive[scan]) for scan in scans)
    assert same(folder["hall"], graph())


def test_what_an_archiver_of_another_system_leaves_behind_is_no_graph(tmp_path: Path, records: Records) -> None:
    write_folder(tmp_path, hall=records)
    (tmp_path / "._hall_connectivity.json").write_bytes(b"\x00\x05\x16\x07")
    assert list(read_graphs(tmp_path, tmp_path / "cache")) == ["hall"]


def test_graphs_are_found_in_a_folder_of_files_in_its_subfolder_and_in_its_archive(
    tmp_path: Path, records: Records
) -> None:
    with pytest.raises(ValueError, match=rf"{tmp_path} holds no graphs: neither .*connectivity.tar.gz"):
        find_connectivity(tmp_path)
    archive = write_archive(tmp_path / "connectivity.tar.gz", hall=records)
    assert find_connectivity(tmp_path) == archive
    write_folder(tmp_path, hall=records)
    assert find_connectivity(tmp_path) == tmp_path
    below = write_folder(tmp_path / "connectivity", hall=records)
    assert find_connectivity(tmp_path) == below


def test_an_excluded_viewpoint_is_not_there_and_no_edge_leads_to_it() -> None:
    found = read_graph("hall", json.dumps(connectivity(excluded="bx")))
    assert found.viewpoints == tuple(name for name in HALL if name not in "bx")
    named = {frozenset((found.viewpoints[a], found.viewpoints[b])) for a, b in found.edges}
    assert named == {frozenset(way) for way in WAYS if "b" not in way}
    assert found.position[found.number["s"]].tolist() == list(HALL["s"])


def test_a_viewpoint_without_an_edge_stays_and_no_way_leads_to_it() -> None:
    found = graph()
    alone = found.number["x"]
    assert np.isinf(np.delete(found.distance[alone], alone)).all()
    assert found.distance[alone, alone] == 0
    assert not found.joined[alone].any()


def test_a_building_of_one_viewpoint_is_a_graph() -> None:
    found = read_graph("cell", json.dumps(connectivity({"a": (1.0, 2.0, 3.0)}, ())))
    assert (len(found), found.edges.shape, found.distance.tolist()) == (1, (0, 2), [[0.0]])


def test_positions_in_whole_metres_are_floats_like_any_other() -> None:
    found = read_graph("cell", json.dumps(connectivity({"a": (1, 2, 3), "b": (1, 2, 5)}, ["ab"])))
    assert (found.position.dtype, found.distance.tolist()) == (np.float64, [[0, 2], [2, 0]])


def test_distances_are_those_of_floyd_and_warshall() -> None:
    found = graph()
    np.testing.assert_allclose(found.distance, slow_distances(list(HALL.values()), found.edges), rtol=1e-12)
    by_hand = math.dist(HALL["c"], HALL["s"]) + math.dist(HALL["a"], HALL["c"])
    assert found.distance[found.number["a"], found.number["s"]] == pytest.approx(by_hand)


def test_two_viewpoints_at_one_place_are_still_joined() -> None:
    found = line(0, 0, 2)
    assert found.distance[0, 1] == pytest.approx(0, abs=1e-4)
    assert found.distance[0, 2] == pytest.approx(2, abs=1e-4)


def test_a_mirror_image_exchanges_east_and_west_and_keeps_distances() -> None:
    found = graph()
    assert (found.mirror.position[:, 0] == -found.position[:, 0]).all()
    assert (found.mirror.position[:, 1:] == found.position[:, 1:]).all()
    assert found.mirror.distance is found.distance
    assert (found.identity, found.mirror.identity) == ("hall", "hall/mirror")
    assert same(found.mirror.mirror, found)


def refuse(scan: str, content: bytes | str) -> Graph:
    raise AssertionError("the graph was made anew")


def test_graphs_are_made_once_and_then_read_from_what_is_kept(
    tmp_path: Path, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, cache = write_folder(tmp_path / "folder", cell=connectivity(HALL, ()), hall=records), tmp_path / "cache"
    first = read_graphs(folder, cache)
    monkeypatch.setattr("vln.envs.graphs.connectivity.read_graph", refuse)
    second = read_graphs(folder, cache)
    assert list(first) == list(second)
    assert all(same(first[scan], second[scan]) for scan in first)
    assert len(list(cache.iterdir())) == 1


def test_files_that_changed_are_read_anew(tmp_path: Path, records: Records) -> None:
    folder, cache = write_folder(tmp_path / "folder", hall=records), tmp_path / "cache"
    read_graphs(folder, cache)
    write_folder(folder, hall=connectivity(excluded="v"))
    assert "v" not in read_graphs(folder, cache)["hall"].viewpoints
    (folder / "hall_connectivity.json").rename(folder / "house_connectivity.json")
    assert list(read_graphs(folder, cache)) == ["house"]


def flipped(content: bytes) -> bytes:
    """Content in which one byte in the middle is another."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :]


def array(content: bytes) -> bytes:
    """The first array of what is kept, as a file of its own."""
    return content[content.index(b"\x93NUMPY") :]


@pytest.mark.parametrize("damage", [lambda _: b"", lambda _: b"no", lambda whole: whole[:-9], flipped, array])
def test_what_is_kept_is_made_anew_when_it_is_not_whole(
    tmp_path: Path, records: Records, damage: Callable[[bytes], bytes]
) -> None:
    folder, cache = write_folder(tmp_path / "folder", hall=records), tmp_path / "cache"
    read_graphs(folder, cache)
    (kept,) = cache.iterdir()
    whole = kept.read_bytes()
    kept.write_bytes(damage(whole))
    assert same(read_graphs(folder, cache)["hall"], graph())
    assert len(kept.read_bytes()) == len(whole)


@pytest.mark.parametrize("changes", [{"edges": []}, {"nodes": [3]}, {"scans": ["hall"]}, {"distance": [0.0]}])
def test_what_is_kept_is_made_anew_when_it_is_of_something_else(
    tmp_path: Path, records: Records, changes: dict[str, Any]
) -> None:
    folder, cache = write_folder(tmp_path / "folder", hall=records, lobby=records), tmp_path / "cache"
    read_graphs(folder, cache)
    (kept,) = cache.iterdir()
    with np.load(kept) as arrays:
        np.savez(kept, **{**arrays, **{name: np.array(value) for name, value in changes.items()}})
    assert same(read_graphs(folder, cache)["hall"], graph())


def test_where_nothing_can_be_kept_graphs_are_read_all_the_same(tmp_path: Path, records: Records) -> None:
    folder = write_folder(tmp_path / "folder", hall=records)
    (tmp_path / "file").write_text("not a folder")
    assert same(read_graphs(folder, tmp_path / "file")["hall"], graph())
    read_graphs(folder, tmp_path / "cache")
    (kept,) = (tmp_path / "cache").iterdir()
    kept.unlink()
    kept.mkdir()  # in the way
    assert same(read_graphs(folder, tmp_path / "cache")["hall"], graph())
    assert list((tmp_path / "cache").iterdir()) == [kept]


def put(records: Records, where: str, value: object) -> None:
    """Replace one value, named by its path: "0/pose/3"; or leave it out, where the value is `...`."""
    *way, last = (int(part) if part.isdigit() else part for part in where.split("/"))
    target: Any = records
    for part in way:
        target = target[part]
    if value is ...:
        del target[last]
    else:
        target[last] = value


@pytest.mark.parametrize(
    ("where", "value", "message"),
    [
        ("1/pose/3", math.nan, r"viewpoint 'b' \(number 1\): pose must be 16 finite numbers"),
        ("1/pose/15", math.inf, r"viewpoint 'b' \(number 1\): pose must be 16 finite numbers"),
        ("1/pose/7", "north", r"viewpoint 'b' \(number 1\): pose must be 16 finite numbers"),
        ("1/pose/7", 10**400, r"viewpoint 'b' \(number 1\): pose must be 16 finite numbers"),
        ("1/pose", [0.0] * 15, r"viewpoint 'b' \(number 1\): pose must be 16 finite numbers"),
        ("1/pose", None, r"viewpoint 'b' \(number 1\): pose must be 16 finite numbers"),
        ("2/image_id", "b", r"viewpoint b is there twice, as number 1 and 2"),
        ("2/image_id", 3, r"viewpoint 3 \(number 2\): image_id must be a text"),
        ("2/image_id", "", r"viewpoint '' \(number 2\): image_id must be a text"),
        ("0/included", 1, r"viewpoint 'a' \(number 0\): included must be true or false, not 1"),
        ("0/unobstructed/3", True, r"from a the way to d is unobstructed, but not the way back"),
        ("4/unobstructed/4", True, r"an edge leads from e to itself"),
        (
            "0/unobstructed",
            [False] * 11 + [True],
            r"viewpoint 'a' .*leads to viewpoint number 11, and there are only 10",
        ),
        (
            "0/unobstructed",
            [False] * 9,
            r"viewpoint 'a' \(number 0\): .*says something of 9 viewpoints, and there are 10",
        ),
        ("0/unobstructed/3", 0, r"viewpoint 'a' \(number 0\): unobstructed must be a list of true and false"),
        ("0/unobstructed", "ab", r"viewpoint 'a' \(number 0\): unobstructed must be a list of true and false"),
        ("3/pose", ..., r"viewpoint number 3 lacks pose"),
        ("3/unobstructed", ..., r"viewpoint number 3 lacks unobstructed"),
        ("3", [], r"viewpoint number 3 is list, not an object"),
    ],
)
def test_a_broken_viewpoint_is_named_with_its_file_and_the_reason(
    tmp_path: Path, records: Records, where: str, value: object, message: str
) -> None:
    put(records, where, value)
    with pytest.raises(ValueError, match=f"hall_connectivity.json.*{message}"):
        read_graphs(write_folder(tmp_path, hall=records), tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[{", "hall_connectivity.json is no JSON: .*line 1 column"),
        ("\xff", "hall_connectivity.json is no JSON"),
        ("[]", "hall_connectivity.json must be a list of viewpoints, at least one"),
        ("{}", "hall_connectivity.json must be a list of viewpoints"),
        (json.dumps(connectivity(excluded="".join(HALL))), "hall_connectivity.json: no viewpoint is included"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "hall_connectivity.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(ValueError, match=message):
        read_graphs(tmp_path, tmp_path / "cache")


def test_a_place_without_graphs_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"{tmp_path} holds no file that ends in _connectivity.json"):
        read_graphs(tmp_path)
    with pytest.raises(ValueError, match=f"there is no file or folder {tmp_path / 'nowhere'}"):
        read_graphs(tmp_path / "nowhere")
    with tarfile.open(tmp_path / "empty.tar.gz", "w:gz"):
        pass
    with pytest.raises(ValueError, match=r"empty.tar.gz holds no file that ends in"):
        read_graphs(tmp_path / "empty.tar.gz")


def test_a_broken_archive_is_named_wherever_it_is_broken(tmp_path: Path) -> None:
    # Read as far as it can be, it would be a building or two less.
    rng = np.random.default_rng(0)
    scattered = {name: (*rng.normal(size=3),) for name in "abcdefgh"}
    archive = write_archive(tmp_path / "c.tar.gz", hall=connectivity(), attic=connectivity(scattered, ()))
    whole = archive.read_bytes()
    assert len(read_graphs(archive, tmp_path / "cache")) == 2
    for cut in range(0, len(whole) - 200, 97):
        archive.write_bytes(whole[:cut])
        with pytest.raises(ValueError, match=r"c.tar.gz (can't be read as an archive|holds no file)"):
            read_graphs(archive, tmp_path / "cache")
    for place in range(20, len(whole) - 200, 97):
        archive.write_bytes(whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :])
        with pytest.raises(ValueError, match=r"c.tar.gz can't be read as an archive"):
            read_graphs(archive, tmp_path / "cache")


def test_there_are_90_scans_10567_viewpoints_and_21468_edges(real: dict[str, Graph]) -> None:
    assert len(real) == 90
    assert sum(map(len, real.values())) == 10567
    assert sum(len(found.edges) for found in real.values()) == 21468
    assert all((found.edges[:, 0] < found.edges[:, 1]).all() for found in real.values())


def test_8_viewpoints_have_no_edge(real: dict[str, Graph]) -> None:
    alone = {scan: int((~found.joined.any(axis=1)).sum()) for scan, found in real.items()}
    rare = ("JF19kD82Mey", "PuKPg4mmafe", "q9vSo1VnCiC", "r1Q1Z4BcV1o", "SN83YJsR3w2")
    assert {scan: count for scan, count in alone.items() if count} == {"B6ByNegPMKs": 3, **dict.fromkeys(rare, 1)}


def test_edges_are_from_a_fifth_of_a_millimetre_to_16_8_metres_long(real: dict[str, Graph]) -> None:
    ends = [found.position[found.edges] for found in real.values()]
    lengths = np.concatenate([np.linalg.norm(pair[:, 0] - pair[:, 1], axis=1) for pair in ends])
    assert lengths.min() == pytest.approx(0.0002, abs=5e-5)
    assert lengths.max() == pytest.approx(16.8, abs=0.05)
    assert lengths.mean() == pytest.approx(2.27, abs=0.005)


def test_a_real_scan_is_what_a_slow_reading_of_its_file_says(real: dict[str, Graph]) -> None:
    with tarfile.open(data_folder("matterport") / "connectivity.tar.gz") as archive:
        opened = archive.extractfile(f"connectivity/{SMALL}_connectivity.json")
        assert opened is not None
        listed = json.load(opened)
    found, edges = real[SMALL], set()
    for here, one in enumerate(listed):
        for there, other in enumerate(listed):
            both = one["unobstructed"][there] and other["unobstructed"][here]
            if here < there and one["included"] and other["included"] and both:
                edges.add((one["image_id"], other["image_id"]))
    included = [one for one in listed if one["included"]]
    assert found.viewpoints == tuple(one["image_id"] for one in included)
    assert {(found.viewpoints[here], found.viewpoints[there]) for here, there in found.edges} == edges
    positions = [[one["pose"][place] for place in (3, 7, 11)] for one in included]
    assert found.position.tolist() == positions
    np.testing.assert_allclose(found.distance, slow_distances(positions, found.edges), rtol=1e-12)
