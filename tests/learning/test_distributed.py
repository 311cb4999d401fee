"""A team of processes trains as one would: one gradient, the same weights everywhere, nothing lost when it goes on."""

import os
import shutil
import signal
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.tiny import loss_of, tiny_agent, tiny_world
from torch import Tensor

from vln.agent import Decision
from vln.learning.checkpoints import load_checkpoint
from vln.learning.config import TrainConfig
from vln.learning.distributed import SINGLE_PROCESS, Processes, launch
from vln.learning.interruptions import stop_status
from vln.learning.learner import Learner
from vln.learning.rollouts import Rollout
from vln.learning.training import CHECKPOINT, train

PAIR = TrainConfig(updates=6, num_envs=4, unroll_length=4, warmup_updates=2, num_processes=2, bfloat16=False)


def train_together(folder: Path, team: Processes, resume: bool = False, ranks: Sequence[int] = ()) -> tuple[bool, int]:
    """Whether a training came to its end, and the exit status it has. ranks: of processes that SIGTERM comes to."""
    updates = 0

    def loss(decision: Decision, rollout: Rollout) -> Tensor:
        nonlocal updates
        updates += 1
        if updates == 3 and team.rank in ranks:
            os.kill(os.getpid(), signal.SIGTERM)
        return loss_of(PAIR)(decision, rollout)

    ended = train(tiny_world(), tiny_agent(), PAIR, folder, resume=resume, loss=loss, live=False, team=team)
    return ended, stop_status()


def interrupt_together(folder: Path, team: Processes) -> dict[str, tuple[bool, int]]:
    """Several trainings one after the other, of which some are broken off by a signal to one process, and to all."""
    endings = {"unbroken": train_together(folder / "unbroken", team)}
    for name, ranks in (("leader", (0,)), ("follower", (1,)), ("group", (0, 1))):
        endings[name] = train_together(folder / name, team, ranks=ranks)
        if team.is_main:
            shutil.copytree(folder / name, folder / f"{name}, gone on with")
        team.max(0)  # it is there
        endings[f"{name}, gone on with"] = train_together(folder / f"{name}, gone on with", team, resume=True)
    return endings


def first_gradients(team: Processes) -> tuple[Tensor, Tensor, list[bool]]:
    """The gradient of a first update before and after it is shared, and whether all have the same weights after two."""
    learner = Learner.begin(tiny_world(), tiny_agent(), replace(PAIR, max_grad_norm=1e9), team)
    own: list[Tensor] = []

    def keep(values: Tensor) -> None:
        own.append(values.clone())

    learner.quick.policy.layer.weight.register_hook(keep)
    learner.learn()
    shared = learner.agent.policy.layer.weight.grad
    assert isinstance(shared, Tensor)
    shared = shared.clone()
    learner.learn()
    weights = torch.cat([values.detach().flatten() for values in learner.agent.parameters()])
    everyone = team.gather((own[0], weights))
    if not team.is_main:
        return shared, shared, []
    mean = torch.stack([part[0] for part in everyone]).mean(dim=0)
    return shared, mean, [bool((part[1] == weights).all()) for part in everyone]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the team of these tests has trained."""
    return tmp_path_factory.mktemp("team")


@pytest.fixture(scope="module")
def results(folder: Path) -> Any:
    """What a team has done that is assembled once, since that takes seconds: its gradients, and how trainings ended."""
    return launch(2, partial(work, folder))


def work(folder: Path, team: Processes) -> Any:
    return first_gradients(team), interrupt_together(folder, team)


def test_alone_a_team_changes_nothing() -> None:
    values = torch.arange(3.0)
    assert SINGLE_PROCESS.is_main
    assert SINGLE_PROCESS.mean(values) is values
    assert SINGLE_PROCESS.gather("part") == ["part"]
    assert SINGLE_PROCESS.max(15) == 15


def test_all_processes_descend_the_mean_of_their_gradients_and_keep_the_same_weights(results: Any) -> None:
    shared, mean, same = results[0]
    torch.testing.assert_close(shared, mean)
    assert same == [True, True]


def test_a_team_stops_whichever_process_a_signal_comes_to_and_goes_on_as_before(folder: Path, results: Any) -> None:
    endings = results[1]
    unbroken = load_checkpoint(folder / "unbroken" / CHECKPOINT).arrays
    for name in ("leader", "follower", "group"):
        assert endings[name] == (False, 128 + signal.SIGTERM)
        assert load_checkpoint(folder / name / CHECKPOINT).facts["update"] == 3
        assert endings[f"{name}, gone on with"] == (True, 0)
        again = load_checkpoint(folder / f"{name}, gone on with" / CHECKPOINT).arrays
        assert again.keys() == unbroken.keys()
        assert all(np.array_equal(again[array], unbroken[array]) for array in again)


def test_each_process_lives_episodes_of_its_own() -> None:
    courses = [Learner.begin(tiny_world(), tiny_agent(), PAIR, Processes(rank, 2)).rollout_state for rank in (0, 1)]
    alone = Learner.begin(tiny_world(), tiny_agent(), replace(PAIR, num_processes=1)).rollout_state
    assert np.concatenate([course.sampler.key for course in courses]).tolist() == alone.sampler.key.tolist()


def test_a_checkpoint_of_one_process_is_not_gone_on_with_by_two(tmp_path: Path) -> None:
    train(tiny_world(), tiny_agent(), replace(PAIR, num_processes=1), tmp_path, live=False)
    with pytest.raises(ValueError, match="in 1 processes, this one is in 2"):
        train(tiny_world(), tiny_agent(), PAIR, tmp_path, resume=True, live=False, team=Processes(0, 2))


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"num_envs": 3}, "3 environments can't be shared"), ({"num_processes": 0}, "num_processes")],
)
def test_slots_are_shared_out_evenly(changes: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(PAIR, **changes)


def test_a_team_has_the_size_the_lessons_are_for() -> None:
    with pytest.raises(ValueError, match="for 2 processes; this team has 1"):
        Learner.begin(tiny_world(), tiny_agent(), PAIR)
