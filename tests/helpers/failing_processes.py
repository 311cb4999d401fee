"""Work for teams of which a process does not come to its end. As a program: the one that leads is killed.

python tests/followers.py
"""

import os
import signal

from vln.team import Team, assemble


def kill_the_first(team: Team) -> None:
    team.largest(0)
    if team.rank == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    team.largest(0)


def fail(team: Team) -> None:
    if team.rank == 1:
        raise LookupError("no such luck")
    team.largest(0)


def kill_the_leader(team: Team) -> None:
    team.largest(0)
    if team.leads:
        os.kill(os.getpid(), signal.SIGKILL)
    while True:
        team.largest(0)


if __name__ == "__main__":
    assemble(2, kill_the_leader)
