"""Invented mazes and what a grammar says about them: every route can be walked, and every sentence is true."""

import re
from collections.abc import Callable

import numpy as np
import pytest
from helpers.data import data_folder

from vln.agents.scripted import scripted
from vln.envs.rooms.paths import MOVES
from vln.envs.sail.grammar import SIDES, hall_ahead, turned
from vln.envs.sail.lexicon import FLOORS, ITEMS, NUMBERS, ORDER
from vln.envs.sail.records import Maze, Sentence
from vln.envs.sail.synthetic import NODES, invent_maze, invent_sentence
from vln.envs.sail.task import mazes, sail
from vln.envs.sail.validation import check_sentence
from vln.evaluation.evaluate import evaluate

RNG = np.random.default_rng(0)
MAZES = [invent_maze(RNG) for _ in range(60)]
SAID = [(maze, invent_sentence(maze, RNG)) for maze in MAZES for _ in range(40)]


def test_every_route_can_be_walked() -> None:
    for maze, sentence in SAID:
        check_sentence(sentence, maze)
        assert sentence.resolved_path[0][:2] in maze.items


def test_a_maze_is_one_whole_of_as_many_nodes_as_told() -> None:
    for maze in MAZES:
        assert NODES[0] <= len(maze.items) < NODES[1] + 7  # the last street is not cut off
        reached, edge = set(), [next(iter(maze.items))]
        while edge:
            node = edge.pop()
            reached.add(node)
            edge += [other for one, other in maze.halls if one == node and other not in reached]
        assert reached == set(maze.items)


def test_whoever_is_told_what_to_face_may_be_of_unknown_heading_and_then_turns_right_once() -> None:
    unknown = [sentence for _, sentence in SAID if not sentence.heading_known]
    assert len(unknown) > 100
    assert all(s.actions[0] == "right" and s.actions[1] not in SIDES for s in unknown if len(s.text.split()) < 8)


@pytest.mark.parametrize("heading", ["mei", "random"])
def test_invented_mazes_are_a_task_that_its_expert_solves(heading: str) -> None:
    task = mazes(houses=20, heading=heading)
    expert = scripted(MOVES)["expert"]
    for split in task.splits:
        world = task.open(split, view="four_way", size=13)
        outcomes = evaluate(world, expert.agent, range(50), expert.act, world.expert)
        assert all(outcome.success and outcome.length == outcome.shortest for outcome in outcomes)
    with pytest.raises(ValueError, match="no heading is called 'north'; there are mei, random"):
        mazes(heading="north")


def names(words: dict[str, tuple[str, ...]]) -> tuple[str, dict[str, str]]:
    """Any of these names as a regular expression, and what each name means."""
    meant = {name: thing for thing, said in words.items() for name in said}
    return "|".join(sorted(meant, key=len, reverse=True)), meant


ANY_ITEM, ITEM = names(ITEMS)
ANY_FLOOR, FLOOR = names(FLOORS)
HALL = "(?:hall|path|alley|hallway|corridor|floor|floored hall)"
DOWN = rf"(?: (?:down|along|on) (?:this|the (?:{ANY_FLOOR})) {HALL})?"
ALONG = rf"(?:walk|go|move|continue|head)(?: forward| straight)?{DOWN}"

Fact = Callable[[Maze, Sentence, str], bool]


def counted(maze: Maze, sentence: Sentence, number: str) -> bool:
    return sentence.actions.count("forward") == next(n for n, said in enumerate(NUMBERS, 1) if number in said)


def ends_at_the_first(maze: Maze, sentence: Sentence, name: str) -> bool:
    walked = [pose for pose, action in zip(sentence.path[1:], sentence.actions, strict=False) if action == "forward"]
    return [maze.items[pose[:2]] == ITEM[name] for pose in walked] == [False] * (len(walked) - 1) + [True]


def ends_one_after(maze: Maze, sentence: Sentence, name: str) -> bool:
    return maze.items[sentence.path[-2][:2]] == ITEM[name] and sentence.actions[-2] == "forward"


def looks_down(maze: Maze, sentence: Sentence, name: str) -> bool:
    hall = hall_ahead(maze, sentence.path[-1])
    return hall is not None and hall.floor == FLOOR[name]


def ends_at_a_wall(maze: Maze, sentence: Sentence, side: str) -> bool:
    corner = sentence.path[-1] if not side else turned(sentence.path[-1], -SIDES[side])
    return hall_ahead(maze, corner) is None


def nth_opening(maze: Maze, sentence: Sentence, words: str) -> bool:
    nth, side = words.split()
    before = sentence.path[1:-1]
    openings = [hall_ahead(maze, turned(pose, SIDES[side])) is not None for pose in before]
    return sum(openings) == ORDER.index(nth) + 1 and openings[-1] and sentence.actions[-2] == side


FACTS: dict[str, tuple[str, Fact]] = {
    "number": (rf"{ALONG} (\w+) (?:segment|block|step|alley|space|intersection|time)\w*", counted),
    "item": (rf"{ALONG} (?:to|towards|until you reach|till you hit) the ({ANY_ITEM})", ends_at_the_first),
    "turn at an item": (rf"at the ({ANY_ITEM}) (?:turn|take a|make a|go) (?:left|right)", ends_at_the_first),
    "past": (rf"{ALONG} past the ({ANY_ITEM})", ends_one_after),
    "face": (rf"(?:face|turn to face|face down) the ({ANY_FLOOR}) {HALL}", looks_down),
    "onto": (rf"(?:take a|make a|turn|go) (?:left|right) (?:onto|on|into|down) the ({ANY_FLOOR}) {HALL}", looks_down),
    "end": (rf"{ALONG} (?:to|towards) (?:the end|the wall|the dead end|the corner)()", ends_at_a_wall),
    "turn at the end": (r"at the (?:end|wall|corner) (?:turn|take a|make a|go) (left|right)", ends_at_a_wall),
    "order": (r"(?:take|make) the ((?:first|second|third) (?:left|right))", nth_opening),
}


@pytest.mark.parametrize("kind", FACTS)
def test_what_is_said_is_so(kind: str) -> None:
    pattern, fact = FACTS[kind]
    told = [(maze, s, found.group(1)) for maze, s in SAID if (found := re.fullmatch(pattern, s.text))]
    assert len(told) >= 5
    for maze, sentence, words in told:
        assert fact(maze, sentence, words), sentence


def test_invented_sentences_are_trained_on_and_never_judged() -> None:
    data = data_folder("sail").parent
    plain, more, alone = sail(data), sail(data, synthetic_mazes=5), mazes(houses=5, heading="mei")
    added = {e.instruction for e in more.episodes("train")} - {e.instruction for e in plain.episodes("train")}
    assert added
    assert added <= {e.instruction for e in alone.episodes("train")}
    for split in ("val_seen", "val_unseen", "paragraphs"):
        assert [e.name for e in more.episodes(split)] == [e.name for e in plain.episodes(split)]
    assert set(plain.vocabulary.words) < set(more.vocabulary.words)
