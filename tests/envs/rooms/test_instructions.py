"""Instructions: true, and naming one goal only, by their meaning and by the words read back."""

import re
from collections import Counter
from functools import cache

import numpy as np
import pytest
from helpers.instruction_reader import (
    RELATIONS,
    ROOM,
    THING,
    Cell,
    facing,
    read_relation,
    read_room,
    read_sequence,
    read_things,
    split_route,
    walk_route,
)

from vln.envs.rooms.families import FAMILIES, LONGEST
from vln.envs.rooms.held_out import NOVEL_PAIRS
from vln.envs.rooms.house import Goal, Pose
from vln.envs.rooms.paths import FAR, moves_left
from vln.envs.rooms.phrases import COUNT_WORDS, GO, JOINTS, PHRASINGS, WORDS, words_of
from vln.envs.rooms.things import Kind
from vln.episode import Episode
from vln.language import Vocabulary, split_words

SPLITS = ("train", "val_seen", "val_unseen", "val_novel")
FAMILY_AND_SPLIT = [(family, split) for family in FAMILIES for split in SPLITS]


@cache
def episodes(family: str, split: str) -> tuple[Episode, ...]:
    """More than a hundred, of every difficulty."""
    found = []
    for difficulty, houses in ((1, 6), (2, 6), (3, 30), (4, 4)):
        build, write = FAMILIES[family](difficulty)
        for number in range(houses):
            rng = np.random.default_rng([SPLITS.index(split), difficulty, number])
            house = build(rng, split)
            found += [episode for _ in range(4) if (episode := write(house, rng, split))]
    return tuple(found)


def poses(goal: Goal) -> set[Pose]:
    return {(int(row), int(column), int(heading)) for row, column, heading in np.argwhere(goal.poses)}


def sight(goal: Goal) -> set[Cell]:
    return set() if goal.sight is None else {(int(row), int(column)) for row, column in np.argwhere(goal.sight)}


@pytest.mark.parametrize(("family", "split"), FAMILY_AND_SPLIT)
def test_most_houses_can_host_an_episode(family: str, split: str) -> None:
    assert len(episodes(family, split)) > 0.7 * 4 * 46
    assert {episode.family for episode in episodes(family, split)} == {family}


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("family", ["GoTo", "Find"])
def test_the_words_name_one_object(family: str, split: str) -> None:
    for episode in episodes(family, split):
        ((cell,),) = read_things(episode.place, episode.instruction)
        assert poses(*episode.goals) == facing(episode.place, cell)
        assert sight(*episode.goals) == {cell}


@pytest.mark.parametrize("split", SPLITS)
def test_the_words_name_one_room_that_is_not_the_first(split: str) -> None:
    for episode in episodes("GoToRoom", split):
        room = read_room(episode.place, episode.instruction)
        assert poses(*episode.goals) == {(*cell, heading) for cell in room for heading in range(4)}
        assert sight(*episode.goals) == room
        assert episode.start[:2] not in room


@pytest.mark.parametrize("split", SPLITS)
def test_a_relation_tells_one_of_several_apart(split: str) -> None:
    for episode in episodes("Relation", split):
        alike, meant = read_relation(episode.place, episode.instruction)
        assert len(alike) > 1
        assert len(meant) == 1
        assert poses(*episode.goals) == facing(episode.place, meant[0])


@pytest.mark.parametrize("split", SPLITS)
def test_the_stages_of_a_sequence_are_in_the_order_that_the_words_mean(split: str) -> None:
    for episode in episodes("Sequence", split):
        stages = read_sequence(episode.place, episode.instruction)
        assert [len(cells) for cells in stages] == [1] * len(episode.goals)
        assert [poses(goal) for goal in episode.goals] == [facing(episode.place, cell) for (cell,) in stages]


def test_a_sequence_can_say_its_last_stage_first() -> None:
    said = [
        read_things(e.place, e.instruction) != read_sequence(e.place, e.instruction)
        for e in episodes("Sequence", "train")
    ]
    assert 0.2 < np.mean(said) < 0.6


@pytest.mark.parametrize("split", SPLITS)
def test_who_follows_the_words_of_a_route_ends_at_its_goal(split: str) -> None:
    for episode in episodes("Route", split):
        row, column, heading = episode.start
        end = walk_route(episode.place, (row, column, heading), episode.instruction)
        ((last,),) = read_things(episode.place, episode.instruction)[-1:]
        assert poses(*episode.goals) == facing(episode.place, last)
        assert end in poses(*episode.goals), episode.instruction


@pytest.mark.parametrize(("family", "split"), FAMILY_AND_SPLIT)
def test_every_goal_is_within_reach_and_not_reached_yet(family: str, split: str) -> None:
    for episode in episodes(family, split):
        left = moves_left(episode.place, episode.goals)[(0, *episode.start)]
        assert (0 if family == "GoTo" else 1) <= left < FAR


def test_what_is_to_be_found_is_out_of_sight() -> None:
    for episode in episodes("Find", "train"):
        ((target,),) = read_things(episode.place, episode.instruction)
        line = np.rint(np.linspace(episode.start[:2], target, 400)).astype(int)
        kinds = episode.place.cells[line[:, 0], line[:, 1], 0]
        assert np.isin(kinds, (Kind.WALL, Kind.DOOR)).any()


def test_a_route_takes_some_moves() -> None:
    build, write = FAMILIES["Route"](3)
    for number in range(20):
        rng = np.random.default_rng(number)
        if episode := write(build(rng, "train"), rng, "train"):
            assert moves_left(episode.place, episode.goals)[(0, *episode.start)] >= 5


def test_without_the_words_every_object_is_as_likely() -> None:
    build, write = FAMILIES["GoTo"](3)
    rng = np.random.default_rng(0)
    house = build(rng, "train")
    asked = Counter(next(iter(sight(episode.goals[0]))) for _ in range(600) if (episode := write(house, rng, "train")))
    assert max(asked.values()) < 1.4 * 600 / len(asked)
    assert len(asked) >= 4


@pytest.mark.parametrize("family", [family for family in FAMILIES if family != "GoToRoom"])
def test_the_novel_split_asks_for_novel_pairs(family: str) -> None:
    for episode in episodes(family, "val_novel"):
        named = read_things(episode.place, episode.instruction)
        assert {tuple(episode.place.cells[cell][:2].tolist()) for cells in named for cell in cells} & set(NOVEL_PAIRS)


def frame(text: str) -> str:
    """A sentence without its names (#) and its verb of going (~): what a phrasing is without its slots."""
    text = re.sub(ROOM, "#", re.sub(THING, "#", text))
    text = re.sub(rf"#(?: that is)? (?:{'|'.join(RELATIONS)}) the #", "#", text)
    text = re.sub(rf"\b(?:left|right|(?:{'|'.join(COUNT_WORDS)}) steps?)\b", "#", text)
    return re.sub("|".join(sorted(GO, key=len, reverse=True)), "~", text)


@pytest.mark.parametrize("family", FAMILIES)
def test_novel_phrasings_are_said_in_the_novel_split_and_nowhere_else(family: str) -> None:
    for split in SPLITS:
        templates = [text for phrasings in PHRASINGS[family] for text in phrasings.of(split)]
        frames = {re.sub(r"{\w+}", "#", text.replace("{go}", "~")) for text in templates}
        for episode in episodes(family, split):
            assert {frame(clause) for clause in clauses(family, episode.instruction)} <= frames


def clauses(family: str, text: str) -> list[str]:
    return split_route(text) if family == "Route" else [text]


@pytest.mark.parametrize("family", FAMILIES)
def test_novel_phrasings_are_made_of_trained_words(family: str) -> None:
    trained = words_of(text for phrasings in PHRASINGS[family] for text in phrasings.trained)
    novel = words_of(text for phrasings in PHRASINGS[family] for text in phrasings.novel)
    assert novel <= trained | words_of(GO)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_has_enough_phrasings_and_no_novel_one_is_trained(family: str) -> None:
    trained = {text for phrasings in PHRASINGS[family] for text in phrasings.trained}
    novel = {text for phrasings in PHRASINGS[family] for text in phrasings.novel}
    assert len(trained) >= 8
    assert all(len(phrasings.novel) >= 2 for phrasings in PHRASINGS[family])
    assert not trained & novel


@pytest.mark.parametrize(("family", "split"), FAMILY_AND_SPLIT)
def test_every_instruction_is_short_and_made_of_the_known_words(family: str, split: str) -> None:
    texts = [episode.instruction for episode in episodes(family, split)]
    assert not Vocabulary(WORDS).unknown(texts)
    assert max(len(split_words(text)) for text in texts) <= LONGEST


def test_more_than_120_words_are_used() -> None:
    texts = [episode.instruction for family in FAMILIES for episode in episodes(family, "train")]
    assert len(words_of(texts)) > 120
    assert list(WORDS) == sorted(set(WORDS))
    assert words_of(JOINTS) <= set(WORDS)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_same_seed_writes_the_same_episode(family: str) -> None:
    build, write = FAMILIES[family](3)
    house = build(np.random.default_rng(4), "train")
    one, other = (write(house, np.random.default_rng(5), "train") for _ in range(2))
    assert one is not None
    assert other is not None
    assert (one.instruction, one.start) == (other.instruction, other.start)


def test_an_unknown_difficulty_is_refused() -> None:
    with pytest.raises(ValueError, match=r"difficulty 9 is none of \[1, 2, 3, 4\]"):
        FAMILIES["GoTo"](9)
