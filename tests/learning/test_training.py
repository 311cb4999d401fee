"""Trainings that are stopped, by Ctrl-C or worse, go on as if they had not been; and refuse what is not theirs."""

import signal
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.root import environment, program
from helpers.tiny import GRAPHS, SMALL, Kind, tiny_agent, tiny_world
from helpers.trainee import CONFIG, SAVE_EVERY, train_here

from vln.learning.checkpoints import Checkpoint, load_checkpoint
from vln.learning.learner import Learner
from vln.learning.logs import METRICS_FILE, read_metrics
from vln.learning.training import CHECKPOINT, kept_weights, load_weights, restore, snapshot, train

IN_THE_MIDDLE = 33  # of the updates: a checkpoint was written after 30 and values were recorded after 20


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unbroken")
    assert train_here(folder)
    return folder


def recorded(folder: Path) -> list[dict[str, Any]]:
    """The lines of metrics.jsonl without what depends on the speed of the machine."""
    rows = read_metrics(folder / METRICS_FILE)
    return [{name: row[name] for name in row if "share" not in name and "per_second" not in name} for row in rows]


def assert_same(one: Path, other: Path) -> None:
    left, right = (load_checkpoint(folder / CHECKPOINT) for folder in (one, other))
    assert left.facts == right.facts
    assert left.arrays.keys() == right.arrays.keys()
    for name, array in left.arrays.items():
        assert array.dtype == right.arrays[name].dtype
        assert array.shape == right.arrays[name].shape
        assert array.tobytes() == right.arrays[name].tobytes(), name
    assert recorded(one) == recorded(other)


def test_a_training_that_was_killed_ends_as_if_it_had_not_been(unbroken: Path, tmp_path: Path) -> None:
    command = program("trainee", str(tmp_path), "SIGKILL", str(IN_THE_MIDDLE))
    assert subprocess.run(command, env=environment(), timeout=120, check=False).returncode == -signal.SIGKILL
    assert load_checkpoint(tmp_path / CHECKPOINT).facts["update"] == 30
    assert train_here(tmp_path, resume=True)
    assert_same(tmp_path, unbroken)


def test_ctrl_c_saves_and_ends_and_what_is_resumed_ends_the_same(
    unbroken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not train_here(tmp_path, hit=(signal.SIGINT, IN_THE_MIDDLE))
    assert f"stopped after update {IN_THE_MIDDLE}; what was learned is saved in {tmp_path}" in capsys.readouterr().out
    assert load_checkpoint(tmp_path / CHECKPOINT).facts["update"] == IN_THE_MIDDLE
    assert train_here(tmp_path, resume=True)
    assert_same(tmp_path, unbroken)


def test_what_is_complete_is_not_trained_any_further(unbroken: Path, tmp_path: Path) -> None:
    (tmp_path / CHECKPOINT).write_bytes((unbroken / CHECKPOINT).read_bytes())
    (tmp_path / METRICS_FILE).write_bytes((unbroken / METRICS_FILE).read_bytes())
    assert train_here(tmp_path, resume=True)
    assert_same(tmp_path, unbroken)


def test_metrics_tell_what_learning_did(unbroken: Path) -> None:
    rows = read_metrics(unbroken / METRICS_FILE)
    assert [row["update"] for row in rows] == [20, 40, 45]
    for row in rows:
        assert 0 <= row["clip_rate"] <= 1
        assert 0 <= row["success"] <= 1
        assert row["steps_per_second"] > 0
        assert sum(row[name] for name in row if name.endswith("_share")) == pytest.approx(1)


def test_there_is_nothing_to_resume_in_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no checkpoint at"):
        train_here(tmp_path, resume=True)


@pytest.mark.parametrize(
    ("kind", "complaint"),
    [
        (
            Kind(replace(SMALL, hidden=13)),
            r"of another agent: 'attention\.instruction\.ask\.weight' is \[8, 12\] there, \[8, 13\]",
        ),
        (Kind(replace(SMALL, layers=2)), r"of another agent: the checkpoint has no weights 'core\.cells\.1\.rnn"),
        (
            Kind(replace(SMALL, memory="gru")),
            r"of another agent: 'core\.cells\.0\.rnn\.bias_hh_l0' is \[48\] there, \[36\]",
        ),
        (
            Kind(replace(SMALL, memory="lru")),
            r"of another agent: the checkpoint has no weights 'core\.cells\.0\.angle'",
        ),
        (Kind(senses=("view",)), r"of another agent: this agent has no weights 'attention\.instruction\.ask\.weight'"),
    ],
)
def test_a_checkpoint_of_another_agent_is_refused_by_the_weight_that_does_not_fit(
    unbroken: Path, kind: Kind, complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        load_weights(tiny_agent(kind), load_checkpoint(unbroken / CHECKPOINT))


def test_a_checkpoint_of_other_slots_is_refused(unbroken: Path) -> None:
    learner = Learner.begin(tiny_world(), tiny_agent(), replace(CONFIG, num_envs=4))
    with pytest.raises(ValueError, match="trains 2 environments, this config 4"):
        restore(learner, load_checkpoint(unbroken / CHECKPOINT))


@pytest.mark.parametrize("view", ["symbols", *GRAPHS, "tells"])
def test_a_snapshot_holds_all_that_a_learner_is(view: str) -> None:
    one, other = (Learner.begin(tiny_world(view), tiny_agent(Kind(view=view), seed), CONFIG) for seed in (0, 1))
    for _ in range(3):
        one.learn()
    restore(other, Checkpoint(snapshot(one), {"update": one.update}))
    state = torch.get_rng_state()
    losses = [one.learn()["loss"] for _ in range(3)]
    torch.set_rng_state(state)
    assert [other.learn()["loss"] for _ in range(3)] == losses
    theirs = snapshot(other)
    assert all(np.array_equal(values, theirs[name]) for name, values in snapshot(one).items())


def test_what_is_kept_and_judged_is_the_running_mean_of_the_weights() -> None:
    agent: Any = tiny_agent()
    learner = Learner.begin(tiny_world(), agent, CONFIG)
    weights, mean = agent.value.weight, agent.value.weight.detach().clone()
    for update in range(4):
        learner.learn()
        kept = min(CONFIG.ema_decay, (1 + update) / (10 + update))
        mean = kept * mean + (1 - kept) * weights.detach()
    own = weights.detach().clone()
    judged: Any
    with learner.as_kept() as judged:
        assert judged is agent
        torch.testing.assert_close(agent.value.weight.detach(), mean)
    assert torch.equal(agent.value.weight, own)
    assert not torch.allclose(own, mean)


def test_a_run_that_is_opened_has_the_mean_and_one_that_goes_on_the_weights(unbroken: Path) -> None:
    checkpoint = load_checkpoint(unbroken / CHECKPOINT)
    opened = tiny_agent(Kind(replace(SMALL, dropout=0.1)))
    load_weights(opened, kept_weights(checkpoint))
    mean = checkpoint.arrays["mean/value.weight"]
    assert np.array_equal(opened.value.weight.detach().numpy(), mean)
    assert not np.array_equal(checkpoint.arrays["agent/value.weight"], mean)


def test_a_mean_that_a_checkpoint_lacks_is_missed() -> None:
    plain = Learner.begin(tiny_world(), tiny_agent(), replace(CONFIG, ema_decay=0.0))
    averaged = Learner.begin(tiny_world(), tiny_agent(), CONFIG)
    with pytest.raises(ValueError, match="holds no mean of the weights"):
        restore(averaged, Checkpoint(snapshot(plain), {"update": 0}))


def test_learning_that_went_wrong_leaves_the_last_good_checkpoint(tmp_path: Path) -> None:
    calls = 0

    def loss(decision: Any, rollout: Any) -> torch.Tensor:
        nonlocal calls
        calls += 1
        return decision.value.sum() * (float("nan") if calls > SAVE_EVERY else 1)

    with pytest.raises(FloatingPointError, match=f"the gradient of update {SAVE_EVERY} is not finite"):
        train(tiny_world(), tiny_agent(), CONFIG, tmp_path, loss=loss, save_every=SAVE_EVERY, live=False)
    assert load_checkpoint(tmp_path / CHECKPOINT).facts["update"] == SAVE_EVERY
