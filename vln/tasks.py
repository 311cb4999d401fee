"""A task: a world, and a source of episodes to live in it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vln.episode import Episode
from vln.language import Vocabulary
from vln.metrics import Metric, check_declared
from vln.options import Option, check_options, named_by, options_of, unwrapped
from vln.world import World

if TYPE_CHECKING:
    from vln.agent import Agent, Rescorer

Entry = Any  # a row of a table: vln.evaluation.tables.Entry, which imports tasks

# From the name of a split to its episodes.
Source = Callable[[str], Sequence[Episode]]
OpenOver = Callable[[Sequence[Episode]], World[Any]]  # from episodes to a world over them

SPLITS = ("train", "val_seen", "val_unseen", "val_novel")
# Number of places, and of episodes in each.
SIZES = {"train": (4096, 8), "val_seen": (512, 2), "val_unseen": (512, 2), "val_novel": (512, 2)}

MANY = 1000  # episodes among which differing instructions are looked for
_TRIES = 32  # tries to write an episode in a place, before the next place is taken


@dataclass(frozen=True, eq=False)
class GeneratedEpisodes:
    """A source of episodes from two functions; the same seed gives the same episodes.

    build: (generator, split) -> a place. write: (place, generator, split) -> an Episode, or None where the place can't
    host one. sizes: number of places, and of episodes in each, by split.

    val_seen has new episodes in the first places of train; every other split has places of its own.
    """

    build: Callable[[np.random.Generator, str], Any]
    write: Callable[[Any, np.random.Generator, str], Episode | None]
    sizes: Mapping[str, tuple[int, int]] = field(default_factory=lambda: SIZES)
    seed: int = 0

    def __call__(self, split: str) -> list[Episode]:
        if split not in self.sizes:
            raise ValueError(f"no split is called {split!r}; there are {', '.join(self.sizes)}")
        places, each = self.sizes[split]
        # The first places of train, except those that host no episode of train.
        seen = split == "val_seen"
        limit = self.sizes["train"][0] if seen else 4 * places
        episodes: list[Episode] = []
        for number in range(limit):
            if seen and not self._episodes("train", number, 1, self.sizes["train"][1] * _TRIES):
                continue
            episodes += self._episodes(split, number, each, each * _TRIES)
            if len(episodes) >= places * each:
                return episodes[: places * each]
        raise ValueError(f"in {limit} places only {len(episodes)} episodes of split {split!r} could be written")

    def _episodes(self, split: str, number: int, most: int, tries: int) -> list[Episode]:
        home = "train" if split == "val_seen" else split
        place = self.build(self._rng("place", home, number), home)
        rng = self._rng("episode", split, number)
        attempts = (self.write(place, rng, split) for _ in range(tries))
        episodes = islice((episode for episode in attempts if episode is not None), most)
        return [replace(episode, name=f"{split}/{number}/{index}") for index, episode in enumerate(episodes)]

    def _rng(self, what: str, split: str, number: int) -> np.random.Generator:
        key = [self.seed, ("place", "episode").index(what), list(self.sizes).index(split), number]
        return np.random.default_rng(key)


def shuffled(source: Source, seed: int = 0) -> Source:
    """The same episodes, each with the instruction of another one of its split: a test of whether an agent listens."""

    def shuffle(split: str) -> list[Episode]:
        episodes = source(split)
        order = np.random.default_rng(seed).permutation(len(episodes))
        return [
            replace(episode, instruction=episodes[other].instruction)
            for episode, other in zip(episodes, order.tolist(), strict=True)
        ]

    return shuffle


@dataclass(frozen=True)
class SplitMetric:
    """A metric of a whole split, for which agents are run otherwise than episode by episode.

    metric: name and format. values: (world of the split, entry of a table, seed) -> the numbers whose mean it is.
    splits: the splits that it is measured on; all unless given.
    """

    metric: Metric
    values: "Callable[[World[Any], Entry, int], Sequence[float]]"
    splits: tuple[str, ...] = ()


@dataclass(frozen=True)
class Baseline:
    """A baseline that is trained like the agent beside it, but lacks something.

    without: names of the observations that it lacks. world, agent: options of the world and the agent that differ.
    """

    without: tuple[str, ...] = ()
    world: Mapping[str, Any] = field(default_factory=dict)
    agent: Mapping[str, Any] = field(default_factory=dict)

    def why_not(self, world: World[Any]) -> str:
        """The reason why it would be no baseline in this world; empty where it is one."""
        if self.without and not any(name in world.spaces for name in self.without):
            return f"{' and '.join(self.without)} is not observed there, so it would lack nothing"
        if "instruction" in self.without and len({*_first_instructions(world)}) == 1:
            return "every episode has the same instruction, so it would lack nothing"
        return ""


def _first_instructions(world: World[Any]) -> list[str]:
    """The instructions of the first episodes."""
    return [world.episodes[number].instruction for number in range(min(MANY, len(world.episodes)))]


BLIND_AND_DEAF = {"blind": Baseline(without=("view",)), "deaf": Baseline(without=("instruction",))}


@dataclass(frozen=True, eq=False)
class Task:
    """A source of episodes, and a world to open over them.

    source: split -> episodes. world: (episodes, vocabulary, **options) -> World. splits: names of the splits. words:
    the vocabulary, a function that reads it when it is first needed, or None to collect it from split train.
    validation_split, test_split: splits to choose agents by, and to evaluate on unless another is named.
    validation_episodes: number of episodes of the validation split that a training evaluates now and then.
    baselines: trained baselines of its table, by name. shuffled: whether the table has the agent with the instructions
    of other episodes. scripted: agents without training by the name of their row, each made for a world, beside those
    that the world declares (see World.scripted).
    metrics: metrics of its episodes beside the world's, in every table, page and `info`. split_metrics: metrics of
    whole splits.
    rescorer: makes a Rescorer of the paths of a beam search from a speaker: (world, opener of the speaker's world over
    episodes, speaker, its weight) -> Rescorer. None without speakers.
    write_paths: writes the paths of an entry of a table in the form of an evaluation server: (world, entry, file,
    seed). None without such a form.
    texts: whether the words are the characters of a text, so that an agent can generate more of it.
    for_vocabulary: the same task with another vocabulary; by default the words are replaced.
    """

    name: str
    source: Source
    world: Callable[..., World[Any]]
    splits: tuple[str, ...] = SPLITS
    words: Vocabulary | Callable[[], Vocabulary] | None = None
    validation_split: str = "val_seen"
    validation_episodes: int = 256
    test_split: str = "val_unseen"
    baselines: Mapping[str, Baseline] = field(default_factory=lambda: BLIND_AND_DEAF)
    shuffled: bool = False
    scripted: "Mapping[str, Callable[[World[Any]], Entry]]" = field(default_factory=dict)
    metrics: tuple[Metric, ...] = ()
    split_metrics: tuple[SplitMetric, ...] = ()
    rescorer: "Callable[[World[Any], OpenOver, Agent, float], Rescorer] | None" = None
    write_paths: "Callable[[World[Any], Entry, Path, int], None] | None" = None
    texts: bool = False
    for_vocabulary: "Callable[[Vocabulary], Task] | None" = None

    @cached_property
    def vocabulary(self) -> Vocabulary:
        if self.words is None:
            return Vocabulary.of(episode.instruction for episode in self.episodes("train"))
        return self.words if isinstance(self.words, Vocabulary) else self.words()

    @cached_property
    def episodes(self) -> Source:
        """The episodes of a split, made or read once."""
        return lru_cache(maxsize=None)(self._episodes)

    def _episodes(self, split: str) -> Sequence[Episode]:
        if split not in self.splits:
            raise ValueError(f"task {self.name!r} has no split {split!r}; it has {', '.join(self.splits)}")
        return self.source(split)

    def with_words(self, vocabulary: Vocabulary) -> "Task":
        """The same task with the vocabulary of an agent."""
        return self.for_vocabulary(vocabulary) if self.for_vocabulary else replace(self, words=vocabulary)

    def episode_of(self, instruction: str, place: Any, start: Any) -> Episode:
        """The episode of an instruction in a user's own place, without a goal (see World.episode_of)."""
        world = unwrapped(self.world)
        if not (isinstance(world, type) and issubclass(world, World)):
            raise ValueError(
                f"task {self.name!r} can't be asked in a place of your own: its world is opened by a function; "
                f"a class of World that has episode_of, or a partial of one, can be asked"
            )
        return world.episode_of(instruction, place, start)

    def open(self, split: str, **options: Any) -> World[Any]:
        """The world of one split. options: of the world (view, max_steps, ...).

        Raises ValueError for an option that it does not take.
        """
        return self.open_over(self.episodes(split), **options)

    def open_over(self, episodes: Sequence[Episode], **options: Any) -> World[Any]:
        """The world over these episodes."""
        check_options(f"the world of task {self.name!r}", options, named_by(self.world))
        world = self.world(episodes, self.vocabulary, **options)
        # A world that was opened before has these metrics already.
        metrics = (*world.metrics, *(metric for metric in self.metrics if metric not in world.metrics))
        check_declared(f"task {self.name!r}", metrics)
        world.metrics = metrics
        return world


@dataclass(frozen=True, eq=False)
class TaskSpec:
    """The maker of a task and its world. Both declare their options by signature and docstring.

    make: (**options) -> Task. world: (episodes, vocabulary, **options) -> World, from which a command line knows the
    options of the world without any data; None where it has no options.
    """

    make: Callable[..., Task]
    world: Callable[..., World[Any]] | None = None

    @property
    def task_options(self) -> Mapping[str, Option]:
        return options_of(self.make)

    @property
    def world_options(self) -> Mapping[str, Option]:
        return options_of(self.world) if self.world else {}

    @property
    def options(self) -> Mapping[str, Option]:
        """The options of the task and of its world; their names differ."""
        return {**self.task_options, **self.world_options}

    def task(self, name: str, options: Mapping[str, Any]) -> Task:
        """The task. Raises ValueError for an option that it does not take."""
        check_options(f"task {name!r}", options, named_by(self.make))
        return self.make(**options)

    def open(self, name: str, split: str | None = None, **options: Any) -> World[Any]:
        """The world of a split (train, or the only one, unless given). options: of the task and of its world.

        Raises ValueError for an option that neither takes.
        """
        of_task, of_world = named_by(self.make), named_by(self.world) if self.world else ()
        check_options(name, options, (*of_task, *of_world))
        task = self.make(**{option: value for option, value in options.items() if option in of_task})
        world_options = {option: value for option, value in options.items() if option not in of_task}
        return task.open(split or task.splits[0], **world_options)
