"""Work for teams of which a process does not come to its end. As a program: the one that leads is killed.

PYTHONPATH=tests python -m helpers.failing_processes
"""

import os
import signal

from vln.learning.distributed import Processes, launch


def kill_the_first(team: Processes) -> None:
    team.max(0)
    if team.rank == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    team.max(0)


def fail(team: Processes) -> None:
    if team.rank == 1:
        raise LookupError("no such luck")
    team.max(0)


def kill_the_leader(team: Processes) -> None:
    team.max(0)
    if team.is_main:
        os.kill(os.getpid(), signal.SIGKILL)
    while True:
        team.max(0)


if __name__ == "__main__":
    launch(2, kill_the_leader)
