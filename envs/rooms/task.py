"""The tasks in generated houses, a family of instructions each."""

from functools import partial

from vln.language import Vocabulary
from vln.tasks import SIZES, GeneratedEpisodes, Task, TaskSpec

from .families import FAMILIES
from .phrases import WORDS
from .world import BASELINES, Rooms

SEED = 1  # of the houses and episodes of every family; 0 wrote those that the default settings were found on
MAX_STEPS = {1: 40, 2: 60, 3: 80, 4: 160}  # moves of an episode, by difficulty


def rooms(family: str, difficulty: int = 3, houses: int = SIZES["train"][0]) -> Task:
    """A family of instructions in generated houses.

    difficulty: Size of the houses, from 1 (one small room) to 4 (up to nine rooms, 25x25 cells). houses: Number of
    houses to train in; long trainings need more, or they memorise them. The first houses are the same for any number,
    and so is every other split.
    """
    build, write = FAMILIES[family](difficulty)
    if houses < SIZES["val_seen"][0]:
        raise ValueError(f"val_seen is {SIZES['val_seen'][0]} of the houses to train in; {houses} are too few")
    sizes = SIZES | {"train": (houses, SIZES["train"][1])}
    world = partial(Rooms, max_steps=MAX_STEPS[difficulty])
    source = GeneratedEpisodes(build, write, sizes, seed=SEED)
    return Task(family.lower(), source, world, words=Vocabulary(WORDS), baselines=BASELINES)


# Of the options of Rooms, how long an episode is depends on the task's own.
TASKS = {
    family.lower(): TaskSpec(partial(rooms, family), partial(Rooms, max_steps=None))  # type: ignore[arg-type]
    for family in FAMILIES
}
