"""Speaking: paths that are sampled and told, how probable words are, and what a speaker has to say about ways found."""

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from helpers.graph_worlds import asked, graph, telling_world, world
from helpers.tiny import SMALL, Kind, tiny_agent

from vln.agents.recurrent_agent import RecurrentAgent
from vln.agents.scripted import FixedPolicy
from vln.envs.graphs.annotations import path_of, read_annotations
from vln.envs.graphs.back_translation import (
    LEAST,
    MOST,
    SHORTEST,
    likelihood,
    rescore_by_speaker,
    sample_paths,
    shortest_paths,
    speak,
    spoken_records,
)
from vln.envs.graphs.path_descriptions import PathDescriptions
from vln.episode import Episode
from vln.evaluation.beam_search import NONE, plan, search
from vln.evaluation.play import observed
from vln.scores import bleu

HALL = graph()


def speaker(seed: int = 0) -> RecurrentAgent:
    return tiny_agent(Kind(SMALL, "tells"), seed)


def tell(episodes: Sequence[Episode]) -> PathDescriptions:
    there = telling_world()
    return PathDescriptions(episodes, there.vocabulary, world(episodes).atlas, max_steps=5)


def test_sampled_paths_are_shortest_ones_of_the_right_length_that_nobody_wrote_about() -> None:
    known = [asked(HALL, "acdeu")]
    possible = shortest_paths(HALL)
    found = sample_paths(known, len(possible) - 1, seed=0)
    paths = {tuple(path_of(episode).tolist()) for episode in found}
    assert len(paths) == len(found)
    assert tuple(path_of(known[0]).tolist()) not in paths
    for path in paths:
        lengths = [np.linalg.norm(HALL.position[one] - HALL.position[other]) for one, other in pairwise(path)]
        assert all(HALL.joined[one, other] for one, other in pairwise(path))
        assert sum(lengths) == pytest.approx(HALL.distance[path[0], path[-1]])
        assert LEAST <= len(lengths) <= MOST
        assert sum(lengths) >= SHORTEST
    with pytest.raises(ValueError, match=f"only {len(found)} such paths, not {len(possible)}"):
        sample_paths(known, len(possible), seed=0)


def test_what_is_spoken_is_read_as_annotations(tmp_path_factory: pytest.TempPathFactory) -> None:
    episodes = sample_paths([asked(HALL, "abc")], 3, seed=1)
    told = speak(tell(episodes), speaker(), temperature=1.0, seed=0)
    assert all("unknown" not in words for words in told)
    told = [words or "go" for words in told]
    records = spoken_records(episodes, [*told[:2], ""])
    assert len(records) == 2
    file = tmp_path_factory.mktemp("spoken") / "spoken.json"
    file.write_text(json.dumps(records))
    read = read_annotations(file, {HALL.scan: HALL}).episodes
    assert [episode.instruction for episode in read] == told[:2]
    assert [path_of(one).tolist() for one in read] == [path_of(one).tolist() for one in episodes[:2]]


def test_at_temperature_zero_the_likeliest_words_are_said() -> None:
    there = telling_world()
    first, second = (speak(there, speaker(), 0.0, seed) for seed in (0, 1))
    assert first == second


@torch.no_grad()
def test_the_likelihood_of_words_is_that_of_saying_them_one_by_one() -> None:
    there, agent = telling_world(), speaker()
    state, memory = there.begin(np.arange(5)), agent.initial(5)
    total, episode_starts, over = torch.zeros(5), torch.ones(5, dtype=torch.bool), np.zeros(5, dtype=bool)
    for _ in range(there.max_steps):
        decision, memory = agent.step(observed(there, state, torch.device("cpu")), memory, episode_starts)
        moves = there.expert(state).argmax(axis=1)
        total += decision.policy.log_prob(torch.from_numpy(moves)) * torch.from_numpy(~over)
        state, episode_starts = there.step(state, moves), torch.zeros(5, dtype=torch.bool)
        over |= state.stopped
    torch.testing.assert_close(likelihood(there, agent), total)


def test_the_expert_says_what_people_said_and_its_bleu_is_one() -> None:
    there = telling_world()
    state = there.begin(np.arange(5))
    for _ in range(4):
        state = there.step(state, there.expert(state).argmax(axis=1))
    assert state.stopped.all()
    assert there.success(state).all()
    assert there.measure(state)["bleu"].tolist() == [1.0] * 5
    assert there.measure(state)["words"].tolist() == [3.0] * 5


def test_bleu_of_a_sentence_by_hand() -> None:
    said, person = ["walk", "to", "the", "red", "door"], ["walk", "to", "the", "blue", "door"]
    # 4 of 5 words; of phrases of two 2 of 4, of three 1 of 3, of four 0 of 2, each with one more on either side.
    assert bleu(said, [person]) == pytest.approx((4 / 5 * 3 / 5 * 2 / 4 * 1 / 3) ** (1 / 4))
    assert bleu(said[:3], [person]) == pytest.approx((1 * 1 * 1 * 1) ** (1 / 4) * np.exp(1 - 5 / 3))
    assert bleu(said, [person, said]) == 1
    assert bleu([], [person]) == bleu(["no"], [person]) == 0


def test_a_search_keeps_several_whole_ways_and_a_judge_chooses_among_them() -> None:
    there = world([asked(HALL, "abc"), asked(HALL, "se")], max_steps=3)
    agent = FixedPolicy([1 / len(there.action_names)] * len(there.action_names))
    begun = there.begin(np.arange(2))
    ways = search(there, agent, begun, width=4, keep=4)
    assert ways.actions.shape == (3, 2, 4)
    assert (ways.score[:, 1:] <= ways.score[:, :-1]).all()
    assert len({tuple(ways.actions[:, 0, way]) for way in range(4)}) == 4
    last = plan(there, agent, begun, 4, lambda episode, moves: 100 * torch.arange(4.0).expand(len(episode), 4))
    assert np.array_equal(last, ways.actions[:, :, 3])
    assert np.array_equal(plan(there, agent, begun, 4)[:, 0], ways.actions[:, 0, 0])


def test_a_speaker_finds_the_way_probable_of_which_it_would_say_these_words() -> None:
    there = world([asked(HALL, "abc")], max_steps=4)
    agent, trust = speaker(), 0.75
    moves = np.full((4, 1, 2), NONE)
    to = {name: there.atlas.neighbour[HALL.number["a"]].tolist().index(HALL.number[name]) for name in "bc"}
    moves[:2, 0, 0], moves[:2, 0, 1] = (to["b"], len(there.action_names) - 1), (to["c"], len(there.action_names) - 1)
    judged = rescore_by_speaker(there, tell, agent, trust)(np.array([0]), moves)
    ways = [replace(asked(HALL, path), instruction="go to c") for path in ("ab", "ac")]
    torch.testing.assert_close(judged[0], 3 * likelihood(tell(ways), agent))


def test_a_speaker_is_told_whole_panoramic_ways_only() -> None:
    low = world([asked(HALL, "abc")], actions="low_level")
    with pytest.raises(ValueError, match="panoramic"):
        rescore_by_speaker(low, tell, speaker(), 0.5)
    with pytest.raises(ValueError, match="below 1"):
        rescore_by_speaker(world([asked(HALL, "abc")]), tell, speaker(), 1.0)
