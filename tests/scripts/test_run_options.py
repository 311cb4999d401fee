"""What is said beside a run is done or refused; a run is whole, and can be pointed to where its files are now."""

import json
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.commands import FEW, run, standing_in
from helpers.graph_worlds import RECORD, connectivity, write_folder

from vln.learning.checkpoints import load_checkpoint
from vln.learning.training import CHECKPOINT
from vln.runs.run import plan_of

CORNER = """
from vln.envs.rooms.task import rooms
TASK = rooms("GoTo", difficulty=1)
"""
WRITER = (
    "--unroll-length 6 --episode-length 30 --teacher-share-end 1 --updates 2 --num-envs 2"
    " --hidden 8 --word-dim 0 --threads 1 --baselines 0.5"
)
JUDGED = ("--episodes", "4", "--threads", "1")


@pytest.fixture(autouse=True)
def here(tmp_path: Path) -> Iterator[Path]:
    with standing_in(tmp_path):
        yield tmp_path


@pytest.fixture(scope="module")
def walker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run in rooms, begun without baselines."""
    with standing_in(tmp_path_factory.mktemp("walker")) as folder:
        assert run("train", "goto", "--difficulty", "1", "--baselines", "0", *FEW)
    return folder / "runs" / "goto"


def test_an_option_beside_a_run_takes_the_place_of_its_own(walker: Path) -> None:
    own = run("evaluate", str(walker), *JUDGED)
    harder = run("evaluate", str(walker), "--difficulty", "2", *JUDGED)
    assert harder["task"] == "goto (difficulty 2)"
    assert own["task"] == "goto"
    length = "trajectory_length"
    assert harder["rows"]["expert"][length]["mean"] > own["rows"]["expert"][length]["mean"]
    short = run("evaluate", str(walker), "--max-steps", "2", *JUDGED)
    assert short["rows"]["random"][length]["mean"] <= 2


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("--view top_down", "what is shown differs: view is"),
        ("--patch 3", "goto takes no --patch .it is an option of glimpse"),
        ("--text hello", "goto takes no --text .it is an option of characters"),
        ("--agent random", "a run's table holds every agent"),
        ("--trust 0.5", "give --speaker"),
        ("--speaker runs/x", "give --beam"),
        ("--replays 3", "give --report"),
        ("--beam 0", "at least 1, not 0"),
        ("--trajectories x.json --episodes 3", "leave out --episodes"),
    ],
)
def test_what_would_change_nothing_or_can_not_be_done_is_refused(walker: Path, arguments: str, complaint: str) -> None:
    with pytest.raises((SystemExit, ValueError), match=complaint):
        run("evaluate", str(walker), *arguments.split())


def test_an_agent_that_can_not_be_watched_is_named(walker: Path) -> None:
    with pytest.raises(SystemExit, match=r"no agent is called 'chance'; there are agent, random"):
        run("watch", str(walker), "--agent", "chance", "--video", "x.mp4")
    with pytest.raises(SystemExit, match="--draw is for the agent of a run"):
        run("evaluate", "--agent", "random", "--task", "goto", "--draw")


@pytest.mark.parametrize("said", [["--recipe", "demo"], ["--recipe=demo"]])
def test_a_recipe_is_heeded_however_it_is_written(said: list[str]) -> None:
    options = __import__("train").read([*said, "--num-envs", "32"])
    assert (options.task, options.train_config.updates, options.train_config.num_envs) == ("goto", 2800, 32)


@pytest.mark.parametrize(
    "arguments", [["--updates", "9"], ["--updates=9"], ["--view", "none"], ["--recipe=demo"], ["--teacher_last", "1"]]
)
def test_a_run_that_goes_on_refuses_other_settings(walker: Path, arguments: list[str]) -> None:
    flag = arguments[0].partition("=")[0]
    with pytest.raises(SystemExit, match=rf"so {flag} would change nothing.*--init-from {walker}"):
        run("train", "--resume", str(walker), *arguments)
    with pytest.raises(SystemExit, match="is of task goto and goes on with that, not with route"):
        run("train", "route", "--resume", str(walker))


def test_baselines_are_trained_as_a_run_began_or_as_is_said_now(walker: Path, here: Path) -> None:
    shutil.copytree(walker, here / "mine")
    assert run("train", "--resume", "mine", "--threads", "1")
    assert not (here / "mine" / "blind").exists()
    assert run("train", "--resume", "mine", "--baselines", "0.5", "--threads", "1")
    assert plan_of(here / "mine" / "blind").config.updates == 2
    with pytest.raises(SystemExit, match=r"mine/blind is trained for 2 updates, not for 4"):
        run("train", "--resume", "mine", "--baselines", "1", "--threads", "1")


@pytest.fixture
def moved(here: Path) -> Path:
    """A run whose text lies somewhere else by now."""
    (here / "old").mkdir()
    (here / "old" / "text.txt").write_text("the cat sat on the mat\n" * 40)
    assert run("train", "characters", "--text", "old/text.txt", "--name", "writer", *WRITER.split())
    (here / "old").rename(here / "new")
    return here / "runs" / "writer"


def test_every_command_finds_a_text_that_was_moved(moved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    now = ("--text", "new/text.txt")
    table = run("evaluate", str(moved), *now, *JUDGED)
    assert table["task"] == "characters"
    assert table["rows"]["agent"]["bits"]["mean"] > 0
    run("analyse", "cells", str(moved), *now, "--episodes", "2", "--drawn", "0", "--json", "found.json")
    run("analyse", "gradients", "--run", str(moved), *now, "--memories", "elman", "--num-envs", "2", "--length", "10")
    assert run("train", "--resume", str(moved), *now, "--threads", "1")
    capsys.readouterr()
    run("write", str(moved), "--prompt", "the ", "--length", "3", "--threads", "1")
    assert len(capsys.readouterr().out) == len("the ") + 3 + 1


def test_what_a_run_names_is_opened_only_with_consent(moved: Path, here: Path) -> None:
    for script, arguments in (("evaluate", [str(moved)]), ("train", ["--resume", str(moved)])):
        with pytest.raises((SystemExit, ValueError), match=r"have .*old/text\.txt opened.*--text PATH.*--trust-paths"):
            run(script, *arguments)
    (here / "new").rename(here / "old")
    (here / "elsewhere").mkdir()
    with standing_in(here / "elsewhere"):  # its text is named from the root
        assert run("evaluate", str(moved), "--trust-paths", *JUDGED)["task"] == "characters"


def test_a_run_is_judged_on_another_text_in_its_own_alphabet(moved: Path, here: Path) -> None:
    (here / "other.txt").write_text("a cat on a mat\n" * 40)
    assert run("evaluate", str(moved), "--text", "other.txt", *JUDGED)["task"] == "characters (text other.txt)"
    (here / "other.txt").write_text("a dog\n" * 90)
    with pytest.raises(ValueError, match=r"split val of other\.txt: character 'd' .* is not in the alphabet"):
        run("evaluate", str(moved), "--text", "other.txt", *JUDGED)


def test_a_file_that_a_run_names_is_run_only_with_consent(here: Path) -> None:
    (here / "corner.py").write_text(CORNER)
    assert run("train", "corner.py:TASK", "--baselines", "0", *FEW)
    folder = str(here / "runs" / "corner")
    (here / "corner.py").write_text(f"open('{here}/ran', 'w')\n{CORNER}")
    for script, arguments in (("evaluate", [folder]), ("train", ["--resume", folder])):
        with pytest.raises((SystemExit, ValueError), match=r"would have .*corner\.py run as a program.*--trust-code"):
            run(script, *arguments)
    run("watch", folder, "--task", "goto", "--difficulty", "1", "--episodes", "1", "--video", "seen.mp4")
    assert not (here / "ran").exists()
    assert run("evaluate", folder, "--trust-code", *JUDGED)["task"] == "goto"
    assert (here / "ran").exists()
    (here / "corner.py").rename(here / "mine.py")
    assert run("train", "mine.py:TASK", "--resume", folder, "--threads", "1")


def test_what_says_how_to_go_on_can_be_followed_as_printed(moved: Path, here: Path) -> None:
    (here / "new").rename(here / "old")
    with pytest.raises(SystemExit) as refused:
        run("train", "characters", "--text", "old/text.txt", "--name", "writer", *WRITER.split())
    advice = shlex.split(str(refused.value).partition("go on with ")[2].partition(", or")[0])
    assert advice == ["--resume", "runs/writer", "--text", str(here / "old" / "text.txt")]
    assert run("train", *advice, "--threads", "1")


def annotated(data: Path, name: str, *records: dict[str, Any]) -> Path:
    (data / "r2r").mkdir(parents=True, exist_ok=True)
    (data / "r2r" / name).write_text(json.dumps(records))
    return data / "r2r" / name


def test_a_run_of_r2r_is_judged_on_another_file_in_the_words_it_knows(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_folder(here / "data" / "matterport", hall=connectivity())
    says = ["walk on and turn right", "turn right and walk on", "walk right on and turn"]
    annotated(here / "data", "R2R_train.json", RECORD | {"instructions": says})
    annotated(here / "data", "R2R_val_seen.json", RECORD | {"instructions": says[:1]})
    arguments = ("--data", "data", "--validation-scans", "0", "--baselines", "0.5")
    assert run("train", "r2r", *arguments, *FEW)
    words = load_checkpoint(Path("runs/r2r") / CHECKPOINT).facts["words"]
    assert sorted(words) == ["and", "on", "right", "turn", "walk"]
    (here / "data").rename(here / "there")
    other = annotated(here / "there", "other.json", RECORD | {"instructions": ["walk to the zeppelin, the big one"]})
    # Neither the words of train nor any other split is needed.
    (here / "there" / "r2r" / "R2R_train.json").unlink()
    table = run("evaluate", "runs/r2r", "--data", "there", "--annotations", str(other), *JUDGED)
    assert (table["task"], table["split"]) == ("r2r (annotations other.json)", "file")
    assert {"agent", "shuffled", "blind", "deaf"} <= set(table["rows"])
    assert "7 of the 8 words (87.5%) are unknown, 6 different ones; the commonest: the (2)" in capsys.readouterr().err
