"""Tiny tasks and agents, one of every kind, that the tests of agents and of learning share."""

from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from helpers.glimpse_worlds import KINDS as glimpse_kinds
from helpers.graph_worlds import hall_world, telling_world
from vln.agent import Agent, Decision, Memory, Observation
from vln.agents.config import AgentConfig
from vln.agents.recurrent.core import CELLS
from vln.agents.recurrent_agent import RecurrentAgent
from vln.agents.scripted import FixedPolicy, UniformPolicy
from vln.envs.registry import make_task
from vln.envs.rooms.task import rooms
from vln.learning.config import TrainConfig
from vln.learning.rollouts import Rollout, RolloutState, rollout, sample
from vln.learning.rules import Loss, LossRule, rule_of
from vln.policies import Categorical
from vln.tasks import GeneratedEpisodes, Task
from vln.world import World

PLACES = {"train": (8, 4), "val_seen": (3, 2), "val_unseen": (3, 2), "val_novel": (3, 2)}  # of each, how many episodes

SMALL = AgentConfig(hidden=12, word_dim=8, view_dim=10)
HASTY = (0.4, 0.2, 0.2, 0.2)  # how often each move is made, so that episodes are short


@dataclass(frozen=True)
class Kind:
    """A kind of agent: what it is made of, what it sees, which observations it has (all, where it is None), and whether
    it answers the world's question where that is an aside."""

    shape: AgentConfig = SMALL
    view: str = "symbols"
    senses: tuple[str, ...] | None = None
    answers: bool = False


PLAIN = Kind()
# Its heads are not set apart, so that what they do can be traced back to what was seen.
GLIMPSER = replace(SMALL, head_detach=False)
GRAPHS = {
    "hops": {"view": "local"},
    "hops, lookahead": {"view": "lookahead"},
    "drives": {"view": "local", "actions": "low_level"},
}
LINES = {"symbols given": "copy", "numbers given": "adding"}
GLIMPSES = ("looks at points", "walks", "three scales", "finds")

AGENTS = (
    {
        f"{memory}, {layers} layers": Kind(replace(SMALL, memory=memory, layers=layers))
        for memory, layers in product(CELLS, (1, 2))
    }
    | {"reads both ways": Kind(replace(SMALL, bidirectional=True))}
    | {f"sees {view}": Kind(view=view) for view in ("first_person", "four_way", "top_down", "none")}
    | {
        f"looks twice, {view}": Kind(replace(SMALL, spatial_attention=True), view)
        for view in ("symbols", "first_person")
    }
    | {"hears a whole, not words": Kind(replace(SMALL, attention=False))}
    | {"answers": Kind(answers=True)}
    | {f"glimpses, {view}": Kind(GLIMPSER, view) for view in GLIMPSES}
    | {"glimpses, convolutions": Kind(replace(GLIMPSER, view_encoder="conv", memory="gru", layers=2), "three scales")}
    | {"glimpses, told no place": Kind(GLIMPSER, "looks at points", ("view",))}
    | {"glimpses, blind": Kind(GLIMPSER, "looks at points", ("where",))}
    | {f"{graphs} on a graph": Kind(view=graphs) for graphs in GRAPHS}
    | {f"{graphs} on a graph, looks twice": Kind(replace(SMALL, spatial_attention=True), graphs) for graphs in GRAPHS}
    | {"blind on a graph": Kind(view="hops", senses=("instruction", "possible", "pose"))}
    | {"speaks": Kind(view="tells", senses=("path", "previous"))}
    | {f"answers, {lines}": Kind(view=lines) for lines in LINES}
    | {"answers, one-hot, residual": Kind(replace(SMALL, word_dim=0, memory="lru", layers=2), "symbols given")}
    | {
        "blind": Kind(senses=("instruction", "previous")),
        "deaf": Kind(senses=("view", "previous")),
        "only hears": Kind(senses=("instruction",)),
        "only sees": Kind(senses=("view",)),
        "only remembers its moves": Kind(senses=("previous",)),
    }
)


@cache
def tiny(family: str, difficulty: int = 1) -> Task:
    """A family of instructions in a handful of houses."""
    task = rooms(family, difficulty)
    assert isinstance(task.source, GeneratedEpisodes)
    return replace(task, source=replace(task.source, sizes=PLACES))


@cache
def tiny_world(view: str = "symbols", max_steps: int = 12) -> World[Any]:
    """Where the tiny agents learn: one small room each, objects to go to; or pictures to look at."""
    if view in GLIMPSES:
        return glimpse_kinds[view]()
    if view in GRAPHS:
        return hall_world(max_steps=max_steps, **GRAPHS[view])
    if view == "tells":
        return telling_world()
    if view in LINES:
        options = {"count": 1} if LINES[view] == "copy" else {}
        return make_task(LINES[view], {"length": 3, **options}).open("val")
    return tiny("GoTo").open("train", view=view, max_steps=max_steps, track_sight=True)


def tiny_agent(kind: Kind = PLAIN, seed: int = 0) -> Any:
    """An agent that has learned nothing, but whose decisions depend on all it senses."""
    torch.manual_seed(seed)
    world = tiny_world(kind.view)
    spaces = {name: space for name, space in world.spaces.items() if kind.senses is None or name in kind.senses}
    answers = world.num_answers if kind.answers or world.scores_answers else 0
    agent = RecurrentAgent(spaces, world.action_space, answers, kind.shape, world.scores_answers)
    for name, weights in agent.policy.named_parameters():
        if name.endswith("weight"):
            torch.nn.init.normal_(weights)
    return agent.eval()


class Clockwork(Agent):
    """Decides by whole numbers, from all it observes and how long it has lived: its moves vary, without rounding."""

    def __init__(self, moves: int) -> None:
        super().__init__()
        self.moves = moves
        self.place = nn.Parameter(torch.zeros(()), requires_grad=False)  # tells the device

    def initial(self, batch: int) -> Memory:
        return {"time": torch.zeros(batch, dtype=torch.long)}

    def forward(self, observation: Observation, memory: Memory, episode_starts: Tensor) -> tuple[Decision, Memory]:
        times, time = [], memory["time"]
        for begins in episode_starts:
            time = time.masked_fill(begins, 0) + 1
            times.append(time)
        number = torch.stack(times)
        for values in observation.values():
            number = number + values.long().reshape(*episode_starts.shape, -1).sum(dim=-1)
        logits = nn.functional.one_hot(number % self.moves, self.moves).float()
        return Decision(Categorical(logits=logits), torch.zeros(episode_starts.shape)), {"time": time}


@cache
def lived(view: str = "symbols", steps: int = 14, slots: int = 5) -> Rollout:
    """A window of hasty lives, in which many episodes begin and end."""
    world = tiny_world(view)
    guesses = world.scores_answers or view in LINES
    agent: Agent = UniformPolicy(world.action_space, world.num_answers) if guesses else FixedPolicy(HASTY)
    if view in GRAPHS or view == "tells":
        agent = FixedPolicy([1 / len(world.action_names)] * len(world.action_names))
    course = RolloutState.begin(world, agent, slots, seed=3)
    return rollout(world, agent, course, steps, sample, torch.Generator().manual_seed(0), world.teacher)[0]


def random_memory(agent: Agent, slots: int) -> Memory:
    """The memory of one who has lived through something."""
    generator = torch.Generator().manual_seed(1)
    return {name: torch.randn(values.shape, generator=generator) for name, values in agent.initial(slots).items()}


def since_last_start(episode_starts: Tensor) -> Tensor:
    """Which moments [T, B] belong to the last episode of each slot that begins after the window does."""
    begun = np.maximum.accumulate(episode_starts.flip(0).numpy(), axis=0)
    after_none = np.concatenate([np.zeros_like(begun[:1]), begun[:-1]])  # whether a later moment is a start
    return torch.from_numpy(~after_none[::-1].copy()) & bool(episode_starts.any())


def loss_of(config: TrainConfig) -> Loss:
    """What the config's rule descends."""
    rule = rule_of(config)
    assert isinstance(rule, LossRule)
    return rule.loss
