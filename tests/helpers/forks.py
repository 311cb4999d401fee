"""What a program may do after kernels and torch have used several threads in it; a test runs it in a fresh process.

Processes that are spawned import the file that is run, unless there is none: python -c "from helpers import forks;
forks.main()"
"""

import multiprocessing
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import gymnasium
import numpy as np
import torch
from numba import njit
from numba.core.compiler_lock import global_compiler_lock
from torch.utils.data import DataLoader

from vln.agents.config import AgentConfig
from vln.agents.registry import agent_for
from vln.agents.scripted import FixedPolicy
from vln.envs.registry import make_task
from vln.learning.devices import use_threads
from vln.learning.rollouts import RolloutState, greedy, rollout, sample

SLOTS = 130  # enough for kernels that few slots are not shared out by
PLACE: dict[str, Any] = {"split": "val_novel", "difficulty": 1}
WORLD = make_task("goto", {"difficulty": 1}).open("val_novel", track_sight=True)
FORK = multiprocessing.get_context("fork")


class Lives(torch.utils.data.Dataset[torch.Tensor]):
    def __len__(self) -> int:
        return 4

    def __getitem__(self, seed: int) -> torch.Tensor:
        return lives(seed)


def lives(seed: int) -> torch.Tensor:
    """What is seen by those who wander about."""
    agent = FixedPolicy([0.5, 0.2, 0.2, 0.1])
    course = RolloutState.begin(WORLD, agent, SLOTS, seed)
    rng = torch.Generator().manual_seed(seed)
    return rollout(WORLD, agent, course, 12, sample, rng, WORLD.teacher)[0].observation["view"]


def decisions() -> torch.Tensor:
    """What is done by a network that is large enough for torch to share it out among threads."""
    torch.manual_seed(0)
    agent = agent_for(WORLD, AgentConfig(hidden=256)).eval()
    with torch.no_grad():
        course = RolloutState.begin(WORLD, agent, SLOTS, 0)
        return rollout(WORLD, agent, course, 3, greedy, torch.Generator())[0].actions


def same(some: Any, others: Any) -> bool:
    return all(torch.equal(one, other) for one, other in zip(some, others, strict=True))


def refusal() -> str:
    try:
        use_threads(2)
    except RuntimeError as error:
        return str(error)
    return "none"


def compile_anew() -> int:
    return int(njit(lambda number: number + 1)(1))


def hold_the_compiler(held: threading.Event) -> None:
    with global_compiler_lock:
        held.set()
        time.sleep(0.2)


def main() -> None:
    use_threads(2)
    here, decided = [lives(seed) for seed in range(4)], decisions()
    with ThreadPoolExecutor(3) as pool:
        assert same(pool.map(lives, range(4)), here), "threads"
    with FORK.Pool(2) as forked:
        assert same(forked.map(lives, range(4)), here), "multiprocessing"
        assert torch.equal(forked.apply(decisions), decided), "an agent in a forked process"
        assert forked.apply(use_threads) == 1
        assert "spawn" in forked.apply(refusal), "threads that would be waited for for ever"
    with ProcessPoolExecutor(2, mp_context=FORK) as executor:
        assert same(executor.map(lives, range(4)), here), "concurrent.futures"
    assert same(DataLoader(Lives(), batch_size=None, num_workers=2, multiprocessing_context="fork"), here), "DataLoader"
    one = gymnasium.make("vln/GoTo-v0", **PLACE).reset(seed=3)[0]["view"]
    vectors = [
        gymnasium.make_vec("vln/GoTo-v0", number, "async", {"context": method}, **PLACE)
        for method, number in (("spawn", 1), ("forkserver", 1), ("fork", 2))
    ]
    for vector in vectors:
        assert np.array_equal(vector.reset(seed=3)[0]["view"][0], one), vector
        vector.close()
    held = threading.Event()
    compiling = threading.Thread(target=hold_the_compiler, args=(held,))
    compiling.start()
    held.wait()
    with FORK.Pool(1) as forked:
        assert forked.apply(compile_anew) == 2, "forked while another thread compiled"
    print("all the same")
