"""Options stand in the signature they belong to; command line, Gymnasium and errors all derive from there."""

from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

import gymnasium
import pytest
from helpers.commands import FEW, SHORT, run, standing_in
from helpers.tiny import tiny_world

from vln.agents.config import AgentConfig
from vln.agents.registry import make_agent
from vln.envs.glimpse.pairs import READINGS
from vln.envs.glimpse.task import Question
from vln.envs.registry import TASKS, make_task
from vln.envs.rooms.world import VIEWS, ViewName
from vln.envs.sail.episodes import HEADINGS
from vln.envs.sail.protocols import PROTOCOLS
from vln.envs.sail.task import Heading, Protocol
from vln.learning.config import TrainConfig
from vln.options import check_options, from_root, options_of, places_in
from vln.runs.run import open_run, plan_of
from vln.world import World

ACROSS = 45  # lines of a short help, at most


def paint(
    strokes: Any,
    size: int = 3,
    pen: Literal["round", "flat"] | Path | str = "round",
    dry: bool = False,
    of: object = None,
    where: Path | None = None,
) -> None:
    """Paint something: not an option of its own.

    size: of the canvas. pen: round or flat, or a file.
    dry, where: what both mean, with a colon: here.
    """


def test_options_are_read_from_signature_and_docstring() -> None:
    found = options_of(paint)
    assert list(found) == ["size", "pen", "dry", "where"]  # a person can say neither `strokes` nor `of`
    assert (found["size"].type, found["size"].default, found["size"].help) == (int, 3, "of the canvas.")
    assert found["pen"].names == ("round", "flat")
    assert found["pen"].kinds == (Path,)
    assert found["dry"].help == found["where"].help == "what both mean, with a colon: here."
    bound = options_of(partial(paint, None, dry=True, where=Path("x")))
    assert (bound["size"].default, bound["dry"].default, bound["where"].default) == (3, True, Path("x"))


def test_only_what_is_no_name_is_a_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    known = options_of(paint)
    said = {"pen": "round", "where": "there", "size": 4}
    assert places_in(said, known) == {"where": "there"}
    assert from_root(said, known) == {"pen": "round", "where": str(tmp_path / "there"), "size": 4}
    assert places_in({"pen": "feather"}, known) == {"pen": "feather"}


def test_an_unknown_option_is_refused_with_the_one_that_was_meant() -> None:
    with pytest.raises(ValueError, match="paint takes no option 'sice'; did you mean 'size'"):
        check_options("paint", ["size", "sice"], ["size", "pen"])
    with pytest.raises(ValueError, match="paint takes no option 'colour'; it takes size, pen"):
        check_options("paint", ["colour"], ["size", "pen"])
    with pytest.raises(ValueError, match="task 'goto' takes no option 'dificulty'; did you mean 'difficulty'"):
        make_task("goto", {"dificulty": 2})
    with pytest.raises(ValueError, match="the world of task 'goto' takes no option 'vew'; did you mean 'view'"):
        make_task("goto").open("val_seen", vew="none")


@pytest.mark.parametrize("name", TASKS)
def test_every_option_is_explained_and_has_one_meaning(name: str) -> None:
    spec = TASKS[name]
    for option in spec.options.values():
        assert option.help, option.name
    of_agent, of_training = AgentConfig.__dataclass_fields__, TrainConfig.__dataclass_fields__
    names = [*spec.task_options, *spec.world_options, *of_agent, *of_training]
    assert len(names) == len({*names}), "one flag would mean two things"


def test_the_values_that_have_a_name_are_those_there_are() -> None:
    assert set(get_args(ViewName)) == set(VIEWS)
    assert set(get_args(Heading)) == set(HEADINGS)
    assert set(get_args(Protocol)) == set(PROTOCOLS)
    assert set(READINGS) < set(get_args(Question))


def test_gymnasium_takes_options_as_plain_keywords() -> None:
    env = gymnasium.make("vln/GoTo-v0", split="val_seen", difficulty=1, view="symbols", size=5)
    assert env.observation_space["view"].shape[:2] == (5, 5)  # type: ignore[index]
    with pytest.raises(ValueError, match="goto takes no option 'patch'"):
        gymnasium.make("vln/GoTo-v0", patch=3)
    with pytest.raises(ValueError, match="repeatones takes no option 'lenght'; did you mean 'length'"):
        gymnasium.make_vec("vln/RepeatOnes-v0", num_envs=2, lenght=3)


@pytest.mark.parametrize("name", ["glimpse", "goto", "r2r", "characters", "copy"])
def test_help_tells_what_concerns_a_task(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with standing_in(tmp_path):
        with pytest.raises(SystemExit):
            run("train", name, "--help")
        short = capsys.readouterr().out
        with pytest.raises(SystemExit):
            run("train", name, "--help-all")
        full = capsys.readouterr().out
    assert len(short.splitlines()) < ACROSS
    for option in TASKS[name].options:
        flag = option.replace("_", "-")
        assert f"{flag} " in short
        assert flag in full
    others = {option for spec in TASKS.values() for option in spec.options} - TASKS[name].options.keys()
    assert not [option for option in others if f"--{option.replace('_', '-')} " in f"{short} "]


def test_a_flag_that_a_task_does_not_take_is_refused_before_anything_runs(tmp_path: Path) -> None:
    with standing_in(tmp_path):
        with pytest.raises(SystemExit, match=r"goto takes no --patch \(it is an option of glimpse"):
            run("train", "goto", "--patch", "3")
        with pytest.raises(SystemExit, match=r"goto takes no --dificulty; did you mean --difficulty\?"):
            run("train", "--dificulty=3")
        with pytest.raises(SystemExit, match="name the task before all flags"):
            run("train", "--attention", "glimpse")
        assert not [*tmp_path.iterdir()]


def unused_options(world: World[Any], **options: Any) -> list[str]:
    return [
        *make_agent(world.spaces, world.action_space, world.num_answers, options, world.scores_answers).unused_options
    ]


def test_an_agent_knows_which_of_its_options_change_nothing() -> None:
    codes, frames = tiny_world("symbols"), tiny_world("first_person")
    bits = make_task("parity").open("val")
    assert not unused_options(
        codes,
        view_dropout=0.1,
        word_dropout=0.1,
        spatial_attention=True,
        bidirectional=True,
        forget_bias=2.0,
        orthogonal=True,
    )
    assert unused_options(frames, view_dropout=0.1) == ["view_dropout"]
    assert unused_options(codes, view_encoder="conv", action_std=0.5) == ["view_encoder", "action_std"]
    assert unused_options(codes, memory="gru", forget_bias=2.0) == ["forget_bias"]
    assert unused_options(codes, memory="lru", orthogonal=True) == ["orthogonal"]
    assert unused_options(bits, spatial_attention=True, action_std=0.2) == ["spatial_attention", "action_std"]


def test_an_option_that_would_change_nothing_in_the_agent_is_refused(tmp_path: Path) -> None:
    with standing_in(tmp_path):
        with pytest.raises(ValueError, match="--spatial-attention would change nothing: leave it out"):
            run("train", "parity", "--spatial-attention", "--updates", "1", "--threads", "1")
        assert not (tmp_path / "runs").exists()
        # A baseline lacks a part, and with it a use for some options.
        few = ("--difficulty", "1", "--houses", "512", *FEW)
        assert run("train", "goto", "--baselines", "1", "--view-dropout", "0.1", "--word-dropout", "0.1", *few)


FILE = """
from neighbour import SIDE
from vln.envs.rooms.task import rooms
from vln.tasks import Task

print("run")

def corner(difficulty: int = 1, colours: int = SIDE) -> Task:
    '''A corner. difficulty: how hard. colours: how many.'''
    return rooms("GoTo", difficulty)
"""


def test_a_file_of_ones_own_has_its_options_on_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with standing_in(tmp_path):
        (tmp_path / "mine.py").write_text(FILE)
        (tmp_path / "neighbour.py").write_text("SIDE = 4\n")
        assert run("train", "mine.py:corner", "--colours", "2", "--view", "symbols", "--baselines", "0", *FEW)
        folder = str(tmp_path / "runs" / "mine")
        capsys.readouterr()
        table = run("evaluate", folder, "--trust-code", "--difficulty", "2", "--episodes", "2", "--threads", "1")
        assert table["task"] == "goto (difficulty 2)"
        assert "run\n" not in capsys.readouterr().out  # a file is run once in a process
        with pytest.raises(SystemExit, match=r"mine\.py:corner takes no --color; did you mean --colours"):
            run("train", "mine.py:corner", "--color", "2")


OWN = '''
from torch import nn
from vln.policies import Categorical
from vln.agent import Agent, Decision
from vln.agents.recurrent.cells import Elman

class Reflex(Agent):
    """Goes by its last move alone, and forgets.

    wide: how wide it is. steady: whether it always does the same.
    """

    def __init__(self, spaces, moves, answers, wide: int = 4, steady: bool = False) -> None:
        super().__init__()
        self.wide = wide
        self.see = nn.Embedding(spaces["previous"].n, wide)
        self.policy = nn.Linear(wide, moves.n)

    def initial(self, batch):
        return {}

    def forward(self, observation, memory, starts):
        logits = self.policy(self.see(observation["previous"]))
        return Decision(Categorical(logits=logits), logits.mean(dim=-1)), {}

def Cell(inputs, size, leak: float = 0.0):
    """An Elman cell.

    leak: what it says that it was told.
    """
    print("made", leak)
    return Elman(inputs, size)

class Halves(nn.Module):
    """Sees a symbol as one of two."""

    def __init__(self, space, context, config):
        super().__init__()
        self.size = 2
        self.see = nn.Linear(1, 2)

    def forward(self, values, context):
        return self.see((values % 2).to(self.see.weight.dtype)[..., None])

def Nothing(spaces, moves, answers):
    return nn.Linear(1, 1)
'''


def test_an_agent_of_ones_own_trains_is_judged_and_needs_consent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with standing_in(tmp_path):
        (tmp_path / "mine.py").write_text(OWN)
        own = ("goto", "--agent", "mine.py:Reflex")
        with pytest.raises(SystemExit):
            run("train", *own, "--help")
        assert "how wide it is." in capsys.readouterr().out.partition("--agent.wide 4")[2].partition("\n")[0]
        assert run("train", *own, "--agent.wide", "6", "--baselines", "1", *SHORT)
        folder = tmp_path / "runs" / "goto"
        assert plan_of(folder).agent_options == {"agent": str(tmp_path / "mine.py:Reflex"), "wide": 6}
        assert plan_of(folder / "deaf").agent_options["wide"] == 6
        judged = ("--episodes", "4", "--threads", "1")
        with pytest.raises(SystemExit, match=r"would have .*mine\.py run as a program.*--trust-code"):
            run("evaluate", str(folder), *judged)
        with pytest.raises(ValueError, match=r"would have .*mine\.py run as a program"):
            open_run(folder, make_task, make_agent)
        assert {"agent", "blind", "deaf"} <= set(run("evaluate", str(folder), "--trust-code", *judged)["rows"])
        assert run("train", "--resume", str(folder), "--trust-code", "--threads", "1")


OWN_ENCODER = """
from torch import nn

class Flat(nn.Module):
    def __init__(self, space, context, config):
        super().__init__()
        self.size = config.view_dim
        self.layer = nn.Linear(int(space.low.size), self.size)

    def forward(self, observed, context):
        return self.layer(observed.flatten(2).to(self.layer.weight.dtype)).relu()
"""


def test_an_encoder_of_ones_own_trains_beside_a_blind_baseline_that_has_no_use_for_it(tmp_path: Path) -> None:
    with standing_in(tmp_path):
        (tmp_path / "mine.py").write_text(OWN_ENCODER)
        assert run("train", "goto", "--encoder", "view=mine.py:Flat", "--baselines", "1", *SHORT)
        folder = tmp_path / "runs" / "goto"
        assert plan_of(folder).agent_options["encoders"] == {"view": str(tmp_path / "mine.py:Flat")}
        judged = ("--episodes", "4", "--threads", "1")
        with pytest.raises(SystemExit, match=r"would have .*mine\.py run as a program.*--trust-code"):
            run("evaluate", str(folder), *judged)
        assert {"agent", "blind", "deaf"} <= set(run("evaluate", str(folder), "--trust-code", *judged)["rows"])
        with pytest.raises(ValueError, match=r"no observation is called \['veiw'\]"):
            run("train", "goto", "--encoder", "veiw=mine.py:Flat", "--name", "other", "--baselines", "0", *SHORT)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("--agent mine.py:Reflex --agent.wyde 3", "takes no --agent.wyde; did you mean --agent.wide"),
        ("--agent mine.py:Reflex --hidden 3", "--hidden is of agents that come with vln"),
        ("--agent mine.py:Reflect", "mine.py has nothing called 'Reflect'"),
        ("--agent reflex", "--agent is FILE.py:NAME of an agent of your own"),
        ("--agent nowhere.py:Reflex", "no file 'nowhere.py'"),
        ("--agent mine.py:Nothing", r"makes no vln\.agent\.Agent but Linear"),
        ("--memory mine.py:Memory", "mine.py has nothing called 'Memory'"),
        ("--memory lstn", "no memory is called 'lstn'"),
    ],
)
def test_what_is_no_agent_or_cell_of_ones_own_is_refused(arguments: str, complaint: str, tmp_path: Path) -> None:
    with standing_in(tmp_path):
        (tmp_path / "mine.py").write_text(OWN)
        with pytest.raises((SystemExit, ValueError), match=complaint):
            run("train", "parity", *arguments.split(), "--updates", "1", "--baselines", "0", "--threads", "1")
        assert not (tmp_path / "runs").exists()


def test_a_cell_of_ones_own_trains_and_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with standing_in(tmp_path):
        (tmp_path / "mine.py").write_text(OWN)
        few = "--updates 2 --num-envs 2 --unroll-length 4 --hidden 8 --word-dim 0 --threads 1 --teacher-share-end 1"
        few += " --baselines 0"
        own = ("parity", "--memory", "mine.py:Cell")
        with pytest.raises(SystemExit):
            run("train", *own, "--help")
        assert "what it says that it was told." in capsys.readouterr().out.partition("--memory.leak 0.0")[2]
        with pytest.raises(SystemExit, match=r"takes no --memory\.leek; did you mean --memory\.leak"):
            run("train", *own, "--memory.leek", "1")
        assert run("train", *own, "--memory.leak", "0.25", *few.split())
        assert "made 0.25" in capsys.readouterr().out
        folder = str(tmp_path / "runs" / "parity")
        with pytest.raises(SystemExit, match="run as a program"):
            run("evaluate", folder)
        assert run("evaluate", folder, "--trust-code", "--threads", "1")["rows"]["agent"]
        assert "made 0.25" in capsys.readouterr().out
        assert run("train", *own, *few.split(), "--name", "set", "--set", "memory.leak=0.5")
        assert "made 0.5" in capsys.readouterr().out


def test_an_encoder_of_ones_own_sees_in_place_of_ours(tmp_path: Path) -> None:
    with standing_in(tmp_path):
        (tmp_path / "mine.py").write_text(OWN)
        few = "--updates 2 --num-envs 2 --unroll-length 4 --hidden 8 --threads 1 --teacher-share-end 1 --baselines 0"
        with pytest.raises(SystemExit, match=r"--encoder takes NAME=FILE\.py:ENCODER, .*, not 'input'"):
            run("train", "parity", "--encoder", "input", *few.split())
        with pytest.raises(ValueError, match=r"no observation is called \['taken'\]; there are input"):
            run("train", "parity", "--encoder", "taken=mine.py:Halves", *few.split())
        assert run("train", "parity", "--encoder", "input=mine.py:Halves", *few.split())
        folder = tmp_path / "runs" / "parity"
        assert plan_of(folder).agent_options["encoders"] == {"input": str(tmp_path / "mine.py:Halves")}
        with pytest.raises(SystemExit, match="run as a program"):
            run("evaluate", str(folder))
        assert run("evaluate", str(folder), "--trust-code", "--threads", "1")["rows"]["agent"]
