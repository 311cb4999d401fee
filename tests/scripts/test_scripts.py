"""The scripts as a user runs them, one after the other, on trainings of a few updates."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tyro
from helpers.commands import FEW, ROOT, run, standing_in
from helpers.data import data_folder

from vln.learning.checkpoints import load_checkpoint
from vln.learning.training import CHECKPOINT
from vln.runs.run import plan_of


@pytest.fixture(autouse=True)
def here(tmp_path: Path) -> Iterator[Path]:
    """An empty folder, where the scripts can be imported."""
    with standing_in(tmp_path):
        yield tmp_path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run with its baselines."""
    with standing_in(tmp_path_factory.mktemp("trained")) as folder:
        assert run(
            "train", "goto", "--difficulty", "1", "--view", "symbols", "--baselines", "0.5", "--name", "mine", *FEW
        )
    return folder / "runs" / "mine"


def test_a_trained_run_is_judged_beside_its_baselines_and_shown(trained: Path, here: Path) -> None:
    json_file, page = here / "tables" / "table.json", here / "report.html"
    arguments = ["--episodes", "8", "--json", str(json_file), "--report", str(page), "--replays", "2", "--threads", "1"]
    table = run("evaluate", str(trained), *arguments)
    assert list(table["rows"]) == ["agent", "random", "stop", "straight", "blind", "deaf", "expert"]
    assert json.loads(json_file.read_text()) == table
    assert table["rows"]["expert"]["success"]["mean"] == 1
    assert "goto: mine on val_unseen" in page.read_text()
    assert load_checkpoint(trained / "blind" / CHECKPOINT).facts["plan"]["config"]["updates"] == 2


def test_a_run_is_filmed(trained: Path, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("watch", str(trained), "--episodes", "2", "--video", str(here / "seen.mp4"), "--threads", "1")
    assert (here / "seen.mp4").stat().st_size > 1000
    assert "val_unseen/0/0" in capsys.readouterr().out


def test_a_run_is_asked_in_a_house_drawn_as_text(trained: Path, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = "#########/#...#...#/#.r.+..b#/#########\nr = red chair\nb = blue table\n"
    (here / "house.txt").write_text(plan.replace("/", "\n"))
    kept = ["--picture", str(here / "out" / "path.png"), "--video", str(here / "out.mp4")]
    there = ["--house", "house.txt", "--start", "1,1,east", "--max-steps", "3", "--threads", "1"]
    steps = run("ask", str(trained), "go to the blue tabel", *there, *kept)
    printed = capsys.readouterr()
    assert steps[0].pose == (1, 1, "east")
    assert f"1, 1, east     {steps[0].action} (" in printed.out
    assert "does not know 'tabel' (it knows 'table')" in printed.err
    assert all(file.stat().st_size > 1000 for file in (here / "out" / "path.png", here / "out.mp4"))
    with pytest.raises(SystemExit, match="--start row,column,heading"):
        run("ask", str(trained), "go to the blue table", "--house", "house.txt")
    with pytest.raises(SystemExit, match="give --house, or --split and --episode"):
        run("ask", str(trained), "go to the blue table", *there, "--episode", "1")


def test_a_run_is_asked_in_the_place_of_an_episode(trained: Path) -> None:
    of_task = ["--split", "val_seen", "--episode", "2", "--max-steps", "2", "--threads", "1"]
    steps = run("ask", str(trained), "go to the blue table", *of_task)
    assert 1 <= len(steps) <= 2
    with pytest.raises(SystemExit, match=r"episodes 0 to \d+, not 9999999"):
        run("ask", str(trained), "go to the blue table", "--episode", "9999999")


def test_several_runs_decide_together_and_search(trained: Path) -> None:
    table = run(
        "evaluate", str(trained), "--ensemble", str(trained), "--beam", "3", "--episodes", "4", "--threads", "1"
    )
    assert table["rows"]["agent"]["success"]["mean"] <= 1
    assert table["episodes"] == 4


def test_an_agent_makes_its_likeliest_moves_or_draws_them(trained: Path) -> None:
    def lengths(*how: str) -> list[float]:
        tables = (
            run("evaluate", str(trained), "--episodes", "8", "--threads", "1", "--seed", seed, *how)["rows"]
            for seed in "01"
        )
        return [rows["agent"]["trajectory_length"]["mean"] for rows in tables]

    likeliest, drawn = lengths(), lengths("--draw")
    assert likeliest[0] == likeliest[1]
    assert drawn[0] != drawn[1]


def test_what_can_not_be_done_is_said(trained: Path, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for script, arguments, complaint in (
        ("evaluate", ("--agent", "random", "--task", "goto", "--beam", "2"), "give the folder of one"),
        ("evaluate", ("--agent", "random", "--task", "goto", "--report", "x.html"), "a report is of a run"),
        ("evaluate", (), "give the folder of a run"),
        ("evaluate", (str(trained), "--draw", "--beam", "2"), "give --draw or --beam"),
        ("train", ("goto", "--name", "heir", "--init-from", "runs/nobody"), "holds no run to begin with"),
        ("train", ("--recipe", "dinner"), "no recipe is called 'dinner'"),
        ("watch", ("--agent", "random", "--task", "goto"), "say how to watch"),
    ):
        with pytest.raises(SystemExit, match=complaint):
            run(script, *arguments)
    monkeypatch.chdir(trained.parent.parent)
    with pytest.raises(SystemExit, match="holds a run already"):
        run("train", "goto", "--name", "mine")


def test_a_run_that_has_begun_needs_no_more_what_it_began_with(here: Path, trained: Path) -> None:
    shutil.copytree(trained, "runs/mine")
    new = ("--difficulty", "1", "--view", "symbols", "--baselines", "0")
    assert run("train", "goto", "--name", "heir", "--init-from", "runs/mine", *new, *FEW)
    shutil.rmtree("runs/mine")
    assert run("train", "--resume", "runs/heir", "--baselines", "0", "--threads", "1")


def test_a_run_is_named_after_its_task_unless_it_has_a_name() -> None:
    from recipes import Options

    assert Options(task="goto").folder == "goto"
    assert Options(task="goto", name="mine").folder == "mine"
    assert Options(task="tasks/corner.py:TASK").folder == "corner"


def test_sail_is_trained_and_judged_in_every_maze(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import recipes

    data = data_folder("sail").parent
    for name, about in (("mazes", {"houses": 3}), ("sail", {"synthetic_mazes": 3})):
        recipe = recipes.RECIPES[name]
        tiny = replace(
            recipe,
            task_options=about,
            agent_config=replace(recipe.agent_config, hidden=8, word_dim=8, view_dim=8),
            train_config=replace(recipe.train_config, updates=2, num_envs=4, unroll_length=4, num_processes=1),
            threads=1,
        )
        monkeypatch.setitem(recipes.RECIPES, name, tiny)
    arguments = ["--data", str(data), "--seeds", "2", "--baselines", "1", "--beam", "2", "--json", "sail.json"]
    rows = run("sail", *arguments)
    assert json.loads(Path("sail.json").read_text())["rows"] == rows
    # The baselines of the whole corpus, counted by hand from its records: 341 of 3,237 sentences end where they begin.
    assert rows["stop"]["sentence"]["mean"] == pytest.approx(341 / 3237)
    assert rows["expert"]["paragraph"]["mean"] == 1
    assert len(rows["agent"]["sentence"]["seeds"]) == 2
    assert len(rows["blind"]["sentence"]["seeds"]) == 1
    begun = [plan_of(Path("runs/sail/mei") / name).init_from for name in ("l-0", "l-1", "l-0/blind")]
    assert begun == [str(here / "runs/sail/mei" / name) for name in ("mazes-0", "mazes-0", "mazes-0/blind")]
    assert len(rows["synthetic only"]["paragraph"]["seeds"]) == 1
    assert {"agent, beam", "ensemble", "ensemble, beam"} <= set(rows)
    written = {path: path.stat().st_mtime_ns for path in Path("runs").rglob(CHECKPOINT)}
    module = __import__("sail")
    module.train_all(tyro.cli(module.Options, args=arguments))  # nothing is trained again
    assert {path: path.stat().st_mtime_ns for path in Path("runs").rglob(CHECKPOINT)} == written


def test_a_glimpsing_run_is_judged_beside_all_its_baselines_shown_and_filmed(here: Path) -> None:
    looking = "--looks 2 --unroll-length 2 --rule pathwise --teacher-warmup 0.5 --updates 4 --num-envs 2"
    looking += " --hidden 8 --view-dim 8 --threads 1"
    assert run("train", "glimpse", "--baselines", "0.5", *looking.split())
    run_folder = here / "runs" / "glimpse"
    table = run("evaluate", str(run_folder), "--report", str(here / "page.html"), "--threads", "1")
    rows = ["agent", "random looks", "scan", "centre", "whole, linear", "whole, conv", "chance"]
    assert list(table["rows"]) == rows
    assert table["split"] == "val"
    assert {row: table["rows"][row]["looks"]["mean"] for row in rows} == dict.fromkeys(rows, 2) | {
        "whole, linear": 1,
        "whole, conv": 1,
    }
    assert "Where it looks, by class" in (here / "page.html").read_text()
    run("watch", str(run_folder), "--episodes", "2", "--video", str(here / "seen.mp4"), "--threads", "1")
    assert (here / "seen.mp4").stat().st_size > 1000


def test_a_run_is_judged_in_another_task_that_shows_and_asks_the_same(trained: Path) -> None:
    few = ["--episodes", "4", "--threads", "1"]
    table = run("evaluate", str(trained), "--task", "gotoroom", "--difficulty", "1", "--view", "symbols", *few)
    assert table["task"] == "gotoroom"
    with pytest.raises(ValueError, match="can't be judged in glimpse so: what is shown differs: instruction"):
        run("evaluate", str(trained), "--task", "glimpse", *few)


def test_tables_of_several_seeds_become_one(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for seed, success in enumerate((0.5, 0.6, 0.7)):
        rows = {"agent": {"success": {"mean": success}, "navigation_error": {"mean": None if seed else 1.0}}}
        table = {"task": "goto", "split": "val_unseen", "episodes": 8, "seed": seed, "rows": rows}
        Path(f"{seed}.json").write_text(json.dumps(table))
    found = run("seeds", "0.json", "1.json", "2.json", "--json", "all.json")
    assert found["rows"]["agent"] == {"success": {"mean": pytest.approx(0.6), "deviation": pytest.approx(0.1)}}
    assert json.loads(Path("all.json").read_text()) == found
    assert "60.0" in capsys.readouterr().out


def test_only_like_tables_have_a_mean(here: Path) -> None:
    table: dict[str, Any] = {"task": "goto", "split": "val_unseen", "episodes": 8, "seed": 0, "rows": {}}
    Path("0.json").write_text(json.dumps(table))
    Path("1.json").write_text(json.dumps(table | {"split": "val_seen"}))
    Path("2.json").write_text("no table")
    for files, complaint in (
        (("0.json",), "two tables or more"),
        (("0.json", "1.json"), "1.json is of .*val_seen"),
        (("0.json", "2.json"), "2.json is no table"),
        (("0.json", "3.json"), "3.json is no table"),
    ):
        with pytest.raises(SystemExit, match=complaint):
            run("seeds", *files)


def test_walking_on_graphs_is_measured(here: Path) -> None:
    data = data_folder("r2r").parent
    few = "--num-envs 4 --repeats 1 --seconds 0 --episodes 4".split()  # noqa: SIM905
    rows = run("benchmark", "graphs", "--data", str(data), *few, "--json", "speeds.json")["rows"]
    assert rows["panoramic, lookahead, vector of 4"]["median"] > 0
    assert rows["judging val_unseen"]["unit"] == "episodes"
    assert json.loads(Path("speeds.json").read_text())["rows"] == rows


def test_memories_are_timed_beside_torchs_own_and_a_walk(here: Path) -> None:
    few = "--batch 2 --unroll-length 4 --hidden 8 --long-batch 2 --long-unroll-length 8 --long-hidden 8 --repeats 1"
    rows = run("benchmark", "memories", *few.split())["rows"]
    assert len(rows) == 3 * 7
    assert rows["lstm / torch's own"]["unit"] == rows["s6 / step by step"]["unit"] == "share"


def test_what_a_script_has_found_is_written_before_it_is_shown(
    trained: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rich.console import Console

    def fail(*_: object, **__: object) -> None:
        raise ArithmeticError("nobody can see this")

    monkeypatch.setattr(Console, "print", fail)
    monkeypatch.setattr("builtins.print", fail)
    few, run_folder = ("--episodes", "2", "--threads", "1"), str(trained)
    table = {"task": "goto", "split": "val", "episodes": 8, "rows": {"agent": {"success": {"mean": 0.5}}}}
    Path("0.json").write_text(json.dumps(table))
    for script, arguments, files in (
        (
            "evaluate",
            (run_folder, *few, "--json", "a/table.json", "--report", "a.html", "--replays", "1"),
            ("a/table.json", "a.html"),
        ),
        ("watch", (run_folder, *few, "--video", "seen.mp4"), ("seen.mp4",)),
        ("seeds", ("0.json", "0.json", "--json", "b/seeds.json"), ("b/seeds.json",)),
    ):
        with pytest.raises(ArithmeticError, match="nobody can see this"):
            run(script, *arguments)
        assert all(Path(file).stat().st_size for file in files), script


@pytest.mark.parametrize("name", ["table.json", "taken/table.json"])
def test_a_file_that_can_not_be_written_is_said_in_a_line(name: str, here: Path) -> None:
    from errors import plainly

    Path("taken").write_text("")
    Path("table.json").mkdir()
    with pytest.raises(SystemExit, match=r"\[Errno \d+\] .*'(table.json|taken/table.json)'"), plainly():
        Path(name).write_text("{}")


def test_only_what_the_toolkit_refuses_is_said_without_a_traceback(here: Path) -> None:
    from errors import plainly

    from vln.envs.registry import make_task

    with pytest.raises(SystemExit, match="r2r needs data"), plainly():
        make_task("r2r", {})
    with pytest.raises(ValueError, match="a fault"), plainly():
        raise ValueError("a fault of ours")
    with pytest.raises(ValueError, match="at least one array"), plainly():
        np.concatenate([])


@pytest.mark.parametrize(
    ("command", "complaint"),
    [
        ("write.py runs/none", "there is no checkpoint at runs/none"),
        ("train.py characters --text nowhere.txt", "nowhere.txt"),
        ("compare.py parity --seeds 0", "seeds must be at least 1, not 0"),
        ("analyse.py truncation --memories elman*x", "'x' is no number to multiply weights by"),
    ],
)
def test_a_command_says_in_a_line_what_it_lacks(here: Path, command: str, complaint: str) -> None:
    script, *arguments = command.split()
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / script), *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr


def test_a_script_that_refuses_its_input_says_why_and_fails(here: Path) -> None:
    command = [sys.executable, str(ROOT / "scripts" / "evaluate.py"), "--agent", "random", "--task", "r2r"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("r2r needs data")
    assert len(done.stderr.splitlines()) == 1
