"""SAIL: the mazes as houses, and the episodes and folds that its sentences and paragraphs make."""

from collections.abc import Sequence

import numpy as np
import pytest
from helpers.data import data_folder

from vln.envs.rooms.house import KIND, Pose
from vln.envs.rooms.paths import FORWARD, LEFT, RIGHT, moves_left, neighbours, shortest_path
from vln.envs.rooms.things import Floor, Kind
from vln.envs.sail.corpus import read_corpus
from vln.envs.sail.episodes import (
    HEADINGS,
    ROUTES,
    WORDING,
    ChainedParagraph,
    Episode,
    every_heading,
    mei_heading,
    mei_words,
    paragraph_episodes,
    random_heading,
    relays,
    sentence_episodes,
)
from vln.envs.sail.mazes import CROSSING, cell, house, map_pose
from vln.envs.sail.mirror import mirror
from vln.envs.sail.protocols import PROTOCOLS, Fold
from vln.envs.sail.records import Corpus
from vln.episode import places

MAPS = ("grid", "jelly", "l")
MOVE = {"forward": FORWARD, "left": LEFT, "right": RIGHT}
OPPOSITE = {"forward": "forward", "left": "right", "right": "left", "stop": "stop"}


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return read_corpus(data_folder("sail"))


@pytest.fixture(scope="module")
def sentences(corpus: Corpus) -> list[Episode]:
    return sentence_episodes(corpus, corpus.sentences.values(), mei_heading)


def begin(episode: Episode) -> Pose:
    row, column, heading = episode.start
    return row, column, heading


def walk(episode: Episode, actions: Sequence[str], start: Pose | None = None) -> tuple[Pose, int]:
    """The pose after these actions, and how often a wall was in the way."""
    pose, bumps = start or begin(episode), 0
    for action in actions:
        if action != "stop":
            after = neighbours(episode.place, pose)[MOVE[action]]
            bumps += after == pose
            pose = after
    return pose, bumps


def test_a_maze_is_a_house_of_nodes_and_the_halls_between_them(corpus: Corpus) -> None:
    for maze in corpus.mazes.values():
        place = house(maze)
        assert (~place.solid).sum() == len(maze.items) + len(maze.halls) // 2
        assert ((place.cells[..., KIND] == Kind.WALL) == place.solid).all()
        assert len(places([Episode("", house(other), (), (), "") for other in corpus.mazes.values()])) == 3


def test_a_node_shows_its_object_and_a_hall_its_picture_and_its_floor(corpus: Corpus) -> None:
    maze = corpus.mazes["grid"]
    row, column, _ = cell(maze, (0, 7, 0))
    assert tuple(house(maze).cells[row, column]) == (Kind.CHAIR, 0, CROSSING)
    hall = maze.halls[(0, 5), (0, 6)]
    row, column, _ = cell(maze, (0, 5, 0))
    assert tuple(house(maze).cells[row + 1, column]) == (Kind[hall.wall.upper()], 0, Floor[hall.floor.upper()])


def test_poses_of_the_map_and_of_the_house_are_the_same_poses(corpus: Corpus) -> None:
    for maze in corpus.mazes.values():
        for node in maze.items:
            for degrees in (0, 90, 180, 270):
                assert map_pose(maze, cell(maze, (*node, degrees))) == (*node, degrees)
    with pytest.raises(ValueError, match="row 2, column 1 is no node of map 'grid'"):
        map_pose(corpus.mazes["grid"], (2, 1, 0))


def test_only_halls_lead_on(corpus: Corpus) -> None:
    for maze in corpus.mazes.values():
        for node in maze.items:
            for degrees in (0, 90, 180, 270):
                pose = cell(maze, (*node, degrees))
                ahead = neighbours(house(maze), pose)[FORWARD]
                hall = (node, maze.ahead((*node, degrees))) in maze.halls
                assert map_pose(maze, ahead)[:2] == (maze.ahead((*node, degrees)) if hall else node)


def test_the_actions_of_every_sentence_lead_to_its_goal_without_touching_a_wall(
    corpus: Corpus, sentences: list[Episode]
) -> None:
    for episode in sentences:
        end, bumps = walk(episode, corpus.sentences[episode.name].actions)
        assert episode.goals[0].poses[end], episode.name
        assert bumps == 0, episode.name


def test_no_sentence_is_longer_than_its_shortest_path_allows(corpus: Corpus, sentences: list[Episode]) -> None:
    left = {id(e.goals[0]): moves_left(e.place, e.goals) for e in sentences}
    for episode in sentences:
        assert left[id(episode.goals[0])][0][episode.start] <= len(corpus.sentences[episode.name].actions) - 1


def test_a_sentence_ends_in_one_pose_and_a_paragraph_at_one_node(corpus: Corpus, sentences: list[Episode]) -> None:
    paragraphs = paragraph_episodes(corpus, corpus.paragraphs.values(), mei_heading)
    assert {int(episode.goals[0].poses.sum()) for episode in paragraphs} == {4}
    anywhere = {episode.name for episode in sentences if episode.goals[0].poses.sum() != 1}
    assert anywhere == {"110-1", "973-1", "1488-1"}  # one pose, and its heading unknown


def test_the_reference_is_the_walked_path_with_turns_left_out(corpus: Corpus, sentences: list[Episode]) -> None:
    for episode in sentences:
        assert episode.reference is not None
        steps = np.abs(np.diff(episode.reference, axis=0)).sum(axis=1)
        assert (steps == episode.place.stride).all()
        assert tuple(episode.reference[0]) == episode.start[:2]
        assert len(steps) == corpus.sentences[episode.name].actions.count("forward")


def test_the_heading_of_mei_gives_the_first_turn_away(corpus: Corpus, sentences: list[Episode]) -> None:
    unknown = [corpus.sentences[e.name] for e in sentences if not corpus.sentences[e.name].heading_known]
    assert (len(unknown), sum(sentence.number > 1 for sentence in unknown)) == (701, 12)
    assert sum(sentence.actions[0] == "right" for sentence in unknown) == 698


def test_an_unknown_heading_is_any_of_four_in_training_and_one_of_them_in_a_judgement(corpus: Corpus) -> None:
    every = sentence_episodes(corpus, corpus.sentences.values(), every_heading)
    assert len(every) == len({episode.name for episode in every}) == 3237 + 3 * 701
    drawn = sentence_episodes(corpus, corpus.sentences.values(), HEADINGS["random"](1))
    first = [e.start[2] for e in drawn if not corpus.sentences[e.name].heading_known]
    assert min(np.bincount(first, minlength=4)) > 701 / 4 * 0.8
    assert HEADINGS["random"](None) is every_heading
    assert HEADINGS["mei"](None) is HEADINGS["mei"](1) is mei_heading


def test_the_same_seed_draws_the_same_heading_in_any_list(corpus: Corpus) -> None:
    everything = [corpus.sentences[name] for name in corpus.sentences]
    there = {e.name: e.start for e in sentence_episodes(corpus, everything, random_heading(3))}
    for episode in sentence_episodes(corpus, everything[::-7], random_heading(3)):
        assert episode.start == there[episode.name]
    assert any(e.start != there[e.name] for e in sentence_episodes(corpus, everything, random_heading(4)))


def test_an_instruction_is_said_in_the_words_of_mei_or_of_its_author(corpus: Corpus) -> None:
    paragraph = [corpus.paragraphs["2"]]
    said, written = (paragraph_episodes(corpus, paragraph, mei_heading, WORDING[name])[0] for name in ("mei", "raw"))
    assert said.instruction.startswith("face the octagon carpet move until you see red brick floor")
    assert written.instruction.startswith("face the octagon carpet. move until you see red brick floor")


def test_the_four_paragraphs_without_sentences_are_asked_whole_but_not_in_turn(corpus: Corpus) -> None:
    four = [corpus.paragraphs[name] for name in ("418", "935", "1247", "1385")]
    assert [p for p in corpus.paragraphs.values() if not p.sentences] == four
    assert len(paragraph_episodes(corpus, four, mei_heading)) == 4
    assert relays(corpus, four, mei_heading) == []
    assert len(relays(corpus, corpus.paragraphs.values(), mei_heading)) == 702
    assert "," not in mei_words(four[0])


@pytest.mark.parametrize(("route", "others"), [("mei", 27), ("path", 15), ("end", 0)])
def test_which_end_of_a_paragraph_is_scored_is_said(corpus: Corpus, route: str, others: int) -> None:
    paragraphs = [p for p in corpus.paragraphs.values() if p.sentences or route == "path"]
    ends = [ROUTES[route](paragraph, corpus).end for paragraph in paragraphs]
    assert sum(end != paragraph.end for end, paragraph in zip(ends, paragraphs, strict=True)) == others


def test_a_paragraph_whose_first_sentences_are_missing_begins_where_they_begin(corpus: Corpus) -> None:
    later = [p for p in corpus.paragraphs.values() if p.joined and p.joined.path[0][:2] != p.start]
    assert len(later) == 12
    for paragraph in later:
        assert ROUTES["mei"](paragraph, corpus).heading_known
        assert ROUTES["path"](paragraph, corpus).start[:2] == paragraph.start
        assert not ROUTES["path"](paragraph, corpus).heading_known


def test_a_paragraph_cut_down_to_one_pose_still_leads_to_its_intended_end(corpus: Corpus) -> None:
    cut = [p.id for p in corpus.paragraphs.values() if len(p.path) == 1]
    assert cut == ["294", "704", "935"]
    for paragraph in map(corpus.paragraphs.get, cut):
        assert paragraph is not None
        assert ROUTES["end"](paragraph, corpus).end != paragraph.start


def follow(corpus: Corpus, relay: ChainedParagraph) -> bool:
    """Whether one who does what every sentence's author did, from wherever the last one led, ends where one should."""
    pose, bumps = begin(relay.sentences[0]), 0
    for episode in relay.sentences:
        pose, more = walk(episode, corpus.sentences[episode.name].actions, pose)
        bumps += more
    return bool(relay.paragraph.goals[0].poses[pose]) and bumps == 0


@pytest.mark.parametrize(("route", "ceiling"), [("mei", 676), ("path", 660), ("end", 655)])
def test_doing_every_sentence_in_turn_arrives_unless_the_sentences_do_not_fit_together(
    corpus: Corpus, route: str, ceiling: int
) -> None:
    asked = relays(corpus, corpus.paragraphs.values(), mei_heading, route=ROUTES[route])
    assert sum(follow(corpus, relay) for relay in asked) == ceiling


def test_a_relay_begins_with_one_heading(corpus: Corpus) -> None:
    with pytest.raises(ValueError, match="give mei_heading or random_heading"):
        relays(corpus, [corpus.paragraphs["2"]], every_heading)


def test_a_mirrored_maze_and_mirrored_words_are_an_episode_with_left_and_right_exchanged(
    corpus: Corpus, sentences: list[Episode]
) -> None:
    for episode in sentences[::5]:
        other = mirror(episode)
        if other is not None:
            end, bumps = walk(other, [OPPOSITE[action] for action in corpus.sentences[episode.name].actions])
            assert other.goals[0].poses[end]
            assert bumps == 0
            assert len(shortest_path(other.place, begin(other), other.goals)) == len(
                shortest_path(episode.place, begin(episode), episode.goals)
            )


def test_what_is_mirrored_twice_is_as_it_was(sentences: list[Episode]) -> None:
    for episode in sentences[::9]:
        once = mirror(episode)
        twice = once and mirror(once)
        if twice and not {"rt", "lft", "laft"} & set(episode.instruction.split()):
            assert (twice.instruction, twice.start) == (episode.instruction, episode.start)
            assert twice.place.identity == episode.place.identity
            assert (twice.goals[0].poses == episode.goals[0].poses).all()
            np.testing.assert_array_equal(twice.reference, episode.reference)


TEXTS = {
    "Turn LEFT; the lamp is to your right.": "Turn right; the lamp is to your left.",
    "take the first rt": "take the first left",
    "go right one move": "go left one move",
    "you should be in the right place": None,
    "turn left and face north": None,
    "turn clockwise": None,
}


def test_words_that_have_no_mirror_image_are_left_out(sentences: list[Episode]) -> None:
    asked = next(episode for episode in sentences if "left" in episode.instruction.split())
    said = {text: mirror(Episode(text, asked.place, asked.start, asked.goals, "")) for text in TEXTS}
    assert {text: other and other.instruction for text, other in said.items()} == TEXTS
    assert {e.name for e in sentences if mirror(e) is None} == {"424-7", "560-10"}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("test_map", MAPS)
def test_nothing_of_the_test_map_is_trained_on(corpus: Corpus, protocol: str, test_map: str) -> None:
    for fold in PROTOCOLS[protocol](corpus, test_map):
        train, test = (sentence_episodes(corpus, part, every_heading) for part in (fold.train, fold.test))
        assert not places(train) & places(test)
        mirrored = [other for episode in train if (other := mirror(episode))]
        assert not places(mirrored) & places(test)
        assert not {s.id for s in fold.train} & {s.id for s in fold.choose}
        assert {p.map for p in fold.test_paragraphs} == {test_map}


def folds(corpus: Corpus, protocol: str) -> list[Fold]:
    return [fold for test_map in MAPS for fold in PROTOCOLS[protocol](corpus, test_map)]


def test_v_dev_chooses_on_100_sentences_of_each_training_map(corpus: Corpus) -> None:
    sizes = [(len(f.train), len(f.choose), len(f.test), len(f.test_paragraphs)) for f in folds(corpus, "vDev")]
    assert sizes == [(2163, 200, 874, 225), (1744, 200, 1293, 244), (1967, 200, 1070, 237)]


def test_v_test_chooses_on_the_test_map(corpus: Corpus) -> None:
    for fold in folds(corpus, "vTest"):
        assert fold.choose == fold.test
        assert len(fold.train) + len(fold.test) == 3237


def test_the_halves_of_a_map_are_all_of_it_and_share_no_paragraph(corpus: Corpus) -> None:
    for test_map in MAPS:
        one, other = PROTOCOLS["half-map"](corpus, test_map)
        assert (one.choose, one.test) == (other.test, other.choose)
        assert not {s.paragraph for s in one.test} & {s.paragraph for s in one.choose}
        assert set(one.test) | set(one.choose) == set(PROTOCOLS["vTest"](corpus, test_map)[0].test)
        assert 0.45 < len(one.test) / len(one.test + one.choose) < 0.55


def test_a_map_that_does_not_exist_is_named(corpus: Corpus) -> None:
    with pytest.raises(ValueError, match="no map is called 'attic'; there are grid, jelly, l"):
        PROTOCOLS["vDev"](corpus, "attic")
