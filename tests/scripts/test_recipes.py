"""Every recipe opens its task, makes its agent, and says nothing that changes nothing."""

from dataclasses import asdict
from typing import Any

import pytest
from helpers.commands import ROOT, standing_in
from helpers.data import data_folder

from vln.agents.registry import make_agent
from vln.envs.registry import TASKS, make_task

with standing_in(ROOT):
    from recipes import RECIPES

NEEDED = {"sail": "sail", "r2r": "r2r", "r2r-speaker": "r2r", "mnist": "mnist", "shakespeare": "text"}


def options_of(name: str) -> dict[str, Any]:
    """The recipe's options of the task; fewer houses to train in, and data from where the tests have them."""
    recipe = RECIPES[name]
    chosen = dict(recipe.task_options)
    for what in (recipe.task, chosen.get("pictures"), chosen.get("text")):
        if what in NEEDED:
            chosen["data"] = str(data_folder(NEEDED[what]).parent)
    if recipe.task == "mazes":
        chosen["houses"] = 20
    if chosen.get("text") == "python":
        chosen["text"] = str(ROOT / "scripts")
    return chosen


@pytest.mark.parametrize("name", [name for name in RECIPES if RECIPES[name].task != "circlesquare-apgym"])
def test_a_recipe_opens_its_task_and_all_it_says_is_heeded(name: str) -> None:
    recipe = RECIPES[name]
    assert recipe.task
    spec = TASKS[recipe.task]
    assert set(recipe.task_options) <= set(spec.task_options)
    assert set(recipe.world_options) <= set(spec.world_options)
    task = make_task(recipe.task, options_of(name))
    world = task.open(task.test_split, **recipe.world_options)
    agent = make_agent(
        world.spaces, world.action_space, world.num_answers, asdict(recipe.agent_config), world.scores_answers
    )
    assert not agent.unused_options
    assert recipe.train_config.num_envs % recipe.train_config.num_processes == 0
