"""The tasks in sequences; their world has no options of its own."""

from vln.tasks import TaskSpec

from .bits import adding, copy, parity, repeatones, repeatprevious
from .characters import characters

TASKS = {make.__name__: TaskSpec(make) for make in (characters, repeatones, parity, repeatprevious, copy, adding)}
