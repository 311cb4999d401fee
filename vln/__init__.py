"""Recurrent agents that read an instruction, look, remember and act.

Importing this package registers its Gymnasium environments, `vln/GoTo-v0` and the others, and loads nothing heavy.
"""

from gymnasium.envs.registration import register

for _name in ("GoTo", "GoToRoom", "Route", "Relation", "Sequence", "Find", "SAIL", "Mazes"):
    register(
        id=f"vln/{_name}-v0",
        entry_point="vln.envs.catalogue:make_env",
        vector_entry_point="vln.envs.catalogue:make_vector_env",
        kwargs={"task": _name.lower()},
    )
