"""Trajectories: the file that R2R's evaluation server takes, written, read, checked and scored here.

A list of {"instr_id": "PATH_NUMBER", "trajectory": [[viewpoint, heading, elevation], ...]}, angles in radians. Read
are also the forms that other programs write: steps of viewpoints alone, as many as were passed (DUET and its heirs),
`instruction_id` and `path` (RxR), an object of trajectories by name, an object a line, gzip.
"""

import json
import math
from collections.abc import Callable, Collection, Iterable, Mapping
from itertools import pairwise
from numbers import Real
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from vln.agent import Agent, Rescorer
from vln.evaluation.beam_search import plan
from vln.evaluation.finished import distances_between
from vln.evaluation.play import batches, evaluation_mode, play
from vln.evaluation.tables import Entry
from vln.learning.rollouts import Act, greedy
from vln.outcomes import PathOutcome
from vln.world import World

from .annotations import path_of
from .records import Broken, Repeating, read_json
from .state import GraphState
from .world import Graphs

Trajectory = list[tuple[str, float, float]]
Label = Callable[[GraphState], NDArray[np.bool_]]


def walked(
    world: Graphs,
    agent: Agent,
    act: Act = greedy,
    label: Label | None = None,
    seed: int = 0,
    beam: int = 1,
    rescorer: Rescorer | None = None,
) -> dict[str, Trajectory]:
    """Where an agent was, and facing where, at the start and after every move of every episode, by its name.

    The stop is no move. label: who tells the best moves, where `act` follows them. seed: of the acting, where it draws.
    beam, rescorer: as of `evaluate`; moves that were planned are gone, the search itself leaves no trace.
    """
    rng = torch.Generator(next(agent.parameters()).device).manual_seed(seed)
    found: dict[str, Trajectory] = {}
    with evaluation_mode(agent):
        for batch in batches(range(len(world.episodes))):
            begun = world.begin(batch)
            ways = [[pose] for pose in _poses(world, begun)]
            planned = plan(world, agent, begun, beam, rescorer) if beam > 1 else None
            for step in play(world, agent, begun, act, rng, label, planned):
                for slot, pose, stopped in zip(
                    step.rows.tolist(), _poses(world, step.next_state), step.next_state.stopped, strict=True
                ):
                    if not stopped:
                        ways[slot].append(pose)
            names = (world.episodes[int(number)].name for number in begun.episode)
            found |= dict(zip(names, ways, strict=True))
    return found


def write_trajectories(file: Path, trajectories: Mapping[str, Trajectory]) -> None:
    """Write the file that the evaluation server takes."""
    records = [{"instr_id": name, "trajectory": way} for name, way in trajectories.items()]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(records, allow_nan=False) + "\n")


def write_paths(world: World[Any], entry: Entry, file: Path, seed: int) -> None:
    """Write the ways of an entry of a table of R2R, for the evaluation server."""
    graphs = cast(Graphs, world)  # r2r opens no other
    label = graphs.expert if entry.oracle else None
    write_trajectories(file, walked(graphs, entry.agent, entry.act, label, seed, entry.beam, entry.rescorer))


NAMES, WAYS = ("instr_id", "instruction_id"), ("trajectory", "path")  # what a record may call them


def read_trajectories(file: Path) -> dict[str, list[str]]:
    """The viewpoints of every trajectory, by the name of its instruction.

    Raises ValueError with file, record, instruction, step and reason when the file is not one of trajectories.
    """
    found: dict[str, list[str]] = {}
    for number, record in enumerate(_records(file)):
        where = f"{file}: record {number}"
        if trouble := _trouble(record):
            raise ValueError(f"{where} {trouble}")
        name, steps = (next(record[key] for key in keys if key in record) for keys in (NAMES, WAYS))
        if str(name) in found:
            raise ValueError(f"{where}: there are two trajectories of {name}")
        try:
            found[str(name)] = viewpoints_of(steps)
        except ValueError as error:
            raise ValueError(f"{where} ({name}): {error}") from None
    if not found:
        raise ValueError(f"{file} holds no trajectory")
    return found


def _records(file: Path) -> Iterable[Any]:
    content = read_json(file)
    if isinstance(content, Repeating):
        raise ValueError(f"{file}: there are two trajectories of {content.name}")
    if isinstance(content, Mapping):
        if set(NAMES) & set(content):
            return [content]  # JSON Lines of one line
        ways = {name: way if isinstance(way, Mapping) else {WAYS[0]: way} for name, way in content.items()}
        return [{**way, NAMES[0]: name} for name, way in ways.items()]
    if not isinstance(content, Iterable) or isinstance(content, str):
        raise ValueError(f"{file} must be a list of records, not {type(content).__name__}")
    return content


def _trouble(record: Any) -> str:
    """What keeps a record from being the trajectory of an instruction; nothing where all is well."""
    if isinstance(record, Broken):
        return f"is none: {record.reason}"
    if isinstance(record, Repeating):
        return f"has two {record.name!r}"
    if not isinstance(record, Mapping) or not all(set(keys) & set(record) for keys in (NAMES, WAYS)):
        return "must have instr_id and trajectory"
    name = next(record[key] for key in NAMES if key in record)
    if not isinstance(name, str | int) or isinstance(name, bool):
        return f"names its instruction by {name!r}, neither a text nor a whole number"
    return ""


def viewpoints_of(steps: Any) -> list[str]:
    """All the viewpoints that a trajectory passes, in order.

    A step is [viewpoint, heading, elevation] (radians; both or the last may be left out), a list of the viewpoints
    that were passed in it, or one viewpoint by itself. Raises ValueError with the step that is none of these.
    """
    if not isinstance(steps, list | tuple) or not steps:
        raise ValueError("a trajectory is [[viewpoint, heading, elevation], ...], at least one step")
    found: list[str] = []
    for number, step in enumerate(steps):
        viewpoint, *others = step if isinstance(step, list | tuple) and step else (step,)
        angles = len(others) <= 2 and all(map(_finite, others))
        if not isinstance(viewpoint, str) or not (angles or all(isinstance(other, str) for other in others)):
            raise ValueError(
                f"step {number} is {step!r:.80}, neither [viewpoint, heading, elevation] (finite numbers) nor a list "
                f"of viewpoints"
            )
        found += [viewpoint] if angles else [viewpoint, *others]
    return found


def _finite(value: Any) -> bool:
    try:
        return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # a whole number that is larger than any of them
        return False


def score(world: Graphs, trajectories: Mapping[str, Any], left_out: Collection[str] = ()) -> list[PathOutcome]:
    """The outcome of every episode of a split when its trajectory is followed and the agent stops at its end.

    trajectories: steps as in `viewpoints_of`, by the name of their instruction. left_out: the names of instructions
    whose trajectories are passed over. Raises ValueError, naming the instruction, where one is missing or unknown,
    begins elsewhere, or jumps.
    """
    names = [episode.name for episode in world.episodes]
    missing = [name for name in names if name not in trajectories]
    unknown = set(trajectories) - set(names) - set(left_out)
    if missing:
        raise ValueError(f"{len(missing)} instructions have no trajectory, the first is {missing[0]}")
    if unknown:
        raise ValueError(f"{len(unknown)} trajectories are of no instruction of this split, as {min(unknown)}")
    if any(not episode.goals for episode in world.episodes):
        raise ValueError("the goals of this split are secret: only the evaluation server can score it")
    return [_outcome(world, number, viewpoints_of(trajectories[name])) for number, name in enumerate(names)]


def _outcome(world: Graphs, number: int, way: list[str]) -> PathOutcome:
    episode = world.episodes[number]
    graph, reference = episode.place, path_of(episode)
    if way[0] != graph.viewpoints[reference[0]]:
        raise ValueError(f"the trajectory of {episode.name} begins at {way[0]}, not at its path's start")
    for one, other in pairwise(way):
        if other not in graph.number or (one != other and not graph.joined[graph.number[one], graph.number[other]]):
            raise ValueError(f"the trajectory of {episode.name} jumps from {one} to {other}")
    places = np.array([graph.number[name] for name in way])
    path = places[np.r_[True, places[1:] != places[:-1]]]
    expected = reference[np.r_[True, reference[1:] != reference[:-1]]]
    left = graph.distance[episode.goals[0], path]
    length = world.path_length(number, path[:, None])
    distances, rows, columns = distances_between(world, number, path[:, None], expected[:, None])
    return PathOutcome(
        name=episode.name,
        family=episode.family,
        success=bool(np.float32(left[-1]) <= world.tolerance),
        error=float(left[-1]),
        least_error=float(left.min()),
        length=length,
        shortest=float(left[0]),
        distances=distances,
        path_length=length,
        reference_length=world.path_length(number, expected[:, None]),
        tolerance=world.tolerance,
        threshold=world.threshold,
        path=rows,
        reference=columns,
    )


def _poses(world: Graphs, state: GraphState) -> Trajectory:
    names = (
        world.episodes[int(number)].place.viewpoints[place]
        for number, (place,) in zip(state.episode, world.position(state), strict=True)
    )
    return list(zip(names, state.heading.tolist(), state.elevation.tolist(), strict=True))
