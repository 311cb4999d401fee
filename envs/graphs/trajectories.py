"""Trajectories: the file that R2R's evaluation server takes, written, read, checked and scored here.

A list of {"instr_id": "PATH_NUMBER", "trajectory": [[viewpoint, heading, elevation], ...]}, angles in radians.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from vln.agent import Agent
from vln.beam import Judge, plan
from vln.metrics import Walk
from vln.moments import as_judged, batches, moments
from vln.rollouts import Act, greedy

from .annotations import path_of
from .world import Graphs, GraphState

Trajectory = list[tuple[str, float, float]]
Label = Callable[[GraphState], NDArray[np.bool_]]


def walked(
    world: Graphs,
    agent: Agent,
    act: Act = greedy,
    label: Label | None = None,
    seed: int = 0,
    beam: int = 1,
    judge: Judge | None = None,
) -> dict[str, Trajectory]:
    """Where an agent was, and facing where, at the start and after every move of every episode, by its name.

    The stop is no move. label: who tells the best moves, where `act` follows them. seed: of the acting, where it draws.
    beam, judge: as of `evaluate`; moves that were planned are gone, the search itself leaves no trace.
    """
    rng = torch.Generator(next(agent.parameters()).device).manual_seed(seed)
    found: dict[str, Trajectory] = {}
    with as_judged(agent):
        for batch in batches(range(len(world.episodes))):
            begun = world.begin(batch)
            ways = [[pose] for pose in _poses(world, begun)]
            planned = plan(world, agent, begun, beam, judge) if beam > 1 else None
            for moment in moments(world, agent, begun, act, rng, label, planned):
                for slot, pose, stopped in zip(
                    moment.slots.tolist(), _poses(world, moment.after), moment.after.stopped, strict=True
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


def read_trajectories(file: Path) -> dict[str, Trajectory]:
    """Raises ValueError with file, record and reason when the file is not one of trajectories."""
    try:
        records = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"{file} can't be read as JSON: {error}") from None
    if not isinstance(records, list):
        raise ValueError(f"{file} must be a list of records, not {type(records).__name__}")
    found: dict[str, Trajectory] = {}
    for number, record in enumerate(records):
        if not isinstance(record, Mapping) or not {"instr_id", "trajectory"} <= set(record):
            raise ValueError(f"{file}: record {number} must have instr_id and trajectory")
        name, way = record["instr_id"], record["trajectory"]
        if name in found:
            raise ValueError(f"{file}: record {number}: there are two trajectories of {name}")
        if not isinstance(way, list) or not way or not all(isinstance(pose, list) and pose for pose in way):
            raise ValueError(
                f"{file}: record {number} ({name}): a trajectory is [[viewpoint, heading, elevation], ...]"
            )
        found[name] = [tuple(pose) for pose in way]
    return found


def score(world: Graphs, trajectories: Mapping[str, Sequence[Sequence[Any]]]) -> list[Walk]:
    """The outcome of every episode of a split when its trajectory is followed and the agent stops at its end.

    Raises ValueError, naming the instruction, where one is missing or unknown, begins elsewhere, or jumps.
    """
    names = [episode.name for episode in world.episodes]
    missing, unknown = [name for name in names if name not in trajectories], set(trajectories) - set(names)
    if missing:
        raise ValueError(f"{len(missing)} instructions have no trajectory, the first is {missing[0]}")
    if unknown:
        raise ValueError(f"{len(unknown)} trajectories are of no instruction of this split, as {min(unknown)}")
    if any(not episode.goals for episode in world.episodes):
        raise ValueError("the goals of this split are secret: only the evaluation server can score it")
    return [_outcome(world, number, trajectories[name]) for number, name in enumerate(names)]


def _outcome(world: Graphs, number: int, way: Sequence[Sequence[Any]]) -> Walk:
    episode = world.episodes[number]
    graph, reference = episode.place, path_of(episode)
    if way[0][0] != graph.viewpoints[reference[0]]:
        raise ValueError(f"the trajectory of {episode.name} begins at {way[0][0]}, not at its path's start")
    for one, other in pairwise(pose[0] for pose in way):
        if other not in graph.number or (one != other and not graph.joined[graph.number[one], graph.number[other]]):
            raise ValueError(f"the trajectory of {episode.name} jumps from {one} to {other}")
    places = np.array([graph.number[pose[0]] for pose in way])
    path = places[np.r_[True, places[1:] != places[:-1]]]
    expected = reference[np.r_[True, reference[1:] != reference[:-1]]]
    left = graph.distance[episode.goals[0], path]
    length = world.path_length(number, path[:, None])
    return Walk(
        name=episode.name,
        family=episode.family,
        success=bool(np.float32(left[-1]) <= world.tolerance),
        error=float(left[-1]),
        least_error=float(left.min()),
        length=length,
        shortest=float(left[0]),
        distances=graph.distance[np.ix_(path, expected)].astype(np.float32),
        path_length=length,
        reference_length=world.path_length(number, expected[:, None]),
        tolerance=world.tolerance,
        threshold=world.threshold,
    )


def _poses(world: Graphs, state: GraphState) -> Trajectory:
    names = (
        world.episodes[int(number)].place.viewpoints[place]
        for number, (place,) in zip(state.episode, world.position(state), strict=True)
    )
    return list(zip(names, state.heading.tolist(), state.elevation.tolist(), strict=True))
