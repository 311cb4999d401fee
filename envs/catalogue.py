"""The tasks by name, for the command line and for Gymnasium."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from runpy import run_path
from typing import Annotated, Any, Literal

import tyro
from gymnasium.vector import AutoresetMode

from vln.env import TaskEnv
from vln.language import Vocabulary
from vln.tasks import SIZES, Task, Written, refusal
from vln.vector_env import TaskVectorEnv
from vln.world import World

from .glimpse.circle_square import circlesquare
from .glimpse.pictures import Album
from .glimpse.task import SOURCES, glimpse, glimpsefind
from .graphs.task import r2r, speak
from .peers.active_perception import peer_circle_square
from .rooms.families import FAMILIES
from .rooms.phrases import WORDS
from .rooms.world import FLOORS, Rooms
from .sail.task import mazes, sail
from .sequences.bits import adding, copy, parity, repeatones, repeatprevious
from .sequences.characters import TEXTS, characters

SEED = 1  # of the houses and episodes of every family; 0 wrote those that the default settings were found on
MAX_STEPS = {1: 40, 2: 60, 3: 80, 4: 160}  # moves of an episode in rooms, by difficulty


def rooms(family: str, difficulty: int = 3, houses: int = SIZES["train"][0]) -> Task:
    """A family of instructions in generated houses.

    difficulty: 1 (one small room) to 4 (up to nine rooms, 25x25 cells). houses: how many there are to train in. The
    first of them are the same however many there are, and so is every other split.
    """
    build, write = FAMILIES[family](difficulty)
    if houses < SIZES["val_seen"][0]:
        raise ValueError(f"val_seen is {SIZES['val_seen'][0]} of the houses to train in; {houses} are too few")
    sizes = SIZES | {"train": (houses, SIZES["train"][1])}
    world = partial(Rooms, max_steps=MAX_STEPS[difficulty])
    source = Written(build, write, sizes, seed=SEED)
    return Task(family.lower(), source, world, words=Vocabulary(WORDS), floors=FLOORS)


LINES: dict[str, Callable[..., Task]] = {
    "characters": characters,
    "repeatones": repeatones,
    "parity": parity,
    "repeatprevious": repeatprevious,
    "copy": copy,
    "adding": adding,
}

TASKS: dict[str, Callable[..., Task]] = {family.lower(): partial(rooms, family) for family in FAMILIES} | {
    "sail": sail,
    "mazes": mazes,
    "glimpse": glimpse,
    "glimpsefind": glimpsefind,
    "r2r": r2r,
    "r2r-speaker": speak,
    "circlesquare": circlesquare,
    "circlesquare-peer": peer_circle_square,
    **LINES,
}


def make_task(name: str, options: Mapping[str, Any] | None = None) -> Task:
    """The task of this name, with its own options (difficulty; for sail data, protocol, fold, heading, ...).

    A name like `corner.py:TASK` means what a file of the user's own calls so, a Task or a function that makes one. The
    file is run for it.
    """
    make = _from_file(name) if ".py:" in name else TASKS.get(name)
    if make is None:
        raise ValueError(f"no task is called {name!r}; there are {', '.join(TASKS)}")
    try:
        return make(**(options or {}))
    except TypeError as error:
        raise refusal(f"task {name!r}", error) from error


# The options that say where something is, and what else each of them may name than a file or folder.
PLACES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("data", "annotations", "extra", "features"), ()),
    "text": TEXTS,
    "pictures": SOURCES,
}


def places(options: Mapping[str, Any]) -> dict[str, Any]:
    """Those of these options that name a file or folder."""
    return {name: value for name, value in options.items() if name in PLACES and value not in PLACES[name]}


def absolute(options: Mapping[str, Any]) -> dict[str, Any]:
    """The same options with every file and folder named from the root, to be found from any working directory."""
    return {**options, **{name: str(Path(value).absolute()) for name, value in places(options).items()}}


def absolute_task(name: str) -> str:
    """The name of a task, which may lie in a file of the user's own, with that file named from the root."""
    file, colon, variable = name.rpartition(":")
    return f"{Path(file).absolute()}{colon}{variable}" if ".py:" in name else name


def _from_file(name: str) -> Callable[..., Task]:
    file, _, variable = name.rpartition(":")
    if not Path(file).is_file():
        raise ValueError(f"task {name!r}: there is no file {file!r}")
    found = run_path(file).get(variable)
    if isinstance(found, Task):
        return lambda: found
    if not callable(found):
        raise ValueError(f"task {name!r}: {file} has no task called {variable!r}")
    return found


# On the command line a flag without a value, of which there is only the one that changes something.
Flag = Annotated[bool, tyro.conf.FlagCreatePairsOff]


@dataclass(frozen=True)
class TaskOptions:
    """What a task can be told on the command line; what is left out is the task's own choice."""

    difficulty: int | None = None
    """Of rooms: 1 (one small room) to 4 (up to nine rooms on 25x25 cells)."""
    houses: int | None = None
    """Of rooms: how many to train in; 4096 unless given. Long trainings need more, or they learn them by heart."""
    data: str | None = None
    """The folder of the data sets: sail/, mnist/, or r2r/ and matterport/ are in it."""
    protocol: str | None = None
    """Of SAIL: vDev, vTest or half-map."""
    fold: str | None = None
    """Of SAIL: the map to test on, grid, jelly or l."""
    heading: str | None = None
    """Of SAIL: what an unknown start heading becomes, mei (gives the first turn away) or random."""
    invented: int | None = None
    """Of SAIL: how many invented mazes to train in too, with ten made-up sentences each; none unless given."""
    pictures: str | None = None
    """Of glimpses: digits (those that come with scikit-learn, unless given), mnist, shapes, drawn, or a folder."""
    canvas: int | None = None
    """Of glimpses: the side of a larger, dark canvas that each picture lies anywhere on."""
    clutter: int | None = None
    """Of glimpses: how many pieces of other pictures lie about."""
    distort: float | None = None
    """Of glimpses: how far pictures to train on are turned, scaled, sheared and shifted at random, from 0 to 1."""
    elastic: float | None = None
    """Of glimpses: how far they are bent at random, from 0 to 1 (elastic distortions; Simard et al. 2003)."""
    ask: Literal["class", "sum", "both", "way", "now"] | None = None
    """Of glimpses: what the picture is; of two digits their sum, or both in order; of one that moves which way it went,
    or what it is now."""
    side: int | None = None
    """Of glimpses: the side that pictures in a folder are scaled to."""
    grey: Flag = False
    """Of glimpses: whether colours are seen as greys."""
    questions: int | None = None
    """Of glimpsefind: how many to train on."""
    annotations: str | None = None
    """Of R2R: another file of its format, or a pattern with {split} in it."""
    skip_broken: Flag = False
    """Of R2R: whether to leave out broken records, and say how many."""
    kept: int | None = None
    """Of R2R: how many scans of train are kept aside, to choose by; 5 unless given."""
    mirrored: Flag = True
    """Of R2R and SAIL: whether to train on mirror images too; those of R2R have English words exchanged."""
    extra: str | None = None
    """Of R2R: a file of further episodes to train on, as speak.py writes it."""

    length: int | None = None
    """Of sequences: how many steps they have; of copy, how long to wait."""
    longer: int | None = None
    """Of sequences: how many times as long those of split val_longer are; 10 unless given."""
    symbols: int | None = None
    """Of copy and repeatprevious: how many there are."""
    count: int | None = None
    """Of copy: how many symbols are to be said again."""
    ago: int | None = None
    """Of repeatprevious: how many steps before."""
    text: str | None = None
    """Of characters: hello (unless given), shakespeare (in the data folder), python (the source of its standard
    library), or a file or folder."""
    stretch: int | None = None
    """Of characters: how many an episode has, over whose windows memory is carried; 1,000 unless given."""
    held: float | None = None
    """Of characters: the share of the text that is held back to be judged by; a tenth unless given."""
    least: int | None = None
    """Of characters: how often one must occur to be known; 1 unless given."""

    def given(self) -> dict[str, Any]:
        """Those that are not what the task itself would choose, by name; files and folders are named from the root."""
        return _changed(self)


@dataclass(frozen=True)
class WorldOptions:
    """How a world is seen."""

    view: Literal["first_person", "symbols", "lanes", "top_down", "local", "lookahead", "none"] | None = None
    """Of rooms: what the agent sees, RGB from within, codes of cells ahead (unless given) or in four directions, RGB
    from above, or nothing. Of R2R: what it is told of its neighbours, local (unless given) or with the map's
    lookahead."""
    size: int | None = None
    """Of rooms: the side of the view, in pixels or cells; 64 (first_person), 56 (top_down) or 7 unless given."""
    max_steps: int | None = None
    """Of rooms: the longest episode; the task's own limit unless given."""
    actions: Literal["panoramic", "low_level"] | None = None
    """Of R2R: whether a move chooses a neighbour (unless given), or goes forward, turns and tilts."""
    route: Literal["shortest", "annotated"] | None = None
    """Of R2R: which way the expert goes, to the goal (unless given) or along the path that was described."""
    features: str | None = None
    """Of R2R: a file or folder of image features (.tsv, .hdf5 or .npy; see vln.envs.graphs.images), to be shown too."""
    patch: int | None = None
    """Of glimpses: the side of the finest patch, in pixels."""
    scales: int | None = None
    """Of glimpses: how many patches there are around one centre, each of twice the side."""
    looks: int | None = None
    """Of glimpses: how many there are in an episode."""
    move: Literal["continuous", "relative", "discrete"] | None = None
    """Of glimpses: whether a move is a point to look at, a way to go, or a step left, right, up or down."""
    start: Literal["centre", "random"] | None = None
    """Of glimpses: where the first look goes."""
    contrast: Flag = True
    """Of glimpses: whether the contrast of each is evened out."""

    def given(self) -> dict[str, Any]:
        """Those that are not what the world itself would choose, by name; files and folders are named from the root."""
        return _changed(self)


def _changed(options: TaskOptions | WorldOptions) -> dict[str, Any]:
    known = asdict(type(options)())
    return absolute({name: value for name, value in asdict(options).items() if value != known[name]})


def make_env(task: str, render_mode: str | None = None, path_metrics: bool = True, **place: Any) -> TaskEnv:
    """What gymnasium.make calls. place: as in open_rooms, open_glimpses, open_graphs or open_lines."""
    return TaskEnv(open_place(task, **place), render_mode, path_metrics)


def make_vector_env(
    task: str,
    num_envs: int = 1,
    render_mode: str | None = None,
    autoreset_mode: AutoresetMode | str = AutoresetMode.SAME_STEP,
    path_metrics: bool = False,
    max_episode_steps: int | None = None,
    **place: Any,
) -> TaskVectorEnv:
    """What gymnasium.make_vec calls: the batched world itself. See TaskVectorEnv for its modes.

    max_episode_steps: as in gymnasium.make; what a world knows as max_steps is its own. place: as in make_env.
    """
    return TaskVectorEnv(
        open_place(task, **place),
        num_envs,
        autoreset_mode,
        render_mode,
        path_metrics,
        max_episode_steps=max_episode_steps,
    )


def open_place(task: str, **place: Any) -> World[Any]:
    """The world of a task, by the arguments of the place it is in."""
    opens: dict[str, Callable[..., World[Any]]]
    opens = {"glimpse": open_glimpses, "glimpsefind": open_glimpses, "r2r": open_graphs}
    opens |= dict.fromkeys(LINES, open_lines)
    return opens.get(task, open_rooms)(task, **place)


def open_rooms(
    task: str,
    split: str = "train",
    view: str = "symbols",
    max_steps: int | None = None,
    size: int | None = None,
    data: Path | str | None = None,
    options: Mapping[str, Any] | None = None,
) -> World[Any]:
    """A world of rooms. options: the task's own, see make_task."""
    chosen = dict(options or {}) | ({} if data is None else {"data": data})
    world: dict[str, Any] = {"view": view, "size": size} | ({} if max_steps is None else {"max_steps": max_steps})
    return make_task(task, chosen).open(split, **world)


def open_glimpses(
    task: str,
    split: str = "train",
    pictures: str | Album | None = None,
    canvas: int | None = None,
    clutter: int | None = None,
    patch: int | None = None,
    scales: int | None = None,
    looks: int | None = None,
    move: str | None = None,
    start: str | Sequence[float] | None = None,
    data: Path | str | None = None,
    options: Mapping[str, Any] | None = None,
    world: Mapping[str, Any] | None = None,
) -> World[Any]:
    """A world of glimpses. What is left out is the task's or the world's own choice.

    options, world: the task's and the world's further options (see glimpse.task and glimpse.world).
    """
    about = {"pictures": pictures, "canvas": canvas, "clutter": clutter, "data": data}
    seen = {"patch": patch, "scales": scales, "looks": looks, "move": move, "start": start}
    return make_task(task, _chosen(about, options)).open(split, **_chosen(seen, world))


def open_graphs(
    task: str,
    data: Path | str | None = None,
    split: str | None = None,
    annotations: str | None = None,
    actions: str | None = None,
    features: Path | str | None = None,
    view: str | None = None,
    max_steps: int | None = None,
    options: Mapping[str, Any] | None = None,
    world: Mapping[str, Any] | None = None,
) -> World[Any]:
    """A world of navigation graphs. What is left out is the task's or the world's own choice.

    split: unless given, train, or the one split `file` of a file of annotations.
    options, world: the task's and the world's further options (see graphs.task and graphs.world).
    """
    of_task = make_task(task, _chosen({"data": data, "annotations": annotations}, options))
    seen = {"actions": actions, "features": features, "view": view, "max_steps": max_steps}
    return of_task.open(split or of_task.splits[0], **_chosen(seen, world))


def _chosen(given: Mapping[str, Any], more: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None} | dict(more or {})


def open_lines(task: str, split: str = "train", **options: Any) -> World[Any]:
    """A world of sequences. options: the task's own (length, longer, ...; see sequences.bits)."""
    return make_task(task, options).open(split)
