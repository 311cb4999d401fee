"""The pages of the documentation, and the programs that they show."""

import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from helpers.commands import standing_in
from helpers.root import ROOT

PAGES = {str(page.relative_to(ROOT)): page.read_text() for page in sorted((ROOT / "docs").rglob("*.md"))}
README = (ROOT / "README.md").read_text()
SAVED = re.compile(
    r"`(\w+\.py)`[^`]*(?:`[^`\n]+`[^`]*)?\n\n```python\n(.*?)```(?:\n\nIt prints:\n\n```text\n(.*?)```)?", re.S
)


@dataclass(frozen=True)
class Program:
    """A program that a page says to save, and what the page says that it prints; empty where it does not say."""

    code: str
    printed: str

    @property
    def lines(self) -> int:
        return len([line for line in self.code.splitlines() if line.strip()])


def programs(page: str) -> Mapping[str, Program]:
    """The programs of a page, by the name of the file that it says to save each as."""
    return {name: Program(code, printed) for name, code, printed in SAVED.findall(page)}


EXTENDING = "\n".join(text for name, text in PAGES.items() if name.startswith("docs/extending"))
PROGRAMS = {name: one for page in (README, *PAGES.values()) for name, one in programs(page).items()}


@contextmanager
def standing_beside_programs(folder: Path) -> Iterator[Path]:
    """In this folder, with every program of README and docs and nothing else; afterwards they are forgotten."""
    for name, program in PROGRAMS.items():
        (folder / name).write_text(program.code)
    with standing_in(folder), pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield folder
    for name in PROGRAMS:
        sys.modules.pop(name.removesuffix(".py"), None)
