"""Instruments: gates against the states they make, saliency against small changes, probes, labels and pictures."""

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium.spaces import Box
from helpers.tiny import AGENTS, GLIMPSES, GRAPHS, LINES, Kind, lived, tiny, tiny_agent, tiny_world
from test_readable_cells import planted

from vln.agent import Decision
from vln.agents.analysis.activations import Activations, read_cells
from vln.agents.analysis.gates import read_gates
from vln.agents.analysis.probes import probe_labels
from vln.agents.analysis.saliency import saliency
from vln.agents.config import AgentConfig
from vln.agents.recurrent.core import CELLS, Recurrent
from vln.agents.recurrent.linear import LRU
from vln.agents.recurrent_agent import RecurrentAgent
from vln.envs.registry import make_task
from vln.envs.rooms import Rooms
from vln.pages.figures import keep_figures, kept_figures
from vln.state import take
from vln.world import World

VIEWS = ("symbols", "first_person", *GLIMPSES, *GRAPHS, *LINES, "tells")
STEPS = 5


def adder(memory: str, layers: int = 1) -> tuple[World[Any], RecurrentAgent]:
    torch.manual_seed(0)
    world = make_task("adding", {"length": 12}).open("val")
    config = AgentConfig(memory=memory, hidden=6, layers=layers)
    return world, RecurrentAgent(world.spaces, world.action_space, config=config).eval()


@pytest.mark.parametrize("memory", CELLS)
def test_what_a_gate_keeps_is_kept(memory: str) -> None:
    """The state after a step changes with the one before it by just the share that the gate says."""
    torch.manual_seed(1)
    cell = Recurrent(memory, 3, 4).cells[0]
    inputs = torch.randn(STEPS, 3)
    before = tuple(torch.randn(STEPS, *shape) for shape in cell.states.values())
    gates = cell.gates(inputs, before)
    assert all(((opened >= 0) & (opened <= 1)).all() for opened in gates.values())
    if cell.keeps is None:
        assert not gates
        return
    kept, episode_starts = gates[cell.keeps], torch.zeros(1, STEPS, dtype=torch.bool)

    def after(*states: torch.Tensor) -> torch.Tensor:
        found = cell(inputs[None], states, episode_starts, False)[1]
        return found[1] if memory == "lstm" else found[0]

    if memory == "gru":  # the rest is (1 - kept) of something between -1 and 1
        assert ((after(*before) - kept * before[0]).abs() <= 1 - kept + 1e-6).all()
        return
    place = 1 if memory == "lstm" else 0
    moved = tuple(state + 1.0 if number == place else state for number, state in enumerate(before))
    changed = after(*moved) - after(*before)
    if memory == "lru":  # both parts of a complex number were moved by 1, its modulus by the square root of 2
        changed = changed.norm(dim=-1) / 2**0.5
    assert torch.allclose(changed, kept, atol=1e-5)


@pytest.mark.parametrize("memory", CELLS)
def test_gates_are_heard_in_every_layer_while_episodes_are_lived(memory: str) -> None:
    world, agent = adder(memory, layers=2)
    gates = read_gates(world, agent, range(3))
    assert not agent.core._forward_pre_hooks
    assert {gate.layer for gate in gates} == (set() if memory.startswith("elman") else {0, 1})
    for gate in gates:
        assert ((gate.shut + gate.open <= 1) & (gate.mean >= 0) & (gate.mean <= 1)).all()
        if gate.lasting is not None and memory == "lru":
            cell = agent.core.cells[gate.layer]
            assert isinstance(cell, LRU)
            expected = -1 / cell.eigenvalues().abs().log()
            assert gate.lasting == pytest.approx(expected.detach().numpy(), rel=1e-4)


def test_a_share_of_steps_is_counted_as_shut_and_open() -> None:
    """One unit's forget gate is forced open and another's shut; the others are as they were."""
    world, agent = adder("lstm")
    bias = agent.core.cells[0].across[1].data  # type: ignore[index]
    bias[6], bias[7] = 20.0, -20.0
    (forget,) = (gate for gate in read_gates(world, agent, range(2)) if gate.name == "forget")
    assert (forget.open[0], forget.shut[0], forget.open[1], forget.shut[1]) == (1, 0, 0, 1)
    assert forget.lasting is not None
    assert forget.lasting[0] > 1e5 > 0.1 > forget.lasting[1]
    assert (forget.open[2:] + forget.shut[2:] < 1).all()


@pytest.mark.parametrize("memory", CELLS)
def test_saliency_is_what_a_small_change_of_the_past_changes(memory: str) -> None:
    torch.manual_seed(0)
    config = AgentConfig(memory=memory, hidden=6, layers=2)
    agent = RecurrentAgent({"input": Box(0, 1, (2,))}, Box(-1, 1, (1,)), config=config).double().eval()
    seen = {"input": torch.rand(STEPS, 1, 2, dtype=torch.float64)}
    episode_starts = torch.zeros(STEPS, 1, dtype=torch.bool)

    def score(decision: Decision) -> torch.Tensor:
        return decision.policy.mode()[3].sum()

    found = saliency(agent, seen, episode_starts, score)
    assert (found[4] == 0).all()
    nudge = 1e-2  # heads tell in float32
    for step in range(4):
        slopes = []
        for column in range(2):
            ends = []
            for way in (nudge, -nudge):
                moved = seen["input"].clone()
                moved[step, 0, column] += way
                ends.append(score(agent({"input": moved}, agent.initial(1), episode_starts)[0]).item())
            slopes.append((ends[0] - ends[1]) / (2 * nudge))
        assert found[step, 0] == pytest.approx(np.linalg.norm(slopes), rel=0.02, abs=1e-5)


@pytest.mark.parametrize("kind", [kind for name, kind in AGENTS.items() if name != "speaks"])
def test_saliency_ends_where_an_episode_begins(kind: Kind) -> None:
    agent, seen = tiny_agent(kind), lived(kind.view)
    found = saliency(agent, seen.observation, seen.episode_starts, lambda decision: decision.value[-1].sum())
    for slot in range(seen.episode_starts.shape[1]):
        begun = int(torch.nonzero(seen.episode_starts[:, slot]).max())
        assert (found[:begun, slot] == 0).all()
        assert found[-1, slot] > 0


def test_a_probe_reads_what_no_single_unit_tells() -> None:
    rng = np.random.default_rng(0)
    reading = planted(rng)
    hidden = rng.normal(size=len(reading))
    units = rng.normal(size=reading.units.shape).astype(np.float32)
    units[:, 0] = hidden - 3 * units[:, 1]
    labels = {"sign": hidden > 0, "size": hidden.astype(np.float32), "never": np.zeros(len(units), dtype=np.bool_)}
    found = probe_labels(Activations(units, reading.names, labels, reading.episode, reading.step, reading.position))
    assert [(probe.label, probe.kind) for probe in found] == [("sign", "AUC"), ("size", "correlation")]
    assert all(probe.held > 0.95 for probe in found)
    assert abs(found[0].chance - 0.5) < 0.1
    assert abs(found[1].chance) < 0.2


@pytest.mark.parametrize("view", VIEWS)
def test_every_world_says_what_is_true_of_its_states(view: str) -> None:
    """One value a slot, bool or a number, the same alone and in a batch, and nothing changes by asking."""
    world = tiny_world(view)
    state = world.begin(np.arange(3))
    labels = world.labels(state)
    assert labels
    for name, values in labels.items():
        assert values.shape == (3,), name
        assert values.dtype == np.bool_ or values.dtype.kind == "f", name
    alone = world.labels(take(state, np.array([1])))
    assert all(np.array_equal(alone[name][0], values[1], equal_nan=True) for name, values in labels.items())


def test_rooms_say_where_one_is_and_what_one_has_just_done() -> None:
    world = tiny_world()
    state = world.begin(np.arange(8))
    for _ in range(12):
        labels = world.labels(state)
        assert (labels["just bumped"] == state.bumped).all()
        ways = [labels[f"looks {way}"] for way in ("north", "east", "south", "west")]
        floors = [on for name, on in labels.items() if name.startswith("on ")]
        assert all((np.sum(each, axis=0) == 1).all() for each in (ways, floors))
        assert (labels["distance to go"] == world.error(state)).all()
        state = world.step(state, np.zeros(8, dtype=np.int64))
    assert np.all(labels["just bumped"])  # who only goes forward ends at a wall


def test_a_route_says_which_clause_is_carried_out() -> None:
    """Who follows the teacher carries out one clause after the other, to the last; off the way it is not known."""
    world = tiny("Route").open("val_unseen", track_sight=True)
    state = world.begin(np.arange(len(world.episodes)))
    order: list[list[float]] = [[] for _ in world.episodes]
    while not world.terminated(state).all():
        clauses, going_on = world.labels(state)["clause"], ~world.terminated(state)
        for number in np.flatnonzero(going_on):
            order[number].append(clauses[number])
        state = world.step(state, world.expert(state).argmax(axis=1))
    for episode, told in zip(world.episodes, order, strict=True):
        assert told == sorted(told)
        assert told[0] == 1
        assert max(told) == len(episode.clauses) + 1 >= 2
    assert isinstance(world, Rooms)
    begun = world.begin(np.arange(len(world.episodes)))
    turned = (begun.pose + np.array([0, 0, 2])) % np.array([99, 99, 4])
    assert np.isnan(world.labels(world.begin(begun.episode, turned))["clause"]).any()


@pytest.mark.parametrize("view", [view for view in VIEWS if view != "tells"])
def test_every_place_is_drawn_in_the_colours_of_its_steps(view: str) -> None:
    world = tiny_world(view)
    state = world.begin(np.array([0]))
    position = world.position(state)
    path = np.concatenate([position, position])
    blue, red = (np.array([colour] * 2, dtype=np.uint8) for colour in ((30, 60, 200), (200, 60, 30)))
    one, other = (world.draw(state, 0, path, colours) for colours in (blue, red))
    assert one.shape == other.shape
    assert one.dtype == np.uint8
    assert (one != other).any()


def test_figures_are_kept_in_order_and_replace_those_before(tmp_path: Any) -> None:
    from matplotlib.figure import Figure

    picture = np.zeros((4, 6, 3), dtype=np.uint8)
    keep_figures(tmp_path / "figures", "cells", {"old": picture})
    files = keep_figures(tmp_path / "figures", "cells", {"b: 1/2": picture, "a": Figure()})
    assert [file.suffix for file in files] == [".png", ".svg"]
    found = kept_figures(tmp_path / "figures")
    assert [caption for caption, _ in found["cells"]] == ["b: 1\N{DIVISION SLASH}2", "a"]
    assert [uri.partition(";")[0] for _, uri in found["cells"]] == ["data:image/png", "data:image/svg+xml"]
    assert kept_figures(tmp_path / "nowhere") == {}


def test_a_reading_knows_whether_an_answer_was_right() -> None:
    view = GLIMPSES[0]
    kind = next(kind for kind in AGENTS.values() if kind.view == view)
    world, agent = tiny_world(view), tiny_agent(kind)
    reading = read_cells(world, agent, range(4))
    assert reading.labels["right"].dtype == np.bool_
    assert {"x", "y", "looks"} < set(reading.labels)
