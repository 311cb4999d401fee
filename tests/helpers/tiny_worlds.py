"""One tiny world of every task, and agents that live in them: for what is promised of each."""

from functools import cache
from typing import Any

import torch

from helpers.tiny import tiny_world
from vln.agents.registry import make_agent
from vln.envs.registry import make_task
from vln.world import World

PLACES = ("rooms", "hops", "drives", "speaks", "looks", "walks", "finds", "text", "parity", "copy", "adding")
VIEWS = {"rooms": "symbols", "speaks": "tells", "looks": "looks at points"}  # how tiny.py calls them, where otherwise


@cache
def place(name: str) -> World[Any]:
    if name == "text":
        return make_task("characters").open("val")
    if name in ("parity", "copy", "adding"):
        options = {"count": 2} if name == "copy" else {}
        return make_task(name, {"length": 6, **options}).open("val")
    return tiny_world(VIEWS.get(name, name))


def dweller(world: World[Any]) -> Any:
    """An agent that has learned nothing, for any of them."""
    torch.manual_seed(0)
    small = {"hidden": 12, "word_dim": 8, "view_dim": 10}
    return make_agent(world.spaces, world.action_space, world.num_answers, small, world.scores_answers).eval()
