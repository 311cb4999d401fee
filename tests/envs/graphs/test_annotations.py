"""What people wrote about paths: read as episodes, refused with file, record and reason, told with sides exchanged."""

import gzip
import json
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.data import data_folder
from helpers.graph_worlds import HALL, RECORD, asked, connectivity, graph, write_archive

from vln.envs.graphs.annotations import find_annotations, mirrored, path_of, read_annotations
from vln.envs.graphs.graph import Graph
from vln.envs.graphs.mirror_words import exchange_sides
from vln.envs.graphs.task import FILE, graphs_in, r2r
from vln.envs.graphs.world import WORDS
from vln.episode import Episode, places
from vln.language import PADDING, UNKNOWN

# Scans, paths and instructions of each split.
COUNTS = {
    "train": (61, 4675, 14039),
    "val_seen": (56, 340, 1021),
    "val_unseen": (11, 783, 2349),
    "test": (18, 1391, 4173),
}


@pytest.fixture(scope="module")
def halls() -> dict[str, Graph]:
    return {"hall": graph()}


@pytest.fixture(scope="module")
def real() -> dict[str, list[Episode]]:
    """The episodes of every split of R2R."""
    graphs = graphs_in(data_folder("matterport"))
    files = {split: find_annotations(data_folder("r2r"), split) for split in COUNTS}
    return {split: read_annotations(file, graphs).episodes for split, file in files.items()}


def write(file: Path, *records: Any) -> Path:
    text = json.dumps(records).encode()
    file.write_bytes(gzip.compress(text) if file.suffix == ".gz" else text)
    return file


def test_a_record_becomes_an_episode_for_each_of_its_instructions(tmp_path: Path, halls: dict[str, Graph]) -> None:
    episodes = read_annotations(write(tmp_path / "own.json", RECORD), halls).episodes
    assert [episode.name for episode in episodes] == ["7_0", "7_1", "7_2"]
    assert [episode.instruction for episode in episodes][:2] == ["Walk down the hall.", "Turn right before the door."]
    first = episodes[0]
    assert first.place is halls["hall"]
    assert (first.start[0].viewpoint, first.start[0].heading) == (0, 1.5)
    assert first.goals == (2,)
    assert path_of(first).tolist() == [0, 1, 2]
    assert first.reference is not None
    assert first.reference.shape == (3, 1)


def test_a_split_is_found_plain_or_gzipped_or_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=rf"{tmp_path} holds neither R2R_train.json nor R2R_train.json.gz"):
        find_annotations(tmp_path, "train")
    for name in ("R2R_train.json.gz", "R2R_train.json"):
        file = write(tmp_path / name, RECORD)
        assert find_annotations(tmp_path, "train") == file


def test_any_file_of_the_format_will_do(tmp_path: Path, halls: dict[str, Graph]) -> None:
    """As in R4R: paths that are long and go back on themselves, and names that are no numbers."""
    path = [*"abcdedscsdeteuvue"]
    long = RECORD | {"path_id": "12_4_1", "path": path, "distance": 30.5, "heading": 4, "more": None}
    waits = RECORD | {"path_id": 8, "path": ["a", "b", "b"]}
    episodes = read_annotations(write(tmp_path / "R4R.json", long, waits), halls).episodes
    assert (len(episodes), episodes[0].name) == (6, "12_4_1_0")
    assert [halls["hall"].viewpoints[viewpoint] for viewpoint in path_of(episodes[0])] == path
    assert episodes[0].goals == (halls["hall"].number["e"],)


def test_a_goal_is_secret_where_neither_path_nor_distance_is_given(tmp_path: Path, halls: dict[str, Graph]) -> None:
    secret = {key: value for key, value in RECORD.items() if key != "distance"} | {"path": ["b"], "path_id": 1}
    known = RECORD | {"path": ["b"], "distance": 0.0, "path_id": 2}
    unmeasured = secret | {"path": ["a", "b"], "path_id": 3}
    episodes = read_annotations(write(tmp_path / "test.json", secret, known, unmeasured), halls).episodes
    assert [episode.goals for episode in episodes] == [()] * 3 + [(1,)] * 6


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"path": ["a", "d"]}, r"its path jumps from a to d, which no edge of hall joins"),
        ({"path": ["a", "b", "x"]}, r"its path jumps from b to x, which no edge of hall joins"),
        ({"scan": "attic"}, r"there is no graph of scan 'attic'"),
        ({"scan": ["hall"]}, r"there is no graph of scan \['hall'\]"),
        ({"path": ["a", "q"]}, r"viewpoint 'q' is not in the graph of hall"),
        ({"path": ["a", 1]}, r"viewpoint 1 is not in the graph of hall"),
        ({"path": [["a", "b"]]}, r"viewpoint \['a', 'b'\] is not in the graph of hall"),
        ({"path": []}, r"its path is empty"),
        ({"path": "ab"}, r"its path is empty"),
        ({"heading": math.nan}, r"its heading is nan, not a finite number"),
        ({"heading": math.inf}, r"its heading is inf, not a finite number"),
        ({"heading": 10**400}, r"its heading is 1000.*, not a finite number"),
        ({"heading": "north"}, r"its heading is 'north', not a finite number"),
        ({"heading": None}, r"its heading is None, not a finite number"),
        ({"instructions": []}, r"it has no instructions"),
        ({"instructions": "go on"}, r"it has no instructions"),
        ({"instructions": ["go on", " \n"]}, r"instruction 1 is empty"),
        ({"instructions": ["go on", None]}, r"instruction 1 is NoneType, not a text"),
    ],
)
def test_a_broken_record_is_named_with_its_file_and_the_reason(
    tmp_path: Path, halls: dict[str, Graph], changes: dict[str, Any], message: str
) -> None:
    file = write(tmp_path / "own.json", RECORD, RECORD | {"path_id": "odd"} | changes)
    with pytest.raises(ValueError, match=rf"{file}: record 1 \(path odd\): ({message})\n--skip-broken leaves"):
        read_annotations(file, halls)


@pytest.mark.parametrize("key", ["scan", "path_id", "path", "heading", "instructions"])
def test_a_key_that_is_missing_is_named(tmp_path: Path, halls: dict[str, Graph], key: str) -> None:
    file = write(tmp_path / "own.json", {name: value for name, value in RECORD.items() if name != key})
    with pytest.raises(ValueError, match=rf"{file}: record 0 \((path 7|without path_id)\): it lacks {key}"):
        read_annotations(file, halls)


def test_names_that_occur_twice_are_an_error(tmp_path: Path, halls: dict[str, Graph]) -> None:
    file = write(tmp_path / "own.json", RECORD, RECORD | {"path_id": 8}, RECORD | {"path_id": "7"})
    with pytest.raises(ValueError, match=r"record 2 \(path 7\): 7_0 is the name of an instruction of record 0 too"):
        read_annotations(file, halls)


def test_broken_records_can_be_left_out_and_are_counted(tmp_path: Path, halls: dict[str, Graph]) -> None:
    jumps = RECORD | {"path_id": 8, "path": ["a", "e"]}
    half = RECORD | {"path_id": 9, "instructions": ["go on", ""]}
    file = write(tmp_path / "own.json", jumps, RECORD, half, RECORD)
    found = read_annotations(file, halls, skip_broken=True)
    assert [episode.name for episode in found.episodes] == ["7_0", "7_1", "7_2", "9_0"]
    reasons = ("path jumps", "instruction 1 is empty", "7_0 is the name", "7_1 is the name", "7_2 is the name")
    assert len(found.skipped) == len(reasons)
    assert all(reason in told for reason, told in zip(reasons, found.skipped, strict=True))
    with pytest.raises(ValueError, match=r"holds no instruction; skipped: .*path jumps"):
        read_annotations(write(tmp_path / "none.json", jumps), halls, skip_broken=True)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with three buildings, each of which has a path in split train."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    scans = dict.fromkeys(("hall", "loft", "barn"), connectivity())
    (tmp_path / "matterport").mkdir()
    write_archive(tmp_path / "matterport" / "connectivity.tar.gz", **scans)
    (tmp_path / "r2r").mkdir()
    records = [RECORD | {"scan": scan, "path_id": number} for number, scan in enumerate(scans)]
    write(tmp_path / "r2r" / "R2R_train.json.gz", *records)
    write(tmp_path / "r2r" / "R2R_val_seen.json", RECORD | {"path_id": 4, "instructions": ["go zigzag"]})
    return tmp_path


def test_the_task_says_how_many_broken_records_it_left_out(data: Path) -> None:
    records = [RECORD | {"scan": scan, "path_id": scan} for scan in ("hall", "loft")]
    write(data / "r2r" / "R2R_train.json", *records, RECORD | {"path": ["x", "a"]}, RECORD | {"scan": "attic"})
    with pytest.raises(ValueError, match=r"R2R_train.json: record 2 \(path 7\): its path jumps"):
        r2r(data, validation_scans=1).open("train")
    task = r2r(data, validation_scans=1, skip_broken=True)
    with pytest.warns(UserWarning, match=r"2 broken records were skipped; the first: .*record 2 \(path 7\)"):
        assert len(task.episodes("train")) == 2 * 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(task.episodes("val_seen")) == 1


def test_scans_are_kept_aside_and_never_trained_on(data: Path) -> None:
    task = r2r(data, validation_scans=1)
    train, apart = (task.episodes(split) for split in ("train", "held_out"))
    assert {name.removesuffix("/mirror") for name in places(train)} | places(apart) == {"hall", "loft", "barn"}
    assert len(places(apart)) == 1
    assert not places(apart) & places(train)
    assert (task.validation_split, len(apart)) == ("held_out", 3)
    again = r2r(data, validation_scans=1).episodes("held_out")
    assert [one.name for one in again] == [one.name for one in apart]
    none = r2r(data, validation_scans=0)
    assert (none.validation_split, none.splits) == ("val_seen", ("train", "val_seen", "val_unseen", "test"))
    with pytest.raises(ValueError, match="train has 3 scans: 3 can't be kept aside"):
        r2r(data, validation_scans=3).episodes("train")


def test_every_episode_of_train_has_a_mirror_image_if_its_words_have(data: Path) -> None:
    write(data / "r2r" / "R2R_train.json", RECORD | {"instructions": ["go left", "go round clockwise", "go on"]})
    with_images, without = (r2r(data, validation_scans=0, mirror=images).episodes("train") for images in (True, False))
    assert [one.name for one in without] == ["7_0", "7_1", "7_2"]
    assert [one.name for one in with_images] == ["7_0", "7_1", "7_2", "7_0/mirror", "7_2/mirror"]
    assert [one.instruction for one in with_images[3:]] == ["go right", "go on"]
    assert [one.place.mirrored for one in with_images] == [False] * 3 + [True] * 2


def test_what_is_told_in_another_language_has_no_mirror_image(data: Path) -> None:
    write(data / "r2r" / "R2R_train.json", RECORD, RECORD | {"path_id": 8, "language": "te-IN"})
    names = [one.name for one in r2r(data, validation_scans=0).episodes("train")]
    assert {name.removesuffix("/mirror") for name in names if "/" in name} == {"7_0", "7_1", "7_2"}
    assert {"8_0", "8_1", "8_2"} < set(names)


def test_a_file_of_ones_own_is_a_task_in_the_words_of_r2r(data: Path) -> None:
    own = write(data / "own.json", RECORD | {"instructions": ["Turn right in the aquarium"]})
    task = r2r(data, annotations=str(own))
    assert (task.splits, task.validation_split, task.test_split) == ((FILE,), FILE, FILE)
    world = task.open(FILE)
    words = world.observe(world.begin(np.zeros(1, dtype=np.int64)))["instruction"][0]
    assert (words[words != PADDING] == UNKNOWN).tolist() == [False, False, True, False, True]


def test_a_pattern_of_files_is_a_task_of_their_splits(data: Path) -> None:
    write(data / "R4R_train.json", RECORD, RECORD | {"scan": "loft", "path_id": "l"})
    write(data / "R4R_val_unseen.json", RECORD | {"path_id": "far"})
    task = r2r(data, annotations=str(data / "R4R_{split}.json"), validation_scans=1)
    assert [one.name for one in task.episodes("val_unseen")] == ["far_0", "far_1", "far_2"]
    assert len(task.episodes("held_out")) == 3


def test_wrong_options_of_the_task_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"r2r needs data: the folder that holds matterport/ and r2r/"):
        r2r()
    with pytest.raises(ValueError, match="validation_scans is a number of scans, not -1"):
        r2r(tmp_path, validation_scans=-1)
    with pytest.raises(ValueError, match=rf"{tmp_path / 'r2r'} holds neither R2R_train.json nor R2R_train.json.gz"):
        r2r(tmp_path).open("train")
    (tmp_path / "r2r").mkdir()
    write(tmp_path / "r2r" / "R2R_train.json", RECORD)
    with pytest.raises(ValueError, match=rf"{tmp_path / 'matterport'} holds no graphs"):
        r2r(tmp_path).open("train")


def test_an_instruction_of_any_length_is_read_and_ordinary_splits_are_seen_alike(data: Path) -> None:
    write(data / "own.json", RECORD | {"instructions": ["walk " * 1000, "walk on"]})
    long, short = (
        r2r(data, annotations=str(data / "own.json")).open(FILE),
        r2r(data, validation_scans=0).open("val_seen"),
    )
    shown = long.observe(long.begin(np.arange(2)))["instruction"]
    assert (shown != PADDING).sum(axis=1).tolist() == [1000, 2]
    assert long.spaces["instruction"].contains(shown[0])
    assert short.spaces["instruction"].shape == (WORDS,)


@pytest.mark.parametrize(
    ("words", "exchanged"),
    [
        ("Turn left, then right.", "Turn right, then left."),
        ("LEFT. Right! left", "Right. Left! right"),
        ("turn right before the door", "turn left before the door"),
        ("Take a right at the sofa", "Take a left at the sofa"),
        ("the first right past the stairs", "the first left past the stairs"),
        ("stop right before the door", "stop right before the door"),
        ("Right before the door, turn right.", "Right before the door, turn left."),
        ("Stop on the floor right by the sofa", "Stop on the floor right by the sofa"),
        ("walk to the sofa right in front of you", "walk to the sofa right in front of you"),
        ("Go out on the right-hand side", "Go out on the left-hand side"),
        ("the leftmost door, not the rightmost", "the rightmost door, not the leftmost"),
        ("on the righthand side, take two lefts", "on the lefthand side, take two rights"),
        ("Walk straight to the bright aright light", "Walk straight to the bright aright light"),
        ("Go up the stairs.", "Go up the stairs."),
        ("Go round clockwise", None),
        ("walk counter-clockwise, then left", None),
        ("the door at your 2 o'clock", None),
        ("make a turn towards 11 o clock", None),
        ("turn at a right angle", None),
        ("the L-shaped couch on the left", None),
        ("turn rıght, then LEFTé, then left’s", "turn rıght, then LEFTé, then right’s"),
    ],
)
def test_sides_are_exchanged_where_they_are_sides(words: str, exchanged: str | None) -> None:
    assert exchange_sides(words) == exchanged
    if exchanged is not None:
        assert (exchange_sides(exchanged) or "").lower() == words.lower()


def test_a_mirrored_episode_has_its_heading_building_and_words_mirrored() -> None:
    original = asked(graph(), "abc", heading=1.5)
    image = mirrored(original, "turn left before the door")
    assert (image.name, image.instruction) == ("hall abc/mirror", "turn left before the door")
    assert image.place.identity == "hall/mirror"
    assert image.place.position[1].tolist() == [-HALL["b"][0], *HALL["b"][1:]]
    assert image.start[0].heading == pytest.approx(2 * math.pi - 1.5)
    assert image.start[0].viewpoint == original.start[0].viewpoint
    assert (image.goals, path_of(image).tolist()) == (original.goals, path_of(original).tolist())


def test_mirroring_twice_gives_the_original() -> None:
    original = asked(graph(), "abc", heading=1.5)
    twice = mirrored(mirrored(original, "turn left"), original.instruction)
    assert twice.instruction == original.instruction
    assert twice.start[0].heading == pytest.approx(original.start[0].heading)
    assert twice.place.identity == original.place.identity
    assert np.array_equal(twice.place.position, original.place.position)


@pytest.mark.parametrize("split", COUNTS)
def test_scans_paths_and_instructions_of_a_split_are_as_many_as_published(
    real: dict[str, list[Episode]], split: str
) -> None:
    episodes = real[split]
    paths = {episode.name.rpartition("_")[0] for episode in episodes}
    assert (len(places(episodes)), len(paths), len(episodes)) == COUNTS[split]
    assert len({episode.name for episode in episodes}) == len(episodes)


def test_no_building_to_train_in_is_one_to_judge_in(real: dict[str, list[Episode]]) -> None:
    train, seen, unseen, test = (places(real[split]) for split in COUNTS)
    assert seen <= train
    assert not train & unseen
    assert not train & test
    assert not unseen & test


def test_goals_are_secret_in_split_test_alone(real: dict[str, list[Episode]]) -> None:
    assert {split: {len(one.goals) for one in episodes} for split, episodes in real.items()} == {
        "train": {1},
        "val_seen": {1},
        "val_unseen": {1},
        "test": {0},
    }


def test_paths_have_four_to_seven_viewpoints_and_15_are_described_four_times(real: dict[str, list[Episode]]) -> None:
    assert {len(path_of(one)) for split in ("train", "val_seen", "val_unseen") for one in real[split]} == {4, 5, 6, 7}
    assert {len(path_of(one)) for one in real["test"]} == {1}
    fourth = {split: sum(one.name.endswith("_3") for one in episodes) for split, episodes in real.items()}
    assert fourth == {"train": 14, "val_seen": 1, "val_unseen": 0, "test": 0}


def test_distances_are_the_lengths_of_paths(real: dict[str, list[Episode]]) -> None:
    with gzip.open(find_annotations(data_folder("r2r"), "val_unseen")) as opened:
        told = {str(record["path_id"]): record["distance"] for record in json.load(opened)}
    for one in real["val_unseen"]:
        along = one.place.position[path_of(one)]
        length = np.linalg.norm(np.diff(along, axis=0), axis=1).sum()
        assert length == pytest.approx(told[one.name.rpartition("_")[0]], abs=0.0051)


def test_nearly_every_instruction_to_train_on_has_a_mirror_image(real: dict[str, list[Episode]]) -> None:
    words = [one.instruction for one in real["train"]]
    exchanged = [exchange_sides(text) for text in words]
    assert 0.99 < np.mean([text is not None for text in exchanged]) < 1
    back = [exchange_sides(text) if text else None for text in exchanged]
    returned = [one.lower() == other.lower() for one, other in zip(words, back, strict=True) if other]
    assert np.mean(returned) > 0.99
