"""The agent for a world, from its spaces."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol, cast

from gymnasium import Space

from vln.agent import Agent
from vln.agents.encoders.encoder import MakeEncoder
from vln.agents.recurrent.core import bound_cell
from vln.options import check_options, named_by
from vln.user_files import load

from .config import DEFAULT, AgentConfig, ConfigUse
from .recurrent_agent import RecurrentAgent


class HasSpaces(Protocol):
    """What of a world (vln.world.World) or of an interface (vln.interface.Interface) an agent is made for."""

    @property
    def spaces(self) -> Mapping[str, Space[Any]]: ...
    @property
    def action_space(self) -> Space[Any]: ...
    @property
    def num_answers(self) -> int: ...
    @property
    def scores_answers(self) -> bool: ...


def agent_for(
    place: HasSpaces, config: AgentConfig = DEFAULT, encoders: Mapping[str, MakeEncoder | str] | None = None
) -> RecurrentAgent:
    """The recurrent agent for a world, or for what an interface says of one.

    config: what it is made of. encoders: by the name of an observation, what makes its encoder in place of ours, or the
    name of that in somebody's own file (FILE.py:NAME). Raises ValueError for a space that no encoder or head is for.
    """
    return _recurrent(place.spaces, place.action_space, place.num_answers, config, place.scores_answers, encoders or {})


def make_agent(
    spaces: Mapping[str, Space[Any]],
    action_space: Space[Any],
    num_answers: int,
    options: Mapping[str, Any],
    scores_answers: bool = False,
) -> Agent:
    """The agent a run describes: a RecurrentAgent for these spaces.

    spaces: of single observations. action_space, num_answers, scores_answers: see RecurrentAgent. options: those of
    its AgentConfig; `encoders`: by the name of an observation that of an encoder in somebody's own file (FILE.py:NAME);
    and `memory_options`: those of a memory in somebody's own file. Options that change nothing in it are its
    `unused_options`. Where one of them is `agent`, that is the name of an agent in somebody's own file, which is called
    with spaces, action_space and num_answers, and with the other options.
    """
    if "agent" in options:
        return _own(options["agent"], spaces, action_space, num_answers, options)
    encoders, of_memory = options.get("encoders", {}), options.get("memory_options", {})
    own = ("encoders", "memory_options")
    config = AgentConfig(**{name: value for name, value in options.items() if name not in own})
    used = ConfigUse(replace(config, memory=bound_cell(config.memory, of_memory)) if of_memory else config)
    agent = _recurrent(spaces, action_space, num_answers, cast(AgentConfig, used), scores_answers, encoders)
    agent.unused_options = used.unused()
    return agent


def _recurrent(
    spaces: Mapping[str, Space[Any]],
    action_space: Space[Any],
    num_answers: int,
    config: AgentConfig,
    scores_answers: bool,
    encoders: Mapping[str, MakeEncoder | str],
) -> RecurrentAgent:
    own: dict[str, Callable[..., Any]] = {
        name: load(make) if isinstance(make, str) else make for name, make in encoders.items()
    }
    return RecurrentAgent(spaces, action_space, num_answers, config, scores_answers, own)


def _own(
    name: str, spaces: Mapping[str, Space[Any]], action_space: Space[Any], num_answers: int, options: Mapping[str, Any]
) -> Agent:
    make = load(name)
    options = {option: value for option, value in options.items() if option != "agent"}
    check_options(name, options, named_by(make))
    agent = make(spaces, action_space, num_answers, **options)
    if not isinstance(agent, Agent):
        raise ValueError(f"{name} makes no vln.agent.Agent but {type(agent).__name__}")
    return agent
