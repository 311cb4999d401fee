"""A team of processes trains as one would: one gradient, the same weights everywhere, nothing lost when it goes on."""

import os
import signal
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import tiny_agent, tiny_world
from torch import Tensor

from vln.agent import Decision
from vln.checkpoints import load_checkpoint
from vln.learning import Learner, Lessons
from vln.rollouts import Rollout
from vln.team import ALONE, Team, assemble
from vln.training import CHECKPOINT, train

PAIR = Lessons(updates=6, slots=4, window=4, warm_up=2, workers=2, half=False)


def train_together(folder: Path, resume: bool, interrupt_at: int | None, team: Team) -> bool:
    updates = 0

    def loss(decision: Decision, rollout: Rollout) -> Tensor:
        nonlocal updates
        updates += 1
        if team.leads and updates == interrupt_at:
            os.kill(os.getpid(), signal.SIGINT)
        return PAIR.loss(decision, rollout)

    return train(tiny_world(), tiny_agent(), PAIR, folder, resume=resume, loss=loss, live=False, team=team)


def first_gradients(team: Team) -> tuple[Tensor, Tensor, list[bool]]:
    """The gradient of a first update before and after it is shared, and whether all have the same weights after two."""
    learner = Learner.begin(tiny_world(), tiny_agent(), replace(PAIR, clip=1e9), team)
    own: list[Tensor] = []

    def keep(values: Tensor) -> None:
        own.append(values.clone())

    learner.quick.policy.weight.register_hook(keep)
    learner.learn()
    shared = learner.agent.policy.weight.grad
    assert isinstance(shared, Tensor)
    shared = shared.clone()
    learner.learn()
    weights = torch.cat([values.detach().flatten() for values in learner.agent.parameters()])
    everyone = team.gather((own[0], weights))
    if not team.leads:
        return shared, shared, []
    mean = torch.stack([part[0] for part in everyone]).mean(dim=0)
    return shared, mean, [bool((part[1] == weights).all()) for part in everyone]


def test_alone_a_team_changes_nothing() -> None:
    values = torch.arange(3.0)
    assert ALONE.leads
    assert ALONE.mean(values) is values
    assert ALONE.gather("part") == ["part"]
    assert ALONE.largest(15) == 15


def test_all_processes_descend_the_mean_of_their_gradients_and_keep_the_same_weights() -> None:
    shared, mean, same = assemble(2, first_gradients)
    torch.testing.assert_close(shared, mean)
    assert same == [True, True]


def test_an_interrupted_team_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    assert assemble(2, partial(train_together, tmp_path / "unbroken", False, None))
    assert not assemble(2, partial(train_together, tmp_path / "broken", False, 3))
    assert load_checkpoint(tmp_path / "broken" / CHECKPOINT).facts["update"] == 3
    assert assemble(2, partial(train_together, tmp_path / "broken", True, None))
    one, other = (load_checkpoint(tmp_path / name / CHECKPOINT).arrays for name in ("unbroken", "broken"))
    assert one.keys() == other.keys()
    assert all(np.array_equal(one[name], other[name]) for name in one)


def test_each_process_lives_episodes_of_its_own() -> None:
    courses = [Learner.begin(tiny_world(), tiny_agent(), PAIR, Team(rank, 2)).course for rank in (0, 1)]
    alone = Learner.begin(tiny_world(), tiny_agent(), replace(PAIR, workers=1)).course
    assert np.concatenate([course.stream.key for course in courses]).tolist() == alone.stream.key.tolist()


def test_a_checkpoint_of_one_process_is_not_gone_on_with_by_two(tmp_path: Path) -> None:
    train(tiny_world(), tiny_agent(), replace(PAIR, workers=1), tmp_path, live=False)
    with pytest.raises(ValueError, match="in 1 processes, this one is in 2"):
        train(tiny_world(), tiny_agent(), PAIR, tmp_path, resume=True, live=False, team=Team(0, 2))


@pytest.mark.parametrize(
    ("changes", "message"), [({"slots": 3}, "3 slots can't be shared"), ({"workers": 0}, "workers")]
)
def test_slots_are_shared_out_evenly(changes: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(PAIR, **changes)


def test_a_team_has_the_size_the_lessons_are_for() -> None:
    with pytest.raises(ValueError, match="for 2 processes; this team has 1"):
        Learner.begin(tiny_world(), tiny_agent(), PAIR)
