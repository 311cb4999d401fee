"""Recurrent agents that read an instruction, look, remember and act.

Importing this package registers its Gymnasium environments, `vln/GoTo-v0` and the others, and loads nothing heavy.
It is the front door, the one module that may name worlds and agents, and nothing imports from it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gymnasium.envs.registration import register

if TYPE_CHECKING:
    from vln.runs.run import Run

__all__ = ["open_run"]

_NAMES = (
    *("GoTo", "GoToRoom", "Route", "Relation", "Sequence", "Find", "SAIL", "Mazes"),
    *("Glimpse", "GlimpseFind"),
    "R2R",
    *("RepeatOnes", "Parity", "RepeatPrevious", "Copy", "Adding", "Characters"),
)

for _name in _NAMES:
    register(
        id=f"vln/{_name}-v0",
        entry_point="vln.envs.registry:make_env",
        vector_entry_point="vln.envs.registry:make_vector_env",
        kwargs={"task": _name.lower()},
    )


def open_run(
    folder: Path | str,
    device: str = "cpu",
    task_options: Mapping[str, Any] | None = None,
    world_options: Mapping[str, Any] | None = None,
    trust_code: bool = False,
    trust_paths: bool = False,
) -> "Run":
    """The run in a folder, with its trained agent: to `ask` it, to `open` its worlds, to go on from its weights.

    device: where the agent computes. task_options, world_options: in place of the run's own, as where its files are
    now. trust_code, trust_paths: whether it may run the Python files and open the files that it names; whoever made
    the run named them. Raises ValueError where the folder holds no run, or the agent's weights do not fit.
    """
    # Loaded here, so that to import vln stays quick.
    from vln.agents.registry import make_agent
    from vln.envs.registry import make_task
    from vln.runs.plan import Trust
    from vln.runs.run import open_run

    trust = Trust(trust_code, trust_paths)
    return open_run(Path(folder), make_task, make_agent, device, task_options, world_options, trust)
