"""SAIL as a task: its splits, its rules, and what it says to those who ask for something it hasn't."""

from pathlib import Path

import numpy as np
import pytest
from helpers.data import data_folder

from vln.agents.scripted import scripted
from vln.envs.rooms.paths import FORWARD, LEFT, MOVES
from vln.envs.sail.task import LONGEST, MAX_STEPS, SPLITS, Sail, sail
from vln.evaluation.evaluate import evaluate
from vln.language import UNKNOWN
from vln.tasks import Task


@pytest.fixture(scope="module")
def data() -> Path:
    return data_folder("sail").parent


@pytest.fixture(scope="module")
def task(data: Path) -> Task:
    return sail(data)


@pytest.mark.parametrize(
    ("view", "size"), [("symbols", 7), ("symbols", 13), ("four_way", 13), ("first_person", 32), ("top_down", 56)]
)
def test_an_expert_succeeds_in_every_split_and_view(task: Task, view: str, size: int) -> None:
    expert = scripted(MOVES)["expert"]
    for split in SPLITS:
        world = task.open(split, view=view, size=size)
        outcomes = evaluate(world, expert.agent, range(60), expert.act, world.expert)
        assert all(outcome.success and outcome.length == outcome.shortest for outcome in outcomes)


def test_a_wall_or_a_36th_action_fails(task: Task) -> None:
    world = task.open("val_unseen", view="none")
    ahead = turning = world.begin(np.arange(len(world.episodes)))
    for _ in range(MAX_STEPS):
        assert not world.truncated(turning).any()
        turning = world.step(turning, np.full(len(turning), LEFT))
        ahead = world.step(ahead, np.full(len(ahead), FORWARD))
    assert world.truncated(turning).all()
    assert world.terminated(ahead).all()
    assert not world.success(ahead).any()


def test_only_what_has_a_known_heading_is_mirrored_where_a_filled_in_one_gives_the_turn_away(data: Path) -> None:
    for heading, unknown_too in (("mei", False), ("random", True)):
        source = sail(data, heading=heading).source
        assert isinstance(source, Sail)
        images = [e.name.split("@")[0].split("/")[0] for e in source("train") if e.name.endswith("/mirror")]
        known = [source.corpus.sentences[name].heading_known for name in images]
        assert any(known)
        assert all(known) is not unknown_too


def test_the_vocabulary_holds_words_of_training_only(task: Task) -> None:
    def instructions(split: str) -> list[str]:
        return [episode.instruction for episode in task.episodes(split)]

    assert not task.vocabulary.unknown(instructions("train"))
    assert task.vocabulary.unknown(instructions("val_unseen"))


def test_without_mirror_images_the_sentences_trained_on_are_those_of_the_protocol(data: Path) -> None:
    source = sail(data, fold="jelly", mirror=False).source
    assert isinstance(source, Sail)
    assert [episode.name for episode in source("train")] == [sentence.id for sentence in source.fold.train]


@pytest.mark.parametrize("heading", ["mei", "random"])
def test_sentences_in_turn_are_the_sentences_tested_alone(data: Path, heading: str) -> None:
    for protocol, fold in (("vDev", "grid"), ("half-map", "l-1")):
        source = sail(data, protocol, fold, heading).source
        assert isinstance(source, Sail)
        alone = {episode.name: episode for episode in source("val_unseen")}
        in_turn = [sentence for relay in source.relays() for sentence in relay.sentences]
        assert len(in_turn) == len(alone)
        for sentence in in_turn:
            assert sentence.start == alone[sentence.name].start
            assert sentence.goals == alone[sentence.name].goals
            assert sentence.instruction == alone[sentence.name].instruction


def test_every_paragraph_is_read_to_its_end_and_new_words_are_unknown(data: Path) -> None:
    for words in ("mei", "raw"):
        world = sail(data, wording=words).open("paragraphs", view="none")
        tokens = world.observe(world.begin(np.arange(len(world.episodes))))["instruction"]
        assert tokens.shape == (237, LONGEST)
        assert (tokens == UNKNOWN).any()


def test_what_sail_has_not_is_named(data: Path) -> None:
    with pytest.raises(ValueError, match="sail needs data"):
        sail()
    with pytest.raises(ValueError, match="no heading is called 'north'; there are mei, random"):
        sail(data, heading="north")
    with pytest.raises(ValueError, match="protocol half-map has no fold 'l'; for this map it has l-0, l-1"):
        sail(data, "half-map", "l")
    with pytest.raises(FileNotFoundError, match="a folder of SAIL holds"):
        sail(data / "nowhere")
