"""Kernels: two versions that give the same, in forked processes and threads, and a cache that stops nobody."""

import importlib
import os
import pkgutil
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
import torch
from helpers.glimpse_worlds import KINDS as GLIMPSES
from helpers.root import environment
from helpers.tiny import HASTY, tiny

import vln
from vln import kernels
from vln.agents.recurrent.parallel_scan import linear_scan
from vln.agents.recurrent.selective_scan import selective_scan
from vln.agents.scripted import FixedPolicy, UniformPolicy
from vln.envs.glimpse import sensor
from vln.kernels import SharedKernel
from vln.learning.devices import use_threads
from vln.learning.rollouts import RolloutState, rollout, sample

SLOTS = 70


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
        course = RolloutState.begin(world, FixedPolicy(HASTY), SLOTS, seed=3)
        rollout(world, FixedPolicy(HASTY), course, 8, sample, torch.Generator(), world.teacher)
    for kind in ("three scales", "finds", "adds", "sees which way it goes"):
        glimpses = GLIMPSES[kind]()
        guess = UniformPolicy(glimpses.action_space, glimpses.num_answers)
        rollout(glimpses, guess, RolloutState.begin(glimpses, guess, SLOTS, seed=3), 8, sample, torch.Generator())
    canvas, where = torch.randint(256, (SLOTS, 12, 12, 1), dtype=torch.uint8), torch.rand(SLOTS, 2, requires_grad=True)
    sensor.GlimpseSensor(4, scales=2).look_through(canvas, where).sum().backward()
    decay, drive, entering, telling = (torch.rand(9, SLOTS, size, requires_grad=True) for size in (5, 5, 3, 3))
    episode_starts = torch.rand(9, SLOTS) < 0.2
    linear_scan(decay, drive, torch.rand(SLOTS, 5), episode_starts).sum().backward()
    first, rates = torch.rand(SLOTS, 5, 3), torch.rand(5, 3)
    outputs, last = selective_scan(decay, rates, drive, entering, telling, first, episode_starts)
    (outputs.sum() + last.sum()).backward()


@pytest.mark.usefixtures("two_threads")
def test_every_shared_kernel_gives_the_same_bits_serial_and_parallel(monkeypatch: pytest.MonkeyPatch) -> None:
    equal: dict[int, bool] = {}

    def call_both(self: SharedKernel[Any], *arguments: Any) -> None:
        copies = [value.copy() if isinstance(value, np.ndarray) else value for value in arguments]
        self.serial(*copies)
        self.parallel(*arguments)
        arrays = [pair for pair in zip(arguments, copies, strict=True) if isinstance(pair[0], np.ndarray)]
        same = all(one.tobytes() == other.tobytes() for one, other in arrays)
        equal[id(self)] = equal.get(id(self), True) and same

    monkeypatch.setattr(SharedKernel, "__call__", call_both)
    monkeypatch.setattr(sensor, "FEW", 0)
    for module in ("symbols", "first_person", "top_down", "world"):
        monkeypatch.setattr(f"vln.envs.rooms.{module}.SERIAL_BELOW", 0)
    call_all()
    names = shared_kernels()
    assert {names[number] for number in equal} == set(names.values())
    assert [names[number] for number, same in equal.items() if not same] == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are never forked here")
def test_after_threads_were_used_processes_can_be_forked() -> None:
    run([sys.executable, "-c", "from helpers import forks; forks.main()"], **environment())


# The last of Numba's threading layers, which is there where no other is, ends a process in which two threads enter it.
STEP_IN_THREADS = """
from concurrent.futures import ThreadPoolExecutor
import numpy as np
from vln.envs.rooms.visibility import look

opaque, place, pose = np.zeros((1, 9, 9), bool), np.zeros(5_000, np.int32), np.full((5_000, 3), 2, np.int16)
seen = np.zeros((100, len(pose), 9), np.uint64)
with ThreadPoolExecutor(4) as pool:
    list(pool.map(lambda number: look(opaque, place, pose, seen[number]), range(len(seen))))
assert (seen == seen[0, 0]).all() and seen.any()
print("all the same")
"""


def test_several_threads_can_step_worlds_at_once_on_any_threading_layer() -> None:
    run([sys.executable, "-c", STEP_IN_THREADS], NUMBA_THREADING_LAYER="workqueue", NUMBA_NUM_THREADS="2")


def run(command: list[str], **settings: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | settings, timeout=240)
    assert (done.returncode, done.stdout) == (0, "all the same\n"), done.stderr


# A kernel in a file of its own, whose compiled code Numba can keep neither beside it nor in the home folder.
CALLED = """
from vln.kernels import kernel

STEP = {step}

@kernel
def following(number):
    return number + STEP
"""
CALLING = """
from vln.kernels import kernel

from {name} import following

@kernel
def after_the_next(number):
    return following(following(number))
"""


@pytest.fixture
def walled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for modules with kernels in which nothing compiled can be kept; nor can it in the home folder."""
    (tmp_path / "__pycache__").touch()
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("HOME", os.devnull)
    monkeypatch.setenv("XDG_CACHE_HOME", os.devnull)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    for remembered in (kernels._private_folder, kernels._warn, kernels._hashed):
        remembered.cache_clear()
    return tmp_path


numbers = count()


def write_kernels(folder: Path, step: int = 1, name: str | None = None) -> Any:
    """Two modules, one calling the other's kernel; a name is imported anew."""
    name = name or f"called{next(numbers)}"
    (folder / f"{name}.py").write_text(CALLED.format(step=step))
    (folder / f"calling_{name}.py").write_text(CALLING.format(name=name))
    for module in (name, f"calling_{name}"):
        sys.modules.pop(module, None)
    kernels._hashed.cache_clear()
    importlib.invalidate_caches()
    return importlib.import_module(f"calling_{name}")


def files(folder: Path) -> set[str]:
    return {path.name.split("-")[0] for path in folder.rglob("*.nbc")}


def test_where_nothing_can_be_kept_compiled_code_goes_to_a_private_folder_and_one_line_says_so(walled: Path) -> None:
    with pytest.warns(RuntimeWarning, match="NUMBA_CACHE_DIR") as warned:
        assert write_kernels(walled).after_the_next(1) == 3
    (folder,) = (walled / "temporary").iterdir()
    assert [str(folder) in str(warning.message) for warning in warned] == [True]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert len(files(folder)) == 2
    assert not numba.config.CACHE_DIR  # type: ignore[attr-defined]  # other packages' code stays where it was


def test_nothing_is_run_from_a_folder_that_others_can_write_in(walled: Path) -> None:
    with pytest.warns(RuntimeWarning):
        write_kernels(walled)
    (folder,) = (walled / "temporary").iterdir()
    for mode in (0o777, 0o770):
        folder.chmod(mode)
        kernels._private_folder.cache_clear()
        kernels._warn.cache_clear()
        with pytest.warns(RuntimeWarning, match="nowhere: every process") as warned:
            assert write_kernels(walled).after_the_next(1) == 3
        assert len(warned) == 1
    assert not files(folder)


def test_the_folder_a_user_chose_comes_first(walled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(walled / "chosen"))
    assert write_kernels(walled).after_the_next(1) == 3
    assert len(files(walled / "chosen")) == 2


def test_a_kernel_is_compiled_again_when_what_it_calls_has_changed(
    walled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(walled / "chosen"))
    results = [write_kernels(walled, step, "changing").after_the_next(1) for step in (1, 10)]
    assert results == [3, 21]


def test_serial_and_parallel_code_are_kept_apart(walled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(walled / "chosen"))
    (walled / "both.py").write_text(
        "import numba\nfrom vln.kernels import shared_kernel\n\n@shared_kernel\n"
        "def fill(values):\n    for place in numba.prange(len(values)):\n        values[place] = 1\n"
    )
    for _ in range(2):  # compiled, and taken from the disk
        sys.modules.pop("both", None)
        fill = importlib.import_module("both").fill
        for version in (fill.parallel, fill.serial):
            version(np.zeros(3))
        (serial,), (parallel,) = (version.overloads.values() for version in (fill.serial, fill.parallel))
        assert [bool(one.reload_init) for one in (serial, parallel)] == [False, True]  # only one begins threads


def test_a_damaged_or_a_full_cache_stops_nobody(walled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = walled / "chosen"
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(chosen))
    assert write_kernels(walled, name="torn").after_the_next(1) == 3
    for path in chosen.rglob("*.nb?"):
        path.write_bytes(path.read_bytes()[:30])
    assert write_kernels(walled, name="torn").after_the_next(1) == 3
    assert all(len(path.read_bytes()) > 100 for path in chosen.rglob("*.nb?"))  # written anew
    module = write_kernels(walled, step=2, name="torn")
    shutil.rmtree(chosen)
    chosen.touch()  # nothing can be written there any more
    with pytest.warns(RuntimeWarning, match="can't be kept in"):
        assert module.after_the_next(1) == 5
