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

Entry = Any  # of a table: a vln.evaluation.tables.Entry, which is made of what stands on tasks

# From the name of a split to its episodes.
Source = Callable[[str], Sequence[Episode]]
OpenOver = Callable[[Sequence[Episode]], World[Any]]  # from episodes to a world over them

SPLITS = ("train", "val_seen", "val_unseen", "val_novel")
SIZES = {"train": (4096, 8), "val_seen": (512, 2), "val_unseen": (512, 2), "val_novel": (512, 2)}  # places, each

MANY = 1000  # episodes, by whose instructions it is told whether all are alike
_TRIES = 32  # how often a place is asked for an episode it can host before the next place is taken


@dataclass(frozen=True, eq=False)
class GeneratedEpisodes:
    """A source of episodes that functions write, split by split; the same seed writes the same ones.

    build: (generator, split) -> a place. write: (place, generator, split) -> an Episode, or None where the place can't
    host one. sizes: for each split, how many places and how many episodes in each.

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
        # The first places of train all have a part in it, unless they can't host any of its episodes.
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
        written = (self.write(place, rng, split) for _ in range(tries))
        found = islice((episode for episode in written if episode is not None), most)
        return [replace(episode, name=f"{split}/{number}/{index}") for index, episode in enumerate(found)]

    def _rng(self, what: str, split: str, number: int) -> np.random.Generator:
        key = [self.seed, ("place", "episode").index(what), list(self.sizes).index(split), number]
        return np.random.default_rng(key)


def shuffled(source: Source, seed: int = 0) -> Source:
    """The same episodes, each told the instruction of another one of its split: who does as well does not listen."""

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
    """A metric of a whole split, for which agents live it otherwise than episode by episode.

    metric: its name, and how it is shown. values: (world, entry of a table, seed) -> the numbers whose mean it is; the
    world is that of the split. splits: where it is measured; everywhere unless given.
    """

    metric: Metric
    values: "Callable[[World[Any], Entry, int], Sequence[float]]"
    splits: tuple[str, ...] = ()


@dataclass(frozen=True)
class Baseline:
    """An agent that is trained like the one it stands beside in a table, but in want of something.

    without: the observations it is not given. world, agent: the options of the world and of the agent that are others.
    """

    without: tuple[str, ...] = ()
    world: Mapping[str, Any] = field(default_factory=dict)
    agent: Mapping[str, Any] = field(default_factory=dict)

    def why_not(self, world: World[Any]) -> str:
        """Why it would tell nothing in this world, in words; nothing where it does."""
        if self.without and not any(name in world.spaces for name in self.without):
            return f"{' and '.join(self.without)} is not shown there, so that it would lack nothing"
        if "instruction" in self.without and len({*_first_instructions(world)}) == 1:
            return "every episode has the same instruction, so that it would lack nothing"
        return ""


def _first_instructions(world: World[Any]) -> list[str]:
    """Of as many episodes as tell whether instructions differ."""
    return [world.episodes[number].instruction for number in range(min(MANY, len(world.episodes)))]


BLIND_AND_DEAF = {"blind": Baseline(without=("view",)), "deaf": Baseline(without=("instruction",))}


@dataclass(frozen=True, eq=False)
class Task:
    """What can be asked (a source of episodes) and where (a world to open over them).

    world: (episodes, vocabulary, **options) -> World. words: the vocabulary, a function that reads it when it is first
    asked for, or None to learn it from split train.
    choosing, judging: the splits by which agents are chosen while they are trained, and judged unless another is named.
    probes: how many episodes of the split for choosing an agent in training is judged in now and then.
    baselines: what an agent is compared with, by name. shuffled: whether an agent is judged, too, as it does when it is
    told the instructions of other episodes.
    scripted: agents that need no training, by the name of their row, each made for a world; beside those that the world
    declares (see World.scripted).
    metrics: what is measured of its episodes beside what their world measures, in every table, page and `info`.
    split_metrics: what is measured of whole splits.
    rescorer: what makes of a speaker one who has a say in which of the ways a search finds is gone: (world, what opens
    the speaker's world over episodes, speaker, trust in it) -> the function that weighs ways. None where nobody speaks.
    write_paths: writes the ways of an entry of a table into a file of the form in which others score them: (world,
    entry, file, seed). None where there is no such form.
    texts: whether the words are the characters of a text that is foretold, which an agent can go on with.
    knowing: the same task for who knows other words, from these; one whose words only name what instructions hold
    needs none.
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
        """The episodes of a split, written or read once."""
        return lru_cache(maxsize=None)(self._episodes)

    def _episodes(self, split: str) -> Sequence[Episode]:
        if split not in self.splits:
            raise ValueError(f"task {self.name!r} has no split {split!r}; it has {', '.join(self.splits)}")
        return self.source(split)

    def with_words(self, vocabulary: Vocabulary) -> "Task":
        """The same task, told in the words that an agent knows."""
        return self.for_vocabulary(vocabulary) if self.for_vocabulary else replace(self, words=vocabulary)

    def episode_of(self, instruction: str, place: Any, start: Any) -> Episode:
        """The episode of an instruction in a place of somebody's own, without a goal (see World.episode_of)."""
        world = unwrapped(self.world)
        if not (isinstance(world, type) and issubclass(world, World)):
            raise ValueError(
                f"task {self.name!r} can't be asked in a place of your own: its world is opened by a function; "
                f"a class of World that has episode_of, or a partial of one, can be asked"
            )
        return world.episode_of(instruction, place, start)

    def open(self, split: str, **options: Any) -> World[Any]:
        """The world of one split. The options are the world's own (view, max_steps, ...).

        Raises ValueError for an option that it does not take.
        """
        return self.open_over(self.episodes(split), **options)

    def open_over(self, episodes: Sequence[Episode], **options: Any) -> World[Any]:
        """The world over other episodes than those of a split."""
        check_options(f"the world of task {self.name!r}", options, named_by(self.world))
        world = self.world(episodes, self.vocabulary, **options)
        # A world that was opened before has them already.
        metrics = (*world.metrics, *(metric for metric in self.metrics if metric not in world.metrics))
        check_declared(f"task {self.name!r}", metrics)
        world.metrics = metrics
        return world


@dataclass(frozen=True, eq=False)
class TaskSpec:
    """How tasks of one name are made, and the world they open. Both declare their options by signature and docstring.

    make: (**options) -> Task. world: (episodes, vocabulary, **options) -> World, by which alone a command line knows
    the options of the world, without any data; None where it has none.
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
        """Those of the task and of its world; no two have the same name."""
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
        seen = {option: value for option, value in options.items() if option not in of_task}
        return task.open(split or task.splits[0], **seen)
