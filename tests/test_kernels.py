"""Kernels: two versions that give the same, in forked processes and threads, and a cache that stops nobody."""

import importlib
import os
import pkgutil
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from glimpses import KINDS as GLIMPSES
from tiny import HASTY, tiny

import vln
from vln.agents.scan import linear_scan
from vln.agents.scripted import Guess, Habit
from vln.agents.selective import selective_scan
from vln.devices import use_threads
from vln.envs.glimpse import eye
from vln.kernels import SharedKernel
from vln.rollouts import Course, rollout, sample

SLOTS = 70  # enough for kernels that few slots are not shared out by


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    use_threads(2)
    yield
    use_threads(before)


def shared_kernels() -> dict[int, str]:
    """The names of all that there are, by identity."""
    modules = [importlib.import_module(module.name) for module in pkgutil.walk_packages(vln.__path__, "vln.")]
    values = [(name, value) for module in modules for name, value in vars(module).items()]
    return {id(value): name for name, value in values if isinstance(value, SharedKernel)}


def call_all() -> None:
    for view in ("symbols", "first_person", "top_down"):
        world = tiny("GoTo").open("train", view=view, max_steps=12, track_sight=True)
        course = Course.begin(world, Habit(HASTY), SLOTS, seed=3)
        rollout(world, Habit(HASTY), course, 8, sample, torch.Generator(), world.teacher)
    for kind in ("three scales", "finds", "adds", "sees which way it goes"):
        glimpses = GLIMPSES[kind]()
        guess = Guess(glimpses.move_space, glimpses.answers)
        rollout(glimpses, guess, Course.begin(glimpses, guess, SLOTS, seed=3), 8, sample, torch.Generator())
    canvas, where = torch.randint(256, (SLOTS, 12, 12, 1), dtype=torch.uint8), torch.rand(SLOTS, 2, requires_grad=True)
    eye.Eye(4, scales=2).look_through(canvas, where).sum().backward()
    draw = [torch.rand(9, SLOTS, size, requires_grad=True) for size in (5, 5, 3, 3)]
    starts = torch.rand(9, SLOTS) < 0.2
    linear_scan(draw[0], draw[1], torch.rand(SLOTS, 5), starts).sum().backward()
    telling, last = selective_scan(draw[0], torch.rand(5, 3), *draw[1:], torch.rand(SLOTS, 5, 3), starts)
    (telling.sum() + last.sum()).backward()


@pytest.mark.usefixtures("two_threads")
def test_every_shared_kernel_gives_the_same_bits_serial_and_parallel(monkeypatch: pytest.MonkeyPatch) -> None:
    equal: dict[int, bool] = {}

    def call_both(self: SharedKernel[..., Any], *arguments: Any) -> None:
        copies = [value.copy() if isinstance(value, np.ndarray) else value for value in arguments]
        self.serial(*copies)
        self.parallel(*arguments)
        arrays = [pair for pair in zip(arguments, copies, strict=True) if isinstance(pair[0], np.ndarray)]
        same = all(one.tobytes() == other.tobytes() for one, other in arrays)
        equal[id(self)] = equal.get(id(self), True) and same

    monkeypatch.setattr(SharedKernel, "__call__", call_both)
    monkeypatch.setattr(eye, "FEW", 0)
    call_all()
    names = shared_kernels()
    assert {names[number] for number in equal} == set(names.values())
    assert [names[number] for number, same in equal.items() if not same] == []
