"""Named settings: the default, the demo, and what made the rows of RESULTS.md. Options given beside one change it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import tyro
from beside import Beside

from vln.agents.shape import Shape
from vln.envs.catalogue import TASKS
from vln.files import MARK, absolute_name
from vln.lessons import Lessons
from vln.runs import Plan

DEFAULT_TASK = "goto"
BASELINES = 1.0  # how long trained baselines learn, as a share of the updates: with less they tell less than they could
OF_TASKS = f"The task: {', '.join(TASKS)}, or FILE.py:NAME of your own"


@dataclass(frozen=True)
class Options(Beside):
    """What to train on, what to train, and how."""

    task: Annotated[str | None, tyro.conf.Positional, tyro.conf.arg(help=f"{OF_TASKS}; goto unless given.")] = None
    agent: str | None = None
    """FILE.py:NAME of an agent of your own, in place of the one that the spaces of the world call for; its options are
    --agent.OPTION."""
    encoder: tuple[str, ...] = ()
    """NAME=FILE.py:ENCODER for every observation that an encoder of your own is for, in place of ours."""
    set: tuple[str, ...] = ()
    """PART.OPTION=VALUE for every option that is set so, of task, world, and an agent, rule or memory of your own: the
    same as --OPTION VALUE, or --PART.OPTION VALUE for what is your own."""
    agent_options: tyro.conf.Fixed[Mapping[str, Any]] = field(default_factory=dict)
    rule_options: tyro.conf.Fixed[Mapping[str, Any]] = field(default_factory=dict)
    memory_options: tyro.conf.Fixed[Mapping[str, Any]] = field(default_factory=dict)
    name: str | None = None
    """Of the run, a folder in runs/; the recipe's or the task's unless given."""
    recipe: str | None = None
    """Named settings to begin from, those of a row of RESULTS.md."""
    resume: Path | None = None
    """The folder of a run to go on with. Its own settings hold; beside it can be said where its files are now, on what
    to compute, and how long its baselines are to be trained."""
    begin_with: Path | None = None
    """The folder of a run whose weights to begin with; it may be of another task and know other words."""
    vectors: Path | None = None
    """A file of word vectors to begin with, a word and its numbers a line (GloVe); unless given they are learned."""
    baselines: float | None = None
    """How long to train the blind agent and the other baselines of the table, as a share of the agent's updates: 1
    unless given, as long as the agent; 0 for none. With less they bear a star in the table."""
    device: str | None = None
    """cpu or cuda; a GPU when there is one unless given."""
    threads: int | None = None
    """CPU threads. Unless given, as many as are measured to be fastest, at the start and again when it has become slow;
    with a fixed number the same seed gives the same weights, to the last bit."""
    shape: tyro.conf.OmitArgPrefixes[Shape] = field(default_factory=Shape)
    lessons: tyro.conf.OmitArgPrefixes[Lessons] = field(default_factory=Lessons)

    @property
    def folder(self) -> str:
        """The name of the run's folder; a task in a file of the user's own lends it the file's name."""
        task = self.task or DEFAULT_TASK
        return self.name or Path(task.rpartition(":")[0] or task).stem

    @property
    def plan(self) -> Plan:
        about, world = self.task_options, self.world_options
        shape: dict[str, Any] = asdict(self.shape) | {"memory": absolute_name(self.shape.memory)}
        if self.memory_options:
            shape["memory_options"] = self.memory_options
        if self.encoder:
            named = dict(_named_encoder(one) for one in self.encoder)
            shape["encoders"] = {name: absolute_name(maker) for name, maker in named.items()}
        if self.agent is not None:
            shape = {"agent": absolute_name(self.agent), **self.agent_options}
        begin_with, vectors = (str(path.absolute()) if path else None for path in (self.begin_with, self.vectors))
        task = absolute_name(self.task or DEFAULT_TASK)
        baselines = BASELINES if self.baselines is None else self.baselines
        lessons = replace(self.lessons, rule=absolute_name(self.lessons.rule))
        return Plan(task, lessons, about, world, shape, (), begin_with, vectors, baselines, rule=self.rule_options)


def _named_encoder(text: str) -> tuple[str, str]:
    """The name of an observation and of its encoder. Raises SystemExit where they are not told so."""
    name, equals, maker = text.partition("=")
    if not equals or MARK not in maker:
        raise SystemExit(f"--encoder takes NAME=FILE.py:ENCODER, with the name of an observation, not {text!r}")
    return name, maker


READER_OF_MAZES = Shape(
    hidden=128, word_dim=128, bidirectional=True, second_look=True, dropout=0.1, fog=0.1, mumble=0.1
)
# Nothing is gained by bfloat16 in nets as small as these.
LESSONS_OF_LOOKING = Lessons(rule="pathwise", led=0.3, rate=2e-3, half=False)
# Of MNIST: what moves teach changes a little of what is seen and remembered. Where it changed nothing, digits on a
# large canvas were found badly; where all of its gradient came through, the one training of a core this large diverged.
READER_OF_DIGITS = Shape(hidden=384, sight=256, eye="conv", apart=0.9)
LESSONS_IN_MNIST = Lessons(
    rule="pathwise", slots=512, window=8, rate=2e-3, clip=5.0, weight_decay=0.05, early=0.05, led=0.3
)
IN_CLUTTER = Options(
    task="glimpse",
    name="mnist-cluttered",
    task_options={"pictures": "mnist", "canvas": 60, "clutter": 4, "distort": 0.5, "elastic": 0.5},
    world_options={"patch": 12, "scales": 3, "looks": 8},
    shape=replace(READER_OF_DIGITS, apart=1.0),
    lessons=replace(LESSONS_IN_MNIST, updates=11500),
)
LESSONS_IN_MAZES = Lessons(slots=64, window=8, rate=1.5e-3, weight_decay=0.01, teacher_last=1.0, workers=2)

LESSONS_IN_WRITING = Lessons(slots=32, window=32, updates=2700, rate=8e-3, teacher_last=1.0, progress=0.0)
IN_VERSE = Options(
    task="characters",
    name="shakespeare",
    task_options={"text": "shakespeare", "stretch": 2000},
    baselines=0.0,
    shape=Shape(hidden=256),
    lessons=LESSONS_IN_WRITING,
)

# Those of sail were found by training on one of the maps grid and jelly and testing on the other, without map l; those
# of mazes are the first that were tried. Those of mnist were chosen on the last 10,000 pictures of its training set.
RECIPES = {
    "mazes": Options(
        task="mazes",
        name="mazes",
        task_options={"houses": 2000},
        world_options={"view": "lanes", "size": 13},
        shape=READER_OF_MAZES,
        lessons=replace(LESSONS_IN_MAZES, updates=6000),
    ),
    # For a run that begins with one of mazes.
    "sail": Options(
        task="sail",
        name="sail",
        task_options={"invented": 400},
        world_options={"view": "lanes", "size": 13},
        shape=replace(READER_OF_MAZES, dropout=0.3, fog=0.4, mumble=0.2),  # two mazes are soon known by heart
        lessons=replace(LESSONS_IN_MAZES, updates=600),
    ),
    "digits": Options(
        task="glimpse",
        name="digits",
        task_options={"distort": 0.6},
        world_options={"looks": 6},
        shape=Shape(hidden=192, sight=192, apart=0.9),
        lessons=replace(LESSONS_OF_LOOKING, updates=5000, slots=64, window=6, early=0.05, weight_decay=0.05, clip=5.0),
        baselines=1.0,
    ),
    "mnist": Options(
        task="glimpse",
        name="mnist",
        task_options={"pictures": "mnist", "distort": 0.6, "elastic": 0.6},
        world_options={"looks": 7},
        shape=READER_OF_DIGITS,
        lessons=replace(LESSONS_IN_MNIST, updates=16000, led=0.2),
    ),
    "mnist-cluttered": IN_CLUTTER,
    # For a run that begins with one of mnist-cluttered.
    "mnist-translated": replace(
        IN_CLUTTER,
        name="mnist-translated",
        task_options={"pictures": "mnist", "canvas": 60, "distort": 0.5, "elastic": 0.5},
        lessons=replace(LESSONS_IN_MNIST, updates=7000, led=0.0, rate=1e-3),
    ),
    "mnist-cluttered-100": replace(
        IN_CLUTTER,
        name="mnist-cluttered-100",
        task_options={"pictures": "mnist", "canvas": 100, "clutter": 8, "distort": 0.5, "elastic": 0.5},
        world_options={"patch": 12, "scales": 4, "looks": 8},
        shape=READER_OF_DIGITS,
    ),
    "glimpsefind": Options(
        task="glimpsefind",
        name="glimpsefind",
        task_options={"questions": 131072},  # fewer are known by heart before it has learned to find things
        shape=Shape(hidden=256, sight=256, eye="conv", apart=0.9),
        lessons=Lessons(rule="pathwise", slots=256, window=6, updates=8000, rate=1.5e-3, early=0.1, led=0.3),
    ),
    # Without images. What the map tells of what lies beyond is a track of its own, not to be compared with local. The
    # learning rate does not fall far, for the weights are averaged: with a small one it learns train by heart.
    "r2r": Options(
        task="r2r",
        name="r2r",
        world_options={"view": "lookahead"},
        shape=Shape(hidden=256, word_dim=192, sight=128, bidirectional=True, dropout=0.3),
        lessons=Lessons(
            slots=64,
            window=12,
            updates=1500,
            rate=1e-3,
            last_rate=0.3,
            teacher_last=0.75,
            averaged=0.998,
            workers=2,
        ),
    ),
    # Teacher forcing: at every word it is told what a person said next.
    "r2r-speaker": Options(
        task="r2r-speaker",
        name="r2r-speaker",
        world_options={"view": "lookahead", "max_steps": 81},
        shape=Shape(hidden=256, word_dim=192, sight=128, dropout=0.3),
        lessons=Lessons(slots=64, window=40, updates=1800, rate=2e-3, teacher_last=1.0, averaged=0.99),
        baselines=0.0,
    ),
    "circlesquare": Options(
        task="circlesquare",
        name="circlesquare",
        shape=Shape(memory="gru", hidden=128, sight=128),
        lessons=replace(LESSONS_OF_LOOKING, updates=2000, slots=64, window=16),
    ),
    # In somebody else's environment no gradient goes through the eye. A move is relative to a small limit, so that it
    # must vary much to try anything. Found by REINFORCE in our like world; a scanner that leads helps only there, where
    # it knows the place.
    "circlesquare-peer": Options(
        task="circlesquare-peer",
        name="circlesquare-peer",
        shape=Shape(memory="gru", hidden=128, sight=128, aim=0.6),
        lessons=replace(LESSONS_OF_LOOKING, rule="reinforce", led=0.0, rate=1e-3, updates=800, slots=64, window=16),
    ),
    # Chosen by what they say of the last tenth, which is all there is to be judged by: see RESULTS.md.
    "shakespeare": IN_VERSE,
    "shakespeare-hour": replace(
        IN_VERSE,
        name="shakespeare-hour",
        shape=Shape(hidden=512, word_dim=128, dropout=0.3),
        lessons=replace(LESSONS_IN_WRITING, updates=9000, window=64, rate=4e-3),
    ),
    "python": Options(
        task="characters",
        name="python",
        task_options={"text": "python", "stretch": 5000, "least": 50},
        baselines=0.0,
        shape=Shape(hidden=512),
        lessons=replace(LESSONS_IN_WRITING, updates=6000, window=100, rate=4e-3),
    ),
    "route": Options(
        task="route",
        name="route",
        baselines=0.1,
        task_options={"houses": 16384},
        shape=Shape(hidden=256, word_dim=128, bidirectional=True, second_look=True),
        lessons=Lessons(updates=5000, slots=128, window=20, teacher_last=0.0, greedily=0.5, workers=2),
    ),
    "hour": Options(
        task="goto",
        name="hour",
        task_options={"houses": 16384},
        world_options={"view": "first_person", "size": 32},
        shape=Shape(hidden=320),
        lessons=Lessons(updates=5500, slots=64, window=40, rate=2e-3, teacher_last=0.0, greedily=0.5, workers=2),
    ),
    "demo": Options(
        task="goto",
        name="demo",
        baselines=0.1,  # so that it stays short
        task_options={"houses": 8192},
        world_options={"view": "first_person", "size": 32},
        lessons=Lessons(updates=2400, slots=64, window=20, rate=2.5e-3, teacher_last=0.0, workers=2),
    ),
}
