"""Recurrent agents that read an instruction, look, remember and act.

Importing this package registers its Gymnasium environments, `vln/GoTo-v0` and the others, and loads nothing heavy.
"""

from gymnasium.envs.registration import register

_NAMES = (
    *("GoTo", "GoToRoom", "Route", "Relation", "Sequence", "Find", "SAIL", "Mazes"),
    *("Glimpse", "GlimpseFind"),
    "R2R",
    *("RepeatOnes", "Parity", "RepeatPrevious", "Copy", "Adding", "Characters"),
)

for _name in _NAMES:
    register(
        id=f"vln/{_name}-v0",
        entry_point="vln.envs.catalogue:make_env",
        vector_entry_point="vln.envs.catalogue:make_vector_env",
        kwargs={"task": _name.lower()},
    )
