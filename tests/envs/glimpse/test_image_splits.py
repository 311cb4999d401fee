"""Every source of pictures: what all of them promise, what is invented, and pictures that can not be."""

from collections.abc import Callable
from functools import cache, partial
from itertools import combinations
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from helpers.data import data_folder
from numpy.typing import NDArray
from PIL import Image
from sklearn.neighbors import KNeighborsClassifier

from vln.envs.glimpse.folders import folder
from vln.envs.glimpse.font_digits import FONTS, _glyphs, drawn
from vln.envs.glimpse.image_splits import SPLITS, ImageSplits, LabelledImages, album_of, shuffled
from vln.envs.glimpse.mnist import handwritten, mnist
from vln.envs.glimpse.shapes import COLOURS, SHAPES, draw_shape, lay, shapes
from vln.envs.glimpse.task import glimpse

FEW = {"train": 600, "val": 120, "test": 240}
INVENTED: dict[str, Callable[..., ImageSplits]] = {"shapes": shapes, "font_digits": drawn}


@cache
def invented(name: str, seed: int = 0) -> ImageSplits:
    return INVENTED[name](seed, FEW)


@cache
def mnist_album() -> ImageSplits:
    return mnist(data_folder("mnist"))


def a_folder(root: Path) -> ImageSplits:
    for number, image in enumerate(np.random.default_rng(0).integers(0, 256, (20, 6, 5, 3), dtype=np.uint8)):
        file = root / "ab"[number % 2] / f"{number}.png"
        file.parent.mkdir(exist_ok=True)
        Image.fromarray(image).save(file)
    return folder(root)


def bytes_of(pictures: LabelledImages) -> set[bytes]:
    return {image.tobytes() for image in pictures.images}


@pytest.fixture(params=["digits", "mnist", "shapes", "font_digits", "folder"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], ImageSplits]:
    """Makes an album anew whenever it is called."""
    sources: dict[str, Callable[[], ImageSplits]] = {
        "digits": handwritten,
        "mnist": lambda: mnist(data_folder("mnist")),
        "folder": lambda: a_folder(tmp_path),
        **{name: partial(make, 0, FEW) for name, make in INVENTED.items()},
    }
    return sources[request.param]


def test_an_album_has_three_splits_of_like_pictures(source: Callable[[], ImageSplits]) -> None:
    album = source()
    train, *others = (album(split) for split in SPLITS)
    for other in others:
        assert (other.classes, other.shape) == (train.classes, train.shape)
        assert 0 < len(other) <= len(train)
    assert len(train.classes) > 1
    assert set(train.labels) == set(range(len(train.classes)))


def test_an_album_has_no_other_splits(source: Callable[[], ImageSplits]) -> None:
    album = source()
    with pytest.raises(ValueError, match="no pictures of split 'exam'; there are train, val, test"):
        album("exam")


def test_an_album_gives_the_same_twice(source: Callable[[], ImageSplits]) -> None:
    album, again = source(), source()
    for split in SPLITS:
        np.testing.assert_array_equal(album(split).images, again(split).images)
        np.testing.assert_array_equal(album(split).labels, again(split).labels)


@pytest.mark.parametrize("name", INVENTED)
def test_another_seed_invents_other_pictures(name: str) -> None:
    for split in SPLITS:
        one, other = invented(name)(split), invented(name, seed=1)(split)
        assert not bytes_of(one) & bytes_of(other)
        assert (one.labels != other.labels).any()


@pytest.mark.parametrize("name", INVENTED)
def test_fewer_invented_pictures_are_the_first_of_more(name: str) -> None:
    fewer, more = INVENTED[name](0, {"train": 35})("train"), invented(name)("train")
    np.testing.assert_array_equal(fewer.images, more.images[:35])
    np.testing.assert_array_equal(fewer.labels, more.labels[:35])


@pytest.mark.parametrize("name", INVENTED)
def test_no_invented_picture_comes_twice(name: str) -> None:
    seen = {split: bytes_of(invented(name)(split)) for split in SPLITS}
    assert {split: len(those) for split, those in seen.items()} == FEW
    for one, other in combinations(SPLITS, 2):
        assert not seen[one] & seen[other]


@pytest.mark.parametrize("name", INVENTED)
def test_every_class_is_invented_as_often_as_another(name: str) -> None:
    for split in SPLITS:
        counts = np.bincount(invented(name)(split).labels)
        assert counts.min() == counts.max()


@pytest.mark.parametrize("name", INVENTED)
def test_pictures_are_invented_in_the_size_asked_for(name: str) -> None:
    assert INVENTED[name](0, {"test": 10}, side=20)("test").shape[:2] == (20, 20)
    with pytest.raises(ValueError, match="at least 12 pixels a side, not 11"):
        INVENTED[name](side=11)
    with pytest.raises(ValueError, match="split 'val' needs a picture of each of"):
        INVENTED[name](sizes={"val": 5})
    with pytest.raises(ValueError, match="train, val, test, not for 'exam'"):
        INVENTED[name](sizes={"exam": 50})


def right(train: LabelledImages, test: LabelledImages, feature: Callable[[LabelledImages], NDArray[Any]]) -> float:
    """The share that is named right by the one neighbour that is most alike in a feature."""
    nearest = KNeighborsClassifier(1).fit(feature(train), train.labels)
    return float((nearest.predict(feature(test)) == test.labels).mean())


def pixels(pictures: LabelledImages) -> NDArray[np.float32]:
    return pictures.images.reshape(len(pictures), -1).astype(np.float32)


def test_drawn_digits_can_be_learned_but_are_not_all_alike() -> None:
    album = invented("font_digits")
    assert 0.6 < right(album("train"), album("test"), pixels) < 0.99


def test_drawn_digits_are_whole_and_bright() -> None:
    images = invented("font_digits")("train").images[..., 0]
    edges = np.concatenate([images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]], axis=1)
    assert (edges.max(axis=1) < 100).mean() > 0.995
    assert images.max(axis=(1, 2)).min() > 100


def test_digits_are_drawn_in_fonts_that_differ() -> None:
    for number, glyphs in enumerate(_glyphs(28)):
        for one, other in combinations(range(len(FONTS)), 2):
            assert np.abs(glyphs[one] - glyphs[other]).mean() > 0.004, (number, FONTS[one], FONTS[other])


def masks(pictures: LabelledImages) -> list[NDArray[np.uint8]]:
    return [(image.max(axis=-1) > 90).astype(np.uint8) for image in pictures.images]


def outline(pictures: LabelledImages) -> NDArray[np.float64]:
    """What is left of a shape without its colour, size, turn and place (Hu 1962)."""
    moments = [cv2.HuMoments(cv2.moments(mask, binaryImage=True))[:2, 0] for mask in masks(pictures)]
    return np.array([[first, np.sqrt(second)] for first, second in moments])


def colour(pictures: LabelledImages) -> NDArray[np.float64]:
    means = [image[mask > 0].mean(axis=0) for image, mask in zip(pictures.images, masks(pictures), strict=True)]
    return np.array(means) / 255


def place(pictures: LabelledImages) -> NDArray[np.float64]:
    return np.array([[axis.mean() for axis in np.nonzero(mask)] for mask in masks(pictures)])


def test_a_shape_is_told_by_its_outline_and_by_nothing_else() -> None:
    album = invented("shapes")
    train, test = album("train"), album("test")
    assert right(train, test, outline) > 0.6
    for tells_nothing in (colour, place):
        assert right(train, test, tells_nothing) < 0.3


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("turn", [0.0, 1.0])
def test_a_shape_fills_its_circle_in_its_colour(name: str, turn: float) -> None:
    shape = draw_shape(name, COLOURS["cyan"], 40, turn)
    assert (shape.shape, shape.dtype) == ((40, 40, 4), np.uint8)
    assert (shape[..., :3] == COLOURS["cyan"]).all()
    opaque = shape[..., 3]
    assert 0.15 < opaque.mean() / 255 < 0.7
    assert ((opaque > 0) & (opaque < 255)).any()  # soft edges
    away = np.hypot(*(np.indices(opaque.shape) - 19.5))
    assert 17 < away[opaque > 0].max() < 20.8


def test_a_turned_shape_is_turned_clockwise() -> None:
    upright, turned = (draw_shape("triangle", COLOURS["red"], 41, turn)[..., 3] for turn in (0.0, np.pi / 2))
    assert np.abs(np.rot90(upright, -1).astype(int) - turned).mean() < 2


def test_colours_have_names_and_no_two_are_alike() -> None:
    for one, other in combinations(COLOURS.values(), 2):
        assert np.linalg.norm(np.subtract(one, other)) > 90


def test_a_shape_is_laid_on_a_canvas() -> None:
    canvas = np.full((20, 30, 3), 10, dtype=np.uint8)
    lay(draw_shape("square", (200, 100, 50), 12), canvas, 8, 18)
    assert canvas[14, 24].tolist() == [200, 100, 50]
    assert (canvas[:8] == 10).all()
    assert (canvas[:, :18] == 10).all()
    with pytest.raises(ValueError, match=r"12x12 at \(9, 18\) does not lie on a canvas of 20x30"):
        lay(draw_shape("square", (200, 100, 50), 12), canvas, 9, 18)


def test_a_shape_that_can_not_be_drawn_is_refused() -> None:
    with pytest.raises(ValueError, match="no shape is called 'blob'; there are circle, square"):
        draw_shape("blob", COLOURS["red"], 12)


def test_the_handwritten_digits_are_all_dealt_out() -> None:
    album = handwritten()
    assert [len(album(split)) for split in SPLITS] == [1198, 299, 300]
    assert album("train").shape == (8, 8, 1)
    assert max(album(split).images.max() for split in SPLITS) == 255


def test_mnist_is_what_its_readers_know() -> None:
    album = mnist_album()
    assert [len(album(split)) for split in SPLITS] == [50_000, 10_000, 10_000]
    assert album("train").shape == (28, 28, 1)
    assert album("train").labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert album("test").labels[:5].tolist() == [7, 2, 1, 0, 4]
    for split in SPLITS:
        assert album(split).images.mean() / 255 == pytest.approx(0.131, abs=0.003)
        assert np.bincount(album(split).labels).min() > 0.08 * len(album(split))
    known = np.bincount(np.concatenate([album("train").labels, album("val").labels]))
    assert known.tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]


IMAGES, LABELS = np.zeros((3, 4, 5, 1), dtype=np.uint8), np.array([0, 1, 0])


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (IMAGES.astype(np.float32), LABELS, r"uint8 \[n, height, width, 1 or 3\], not float32 \[3, 4, 5, 1\]"),
        (IMAGES[..., 0], LABELS, r"not uint8 \[3, 4, 5\]"),
        (IMAGES.repeat(2, axis=-1), LABELS, r"not uint8 \[3, 4, 5, 2\]"),
        (IMAGES[:0], LABELS[:0], r"not uint8 \[0, 4, 5, 1\]"),
        (IMAGES, LABELS[:2], r"3 pictures need as many labels, not int64 \[2\]"),
        (IMAGES, LABELS / 2, r"not float64 \[3\]"),
        (IMAGES, LABELS + 1, "picture 1 is of class 2, but there are 2 classes"),
        (IMAGES, LABELS - 1, "picture 0 is of class -1"),
    ],
)
def test_pictures_that_can_not_be_are_refused(images: Any, labels: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LabelledImages(images, labels, ("cat", "dog"))


def test_an_album_is_of_like_pictures() -> None:
    pets = LabelledImages(IMAGES, LABELS, ("cat", "dog"))
    with pytest.raises(ValueError, match="classes of split 'val' are not those of 'train': see cow, dog"):
        album_of({"train": pets, "val": LabelledImages(IMAGES, LABELS, ("cat", "cow"))})
    with pytest.raises(ValueError, match="classes of split 'test' are not those of 'train': see dog, cat"):
        album_of({"train": pets, "test": LabelledImages(IMAGES, LABELS, ("dog", "cat"))})
    with pytest.raises(ValueError, match=r"pictures of split 'val' are \(4, 5, 3\), those of 'train' \(4, 5, 1\)"):
        album_of({"train": pets, "val": LabelledImages(IMAGES.repeat(3, axis=-1), LABELS, pets.classes)})


def test_one_heap_is_dealt_out_by_its_seed() -> None:
    images = np.arange(100, dtype=np.uint8).reshape(100, 1, 1, 1)
    heap = LabelledImages(images, np.zeros(100, dtype=np.int64), ("any",))
    parts = shuffled(heap)
    assert [len(parts[split]) for split in SPLITS] == [70, 15, 15]
    assert sorted(np.concatenate([part.images for part in parts.values()]).ravel()) == list(range(100))
    np.testing.assert_array_equal(shuffled(heap)["val"].images, parts["val"].images)
    assert (shuffled(heap, seed=1)["val"].images != parts["val"].images).any()


def test_a_task_finds_its_pictures_by_name_or_path(tmp_path: Path) -> None:
    a_folder(tmp_path)
    shapes_of = {"digits": (8, 8, 1), "shapes": (32, 32, 3), "font_digits": (28, 28, 1), str(tmp_path): (6, 5, 3)}
    for name, shape in shapes_of.items():
        scenes: Any = glimpse(name).episodes("test")
        assert scenes.shape == shape
    names = "digits, mnist, shapes, font_digits, and the path of a folder may be given"
    with pytest.raises(ValueError, match=f"no pictures are called 'nowhere'; there are {names}"):
        glimpse("nowhere")
    with pytest.raises(ValueError, match="mnist needs data"):
        glimpse("mnist")
