"""Modules by any names."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from torch import nn


class Parts(nn.Module):
    """Modules by name; their weights are called by it, too. (A ModuleDict takes no dots, nor names of its methods.)"""

    def __init__(self, modules: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self._called: dict[str, str] = {}
        for name, module in modules.items():
            part = re.sub(r"\W", "_", name)
            while hasattr(self, part):
                part += "_"
            self.add_module(part, module)
            self._called[name] = part

    def __len__(self) -> int:
        return len(self._called)

    def __contains__(self, name: str) -> bool:
        return name in self._called

    def __getitem__(self, name: str) -> Any:
        return getattr(self, self._called[name])

    def items(self) -> Iterator[tuple[str, Any]]:
        """The names and the modules, in their order."""
        return ((name, getattr(self, part)) for name, part in self._called.items())

    def weight_name(self, name: str, weight: str) -> str:
        """What a weight of the module of this name is called among those of all parts."""
        return f"{self._called[name]}.{weight}"
