"""SAIL as a task: people's sentences in mazes that were not trained on."""

from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Literal

from vln.envs.rooms.world import BASELINES, Rooms
from vln.episode import Episode
from vln.language import Vocabulary
from vln.tasks import Task, TaskSpec

from .chained import paragraph_metric
from .corpus import read_corpus
from .episodes import (
    HEADINGS,
    ROUTES,
    WORDING,
    ChainedParagraph,
    Headings,
    paragraph_episodes,
    relays,
    sentence_episodes,
)
from .mirror import mirror
from .protocols import PROTOCOLS, Fold
from .records import Corpus
from .synthetic import invent

MAX_STEPS = 35  # actions; one more fails, as does walking into a wall (Mei, Bansal & Walter, arXiv:1506.04089)
LONGEST = 200  # words of a paragraph
INVENTED_SEED = 0
JUDGING_SEED = 0  # of the headings drawn where the start's is not known
SPLITS = ("train", "val_seen", "val_unseen", "paragraphs")
Protocol = Literal["vDev", "vTest", "half-map"]
Heading = Literal["mei", "random"]

walk = partial(Rooms, max_steps=MAX_STEPS, walls_fail=True, max_words=LONGEST, location_question=False)


@dataclass(frozen=True, eq=False)
class Sail:
    """The episodes of one fold of a protocol.

    Splits: train; val_seen, the sentences the protocol chooses models on; val_unseen, the sentences it tests on;
    paragraphs, its test paragraphs, each as one instruction.
    """

    corpus: Corpus
    fold: Fold
    heading: str
    wording: str
    route: str
    mirror: bool
    synthetic_mazes: int

    def __call__(self, split: str) -> list[Episode]:
        words = WORDING[self.wording]
        if split == "paragraphs":
            return paragraph_episodes(self.corpus, self.fold.test_paragraphs, self._judged, words, ROUTES[self.route])
        if split == "train":
            return self._train()
        records = {"val_seen": self.fold.choose, "val_unseen": self.fold.test}[split]
        return sentence_episodes(self.corpus, records, self._judged, words)

    def relays(self) -> list[ChainedParagraph]:
        """The test paragraphs as their sentences in turn; the sentences are those of val_unseen."""
        paragraphs, route = self.fold.test_paragraphs, ROUTES[self.route]
        return relays(self.corpus, paragraphs, self._judged, WORDING[self.wording], route)

    @property
    def _judged(self) -> Headings:
        return HEADINGS[self.heading](JUDGING_SEED)

    def _train(self) -> list[Episode]:
        words, headings = WORDING[self.wording], HEADINGS[self.heading](None)
        episodes = sentence_episodes(self.corpus, self.fold.train, headings, words)
        if not self.mirror:
            return episodes + self._invented
        # Where a heading was filled in so that the first turn is to the right, its mirror image turns left: never so
        # in a test.
        sure = [record for record in self.fold.train if record.heading_known or self.heading == "random"]
        images = map(mirror, sentence_episodes(self.corpus, sure, headings, words))
        return episodes + [image for image in images if image is not None] + self._invented

    @cached_property
    def _invented(self) -> list[Episode]:
        return invent(self.synthetic_mazes, self.heading, INVENTED_SEED)("train") if self.synthetic_mazes else []

    @cached_property
    def vocabulary(self) -> Vocabulary:
        people = map(WORDING[self.wording], self.fold.train)
        return Vocabulary.of((*people, *(episode.instruction for episode in self._invented)))


def sail(
    data: Path | str | None = None,
    protocol: Protocol = "vDev",
    fold: str = "l",
    heading: Heading = "mei",
    wording: Literal["mei", "raw"] = "mei",
    route: Literal["mei", "path", "end"] = "mei",
    mirror: bool = True,
    synthetic_mazes: int = 0,
) -> Task:
    """SAIL (MacMahon et al. 2006; Chen & Mooney 2011) in one fold of a protocol.

    data: Folder that holds `sail/`. protocol: Protocol of training, validation and test maps, which is vDev, vTest or
    half-map. fold: Map to test on (grid, jelly, l; in half-map grid-0, grid-1, ...). heading: Start heading where it is
    unknown, `mei` (which gives the first turn away) or `random`. wording: Wording of the instructions, `mei` (cleaned)
    or `raw`. route: End of a paragraph that is scored, `mei`, `path` or `end`.
    mirror: Whether to train on mirror images too. synthetic_mazes: Number of synthetic mazes to train in too, with ten
    generated sentences each.
    """
    if data is None:
        raise ValueError("sail needs data: the folder that holds sail/maps.json and the rest (--data DIR)")
    for name, chosen, known in (
        ("protocol", protocol, PROTOCOLS),
        ("heading", heading, HEADINGS),
        ("wording", wording, WORDING),
        ("route", route, ROUTES),
    ):
        if chosen not in known:
            raise ValueError(f"no {name} is called {chosen!r}; there are {', '.join(known)}")
    corpus = read_corpus(Path(data) / "sail")
    folds = {found.name: found for found in PROTOCOLS[protocol](corpus, fold.split("-")[0])}
    if fold not in folds:
        raise ValueError(f"protocol {protocol} has no fold {fold!r}; for this map it has {', '.join(folds)}")
    source = Sail(corpus, folds[fold], heading, wording, route, mirror, synthetic_mazes)
    more = (paragraph_metric(source.relays),)
    return Task("sail", source, walk, SPLITS, source.vocabulary, baselines=BASELINES, split_metrics=more)


def relays_of(task: Task) -> list[ChainedParagraph]:
    """The test paragraphs of a task as their sentences in turn. Raises ValueError where it is not SAIL."""
    if not isinstance(task.source, Sail):
        raise ValueError(f"task {task.name!r} has no paragraphs: only sail has")
    return task.source.relays()


def mazes(houses: int = 2000, heading: Heading = "random") -> Task:
    """Invented mazes, and what a grammar says about them: the rules of SAIL, nothing to download, nobody's words.

    houses: Number of mazes to train in. heading: Start heading, as in `sail`, where the instruction says what to face.
    """
    if heading not in HEADINGS:
        raise ValueError(f"no heading is called {heading!r}; there are {', '.join(HEADINGS)}")
    return Task("mazes", invent(houses, heading, INVENTED_SEED), walk, SPLITS[:3], baselines=BASELINES)


TASKS = {"sail": TaskSpec(sail, walk), "mazes": TaskSpec(mazes, walk)}
