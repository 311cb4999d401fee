"""Images in navigation graphs: the right ones are shown, and agents and Gymnasium take them."""

import json
import math
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pooch
import pytest
import torch
from gymnasium.envs.registration import EnvSpec
from helpers.graph_worlds import RECORD, asked, connectivity, graph, scattered, world, write_folder

from vln.agent import Decision
from vln.agents.config import AgentConfig
from vln.agents.recurrent_agent import RecurrentAgent
from vln.agents.scripted import FixedPolicy
from vln.envs.graphs.graph import Graph
from vln.envs.graphs.graph_batch import NONE
from vln.envs.graphs.images import VIEWS, read_images, write_images
from vln.envs.graphs.state import GraphState
from vln.envs.graphs.world import ACTIONS, BASELINES, Graphs
from vln.gym.env import TaskEnv
from vln.gym.env_checker import check_vector_env
from vln.gym.vector_env import TaskVectorEnv
from vln.learning.rollouts import Rollout, RolloutState, rollout, sample

SIZE = 3
HALL, OTHER, EMPTY = graph(), replace(scattered(3), scan="other"), replace(scattered(1), scan="empty")
EPISODES = [asked(HALL, "abc", 0.4), asked(HALL, "vuedc", 5.9), asked(OTHER, "ab"), asked(OTHER, "ce")]


def features(folder: Path, places: Iterable[Graph], precision: type[np.floating] = np.float32) -> Path:
    """Any numbers, for every view in these buildings."""
    pairs = [(place.scan, name) for place in places for name in place.viewpoints]
    write_images(folder, pairs, np.random.default_rng(0).normal(size=(len(pairs), VIEWS, SIZE)).astype(precision))
    return folder


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Not in the order of the atlas, and with a building that no episode takes place in."""
    return features(tmp_path / "features", [OTHER, EMPTY, HALL])


def everywhere(place: Graphs) -> GraphState:
    """One agent at every viewpoint."""
    nodes = np.arange(len(place.atlas.neighbour), dtype=np.int32)
    return replace(place.begin(np.zeros(len(nodes), dtype=np.int64)), node=nodes)


def where(place: Graphs, node: int) -> tuple[Graph, int]:
    """The graph that a node of the atlas is in, and which of its viewpoints it is."""
    number = int(place.atlas.graph[node])
    return place.atlas.graphs[number], node - int(place.atlas.first[number])


def slow_view(heading: float, elevation: float) -> int:
    """The view that looks this way."""
    tilt = max(-1, min(1, round(math.degrees(elevation) / 30)))
    return 12 * (tilt + 1) + round(math.degrees(heading) / 30) % 12


def test_of_every_neighbour_the_view_that_faces_it_is_shown(file: Path) -> None:
    place, images = world(EPISODES, features=file), read_images(file)
    state = everywhere(place)
    shown, tilts = place.observe(state)["images"], set()
    for node, slots in enumerate(place.atlas.neighbour):
        building, here = where(place, node)
        views = images.of(building.scan, building.viewpoints[here])
        for slot, neighbour in enumerate(slots):
            if neighbour == NONE:
                assert not shown[node, slot].any()
                continue
            right, ahead, up = building.position[where(place, neighbour)[1]] - building.position[here]
            facing = slow_view(math.atan2(right, ahead), math.atan2(up, math.hypot(right, ahead)))
            np.testing.assert_array_equal(shown[node, slot], views[facing])
            tilts.add(facing // 12)
    assert tilts == {0, 1, 2}
    np.testing.assert_array_equal((shown != 0).any(axis=-1), (place.observe(state)["view"] != 0).any(axis=-1))


def test_the_discrete_camera_sees_the_view_that_it_looks_at(file: Path) -> None:
    place, images, rng = (
        world(EPISODES, actions="low_level", features=file),
        read_images(file),
        np.random.default_rng(0),
    )
    state, looked_at = place.begin(np.tile(np.arange(len(EPISODES)), 8)), set()
    for _ in range(40):
        shown = place.observe(state)["images"]
        for slot, node in enumerate(state.node):
            building, here = where(place, node)
            view = slow_view(float(state.heading[slot]), float(state.elevation[slot]))
            np.testing.assert_array_equal(shown[slot], images.of(building.scan, building.viewpoints[here])[view])
            looked_at.add(view)
        state = place.step(state, rng.integers(len(place.action_names) - 1, size=len(state)))
    assert looked_at == set(range(VIEWS))


@pytest.mark.parametrize("actions", ACTIONS)
@pytest.mark.parametrize("precision", [np.float16, np.float32])
def test_images_are_of_their_space_in_either_precision(actions: str, precision: Any, tmp_path: Path) -> None:
    place = world(EPISODES, actions=actions, features=features(tmp_path / "features", [HALL, OTHER], precision))
    space, shown = place.spaces["images"], place.observe(place.begin(np.arange(4)))["images"]
    assert space.shape == ((place.atlas.neighbour.shape[1], SIZE) if actions == "panoramic" else (SIZE,))
    assert all(space.contains(one) for one in shown)


@pytest.mark.parametrize("actions", ACTIONS)
def test_vector_and_single_show_the_same_images(actions: str, file: Path) -> None:
    place = world(EPISODES, actions=actions, features=file, max_steps=6)
    check_vector_env(lambda slots, mode: TaskVectorEnv(place, slots, mode), lambda: TaskEnv(place), slots=3, steps=30)


def test_a_viewpoint_without_images_is_named(tmp_path: Path) -> None:
    path = features(tmp_path / "features", [graph({"a": (0, 0, 0)}, ()), OTHER])
    with pytest.raises(ValueError, match=rf"{path} lacks 9 of 19 viewpoints: hall b, hall c, hall d, \.\.\."):
        world(EPISODES, features=path)


def test_of_buildings_without_an_episode_no_images_are_needed(tmp_path: Path) -> None:
    place = world(EPISODES)
    path = features(tmp_path / "features", [HALL])
    shown = Graphs(EPISODES[:2], place.vocabulary, place.atlas, features=path)
    assert "images" in shown.spaces


def test_mirrored_buildings_are_refused(file: Path) -> None:
    with pytest.raises(ValueError, match=r"mirror=False; --no-mirror"):
        world([*EPISODES, asked(HALL.mirror, "abc")], features=file)


def test_who_is_blind_is_shown_no_images(file: Path) -> None:
    blind = BASELINES["blind"]
    options: dict[str, Any] = {"features": file, **blind.world}
    assert not {"view", "images"} & set(world(EPISODES, **options).spaces)
    assert {"view", "images"} <= set(blind.without)


SHAPE = AgentConfig(hidden=12, word_dim=8, view_dim=32, view_dropout=0.2)
SENSES = ("instruction", "view", "images", "previous", "possible", "pose")
SIGHTS = [(actions, view) for actions in ACTIONS for view in ("local", "lookahead", "none")]


def navigator(place: Graphs, senses: tuple[str, ...] = SENSES) -> RecurrentAgent:
    """One that has learned nothing, but whose decisions depend on all it senses."""
    torch.manual_seed(0)
    spaces = {name: space for name, space in place.spaces.items() if name in senses}
    agent = RecurrentAgent(spaces, place.action_space, 0, SHAPE)
    for weights in agent.policy.parameters():
        torch.nn.init.normal_(weights)
    return agent.eval()


def lived(place: Graphs) -> Rollout:
    """A window of lives of any moves, in which many episodes begin and end."""
    habit = FixedPolicy([1 / len(place.action_names)] * len(place.action_names))
    course = RolloutState.begin(place, habit, 5, seed=3)
    return rollout(place, habit, course, 12, sample, torch.Generator().manual_seed(0))[0]


@pytest.mark.parametrize(("actions", "view"), SIGHTS)
def test_a_navigator_that_sees_images_decides_alike_step_by_step(actions: str, view: str, file: Path) -> None:
    place = world(EPISODES, actions=actions, view=view, features=file)
    agent, seen = navigator(place), lived(place)
    memory, decisions = agent.initial(5), []
    whole, _ = agent(seen.observation, memory, seen.episode_starts)
    for time, episode_starts in enumerate(seen.episode_starts):
        moment = {name: values[time] for name, values in seen.observation.items()}
        decision, memory = agent.step(moment, memory, episode_starts)
        decisions.append(decision)
    policy = Decision.stack(decisions).policy
    torch.testing.assert_close(policy.log_prob(seen.actions), whole.policy.log_prob(seen.actions))
    torch.testing.assert_close(policy.entropy(), whole.policy.entropy())
    torch.testing.assert_close(Decision.stack(decisions).value, whole.value)


@pytest.mark.parametrize(("actions", "view"), SIGHTS)
@pytest.mark.parametrize("senses", [SENSES, ("view", "possible", "images"), ("images",)])
def test_what_a_navigator_decides_depends_on_images(
    actions: str, view: str, senses: tuple[str, ...], file: Path
) -> None:
    place = world(EPISODES, actions=actions, view=view, features=file)
    agent, seen = navigator(place, senses), lived(place)
    images = seen.observation["images"].clone().requires_grad_()
    decision, _ = agent({**seen.observation, "images": images}, agent.initial(5), seen.episode_starts)
    decision.value.sum().backward()
    assert images.grad is not None
    shown = (images != 0).any(dim=-1)
    assert ((images.grad != 0).any(dim=-1) == shown).all()


def test_a_navigator_without_the_sense_does_not_see_images(file: Path) -> None:
    place = world(EPISODES, features=file)
    agent, seen = navigator(place, tuple(sense for sense in SENSES if sense != "images")), lived(place)
    other = {**seen.observation, "images": seen.observation["images"] + 1}
    first, second = (
        agent(observation, agent.initial(5), seen.episode_starts)[0] for observation in (seen.observation, other)
    )
    torch.testing.assert_close(first.value, second.value)


def test_an_image_of_zeros_is_no_missing_candidate(file: Path) -> None:
    place = world(EPISODES, features=file)
    agent, seen = navigator(place), lived(place)
    dark = {**seen.observation, "images": torch.zeros_like(seen.observation["images"])}
    policy = agent(dark, agent.initial(5), seen.episode_starts)[0].policy
    assert ((policy.probs > 0) == (seen.observation["possible"] > 0)).all()


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as that of R2R, with one building, and images of it beside it."""
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / "cache" / name)
    folder = tmp_path / "data"
    write_folder(folder / "matterport" / "connectivity", hall=connectivity())
    (folder / "r2r").mkdir()
    for split in ("train", "val_seen"):
        (folder / "r2r" / f"R2R_{split}.json").write_text(json.dumps([RECORD]))
    features(folder / "features", [HALL])
    return folder


PLACES: dict[str, dict[str, Any]] = {
    "a split": {"split": "val_seen"},
    "train": {},
    "a file": {"annotations": "{data}/r2r/R2R_val_seen.json"},
    "a pattern": {"annotations": "{data}/r2r/R2R_{{split}}.json"},
    "low level": {"split": "val_seen", "actions": "low_level", "view": "none", "max_steps": 5},
    "the annotated path": {"split": "val_seen", "route": "annotated"},
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("seen", [True, False], ids=["images", "no images"])
def test_gymnasium_makes_one_and_many(place: str, seen: bool, data: Path) -> None:
    chosen = {**PLACES[place], "data": str(data), "validation_scans": 0, "mirror": False}
    if "annotations" in chosen:
        chosen["annotations"] = chosen["annotations"].format(data=data)
    if seen:
        chosen["features"] = str(data / "features")
    env = gymnasium.make("vln/R2R-v0", **chosen)
    many = gymnasium.make_vec("vln/R2R-v0", num_envs=3, path_metrics=True, **chosen)
    for spec in (env.spec, many.spec):
        assert spec is not None
        assert chosen.items() <= EnvSpec.from_json(spec.to_json()).kwargs.items()
    (observation, info), (each, _) = env.reset(seed=0), many.reset(seed=0)
    assert ("images" in observation) == seen
    for name in observation:
        np.testing.assert_array_equal(each[name][0], observation[name])
    over = False
    while not over:
        observation, _, terminated, truncated, info = env.step(info["expert_action"])
        over = terminated or truncated
    assert env.observation_space.contains(observation)
    assert truncated or info["is_success"]


def test_gymnasium_says_who_trains_with_images_what_to_do(data: Path) -> None:
    with pytest.raises(ValueError, match="mirror=False"):
        gymnasium.make("vln/R2R-v0", data=str(data), features=str(data / "features"), validation_scans=0)
