"""Glimpses: the eye by two doors and by a slow third, moves of every kind, canvases, and what is graded."""

from dataclasses import fields
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.spaces import Discrete
from helpers.glimpse_worlds import KINDS, glimpses, noise
from numpy.typing import NDArray

from vln.envs.glimpse.canvas import PIECE, PlacedImages
from vln.envs.glimpse.image_splits import LabelledImages
from vln.envs.glimpse.scanner import scan
from vln.envs.glimpse.scene_source import VARIANTS
from vln.envs.glimpse.sensor import FEW, LEAST_CONTRAST, GlimpseSensor
from vln.envs.glimpse.world import STEPS, Glimpses
from vln.gym.env import TaskEnv
from vln.gym.env_checker import check_vector_env
from vln.gym.vector_env import TaskVectorEnv

SENSORS = [
    GlimpseSensor(4),
    GlimpseSensor(3),
    GlimpseSensor(4, scales=3),
    GlimpseSensor(3, scales=2),
    GlimpseSensor(5, scales=2, contrast=False),
]


@pytest.fixture(params=KINDS)
def world(request: pytest.FixtureRequest) -> Glimpses:
    return KINDS[request.param]()


def slow_look(eye: GlimpseSensor, picture: NDArray[np.uint8], x: float, y: float) -> NDArray[np.float64]:
    """A glimpse by the book: every point of every block by bilinear interpolation, then their mean, then contrast."""
    height, width, channels = picture.shape
    dark = np.pad(picture / 255, ((60, 60), (60, 60), (0, 0)))

    def at(row: float, column: float) -> NDArray[np.float64]:
        top, left = int(np.floor(row)), int(np.floor(column))
        down, across = row - top, column - left
        corners = dark[60 + top : 62 + top, 60 + left : 62 + left]
        weights = np.outer([1 - down, down], [1 - across, across])
        return (corners * weights[..., None]).sum(axis=(0, 1))

    patches = []
    for block in (2**scale for scale in range(eye.scales)):
        half = eye.patch * block / 2
        top = height / 2 + y * (height - eye.patch) / 2 - half
        left = width / 2 + x * (width - eye.patch) / 2 - half
        patch = np.zeros((eye.patch, eye.patch, channels))
        for row, column in np.ndindex(eye.patch * block, eye.patch * block):
            patch[row // block, column // block] += at(top + row, left + column) / block**2
        if eye.contrast:
            patch = (patch - patch.mean()) / np.sqrt(patch.var() + LEAST_CONTRAST**2)
        patches.append(patch)
    return np.concatenate(patches, axis=-1)


@pytest.mark.parametrize("eye", SENSORS, ids=str)
@pytest.mark.parametrize("channels", [1, 3])
def test_both_eyes_see_what_a_slow_one_sees(eye: GlimpseSensor, channels: int) -> None:
    pictures = np.ascontiguousarray(noise(channels=channels).images[:6, :, :8])  # higher than wide
    where = np.random.default_rng(0).uniform(-1, 1, (6, 2)).astype(np.float32)
    where[:3] = [[-1, -1], [1, 1], [0, 0]]
    expected = [slow_look(eye, *each) for each in zip(pictures, *where.T, strict=True)]
    np.testing.assert_allclose(eye.look(pictures, where), expected, atol=2e-5)
    canvas = torch.from_numpy(pictures)
    np.testing.assert_allclose(eye.look_through(canvas, torch.from_numpy(where)), expected, atol=2e-5)
    np.testing.assert_allclose(eye.look_through(canvas, torch.from_numpy(where).double()), expected, atol=2e-5)


def test_at_its_ends_the_finest_patch_lies_in_the_corner() -> None:
    picture = noise().images[:1]
    eye = GlimpseSensor(4, contrast=False)
    corner = eye.look(picture, np.array([[1, -1]], dtype=np.float32))[0]
    np.testing.assert_allclose(corner, picture[0, :4, -4:] / 255, atol=1e-6)


def test_many_glimpses_at_once_are_those_taken_one_by_one() -> None:
    rng = np.random.default_rng(1)
    pictures, where = rng.integers(0, 256, (2000, 9, 9, 3), dtype=np.uint8), rng.uniform(-1, 1, (2000, 2))
    eye, where = GlimpseSensor(4, scales=2), where.astype(np.float32)
    together = eye.look(pictures, where)
    assert len(pictures) * 3 * (16 + 64) > FEW  # so they were shared out among threads
    for number in (0, 999, 1999):
        alone = eye.look(pictures[number : number + 1], where[number : number + 1])
        np.testing.assert_allclose(alone[0], together[number], atol=1e-6)


def test_a_difference_in_brightness_looks_the_same_in_the_dark_and_in_the_light() -> None:
    dark = np.zeros((1, 8, 8, 1), dtype=np.uint8)
    dark[0, 2:5, 3:6] = 120
    centre = np.zeros((1, 2), dtype=np.float32)
    np.testing.assert_allclose(
        GlimpseSensor(8).look(dark, centre), GlimpseSensor(8).look(dark + 100, centre), atol=1e-5
    )
    assert (
        np.abs(GlimpseSensor(8).look(np.full_like(dark, 200), centre)).max() < 1e-5
    )  # where there is none, nothing is made up


def test_the_gradient_of_what_is_seen_is_that_of_small_steps() -> None:
    where = torch.tensor([[0.13, -0.41], [-0.77, 0.52], [0.05, 0.93]], dtype=torch.float64, requires_grad=True)
    for eye in SENSORS:
        for channels in (1, 3):
            canvas = torch.from_numpy(noise(channels=channels).images[:3])
            assert torch.autograd.gradcheck(lambda w, e=eye, c=canvas: e.look_through(c, w), where, eps=1e-5, atol=1e-4)
            # And that of the kernels is the same.
            near = where.detach().float().requires_grad_()
            weights = torch.randn(3, *eye.shape(channels), generator=torch.Generator().manual_seed(0))
            (exact,) = torch.autograd.grad((eye.look_through(canvas, where) * weights).sum(), where)
            (quick,) = torch.autograd.grad((eye.look_through(canvas, near) * weights).sum(), near)
            torch.testing.assert_close(quick.double(), exact, atol=2e-3, rtol=1e-3)


def actions(world: Glimpses, slots: int, rng: np.random.Generator) -> tuple[NDArray[Any], NDArray[np.float32]]:
    answer = rng.normal(size=(slots, world.num_answers)).astype(np.float32)
    if isinstance(world.action_space, Discrete):
        return rng.integers(len(STEPS), size=slots), answer
    return rng.uniform(-1.3, 1.3, (slots, 2)).astype(np.float32), answer


def test_both_doors_lead_to_one_world(world: Glimpses) -> None:
    rng, episode = np.random.default_rng(2), np.arange(9) * 7
    tensors = world.differentiable("cpu")
    here: Any = world.begin(episode)
    there: Any = tensors.begin(episode)
    for _ in range(world.max_steps):
        seen = tensors.observe(there)
        for name, values in world.observe(here).items():
            assert world.spaces[name].contains(values[0])
            np.testing.assert_allclose(seen[name], values, atol=3e-5)
        np.testing.assert_array_equal(tensors.correct_answer(there), world.correct_answer(here))
        np.testing.assert_allclose(tensors.expert(there), world.expert(here), atol=1e-6)
        move, answer = actions(world, len(episode), rng)
        here = world.step(world.give_answer(here, answer), move)
        there = tensors.step(tensors.give_answer(there, torch.from_numpy(answer)), torch.from_numpy(move))
        for field in fields(here):
            if field.name != "canvas":
                one, other = getattr(here, field.name), getattr(there, field.name)
                np.testing.assert_allclose(np.asarray(other), one, atol=2e-5, err_msg=field.name)
        np.testing.assert_array_equal(tensors.terminated(there), world.terminated(here))
        np.testing.assert_array_equal(np.asarray(tensors.success(there)), world.success(here))
    assert world.terminated(here).all()


def test_single_and_vector_agree_step_for_step(world: Glimpses) -> None:
    check_vector_env(lambda slots, mode: TaskVectorEnv(world, slots, mode), lambda: TaskEnv(world), steps=30)


def test_gymnasium_finds_no_fault(world: Glimpses) -> None:
    gymnasium.register("vln-test/Glimpse-v0", entry_point=TaskEnv, kwargs={"world": world})
    with pytest.warns(UserWarning, match="Box action space"):  # logits have no bounds, which Gymnasium finds unusual
        gymnasium.utils.env_checker.check_env(gymnasium.make("vln-test/Glimpse-v0").unwrapped)
    del gymnasium.registry["vln-test/Glimpse-v0"]


def test_an_answer_changes_nothing_that_is_seen(world: Glimpses) -> None:
    rng, episode = np.random.default_rng(3), np.arange(6)
    one: Any = world.begin(episode)
    other: Any = world.begin(episode)
    for _ in range(world.max_steps):
        move, answer = actions(world, len(episode), rng)
        one = world.step(world.give_answer(one, answer), move)
        other = world.step(world.give_answer(other, -3 * answer), move)
        for name, values in world.observe(one).items():
            np.testing.assert_array_equal(world.observe(other)[name], values)
    assert (one.nll != other.nll).all()


def test_surprise_is_the_cross_entropy_and_what_is_right_is_the_largest_logit() -> None:
    world = glimpses()
    state = world.begin(np.arange(3))  # of classes 0, 1, 2
    np.testing.assert_allclose(state.nll, np.log(3), rtol=1e-6)
    logits = np.log(np.array([[0.7, 0.2, 0.1], [0.5, 0.25, 0.25], [0.1, 0.1, 0.8]], dtype=np.float32))
    state = world.step(world.give_answer(state, logits), np.zeros((3, 2), dtype=np.float32))
    np.testing.assert_allclose(state.nll, -np.log([0.7, 0.25, 0.8]), rtol=1e-5)
    assert world.success(state).tolist() == [True, False, True]
    state = world.step(world.give_answer(state, -logits), np.zeros((3, 2), dtype=np.float32))
    measured = world.measure(state)
    assert measured["average_accuracy"].tolist() == [0.5, 0.5, 0.5]
    assert measured["looks"].tolist() == [2, 2, 2]


def test_the_reward_of_an_answer_is_the_surprise_it_takes_away_and_more_if_it_is_right_at_the_end() -> None:
    env = TaskEnv(glimpses(looks=2), success_reward=5.0)
    env.reset(options={"episode": 1})
    sure, wrong = np.array([0, 30, 0], dtype=np.float32), np.array([30, 0, 0], dtype=np.float32)
    action = {"move": np.zeros(2, dtype=np.float32)}
    reward = env.step(action | {"answer": wrong})[1]
    assert reward == pytest.approx(np.log(3) - 30, rel=1e-5)
    _, reward, terminated, truncated, info = env.step(action | {"answer": sure})
    assert reward == pytest.approx(30 + 5, rel=1e-5)
    assert (terminated, truncated) == (True, False)
    assert (info["is_success"], info["accuracy"], info["average_accuracy"]) == (True, 1, 0.5)


def test_an_action_that_is_none_is_refused_with_what_is_wrong() -> None:
    env = TaskEnv(glimpses())
    env.reset(seed=0)
    move, answer = np.zeros(2, dtype=np.float32), np.zeros(3, dtype=np.float32)
    for action, message in (
        (move, r'is a dict \{"move": ..., "answer": ...\}'),
        ({"move": move}, "is a dict"),
        ({"move": move, "answer": answer[:2]}, r"logits of 3 answers, not \[2\]"),
        ({"move": move, "answer": answer * np.nan}, "answer of slot 0 is not finite"),
        ({"move": np.full(2, np.inf), "answer": answer}, "move of slot 0 is not finite"),
        ({"move": 1, "answer": answer}, r"points \[1, 2\]"),
    ):
        with pytest.raises(ValueError, match=message):
            env.step(action)
    with pytest.raises(ValueError, match="can't be played by keys"):
        env.get_keys_to_action()


def test_a_relative_move_goes_no_further_than_its_limit() -> None:
    world = glimpses(move="relative", limit=0.25)
    state = world.begin(np.arange(2))
    after = world.step(state, np.array([[3, 4], [0.3, 0.4]], dtype=np.float32))
    np.testing.assert_allclose(after.where, [[0.15, 0.2], [0.075, 0.1]], rtol=1e-5)
    np.testing.assert_allclose(after.length, [0.75, 0.375], rtol=1e-5)  # of 3 pixels on either side


def test_an_eye_that_walks_goes_its_stride_and_no_further_than_the_edge() -> None:
    world = glimpses(move="discrete", stride=2, stops=True)
    state = world.begin(np.arange(1))
    places = []
    for move in ("right", "right", "up"):
        state = world.step(state, np.array([world.action_names.index(move)]))
        places.append(world.position(state)[0].tolist())
    assert places == [[7, 5], [8, 5], [8, 3]]
    state = world.step(world.begin(np.arange(1)), np.array([world.stop]))
    assert world.terminated(state).all()


def test_a_scan_looks_at_every_part() -> None:
    box = np.array([[-1, 0, 1, 2]], dtype=np.float32)
    points = [scan(box, look, 6)[0].tolist() for look in range(6)]
    assert points == [[-1, 0], [0, 0], [1, 0], [1, 2], [0, 2], [-1, 2]]
    assert scan(box, 0, 1).tolist() == [[0, 1]]
    assert [scan(box, look, 3)[0].tolist() for look in range(3)] == [[-1, 0], [1, 0], [0, 2]]


@pytest.mark.parametrize("move", ["continuous", "relative", "discrete"])
def test_the_scanner_looks_all_over_the_picture_and_not_beside_it(move: str) -> None:
    world = glimpses(canvas=30, eye=GlimpseSensor(4), looks=60, move=move, limit=0.4, stride=2)
    state = world.begin(np.arange(8))
    inside = np.zeros(8)
    for _ in range(world.max_steps - 1):
        best = world.expert(state)
        state = world.step(state, best.argmax(axis=1) if best.dtype == np.bool_ else best)
        left, top, right, bottom = world.scenes.box(state.episode, state.steps).T
        x, y = world.position(state).T
        inside += (left - 1 <= x - 2) & (x + 2 <= right + 1) & (top - 1 <= y - 2) & (y + 2 <= bottom + 1)
    assert inside.min() > 40


def test_a_placed_picture_lies_whole_in_its_box_and_everything_else_is_dark() -> None:
    scenes = PlacedImages(noise(), "train", canvas=25, endless=True)
    assert len(scenes) == 12 * VARIANTS
    episode = np.random.default_rng(0).integers(len(scenes), size=50)
    canvases, boxes = scenes.paint(episode, np.zeros(50)), scenes.box(episode, np.zeros(50)).astype(int)
    for number, canvas, (left, top, right, bottom) in zip(episode, canvases, boxes, strict=True):
        np.testing.assert_array_equal(canvas[top:bottom, left:right], noise().images[number % 12])
        assert canvas.sum() == noise().images[number % 12].sum()
    assert boxes.min() == 0
    assert boxes.max() == 25
    assert len(np.unique(boxes, axis=0)) > 40
    np.testing.assert_array_equal(scenes.paint(episode, np.zeros(50)), canvases)


def test_clutter_is_pieces_of_other_pictures_and_never_darkens() -> None:
    plain, cluttered = (PlacedImages(noise(), "train", 40, clutter, endless=True) for clutter in (0, 3))
    episode = np.arange(30)
    without, within = (scenes.paint(episode, np.zeros(30)) for scenes in (plain, cluttered))
    assert (within >= without).all()
    added = ((within > 0) & (without == 0)).sum(axis=(1, 2, 3))
    assert (added <= 3 * PIECE**2).all()
    assert added.max() > 2 * PIECE**2
    np.testing.assert_array_equal(plain.box(episode, np.zeros(30)), cluttered.box(episode, np.zeros(30)))


@pytest.mark.parametrize("way", ["distort", "elastic"])
def test_a_distorted_picture_is_another_each_time_and_none_is_one_without_distortion(way: str) -> None:
    plain, distorted, hardly = (PlacedImages(noise(), "train", **{way: far}, endless=True) for far in (0.0, 1.0, 1e-9))
    variants = np.arange(20) * 12  # of the first picture
    assert len(plain) == 12
    images = distorted.paint(variants, np.zeros(20))
    assert len(np.unique(images.reshape(20, -1), axis=0)) == 20
    np.testing.assert_array_equal(hardly.paint(variants, np.zeros(20)), np.repeat(noise().images[:1], 20, axis=0))


def test_bending_moves_what_is_drawn_as_far_as_simard_et_al_did() -> None:
    # A picture whose brightness tells the row; another whose brightness tells the column.
    ramp = np.broadcast_to(np.arange(28, dtype=np.uint8)[:, None] * 9, (28, 28))
    images = np.stack([ramp, ramp.T])[..., None]
    bent = PlacedImages(
        LabelledImages(images, np.zeros(2, dtype=np.int64), ("ramp",)), "train", elastic=1.0, endless=True
    )
    middle = slice(8, 20)  # from which no pixel is moved over the edge
    painted = bent.paint(np.arange(2000), np.zeros(2000))[..., 0].astype(float)
    moved = (painted - images[np.arange(2000) % 2, ..., 0])[:, middle, middle] / 9
    assert abs(moved.mean()) < 0.05
    # A field drawn from -1 to 1, blurred by a Gaussian of 4 pixels and multiplied by 34.
    assert moved.std() == pytest.approx(34 / np.sqrt(3) / (2 * np.sqrt(np.pi) * 4), rel=0.1)
    one, far = moved[:, 2, 2], [np.corrcoef(moved[:, 2, 2], moved[:, 2, 2 + apart])[0, 1] for apart in (1, 4, 9)]
    assert one.std() > 1
    # Blurred so, two pixels are alike by exp(-d^2 / (4 * 4^2)).
    np.testing.assert_allclose(far, np.exp(-(np.array([1, 4, 9]) ** 2) / 64), atol=0.08)


def test_splits_are_placed_by_chances_of_their_own() -> None:
    boxes = [
        PlacedImages(noise(), split, canvas=40).box(np.arange(12), np.zeros(12)) for split in ("train", "val", "test")
    ]
    assert not np.array_equal(boxes[0], boxes[1])
    assert not np.array_equal(boxes[1], boxes[2])


def test_episodes_are_named_apart_and_know_their_class() -> None:
    scenes = PlacedImages(noise(), "train", canvas=20, endless=True)
    assert [scenes[number].name for number in (0, 11, 12)] == ["train/0/0", "train/11/0", "train/0/1"]
    assert scenes[-1].goals == (2,)
    assert [episode.family for episode in scenes[:3]] == ["dark", "dim", "bright"]
    assert len(list(PlacedImages(noise(), "val"))) == 12
    with pytest.raises(IndexError, match="none has the number"):
        scenes[len(scenes)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"eye": GlimpseSensor(11)}, "a patch of 11x11 is larger than the picture of 10x10"),
        ({"canvas": 9}, "pictures of 10x10 do not fit on a canvas of 9x9"),
        ({"move": "hop"}, "no move is called 'hop'; there are continuous, relative, discrete"),
        ({"gaze": "away"}, "no gaze is called 'away'"),
        ({"looks": 0}, "looks must be at least 1, not 0"),
        ({"stops": True}, "only an eye with discrete moves can stop, not a continuous one"),
        ({"start": "left"}, "not at 'left'"),
        ({"start": (2, 0)}, "from -1 to 1"),
        ({"clutter": -1}, "clutter is pieces of 8x8 pixels"),
    ],
)
def test_a_world_that_can_not_be_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        glimpses(**options)


def test_an_eye_has_a_patch_and_a_scale() -> None:
    with pytest.raises(ValueError, match="patch must be at least 1, not 0"):
        GlimpseSensor(0)
    with pytest.raises(ValueError, match="scales must be at least 1, not 0"):
        GlimpseSensor(4, scales=0)
