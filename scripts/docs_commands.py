"""Tables of docs/commands.md: the commands, and the options of trainings and agents, as the code declares them."""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from typing import Any

from vln.agents.config import AgentConfig
from vln.console import commands
from vln.learning.config import TrainConfig

CONFIGS = {"train": TrainConfig, "agent": AgentConfig}


def command_rows() -> list[tuple[str, str]]:
    """Every command with the first line of its documentation."""
    return [(f"`{name}`", line) for name, line in commands().items()]


def option_rows(which: str) -> list[tuple[str, str, str]]:
    """Option, default and meaning of every field of a config: "train" or "agent"."""
    config = CONFIGS[which]
    return [
        (f"`--{name.replace('_', '-')}`", f"`{getattr(config, name)}`", meaning)
        for name, meaning in _documented_fields(config)
    ]


def _documented_fields(config: type[Any]) -> Iterator[tuple[str, str]]:
    """The fields of a dataclass, each with the text that follows it."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(config))).body
    assert isinstance(definition, ast.ClassDef)
    for field, text in zip(definition.body, definition.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            yield field.target.id, " ".join(str(ast.literal_eval(text.value)).split())  # type: ignore[attr-defined]
