"""Tasks: the same seed writes the same episodes, no place crosses over into another split, every word is known."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from helpers.data import data_folder
from helpers.tiny import PLACES, tiny

from vln.envs.registry import TASKS, make_task
from vln.envs.rooms.families import FAMILIES
from vln.envs.rooms.house import Goal, House
from vln.envs.rooms.task import rooms
from vln.envs.rooms.things import Colour, Floor, Kind
from vln.envs.rooms.world import Rooms
from vln.episode import Episode, places
from vln.language import PADDING, UNKNOWN, Vocabulary, split_words
from vln.tasks import SPLITS, GeneratedEpisodes, Task
from vln.world_checker import check_world

MANY = {"train": (120, 1), "val_seen": (40, 1), "val_unseen": (80, 1), "val_novel": (80, 1)}


@pytest.fixture(params=[name for name in TASKS if name != "circlesquare-apgym"])  # that one is tested by test_peers.py
def task(request: pytest.FixtureRequest) -> Task:
    if request.param == "sail":
        return sail()
    if request.param == "mazes":
        return tiny_mazes()
    if request.param in (
        "glimpse",
        "circlesquare",
        "repeatones",
        "parity",
        "repeatprevious",
        "copy",
        "adding",
        "characters",
    ):
        return make_task(request.param)
    if request.param == "glimpsefind":
        return make_task("glimpsefind", {"questions": 40})
    if request.param.startswith("r2r"):
        return some_of_r2r(request.param)
    (family,) = (family for family in FAMILIES if family.lower() == request.param)
    return tiny(family)


def sail() -> Task:
    whole = make_task("sail", {"data": data_folder("sail").parent})
    return replace(whole, source=lambda split: whole.source(split)[:24])


def some_of_r2r(name: str) -> Task:
    data_folder("r2r")
    whole = make_task(name, {"data": data_folder("matterport").parent})
    return replace(whole, source=lambda split: whole.source(split)[:24])


def tiny_mazes() -> Task:
    whole = make_task("mazes")
    return replace(whole, source=replace(written(whole), sizes={split: PLACES[split] for split in whole.splits}))


def some(episodes: Sequence[Episode]) -> Sequence[Episode]:
    """All of them, or the first of very many."""
    return episodes if len(episodes) < 10_000 else episodes[:200]


def written(task: Task) -> GeneratedEpisodes:
    assert isinstance(task.source, GeneratedEpisodes)
    return task.source


def said(episodes: Sequence[Episode]) -> list[tuple[Any, ...]]:
    """All that an episode asks, as values that can be compared."""
    return [
        (
            asked.name,
            asked.instruction,
            asked.place.identity,
            asked.start,
            *(goal.poses.tobytes() if isinstance(goal, Goal) else goal for goal in asked.goals),
        )
        for asked in episodes
    ]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("difficulty", [1, 2])
def test_no_house_of_a_split_occurs_in_another(family: str, difficulty: int) -> None:
    source = replace(written(tiny(family, difficulty)), sizes=MANY)
    houses = {split: places(source(split)) for split in SPLITS}
    assert {split: len(found) for split, found in houses.items()} == {
        split: count for split, (count, _) in MANY.items()
    }
    assert houses["val_seen"] <= houses["train"]
    apart = ("train", "val_unseen", "val_novel")
    assert len(set().union(*(houses[split] for split in apart))) == sum(len(houses[split]) for split in apart)


@pytest.mark.parametrize("family", FAMILIES)
def test_known_houses_are_asked_new_episodes(family: str) -> None:
    source = written(tiny(family))
    assert not {row[1:] for row in said(source("val_seen"))} & {row[1:] for row in said(source("train"))}


def test_every_world_keeps_the_contract(task: Task) -> None:
    check_world(task.open(task.validation_split))


def test_the_same_seed_writes_the_same_episodes(task: Task) -> None:
    for split in task.splits:
        assert said(some(task.source(split))) == said(some(task.source(split)))


def test_no_invented_maze_of_a_split_occurs_in_another() -> None:
    source = written(make_task("mazes", {"houses": 200}))
    found = {split: places(source(split)) for split in source.sizes}
    assert {split: len(known) for split, known in found.items()} == {"train": 200, "val_seen": 100, "val_unseen": 100}
    assert found["val_seen"] <= found["train"]
    assert not found["train"] & found["val_unseen"]


@pytest.mark.parametrize("family", FAMILIES)
def test_another_seed_writes_others(family: str) -> None:
    source = written(tiny(family))
    assert not places(source("train")) & places(replace(source, seed=2)("train"))


def test_episodes_are_as_many_as_asked_for_and_named_apart(task: Task) -> None:
    for split in task.splits:
        names = [asked.name for asked in some(task.episodes(split))]
        assert len(set(names)) == len(names) > 0
        if isinstance(task.source, GeneratedEpisodes):
            assert len(names) == np.prod(PLACES[split])


def test_the_vocabulary_knows_every_word_of_train_and_in_rooms_of_every_split(task: Task) -> None:
    if task.name.startswith("r2r"):
        return  # a word that people wrote only once or twice is an unknown one: see test_annotations.py
    for split in task.splits if isinstance(task.source, GeneratedEpisodes) and task.words else ("train",):
        assert not task.vocabulary.unknown(asked.instruction for asked in some(task.episodes(split)))


def test_a_word_that_was_never_trained_on_is_seen_as_unknown() -> None:
    task = tiny("GoTo")
    first = task.episodes("train")[0]
    world = task.world([replace(first, instruction="go to the zeppelin")], task.vocabulary)
    seen = world.observe(world.begin(np.zeros(1, dtype=np.int64)))["instruction"][0]
    assert (seen == UNKNOWN).sum() == 1


def test_every_split_opens_as_a_world_that_can_be_lived_in(task: Task) -> None:
    for split in task.splits:
        world = task.open(split)
        state = world.begin(np.arange(len(some(world.episodes))))
        error = world.error(state)[:200]
        secret = np.array([task.name == "r2r" and not asked.goals for asked in world.episodes[: len(error)]])
        assert (np.isfinite(error) != secret).all()
        best = world.expert(state)
        # Where any number will do, that is no number.
        assert best.any(axis=1).all() if best.dtype == np.bool_ else (np.isnan(best) | (np.abs(best) <= 2)).all()


def test_a_split_that_does_not_exist_is_named_beside_those_that_do(task: Task) -> None:
    with pytest.raises(ValueError, match=f"no split 'exam'; it has {', '.join(task.splits)}"):
        task.open("exam")


def test_without_a_vocabulary_the_words_of_train_are_learned() -> None:
    task = replace(tiny("GoTo"), words=None)
    assert not task.vocabulary.unknown(asked.instruction for asked in task.episodes("train"))
    assert task.vocabulary.unknown(["zeppelin"])


def test_an_unknown_task_or_option_is_refused() -> None:
    with pytest.raises(ValueError, match="no task is called 'fly'; there are goto"):
        make_task("fly")
    with pytest.raises(ValueError, match="takes no option"):
        make_task("goto", {"colour": "red"})


def two_rooms_without_a_door() -> House:
    cells = np.empty((5, 7, 3), dtype=np.uint8)
    cells[:] = (Kind.WALL, Colour.NONE, Floor.CONCRETE)
    cells[1:4, 1:3] = cells[1:4, 4:6] = (Kind.NOTHING, Colour.NONE, Floor.WOOD)
    return House(cells, cells[..., 0] == Kind.WALL)


def test_a_goal_that_cannot_be_reached_is_an_error_that_names_the_episode() -> None:
    house = two_rooms_without_a_door()
    poses = np.zeros((*house.shape, 4), dtype=np.bool_)
    poses[2, 5] = True
    good = Episode("go", house, (1, 4, 0), (Goal(poses),), "GoTo", "train/0/0")
    with pytest.raises(ValueError, match=r"train/0/1.*no way leads from its start \(1, 1, 0\)"):
        Rooms([good, replace(good, start=(1, 1, 0), name="train/0/1")], Vocabulary(("go",)))


def test_what_is_read_is_as_long_as_the_longest_instruction() -> None:
    task = tiny("GoTo")
    longest = max(len(split_words(episode.instruction)) for episode in task.episodes("train"))
    for words, seen in ((2, longest), (longest + 5, longest + 5)):
        world = task.open("train", max_words=words)
        assert world.spaces["instruction"].shape == (seen,)
        tokens = world.observe(world.begin(np.arange(len(world.episodes))))["instruction"]
        assert (tokens != PADDING).sum(axis=1).max() == longest


class IndexedEpisodes:
    """A place that is only its number."""

    def __init__(self, identity: str) -> None:
        self.identity = identity


def picky(hosts: dict[str, float], sizes: dict[str, tuple[int, int]]) -> GeneratedEpisodes:
    """Places of which only a share host an episode, by split."""

    def build(rng: np.random.Generator, split: str) -> IndexedEpisodes:
        return IndexedEpisodes(str(rng.integers(2**62)))

    def write(place: IndexedEpisodes, rng: np.random.Generator, split: str) -> Episode | None:
        luck = np.random.default_rng([int(place.identity), SPLITS.index(split)]).random()
        return Episode("go", place, (), (), "", "") if luck < hosts[split] else None

    return GeneratedEpisodes(build, write, sizes)


def test_a_place_that_hosts_nothing_to_train_on_is_not_a_known_one() -> None:
    source = picky({"train": 0.5, "val_seen": 0.5}, {"train": (60, 1), "val_seen": (10, 1)})
    assert len(places(source("val_seen"))) == 10
    assert places(source("val_seen")) <= places(source("train"))


def test_known_places_are_never_more_than_were_trained_in() -> None:
    source = picky({"train": 1, "val_seen": 0.5}, {"train": (12, 1), "val_seen": (12, 1)})
    with pytest.raises(ValueError, match=r"in 12 places only \d+ episodes of split 'val_seen'"):
        source("val_seen")


def test_places_that_hardly_ever_host_an_episode_are_given_up() -> None:
    with pytest.raises(ValueError, match=r"in 40 places only 0 episodes of split 'train'"):
        picky({"train": 0}, {"train": (10, 1)})("train")


def test_more_houses_to_train_in_change_neither_the_first_ones_nor_any_other_split() -> None:
    few, many = (rooms("GoTo", 1, houses) for houses in (512, 520))
    for split in ("train", "val_seen"):
        told = [[(one.name, one.instruction, one.place.identity) for one in task.source(split)] for task in (few, many)]
        assert told[0] == told[1][: len(told[0])]
        assert len(told[1]) - len(told[0]) == (8 * 8 if split == "train" else 0)


def test_too_few_houses_are_refused() -> None:
    with pytest.raises(ValueError, match="100 are too few"):
        rooms("GoTo", 1, houses=100)
