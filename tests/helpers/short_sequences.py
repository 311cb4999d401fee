"""The tasks in sequences, short enough for tests."""

from vln.envs.registry import make_task
from vln.tasks import Task

SHORT = {"repeatprevious": {"length": 9, "lag": 3}, "copy": {"length": 4, "count": 3}, "adding": {"length": 7}}


def short(name: str) -> Task:
    """The task of this name with few steps."""
    return make_task(name, SHORT.get(name, {"length": 6}))
