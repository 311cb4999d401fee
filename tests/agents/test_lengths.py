"""Lengths: an agent decides the same wherever instructions and paths are shown longer than where it was trained."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers.corridor import Corridor
from helpers.glimpse_worlds import finding
from helpers.graph_worlds import asked, graph, world
from helpers.tiny import SMALL

from vln import world as walked
from vln.agents.registry import agent_for
from vln.envs.graphs.back_translation import likelihood
from vln.envs.graphs.graph_batch import GraphBatch
from vln.envs.graphs.path_descriptions import HOPS, PathDescriptions
from vln.envs.graphs.world import Graphs
from vln.evaluation.beam_search import search
from vln.evaluation.evaluate import evaluate
from vln.language import PADDING, Vocabulary
from vln.learning.rollouts import greedy

HALL = graph()
EPISODES = [asked(HALL, path) for path in ("abc", "acde", "vuedc")]
LONG = replace(asked(HALL, "ab" * 20), instruction="go to b " * 40)


def test_a_navigator_goes_the_same_ways_beside_a_long_instruction() -> None:
    torch.manual_seed(0)
    short = world(EPISODES)
    long = Graphs([*EPISODES, LONG], short.vocabulary, short.atlas, max_words=6)
    assert (short.spaces["instruction"].shape, long.spaces["instruction"].shape) == ((6,), (120,))
    agent = agent_for(short, replace(SMALL, attention=True, bidirectional=True)).eval()
    one, other = (evaluate(there, agent, range(3), greedy) for there in (short, long))
    assert [walk.metrics() for walk in one] == [walk.metrics() for walk in other]
    ways = [search(there, agent, there.begin(np.arange(3)), 3) for there in (short, long)]
    np.testing.assert_array_equal(ways[0].actions, ways[1].actions)
    torch.testing.assert_close(ways[0].score, ways[1].score)
    assert len(evaluate(long, agent, None, greedy)) == 4


def test_a_speaker_finds_the_same_words_probable_beside_a_long_path() -> None:
    torch.manual_seed(0)
    vocabulary, atlas = Vocabulary.of(episode.instruction for episode in EPISODES), GraphBatch.of([HALL])
    short = PathDescriptions(EPISODES, vocabulary, atlas, max_steps=5)
    long = PathDescriptions([*EPISODES, LONG], vocabulary, atlas, max_steps=5)
    assert [there.path.shape[1] for there in (short, long)] == [HOPS + 1, 40]
    np.testing.assert_array_equal(short.path, long.path[:3, : HOPS + 1])
    speaker = agent_for(short, SMALL).eval()
    torch.testing.assert_close(likelihood(short, speaker), likelihood(long, speaker)[:3])


def test_people_who_told_the_same_path_are_found_however_their_instructions_are_called() -> None:
    names = ("26", "27", "28")
    episodes = [replace(asked(HALL, path), name=name) for path, name in zip(("abc", "abc", "acde"), names, strict=True)]
    episodes = [replace(one, instruction=text) for one, text in zip(episodes, ("go left", "go", "stop"), strict=True)]
    there = PathDescriptions(episodes, Vocabulary(("go", "left", "stop")), GraphBatch.of([HALL]), max_steps=4)
    assert sorted(map(len, there._said_of.values())) == [1, 2]


def test_a_question_about_a_picture_is_shown_whole() -> None:
    short, long = finding(max_words=1), finding(max_words=40)
    state = short.begin(np.arange(8))
    shown = long.observe(state)["instruction"]
    assert (shown.shape, short.spaces["instruction"].shape) == ((8, 40), short.tokens(state)[0].shape)
    assert (short.tokens(state) != PADDING).sum() == (shown != PADDING).sum()


def test_the_length_of_a_long_path_is_summed_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    corridor = Corridor()
    path = np.stack([np.zeros(50, np.int16), np.random.default_rng(0).integers(1, 9, 50).astype(np.int16)], axis=1)
    whole = corridor.path_length(0, path)
    assert whole == np.abs(np.diff(path[:, 1])).sum()
    for block in (1, 7, 49, 50):
        monkeypatch.setattr(walked, "BLOCK", block)
        assert corridor.path_length(0, path) == whole
    assert corridor.path_length(0, path[:1]) == 0


def test_one_long_path_takes_no_room_beside_short_ones() -> None:
    there = Graphs([*EPISODES, asked(HALL, "ab" * 5000)], Vocabulary(("go",)), GraphBatch.of([HALL]), view="none")
    assert there.path.nodes.nbytes < 50_000
    state = there.begin(np.array([3, 0]))
    state = there.step(state, there.expert(state).argmax(axis=1))
    assert state.progress.tolist() == [1, 0]  # the shortest way to c does not go by b
