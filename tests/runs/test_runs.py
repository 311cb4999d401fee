"""Runs: a folder tells all that is needed to make the trained agent again."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.tiny import SMALL, tiny

from vln.agents.recurrent_agent import RecurrentAgent
from vln.agents.registry import make_agent
from vln.agents.scripted import scripted_for
from vln.envs.rooms.phrases import WORDS
from vln.evaluation.evaluate import evaluate
from vln.evaluation.tables import table_of
from vln.language import Vocabulary
from vln.learning.checkpoints import Checkpoint, load_checkpoint, save_checkpoint
from vln.learning.config import TrainConfig
from vln.learning.training import CHECKPOINT
from vln.pages.report import write_page
from vln.runs.plan import Plan, Trust, doubt
from vln.runs.run import begin_run, open_run, plan_of
from vln.tasks import BLIND_AND_DEAF, Task

CONFIG = TrainConfig(updates=2, num_envs=2, unroll_length=3)
PLAN = Plan(
    "goto", CONFIG, world_options={"size": 5, "max_steps": 9}, agent_options=asdict(SMALL), without=("instruction",)
)


def make_tiny(name: str, options: Any) -> Task:
    return tiny({"goto": "GoTo", "find": "Find"}[name])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    assert begin_run(tmp_path / "run", PLAN, make_tiny, make_agent)
    return tmp_path / "run"


def test_a_plan_survives_being_written_as_json() -> None:
    again = Plan.of(json.loads(json.dumps(asdict(PLAN))))
    assert again.config == PLAN.config
    assert json.dumps(asdict(again)) == json.dumps(asdict(PLAN))


def test_a_run_is_opened_as_it_was_trained(folder: Path) -> None:
    run = open_run(folder, make_tiny, make_agent)
    stored = load_checkpoint(folder / CHECKPOINT).part("agent")
    own = run.agent.state_dict()
    assert own.keys() == stored.keys()
    assert all(torch.equal(own[name], torch.from_numpy(stored[name])) for name in own)
    world = run.open("val_unseen")
    assert world.max_steps == 9
    assert world.spaces["view"].shape == (5, 5, 3)
    assert not run.agent.training
    assert all(0 <= outcome.metrics()["spl"] <= 1 for outcome in evaluate(world, run.agent))


def test_a_run_says_what_it_is_of(folder: Path) -> None:
    assert json.dumps(asdict(plan_of(folder))) == json.dumps(asdict(PLAN))


@pytest.mark.parametrize(("name", "kept"), [("blind", ("instruction", "previous")), ("deaf", ("view", "previous"))])
def test_a_baseline_is_the_same_plan_without_a_sense(name: str, kept: tuple[str, ...], tmp_path: Path) -> None:
    whole = replace(PLAN, without=())
    baseline = whole.of_baseline(name, make_tiny("goto", {}).baselines[name], updates=1)
    assert begin_run(tmp_path, baseline, make_tiny, make_agent)
    run = open_run(tmp_path, make_tiny, make_agent)
    assert isinstance(run.agent, RecurrentAgent)
    assert {name for part in (run.agent.readers, run.agent.encoders.by_name) for name, _ in part.items()} == {*kept}


def test_a_run_begins_with_the_weights_of_another_and_with_the_words_both_know(tmp_path: Path) -> None:
    def other(name: str, options: Any) -> Task:
        return replace(make_tiny(name, options), words=Vocabulary(("zeppelin", *reversed(WORDS[5:]))))

    hearing = replace(PLAN, without=(), config=replace(CONFIG, updates=1, learning_rate=0.0))
    assert begin_run(tmp_path / "one", replace(hearing, config=CONFIG), make_tiny, make_agent)
    heir = replace(hearing, init_from=str(tmp_path / "one"))
    assert begin_run(tmp_path / "two", heir, other, make_agent)
    one, two = (load_checkpoint(tmp_path / name / CHECKPOINT) for name in ("one", "two"))
    rows = {name: run.arrays["agent/readers.instruction.embed.weight"] for name, run in (("one", one), ("two", two))}
    for word in WORDS[5:]:
        at = {name: 2 + run.facts["words"].index(word) for name, run in (("one", one), ("two", two))}
        np.testing.assert_array_equal(rows["one"][at["one"]], rows["two"][at["two"]])
    for name in one.part("agent").keys() - {"readers.instruction.embed.weight"}:
        np.testing.assert_array_equal(one.part("agent")[name], two.part("agent")[name])
    assert heir.of_baseline("blind", BLIND_AND_DEAF["blind"], 1).init_from == str(tmp_path / "one" / "blind")


def test_a_run_of_another_shape_is_no_beginning(folder: Path, tmp_path: Path) -> None:
    larger = replace(PLAN, agent_options=asdict(replace(SMALL, hidden=20)), init_from=str(folder))
    with pytest.raises(ValueError, match="the checkpoint is of another agent"):
        begin_run(tmp_path / "larger", larger, make_tiny, make_agent)


def test_a_run_of_another_cell_is_no_beginning_though_its_weights_would_fit(folder: Path, tmp_path: Path) -> None:
    begun = replace(PLAN, agent_options=asdict(replace(SMALL, memory="elman")))
    begin_run(tmp_path / "tanh", begun, make_tiny, make_agent)
    heir = replace(PLAN, agent_options=asdict(replace(SMALL, memory="elman-relu")), init_from=str(tmp_path / "tanh"))
    with pytest.raises(ValueError, match="its memory is 'elman', this agent's 'elman-relu'"):
        begin_run(tmp_path / "relu", heir, make_tiny, make_agent)


def test_a_run_keeps_the_words_it_was_trained_with(folder: Path) -> None:
    def changed(name: str, options: Any) -> Task:
        return replace(make_tiny(name, options), words=Vocabulary(("zeppelin",)))

    assert open_run(folder, changed, make_agent).open("val_seen").vocabulary.words == WORDS


def test_an_agent_needs_no_task_and_a_task_needs_consent(folder: Path) -> None:
    def gone(name: str, options: Any) -> Task:
        raise FileNotFoundError("the task is gone")

    assert open_run(folder, gone, make_agent).agent(*_moment())[0].value.shape == (1, 1)
    for changed, trust, said in (
        ({"task": "mine.py:TASK"}, Trust(paths=True), "mine.py run as a program"),
        ({"agent_options": {"encoders": {"view": "mine.py:Eye"}}}, Trust(paths=True), "mine.py run as a program"),
        ({"task_options": {"data": "some/where"}}, Trust(code=True), "some/where opened, where its data was"),
        ({"world_options": {"features": str(folder)}}, Trust(code=True), "where its features was"),
    ):
        plan = replace(PLAN, **changed)
        assert said in doubt(folder, plan, trust)
        assert not doubt(folder, plan, Trust(code=True, paths=True))
    assert not doubt(folder, replace(PLAN, task_options={"data": "some/where"}), Trust(), ("data",))


def _moment() -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor], torch.Tensor]:
    seen = {"view": torch.zeros(1, 1, 5, 5, 3, dtype=torch.uint8), "previous": torch.zeros(1, 1, dtype=torch.long)}
    return seen, {"core": torch.zeros(1, 2 * SMALL.hidden)}, torch.ones(1, 1, dtype=torch.bool)


def test_a_checkpoint_that_was_not_made_by_a_run_is_refused(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / CHECKPOINT, Checkpoint({}, {"update": 1}))
    for read in (plan_of, lambda folder: open_run(folder, make_tiny, make_agent)):
        with pytest.raises(ValueError, match="does not say what it is of"):
            read(tmp_path)


def test_a_run_has_the_table_and_the_page_of_its_task_with_the_baselines_in_its_folder(
    folder: Path, tmp_path: Path
) -> None:
    blind = PLAN.of_baseline("blind", BLIND_AND_DEAF["blind"], 1)
    assert begin_run(folder / "blind", blind, make_tiny, make_agent)
    run = open_run(folder, make_tiny, make_agent)
    table = run.page("val_unseen", tmp_path / "page.html", scripted_for, replays=1)
    rows = table.facts["rows"]
    assert list(rows) == ["agent", "random", "stop", "straight", "blind", "expert"]
    assert (rows["agent"]["updates"], rows["blind"]["updates"]) == (2, 1)
    assert table.facts["split"] == "val_unseen"
    assert table.facts == run.table(None, scripted_for).facts
    page = (tmp_path / "page.html").read_text()
    assert "goto: run on val_unseen" in page
    assert "fewer updates" in page


def test_a_table_without_anybody_is_refused(folder: Path) -> None:
    world = open_run(folder, make_tiny, make_agent).open("val_unseen")
    with pytest.raises(ValueError, match="at least one row"):
        table_of(world, {})
    with pytest.raises(ValueError, match="no agent in a row 'agent' to show; it has expert"):
        write_page(folder / "page.html", table_of(world, {"expert": scripted_for(world)["expert"]}, episodes=1))
