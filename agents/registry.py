"""The agent for a world, told by its spaces."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol, cast

from gymnasium import Space

from vln.agent import Agent
from vln.files import load
from vln.options import check_options, named_by

from .encoders.encoder import MakeEncoder
from .memories import bound_cell
from .recurrent import RecurrentAgent
from .shape import PLAIN, Noted, Shape


class Place(Protocol):
    """What of a world (vln.world.World) or of an interface (vln.interface.Interface) an agent is made for."""

    @property
    def spaces(self) -> Mapping[str, Space[Any]]: ...
    @property
    def move_space(self) -> Space[Any]: ...
    @property
    def answers(self) -> int: ...
    @property
    def graded(self) -> bool: ...


def agent_for(
    place: Place, shape: Shape = PLAIN, encoders: Mapping[str, MakeEncoder | str] | None = None
) -> RecurrentAgent:
    """The recurrent agent for a world, or for what an interface says of one.

    shape: what it is made of. encoders: by the name of an observation, what makes its encoder in place of ours, or the
    name of that in somebody's own file (FILE.py:NAME). Raises ValueError for a space that no encoder or head is for.
    """
    return _recurrent(place.spaces, place.move_space, place.answers, shape, place.graded, encoders or {})


def make_agent(
    spaces: Mapping[str, Space[Any]],
    moves: Space[Any],
    answers: int,
    options: Mapping[str, Any],
    graded: bool = False,
) -> Agent:
    """The agent a run describes: a RecurrentAgent for these spaces.

    spaces: of single observations. moves: the space of a move. answers, graded: see RecurrentAgent. options: those of
    its Shape; `encoders`: by the name of an observation that of an encoder in somebody's own file (FILE.py:NAME); and
    `memory_options`: those of a memory in somebody's own file.
    Options that change nothing in it are its `unheeded`. Where one of them is `agent`, that is the name of an agent in
    somebody's own file, which is called with spaces, moves and answers, and with the other options.
    """
    if "agent" in options:
        return _own(options["agent"], spaces, moves, answers, options)
    encoders, of_memory = options.get("encoders", {}), options.get("memory_options", {})
    own = ("encoders", "memory_options")
    shape = Shape(**{name: value for name, value in options.items() if name not in own})
    noted = Noted(replace(shape, memory=bound_cell(shape.memory, of_memory)) if of_memory else shape)
    agent = _recurrent(spaces, moves, answers, cast(Shape, noted), graded, encoders)
    agent.unheeded = noted.unheeded()
    return agent


def _recurrent(
    spaces: Mapping[str, Space[Any]],
    moves: Space[Any],
    answers: int,
    shape: Shape,
    graded: bool,
    encoders: Mapping[str, MakeEncoder | str],
) -> RecurrentAgent:
    own: dict[str, Callable[..., Any]] = {
        name: load(make) if isinstance(make, str) else make for name, make in encoders.items()
    }
    return RecurrentAgent(spaces, moves, answers, shape, graded, own)


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
