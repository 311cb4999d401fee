"""Episodes in SAIL's mazes: a sentence, a paragraph, or a paragraph as its sentences in turn.

A sentence is done in its last pose, a paragraph at its last node with any heading.
"""

import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from vln.envs.rooms.house import Goal, House
from vln.episode import Episode
from vln.language import split_words

from .mazes import cell, house
from .records import DEGREES, UNKNOWN, Corpus, Maze, Node, Paragraph, Pose, Sentence

# Which headings to begin an episode with, in degrees, where its author left that open: of the episode's name and of
# the heading Mei et al. filled in.
Headings = Callable[[str, int], Sequence[int]]

# The words of a record.
Words = Callable[[Sentence | Paragraph], str]


def mei_heading(name: str, filled_in: int) -> Sequence[int]:
    """The heading Mei et al. (arXiv:1506.04089) filled in. It gives the first move away: turn right."""
    return (filled_in,)


def every_heading(name: str, filled_in: int) -> Sequence[int]:
    """All four, each an episode of its own: to train on."""
    return DEGREES


def random_heading(seed: int) -> Headings:
    """One of the four, drawn from the seed and the episode's name: the same in whatever list the episode stands."""

    def draw(name: str, filled_in: int) -> Sequence[int]:
        return (int(np.random.default_rng([seed, zlib.crc32(name.encode())]).choice(DEGREES)),)

    return draw


def mei_words(record: Sentence | Paragraph) -> str:
    """The words of Mei et al.; for the four paragraphs they left out, its own words without punctuation."""
    source = record if isinstance(record, Sentence) else record.joined
    tokens = source.tokens if source else [word for word in split_words(record.text) if word.isalnum()]
    return " ".join(tokens)


def raw_words(record: Sentence | Paragraph) -> str:
    """The text as its author wrote it, misspellings included."""
    return record.text


HEADINGS: dict[str, Callable[[int | None], Headings]] = {
    "mei": lambda seed: mei_heading,
    "random": lambda seed: every_heading if seed is None else random_heading(seed),
}
"""The two ways by name: of a seed to judge with, or of None to train."""

WORDING: dict[str, Words] = {"mei": mei_words, "raw": raw_words}


@dataclass(frozen=True)
class Route:
    """Where a paragraph begins and ends, and the poses between. The start has a heading even where none is known."""

    start: Pose
    heading_known: bool
    end: Node
    path: tuple[Pose, ...]


def joined_route(paragraph: Paragraph, corpus: Corpus) -> Route:
    """The route its sentences join to, scored since Mei et al. (2016), and the only one a follower of all its sentences
    can be asked for. The four paragraphs without sentences have their published route.
    """
    if paragraph.joined is None:
        return published_route(paragraph, corpus)
    path = paragraph.joined.path
    return Route(path[0], corpus.sentences[paragraph.sentences[0]].heading_known, path[-1][:2], path)


def published_route(paragraph: Paragraph, corpus: Corpus) -> Route:
    """The path as published by Chen & Mooney (2011). In 704 and 935 it is cut off: one pose, far from the end."""
    path = paragraph.path
    filled_in = (path[1][2] - 90) % 360 if len(path) > 1 else 0
    if paragraph.joined is not None and paragraph.joined.path[0][:2] == paragraph.start:
        filled_in = paragraph.joined.path[0][2]
    return Route((*paragraph.start, filled_in), path[0][2] != UNKNOWN, path[-1][:2], path)


def intended_route(paragraph: Paragraph, corpus: Corpus) -> Route:
    """To the place the author was asked to lead to, whether or not the published path arrives there."""
    route = published_route(paragraph, corpus)
    return Route(route.start, route.heading_known, paragraph.end, route.path)


ROUTES: dict[str, Callable[[Paragraph, Corpus], Route]] = {
    "mei": joined_route,
    "path": published_route,
    "end": intended_route,
}


def sentence_episodes(
    corpus: Corpus, sentences: Iterable[Sentence], headings: Headings, words: Words = mei_words
) -> list[Episode]:
    """An episode for every sentence and every heading it may begin with."""
    episodes = []
    for sentence in sentences:
        maze, path = corpus.mazes[sentence.map], sentence.resolved_path
        starts = _starts(sentence.id, path[0], sentence.heading_known, headings)
        episodes += _episodes(maze, words(sentence), starts, _sentence_goal(maze, sentence), "sentence", path)
    return episodes


def one_episode(maze: Maze, sentence: Sentence, heading: int) -> Episode:
    """The episode of a sentence that begins with this heading, in degrees; its words are the cleaned ones."""
    path = sentence.resolved_path
    starts, goal = {sentence.id: (*path[0][:2], heading)}, _sentence_goal(maze, sentence)
    return _episodes(maze, mei_words(sentence), starts, goal, "sentence", path)[0]


def paragraph_episodes(
    corpus: Corpus,
    paragraphs: Iterable[Paragraph],
    headings: Headings,
    words: Words = mei_words,
    route: Callable[[Paragraph, Corpus], Route] = joined_route,
) -> list[Episode]:
    """An episode for every paragraph, its words as one instruction, and every heading it may begin with.

    route: where it begins and ends. The three ways agree on the end in 677 of 706 paragraphs, so a result says which.
    """
    episodes = []
    for paragraph in paragraphs:
        maze, asked = corpus.mazes[paragraph.map], route(paragraph, corpus)
        starts = _starts(paragraph.id, asked.start, asked.heading_known, headings)
        goal = _place_goal(maze, asked.end)
        episodes += _episodes(maze, words(paragraph), starts, goal, "paragraph", asked.path)
    return episodes


@dataclass(frozen=True, eq=False)
class ChainedParagraph:
    """A paragraph judged as its sentences in turn: where the agent stops one, it begins the next.

    paragraph: the whole as one episode, which says where the agent must be when it has stopped the last sentence.
    sentences: one episode for each sentence in order. Only the start of the first one counts; it is the paragraph's.
    """

    paragraph: Episode
    sentences: tuple[Episode, ...]


def relays(
    corpus: Corpus,
    paragraphs: Iterable[Paragraph],
    headings: Headings,
    words: Words = mei_words,
    route: Callable[[Paragraph, Corpus], Route] = joined_route,
) -> list[ChainedParagraph]:
    """The relay of every paragraph that has sentences: all but four. They begin where their first sentence does.

    headings: one for each episode, `mei_heading` or a `random_heading(seed)`.
    """
    found = []
    for paragraph in paragraphs:
        sentences = corpus.sentences_of([paragraph])
        episodes = sentence_episodes(corpus, sentences, headings, words)
        if len(episodes) != len(sentences):
            raise ValueError("a relay begins with one heading: give mei_heading or random_heading(seed)")
        if episodes:
            whole = paragraph_episodes(corpus, [paragraph], headings, words, route)[0]
            found.append(ChainedParagraph(replace(whole, start=episodes[0].start), tuple(episodes)))
    return found


def _episodes(
    maze: Maze, instruction: str, starts: dict[str, Pose], goal: Goal, family: str, path: Sequence[Pose]
) -> list[Episode]:
    reference = _positions(maze, path)
    return [
        Episode(instruction, house(maze), cell(maze, start), (goal,), family, name, reference)
        for name, start in starts.items()
    ]


def _starts(name: str, start: Pose, known: bool, headings: Headings) -> dict[str, Pose]:
    """The poses to begin with, by the names of their episodes."""
    if known:
        return {name: start}
    chosen = headings(name, start[2])
    if len(chosen) == 1:
        return {name: (*start[:2], chosen[0])}
    return {f"{name}@{degrees}": (*start[:2], degrees) for degrees in chosen}


def _sentence_goal(maze: Maze, sentence: Sentence) -> Goal:
    return _goal(house(maze), *cell(maze, sentence.resolved_path[-1])[:2], _last_heading(sentence))


def _last_heading(sentence: Sentence) -> int | None:
    """The heading (0 to 3) to end with; None where it is as unknown as the start: in three sentences of one pose."""
    degrees = sentence.path[-1][2]
    return None if degrees == UNKNOWN else DEGREES.index(degrees)


def _place_goal(maze: Maze, node: Node) -> Goal:
    return _goal(house(maze), *cell(maze, (*node, 0))[:2], None)


@cache
def _goal(place: House, row: int, column: int, heading: int | None) -> Goal:
    """A cell with one heading, or with any (None). Shared among the episodes that end there."""
    poses = np.zeros((*place.shape, len(DEGREES)), dtype=bool)
    poses[row, column, slice(None) if heading is None else heading] = True
    return Goal(poses)


def _positions(maze: Maze, path: Sequence[Pose]) -> NDArray[np.int16]:
    """The cells of a path, [n, 2]; turning on the spot adds none."""
    cells = np.array([cell(maze, (*pose[:2], 0))[:2] for pose in path], dtype=np.int16)
    return cells[np.r_[True, (np.diff(cells, axis=0) != 0).any(axis=1)]]
