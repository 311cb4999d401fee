"""Precomputed images: the same from every kind of file, converted once, refused by name when they are not whole."""

import base64
import os
import pickle
import sys
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
import pooch
import pytest
from numpy.typing import NDArray

from vln.envs.graphs.images import VIEWS, Pair, read_images, write_images

SIZE = 5
PAIRS: list[Pair] = [("north", "a1"), ("north", "b2"), ("south", "a1")]
FEATURES = np.random.default_rng(0).normal(size=(len(PAIRS), VIEWS, SIZE)).astype(np.float32)
REVERSED = PAIRS[::-1]


def row(pair: Pair, views: NDArray[np.floating]) -> bytes:
    """As Python's csv.DictWriter ends it."""
    features = base64.b64encode(views.astype("<f4").tobytes())
    return "\t".join((*pair, "640", "480", "60", features.decode())).encode() + b"\r\n"


ROWS = [row(pair, views) for pair, views in zip(PAIRS, FEATURES, strict=True)]


def tsv(folder: Path, rows: Sequence[bytes] = ROWS) -> Path:
    path = folder / "resnet.tsv"
    path.write_bytes(b"".join(rows))
    return path


def hdf5(folder: Path, features: NDArray[np.generic] = FEATURES, keys: Sequence[str] = ()) -> Path:
    path = folder / "vit.hdf5"
    with h5py.File(path, "w") as file:
        for key, views in zip(keys or ["_".join(pair) for pair in PAIRS], features, strict=True):
            file.create_dataset(key, data=views, compression="gzip")
    return path


def mapped(folder: Path, features: NDArray[np.generic] = FEATURES, names: str = "") -> Path:
    """Not by way of write_images: as someone would write it by hand."""
    folder = folder / "by-hand"
    folder.mkdir()
    np.save(folder / "features.npy", features)
    (folder / "viewpoints.txt").write_text(names or "".join(f"{scan} {viewpoint}\n" for scan, viewpoint in PAIRS))
    return folder


def array(folder: Path) -> Path:
    return mapped(folder) / "features.npy"


def written(folder: Path) -> Path:
    write_images(folder / "written", PAIRS, FEATURES)
    return folder / "written"


KINDS = (tsv, hdf5, mapped, array, written)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.mark.parametrize("make", KINDS)
def test_every_kind_of_file_gives_the_same_numbers(make, tmp_path: Path, cache: Path) -> None:
    images = read_images(make(tmp_path), cache)
    assert images.size == SIZE
    for pair, views in zip(PAIRS, FEATURES, strict=True):
        assert images.known(*pair)
        assert images.of(*pair).dtype == np.float32
        np.testing.assert_array_equal(images.of(*pair), views)
    assert not images.known("south", "b2")


@pytest.mark.parametrize("make", KINDS)
def test_a_table_is_in_the_order_asked_for(make, tmp_path: Path, cache: Path) -> None:
    table = read_images(make(tmp_path), cache).table(REVERSED)
    assert (len(table), table.shape, table.dtype) == (3, (3, VIEWS, SIZE), np.float32)
    np.testing.assert_array_equal(table[:], FEATURES[::-1])
    np.testing.assert_array_equal(np.stack(list(table)), FEATURES[::-1])
    np.testing.assert_array_equal(table[np.array([[2, 0], [0, 0]])], FEATURES[np.array([[0, 2], [2, 2]])])
    viewpoints, views = np.array([1, 2]), np.array([35, 7])
    np.testing.assert_array_equal(table[viewpoints, views], FEATURES[[1, 0], [35, 7]])


@pytest.mark.parametrize("make", KINDS)
def test_missing_viewpoints_are_counted_and_the_first_named(make, tmp_path: Path, cache: Path) -> None:
    path = make(tmp_path)
    images = read_images(path, cache)
    with pytest.raises(ValueError, match=rf"{path} lacks 1 of 1 viewpoints: south b2$"):
        images.of("south", "b2")
    more = [("east", viewpoint) for viewpoint in "abcd"]
    with pytest.raises(ValueError, match=rf"{path} lacks 4 of 7 viewpoints: east a, east b, east c, \.\.\.$"):
        images.table(PAIRS + more)


def test_half_precision_is_kept_until_a_viewpoint_is_asked_for(tmp_path: Path, cache: Path) -> None:
    half = FEATURES.astype(np.float16)
    for path in (hdf5(tmp_path, half), mapped(tmp_path, half)):
        images = read_images(path, cache)
        assert images.table(PAIRS).dtype == images.table(PAIRS)[0].dtype == np.float16
        np.testing.assert_array_equal(images.table(PAIRS)[:], half)
        assert images.of(*PAIRS[0]).dtype == np.float32
    write_images(tmp_path / "again", PAIRS, images.table(PAIRS))
    assert read_images(tmp_path / "again").table(PAIRS).dtype == np.float16


def test_double_precision_as_hamt_writes_it_is_kept_in_single(tmp_path: Path, cache: Path) -> None:
    images = read_images(hdf5(tmp_path, FEATURES.astype(np.float64)), cache)
    assert images.table(PAIRS).dtype == np.float32
    np.testing.assert_array_equal(images.table(PAIRS)[:], FEATURES)


@pytest.mark.parametrize("make", KINDS)
def test_images_are_handed_to_another_process_without_their_numbers(make, tmp_path: Path, cache: Path) -> None:
    path = make(tmp_path)
    packed = pickle.dumps(read_images(path, cache).table(REVERSED))
    assert len(packed) < FEATURES.nbytes / 2
    table = pickle.loads(packed)
    assert table.images.file == path
    np.testing.assert_array_equal(table[:], FEATURES[::-1])


def test_a_header_and_empty_lines_are_passed_over(tmp_path: Path, cache: Path) -> None:
    header = b"scanId\tviewpointId\timage_w\timage_h\tvfov\tfeatures\n"
    images = read_images(tsv(tmp_path, [header, *ROWS, b"\n"]), cache)
    assert list(images.rows) == PAIRS


@pytest.mark.parametrize("make", [tsv, hdf5])
def test_a_file_is_converted_once(make, tmp_path: Path, cache: Path) -> None:
    path = make(tmp_path)
    told: list[tuple[int, int]] = []
    read_images(path, cache, lambda done, whole: told.append((done, whole)))
    assert len(told) == 3
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1]
    again: list[int] = []
    images = read_images(path, cache, lambda done, whole: again.append(done))
    np.testing.assert_array_equal(images.table(PAIRS)[:], FEATURES)
    assert not again


def test_unless_told_conversions_lie_where_all_of_vln_is_cached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / "system" / name)
    read_images(tsv(tmp_path))
    assert [path.parent for path in tmp_path.rglob("features.npy")] == list((tmp_path / "system" / "vln").iterdir())


def test_what_has_been_converted_is_read_without_a_look_at_the_file(tmp_path: Path, cache: Path) -> None:
    path = tsv(tmp_path)
    facts = path.stat()
    read_images(path, cache)
    path.write_bytes(b"?" * facts.st_size)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    np.testing.assert_array_equal(read_images(path, cache).table(PAIRS)[:], FEATURES)


def test_a_file_that_has_changed_is_converted_anew_and_the_old_removed(tmp_path: Path, cache: Path) -> None:
    path = tsv(tmp_path)
    read_images(path, cache)
    (old,) = cache.iterdir()
    tsv(tmp_path, ROWS[:2])
    assert list(read_images(path, cache).rows) == PAIRS[:2]
    (new,) = cache.iterdir()
    assert new != old


def cut_features(folder: Path) -> None:
    with (folder / "features.npy").open("r+b") as file:
        file.truncate(file.seek(0, os.SEEK_END) - 1)


def cut_names(folder: Path) -> None:
    names = folder / "viewpoints.txt"
    names.write_text("".join(names.read_text().splitlines(keepends=True)[:2]))


def lose_names(folder: Path) -> None:
    (folder / "viewpoints.txt").unlink()


def empty_features(folder: Path) -> None:
    (folder / "features.npy").write_bytes(b"")


@pytest.mark.parametrize("damage", [cut_features, cut_names, lose_names, empty_features])
def test_a_damaged_conversion_is_made_anew(damage, tmp_path: Path, cache: Path) -> None:
    path = tsv(tmp_path)
    read_images(path, cache)
    (folder,) = cache.iterdir()
    damage(folder)
    np.testing.assert_array_equal(read_images(path, cache).table(PAIRS)[:], FEATURES)


def test_a_conversion_that_is_stopped_leaves_nothing_behind(tmp_path: Path, cache: Path) -> None:
    def stop(done: int, whole: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read_images(tsv(tmp_path), cache, stop)
    assert list(cache.iterdir()) == []
    np.testing.assert_array_equal(read_images(tsv(tmp_path), cache).table(PAIRS)[:], FEATURES)


def test_of_two_conversions_at_once_the_slower_takes_the_other_one(tmp_path: Path, cache: Path) -> None:
    path = tsv(tmp_path)

    def meanwhile(done: int, whole: int) -> None:
        if done == whole:
            read_images(path, cache)

    np.testing.assert_array_equal(read_images(path, cache, meanwhile).table(PAIRS)[:], FEATURES)
    assert len(list(cache.iterdir())) == 1


SPOILT = FEATURES[0].copy()
SPOILT[7, 2] = np.nan
ENDLESS = FEATURES[0].copy()
ENDLESS[8, 0] = np.inf
HEAD = b"south\tb2\t640\t480\t60\t"


@pytest.mark.parametrize(
    ("last", "message"),
    [
        (b"south\tb2\t640\t480\t60\r\n", "row 4: 5 columns, not the 6 scanId, .*, features"),
        (HEAD + b"AAAA\tBBBB\n", "row 4: 7 columns, not the 6"),
        (HEAD + b"no base64!\n", "row 4: features are no base64"),
        (ROWS[0][:-4], "row 4: features are no base64"),
        (HEAD + b"b'AAAA'\n", "row 4: features are no base64"),
        (HEAD + base64.b64encode(bytes(36 * 4 * SIZE - 4)), "row 4: features are 716 bytes, no multiple of 36"),
        (HEAD, "row 4: features are 0 bytes"),
        (row(("south", "b2"), FEATURES[0, :, :4]), r"row 4: float32 \[36, 4\], where the first is float32 \[36, 5\]"),
        (ROWS[1], "row 4: viewpoint north b2 is there a second time"),
        (row(("south", "b2"), SPOILT), "row 4: NaN or infinite numbers in view 7"),
        (row(("south", "b2"), ENDLESS), "row 4: NaN or infinite numbers in view 8"),
        (row(("south", "b 2"), FEATURES[0]), "row 4: a scan and a viewpoint are a word each, not 'south' and 'b 2'"),
        (row(("", "b2"), FEATURES[0]), "row 4: a scan and a viewpoint are a word each, not '' and 'b2'"),
    ],
)
def test_a_row_of_a_tsv_that_is_wrong_is_named(last: bytes, message: str, tmp_path: Path, cache: Path) -> None:
    path = tsv(tmp_path, [*ROWS, last])
    with pytest.raises(ValueError, match=f"^{path}, {message}"):
        read_images(path, cache)
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize(
    ("features", "key", "message"),
    [
        (FEATURES[0], "b2", "key 'b2': it is not SCAN_VIEWPOINT"),
        (FEATURES[0], "south_", "key 'south_': it is not SCAN_VIEWPOINT"),
        (FEATURES[0], "south_b2/deeper", "key 'south_b2': it is no dataset"),
        (FEATURES[0, :35], "south_b2", r"key 'south_b2': float32 \[35, 5\]; the views .* are float \[36, D\]"),
        (FEATURES[0, :, 0], "south_b2", r"key 'south_b2': float32 \[36\]; the views"),
        (FEATURES[0, :, :0], "south_b2", r"key 'south_b2': float32 \[36, 0\]; the views"),
        (FEATURES[0].astype(np.int32), "south_b2", r"key 'south_b2': int32 \[36, 5\]; the views"),
        (h5py.Empty("f4"), "south_b2", r"key 'south_b2': object \[\]; the views"),
        (FEATURES[0, :, :4], "south_b2", r"key 'south_b2': float32 \[36, 4\], where the first is float32 \[36, 5\]"),
        (FEATURES[0].astype(np.float16), "south_b2", r"key 'south_b2': float16 \[36, 5\], where the first is float32"),
        (np.full((VIEWS, SIZE), 1e300), "south_b2", "key 'south_b2': NaN or infinite numbers in view 0"),
        (SPOILT, "south_b2", "key 'south_b2': NaN or infinite numbers in view 7"),
    ],
)
def test_a_key_of_an_hdf5_that_is_wrong_is_named(
    features: object, key: str, message: str, tmp_path: Path, cache: Path
) -> None:
    path = hdf5(tmp_path)
    with h5py.File(path, "a") as file:
        file[key] = features
    with pytest.raises(ValueError, match=f"^{path}, {message}"):
        read_images(path, cache)


def test_a_damaged_hdf5_is_refused_by_name(tmp_path: Path, cache: Path) -> None:
    path = hdf5(tmp_path)
    for content in (path.read_bytes()[:-900], b"", b"something else"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=f"^{path} can not be read as HDF5: "):
            read_images(path, cache)


def test_without_h5py_there_is_a_word_on_how_to_get_it(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = hdf5(tmp_path)
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ImportError, match=f"{path} is read with h5py .*pip install h5py"):
        read_images(path, cache)


@pytest.mark.parametrize("content", [[], [b"\r\n"]])
def test_a_tsv_without_viewpoints_is_refused_by_name(content: list[bytes], tmp_path: Path, cache: Path) -> None:
    path = tsv(tmp_path, content)
    with pytest.raises(ValueError, match=f"^{path} holds no viewpoints"):
        read_images(path, cache)


def test_an_hdf5_without_viewpoints_is_refused_by_name(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "empty.h5"
    h5py.File(path, "w").close()
    with pytest.raises(ValueError, match=f"^{path} holds no viewpoints"):
        read_images(path, cache)


@pytest.mark.parametrize(
    ("features", "names", "message"),
    [
        (FEATURES[:2], "", r"features\.npy has 2 viewpoints and .*viewpoints\.txt 3: they don't fit together"),
        (FEATURES, "north a1\nnorth b2\nnorth a1\n", r"viewpoints\.txt, line 3: 'north a1' is there a second time"),
        (FEATURES, "north a1\nnorth\n", r"viewpoints\.txt, line 2: 'north' is not a scan and a viewpoint"),
        (FEATURES, "north a1\nnorth b2 c3\n", r"viewpoints\.txt, line 2: 'north b2 c3' is not a scan"),
        (FEATURES[:, :35], "", r"features\.npy has float32 \[3, 35, 5\]; images are float16 or float32 \[N, 36, D\]"),
        (FEATURES[0], "", r"features\.npy has float32 \[36, 5\]; images"),
        (FEATURES.astype(np.float64), "", r"features\.npy has float64 \[3, 36, 5\]; images"),
        (FEATURES[:0], "", r"features\.npy has float32 \[0, 36, 5\]; images"),
        (FEATURES.astype(object), "", r"features\.npy can not be mapped"),
    ],
)
def test_a_folder_whose_files_do_not_fit_is_refused_by_name(
    features: NDArray[np.generic], names: str, message: str, tmp_path: Path
) -> None:
    folder = mapped(tmp_path, features, names)
    with pytest.raises(ValueError, match=f"^{folder}/{message}"):
        read_images(folder)


@pytest.mark.parametrize("length", [0, 3, 9, 50, 127, -1])
def test_an_array_that_is_cut_off_is_refused_by_name(length: int, tmp_path: Path) -> None:
    path = array(tmp_path)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ValueError, match=rf"^{path} can not be mapped as NumPy's \.npy"):
        read_images(path)


@pytest.mark.parametrize("damage", [(b"}", b"("), (b"3, 36", b"0x, 6"), (b"3, 36", b"99, 9"), (b"False", b"None,")])
def test_an_array_with_a_damaged_head_is_refused_by_name(damage: tuple[bytes, bytes], tmp_path: Path) -> None:
    path = array(tmp_path)
    path.write_bytes(path.read_bytes().replace(*damage, 1))
    with pytest.raises(ValueError, match=f"^{path} "):
        read_images(path)


@pytest.mark.parametrize("name", ["features.npy", "viewpoints.txt"])
def test_a_folder_that_lacks_a_file_is_refused_by_name(name: str, tmp_path: Path) -> None:
    folder = mapped(tmp_path)
    (folder / name).unlink()
    with pytest.raises(ValueError, match=rf"features\.npy with viewpoints\.txt beside it; there is no {folder}/{name}"):
        read_images(folder)


def test_numbers_of_ones_own_are_looked_at_when_they_are_read(tmp_path: Path) -> None:
    folder = mapped(tmp_path, np.stack([FEATURES[0], SPOILT, FEATURES[2]]))
    images = read_images(folder)
    np.testing.assert_array_equal(images.of(*PAIRS[2]), FEATURES[2])
    for read in (lambda: images.of(*PAIRS[1]), lambda: images.table(REVERSED)[np.array([[0, 1]])]):
        with pytest.raises(ValueError, match=f"^{folder}: NaN or infinite numbers at north b2"):
            read()


def test_a_path_that_leads_to_no_images_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"there are no images at .*nowhere\.tsv"):
        read_images(tmp_path / "nowhere.tsv")
    (tmp_path / "images.pkl").write_bytes(b"")
    with pytest.raises(ValueError, match=r"a folder, \.npy, \.tsv, \.h5, \.hdf5; .*images\.pkl is none of them"):
        read_images(tmp_path / "images.pkl")


@pytest.mark.parametrize(
    ("pairs", "features", "message"),
    [
        (PAIRS, FEATURES[:2], "there are fewer features than the 3 viewpoints"),
        (PAIRS[:2], FEATURES, "there are more features than the 2 viewpoints"),
        ([PAIRS[0]] * 3, FEATURES, "viewpoint north a1 is there a second time"),
        (PAIRS, [FEATURES[0], SPOILT, FEATURES[2]], "record 2: NaN or infinite numbers in view 7"),
        (PAIRS, FEATURES[:, :35], r"record 1: float32 \[35, 5\]; the views"),
        ([], [], "holds no viewpoints"),
    ],
)
def test_nothing_is_written_where_something_is_wrong(
    pairs: list[Pair], features: Sequence[NDArray[np.float32]], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=f"^{tmp_path}/written.* ?{message}"):
        write_images(tmp_path / "written", pairs, features)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is there already"):
        write_images(written(tmp_path), PAIRS[:1], FEATURES[:1])
    np.testing.assert_array_equal(read_images(tmp_path / "written").table(PAIRS)[:], FEATURES)
