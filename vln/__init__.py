"""Recurrent agents that read an instruction, look, remember and act.

Importing this package registers its Gymnasium environments, `vln/GoTo-v0` and the others, and loads nothing heavy.
"""

from gymnasium.envs.registration import register

_MADE_BY = {
    "env": ("GoTo", "GoToRoom", "Route", "Relation", "Sequence", "Find", "SAIL", "Mazes"),
    "glimpse_env": ("Glimpse", "GlimpseFind"),
    "graph_env": ("R2R",),
}

for _env, _names in _MADE_BY.items():
    for _name in _names:
        register(
            id=f"vln/{_name}-v0",
            entry_point=f"vln.envs.catalogue:make_{_env}",
            vector_entry_point=f"vln.envs.catalogue:make_{_env.replace('env', 'vector_env')}",
            kwargs={"task": _name.lower()},
        )
