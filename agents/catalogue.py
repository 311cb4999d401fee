"""The agent for a world, told by what the world shows."""

from collections.abc import Mapping
from typing import Any, cast

from gymnasium import Space
from gymnasium.spaces import Discrete

from vln.agent import Agent
from vln.files import load
from vln.options import check_options, named_by

from .glimpser import Glimpser
from .navigator import Navigator
from .sequencer import Sequencer
from .shape import Noted, Shape
from .speaker import Speaker


def make_agent(spaces: Mapping[str, Space[Any]], moves: Space[Any], answers: int, options: Mapping[str, Any]) -> Agent:
    """The agent a run describes: a glimpser where a place to look at is shown, a speaker where a path is, a sequencer
    where there is nothing to walk in (the world gives something, or nothing at all), else a navigator.

    spaces: of single observations. moves: the space of a move. options: those of its Shape. Those that change nothing
    in it are its `unheeded`. Where one of them is `agent`, that is the name of an agent in somebody's own file
    (FILE.py:NAME), which is called with spaces, moves and answers, and with the other options.
    """
    if "agent" in options:
        return _own(options["agent"], spaces, moves, answers, options)
    noted = Noted(Shape(**options))
    agent = _agent_of(spaces, moves, answers, cast(Shape, noted))
    agent.unheeded = noted.unheeded()
    return agent


def _own(
    name: str, spaces: Mapping[str, Space[Any]], moves: Space[Any], answers: int, options: Mapping[str, Any]
) -> Agent:
    make = load(name)
    options = {option: value for option, value in options.items() if option != "agent"}
    check_options(name, options, named_by(make))
    agent = make(spaces, moves, answers, **options)
    if not isinstance(agent, Agent):
        raise ValueError(f"{name} makes no vln.agent.Agent but {type(agent).__name__}")
    return agent


def _agent_of(spaces: Mapping[str, Space[Any]], moves: Space[Any], answers: int, shape: Shape) -> Agent:
    if "where" in spaces:
        return Glimpser(spaces, moves, answers, shape)
    if "given" in spaces or not spaces:
        return Sequencer(spaces, moves, shape)
    if not isinstance(moves, Discrete):
        raise ValueError(f"a navigator chooses among moves; here they are points {moves}")
    if "path" in spaces:
        return Speaker(spaces, int(moves.n), shape)
    return Navigator(spaces, int(moves.n), shape, answers=answers)
