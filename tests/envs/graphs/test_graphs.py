"""Graphs: the world against a slow second opinion, its experts from every state, and the numbers others report."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from gymnasium.spaces import Dict
from helpers.data import data_folder
from helpers.graph_worlds import asked, graph, hall_world, line, scattered, slow_distances, world
from numpy.typing import NDArray

from vln.envs.graphs.annotations import Annotations, Start, find_annotations, path_of, read_annotations
from vln.envs.graphs.graph import Graph
from vln.envs.graphs.graph_batch import HALF_VIEW, NONE, GraphBatch
from vln.envs.graphs.lookahead import NAMES, outlook
from vln.envs.graphs.state import GraphState
from vln.envs.graphs.task import atlas_of, graphs_in
from vln.envs.graphs.world import LOW_LEVEL, Graphs
from vln.episode import Episode
from vln.evaluation.finished import outcome_of
from vln.language import Vocabulary
from vln.outcomes import PathOutcome
from vln.state import put, take

FORWARD, LEFT, RIGHT, UP, DOWN, STOP = range(6)
STEP = math.tau / 12  # radians
SMALL = "8194nk5LbLH"  # a scan of 20 viewpoints
RINGS = ((-1, 4), (4, 8))  # metres walked on from an edge's end
VIEWS = [(turn, tilt) for turn in range(12) for tilt in (-1, 0, 1)]  # of the discrete camera, in steps


def wrapped(angle: float) -> float:
    """The same direction, in -pi to pi."""
    return math.atan2(math.sin(angle), math.cos(angle))


@dataclass(frozen=True, eq=False)
class Building:
    """A building as the definitions say it: loops, and Python's own numbers."""

    graph: Graph

    @cached_property
    def position(self) -> list[list[float]]:
        return self.graph.position.tolist()

    @cached_property
    def distance(self) -> list[list[float]]:
        return slow_distances(self.position, self.graph.edges.tolist())

    def bearing(self, here: int, there: int) -> float:
        (x, y, _), (to_x, to_y, _) = self.position[here], self.position[there]
        return math.atan2(to_x - x, to_y - y) % math.tau

    def rise(self, here: int, there: int) -> float:
        (x, y, z), (to_x, to_y, to_z) = self.position[here], self.position[there]
        return math.atan2(to_z - z, math.hypot(to_x - x, to_y - y))

    def far(self, here: int, there: int) -> float:
        return math.dist(self.position[here], self.position[there])

    @cache  # noqa: B019 (it lives as long as a test)
    def ways(self, here: int) -> list[int]:
        """The neighbours, clockwise from +y."""
        edges = self.graph.edges.tolist()
        found = [other if one == here else one for one, other in edges if here in (one, other)]
        return sorted(found, key=lambda there: (self.bearing(here, there), there))

    @cache  # noqa: B019
    def central(self, here: int, turn: int, tilt: int) -> int | None:
        """Where `forward` leads from a view: to the neighbour nearest to its middle, of those within 40 degrees."""
        off = {there: wrapped(self.bearing(here, there) - turn * STEP) for there in self.ways(here)}
        seen = [there for there, side in off.items() if abs(side) <= math.radians(40)]
        return min(seen, key=lambda to: math.hypot(off[to], self.rise(here, to) - tilt * STEP), default=None)

    @cache  # noqa: B019
    def driven(self, goal: int) -> list[float]:
        """Metres to a goal from everywhere, along edges that `forward` can go."""
        left = [0.0 if here == goal else math.inf for here in range(len(self.graph))]
        for _ in left:  # Bellman and Ford
            for here in range(len(left)):
                for there in {self.central(here, *view) for view in VIEWS} - {None}:
                    assert there is not None
                    left[here] = min(left[here], self.far(here, there) + left[there])
        return left


@dataclass
class Walker:
    """One agent in a building, as the definitions say it."""

    building: Building
    path: list[int]
    goal: int | None
    start: float
    panoramic: bool
    node: int = field(init=False)
    heading: float = field(init=False)
    elevation: float = 0.0
    turned: float = 0.0
    hopped: float = 0.0
    length: float = 0.0
    came: int | None = None
    steps: int = 0
    progress: int = 0

    def __post_init__(self) -> None:
        self.node, self.visited = self.path[0], {self.path[0]}
        self.start = self.heading = self.start if self.panoramic else round(self.start / STEP) * STEP
        self._arrive()

    @property
    def view(self) -> tuple[int, int]:
        return round(self.heading / STEP) % 12, round(self.elevation / STEP)

    @property
    def left(self) -> float:
        return math.inf if self.goal is None else self.building.distance[self.node][self.goal]

    @property
    def forward(self) -> int | None:
        return None if self.panoramic else self.building.central(self.node, *self.view)

    def possible(self, moves: int) -> list[bool]:
        if self.panoramic:
            return [way < len(self.building.ways(self.node)) for way in range(moves - 1)] + [True]
        return [self.forward is not None, True, True, self.view[1] < 1, self.view[1] > -1, True]

    def step(self, move: int, moves: int) -> None:
        self.steps += 1
        self.turned = 0.0
        if move == moves - 1 or not self.possible(moves)[move]:
            return
        if self.panoramic:
            there = self.building.ways(self.node)[move]
            along = self.building.bearing(self.node, there)
            self.turned = wrapped(along - self.heading)
            self.heading, self.elevation = along, self.building.rise(self.node, there)
            self._go(there)
        elif move == FORWARD:
            assert self.forward is not None
            self._go(self.forward)
        elif move in (LEFT, RIGHT):
            self.turned = STEP if move == RIGHT else -STEP
            self.heading += self.turned
        else:
            self.elevation += STEP if move == UP else -STEP

    def _go(self, there: int) -> None:
        self.hopped = self.building.far(self.node, there)
        self.length += self.hopped
        self.came, self.node = self.node, there
        self.visited.add(there)
        self._arrive()

    def _arrive(self) -> None:
        while self.path[self.progress + 1 : self.progress + 2] == [self.node]:
            self.progress += 1

    def pose(self) -> list[float]:
        since = self.heading - self.start
        angles = (since, self.elevation, self.turned)
        turns = [part for angle in angles for part in (math.sin(angle), math.cos(angle))]
        return [*turns, self.hopped / 5, self.steps == 0]

    def seen(self) -> list[list[float]]:
        """The local features of every neighbour."""
        rows = []
        for there in self.building.ways(self.node):
            side = self.building.bearing(self.node, there) - self.heading
            up = self.building.rise(self.node, there)
            known = [there in self.visited, there == self.came, there == self.forward]
            length = self.building.far(self.node, there) / 5
            rows.append([math.sin(side), math.cos(side), *known, math.sin(up), math.cos(up), length, 1])
        return rows


def walkers(places: Graphs) -> list[Walker]:
    """A walker for every episode of a world."""
    found, buildings = [], {one.place.identity: Building(one.place) for one in places.episodes}
    for episode in places.episodes:
        goal = int(episode.goals[0]) if episode.goals else None
        heading = episode.start[0].heading
        found.append(
            Walker(buildings[episode.place.identity], path_of(episode).tolist(), goal, heading, places.panoramic)
        )
    return found


def close(values: NDArray[Any], expected: Any, name: str) -> None:
    np.testing.assert_allclose(values, expected, rtol=1e-5, atol=2e-5, err_msg=name)


def agree(places: Graphs, state: GraphState, second: Sequence[Walker]) -> None:
    """Whether a world and walkers say the same of where agents stand and what they see."""
    nodes = places.position(state)[:, 0]
    assert nodes.tolist() == [walker.node for walker in second]
    for angles, name in ((state.heading, "heading"), (state.turned, "turned")):
        apart = angles - [getattr(walker, name) for walker in second]
        np.testing.assert_allclose(np.sin(apart / 2), 0, atol=1e-5, err_msg=name)  # a full turn is none
    for values, name in (
        (state.elevation, "elevation"),
        (state.length, "length"),
        (state.progress, "progress"),
        (places.error(state), "left"),
    ):
        close(values, [getattr(walker, name) for walker in second], name)
    seen = places.observe(state)
    first = places.atlas.first[places.atlas.graph[state.node]]
    for slot, walker in enumerate(second):
        came = None if state.came[slot] == NONE else state.came[slot] - first[slot]
        assert came == walker.came
        bits = np.unpackbits(state.visited[slot].view(np.uint8), bitorder="little")
        assert set(np.flatnonzero(bits).tolist()) == walker.visited
        assert seen["possible"][slot].tolist() == walker.possible(len(places.action_names))
        close(seen["pose"][slot], walker.pose(), "pose")
        rows = walker.seen()
        close(seen["view"][slot, : len(rows), :9], np.reshape(rows, (-1, 9)), "view")
        assert not seen["view"][slot, len(rows) :].any()


def random_moves(rng: np.random.Generator, possible: NDArray[np.int8]) -> NDArray[np.int64]:
    """Any move but the last, mostly a possible one."""
    weight = possible[:, :-1] + 0.1
    return np.array([rng.choice(len(row), p=row / row.sum()) for row in weight])


def asked_any(place: Graph, path: list[int], heading: float = 0.0) -> Episode:
    """An episode from the first viewpoint of a path, by number, to its last."""
    reference = np.array(path, dtype=np.int32)[:, None]
    return Episode("go", place, (Start(path[0], heading),), (path[-1],), place.scan, f"{path}", reference)


@pytest.fixture(scope="module")
def real() -> dict[str, Graph]:
    return dict(graphs_in(data_folder("matterport")))


@pytest.mark.parametrize("actions", ["panoramic", "low_level"])
@pytest.mark.parametrize("view", ["local", "lookahead"])
def test_random_walks_are_those_of_a_slow_second_opinion(actions: str, view: str) -> None:
    episodes = [*hall_world().episodes, asked(graph(), "ax")]  # no way leads to the last one's goal
    places, rng = world(episodes, actions=actions, view=view), np.random.default_rng(1)
    second = walkers(places)
    state = places.begin(np.arange(len(places.episodes)))
    space = Dict(places.spaces)
    for _ in range(40):
        agree(places, state, second)
        seen = places.observe(state)
        assert all(space.contains({name: values[slot] for name, values in seen.items()}) for slot in range(len(state)))
        moves = random_moves(rng, seen["possible"])
        state = places.step(state, moves)
        for walker, move in zip(second, moves.tolist(), strict=True):
            walker.step(move, len(places.action_names))
        if not places.panoramic:
            assert places.observe(state)["previous"].tolist() == moves.tolist()


@pytest.mark.parametrize("actions", ["panoramic", "low_level"])
def test_random_walks_in_real_scans_are_those_of_a_slow_second_opinion(real: dict[str, Graph], actions: str) -> None:
    rng = np.random.default_rng(2)
    scans = [real[scan] for scan in (SMALL, "GdvgFV5R1Z5", "YmJkqBEsHnH", "q9vSo1VnCiC")] * 4
    episodes = [asked_any(scan, rng.integers(len(scan), size=2).tolist(), rng.uniform(-7, 7)) for scan in scans]
    places = world(episodes, actions=actions)
    second = walkers(places)
    state = places.begin(np.arange(len(places.episodes)))
    for _ in range(30):
        agree(places, state, second)
        moves = random_moves(rng, places.observe(state)["possible"])
        state = places.step(state, moves)
        for walker, move in zip(second, moves.tolist(), strict=True):
            walker.step(move, len(places.action_names))


@pytest.mark.parametrize("actions", ["panoramic", "low_level"])
def test_a_step_leaves_the_state_before_it_and_what_was_seen_as_they_were(actions: str) -> None:
    places = hall_world(actions=actions)
    state = places.begin(np.arange(len(places.episodes)))
    copies = {name: np.copy(getattr(state, name)) for name in state.__dataclass_fields__}
    seen, again = places.observe(state), places.observe(state)
    places.step(state, np.zeros(len(state), dtype=np.int64))
    assert all(np.array_equal(getattr(state, name), values) for name, values in copies.items())
    assert all(np.array_equal(seen[name], again[name]) for name in seen)
    assert not any(np.shares_memory(seen[name], again[name]) for name in seen)


def test_stopping_ends_an_episode_where_one_stands_and_too_many_steps_cut_it_off() -> None:
    places = world([asked(graph(), "abc")], max_steps=2)
    begun = places.begin(np.zeros(1, dtype=np.int64))
    stopped = places.step(begun, np.array([places.stop]))
    assert places.terminated(stopped)
    assert not places.truncated(stopped)
    assert places.position(stopped) == places.position(begun)
    waited = places.step(places.step(begun, np.array([3])), np.array([3]))
    assert places.truncated(waited)
    assert not places.terminated(waited)


def test_success_is_to_stop_strictly_nearer_than_three_metres() -> None:
    place = line(0.0, 2.999, 3.0, 6.0)
    for path, nearer in (("ab", True), ("ac", False), ("dc", False), ("cb", True)):
        places = world([asked(place, path)])
        state = places.step(places.begin(np.zeros(1, dtype=np.int64)), np.array([places.stop]))
        assert places.success(state).tolist() == [nearer], path


def test_a_secret_goal_is_infinitely_far() -> None:
    places = world([asked(graph(), "a", secret=True)])
    state = places.begin(np.zeros(1, dtype=np.int64))
    assert places.error(state).tolist() == [math.inf]
    assert not places.success(places.step(state, np.array([places.stop])))


def test_the_discrete_camera_sees_within_40_degrees_to_either_side_whatever_is_above() -> None:
    for degrees, seen in ((39.9, True), (40.1, False), (-39.9, True), (-40.1, False), (100.0, False)):
        side = math.radians(degrees)
        place = graph({"a": (0, 0, 0), "b": (math.sin(side), math.cos(side), 3.0)}, ["ab"])
        places = world([asked(place, "ab")], actions="low_level")
        possible = places.observe(places.begin(np.zeros(1, dtype=np.int64)))["possible"]
        assert bool(possible[0, FORWARD]) == seen, degrees
    assert math.degrees(HALF_VIEW) == pytest.approx(40)


def test_looking_up_and_down_chooses_between_two_storeys() -> None:
    positions = {"a": (0, 0, 0), "b": (0.1, 3, 2), "c": (0, 3, 0), "d": (-0.1, 3, -2)}
    places = world([asked(graph(positions, ["ab", "ac", "ad"]), "ab")], actions="low_level")
    for looks, reached in (((UP,), 1), ((UP, UP), 1), ((), 2), ((DOWN,), 3), ((DOWN, DOWN, UP), 2)):
        state = places.begin(np.zeros(1, dtype=np.int64))
        for move in (*looks, FORWARD):
            state = places.step(state, np.array([move]))
        assert places.position(state).tolist() == [[reached]]


def test_turning_right_is_clockwise_and_twelve_turns_lead_back() -> None:
    places = world([asked(graph(), "ab", heading=0.1)], actions="low_level")
    state = begun = places.begin(np.zeros(1, dtype=np.int64))
    assert state.heading.tolist() == [0]  # the nearest of twelve
    for turn in range(1, 13):
        state = places.step(state, np.array([LOW_LEVEL.index("turn right")]))
        assert state.heading[0] == pytest.approx(turn % 12 * STEP)
    assert state.heading == begun.heading
    assert places.step(state, np.array([LEFT])).heading[0] == pytest.approx(11 * STEP)


def test_a_mirror_image_is_walked_as_the_building_is_with_left_and_right_exchanged() -> None:
    hall, rng = graph(), np.random.default_rng(5)
    pair = [asked(hall, "abc", 0.7), asked(hall.mirror, "abc", -0.7)]
    places = world(pair)
    state = places.begin(np.arange(2))
    for _ in range(30):
        view = places.observe(state)["view"]
        count = int(view[0, :, -1].sum())
        mirrored = view[1, :count] * ([-1] + [1] * (view.shape[2] - 1))
        order = [int(np.abs(mirrored - row).sum(axis=1).argmin()) for row in view[0, :count]]
        np.testing.assert_allclose(view[0, :count], mirrored[order], atol=1e-5)
        move = int(rng.integers(count))
        state = places.step(state, np.array([move, order[move]]))
        assert len(set(places.position(state)[:, 0])) == 1
    pair_low = world(pair, actions="low_level")
    state = pair_low.begin(np.arange(2))
    opposite = {LEFT: RIGHT, RIGHT: LEFT}
    for move in rng.integers(5, size=60).tolist():
        state = pair_low.step(state, np.array([move, opposite.get(move, move)]))
        assert len(set(pair_low.position(state)[:, 0])) == 1


def slow_outlook(building: Building, here: int, there: int) -> dict[str, float]:
    """What lies beyond an edge, feature by feature."""
    position, distance, far = building.position, building.distance, building.far
    others = [one for one in range(len(position)) if one != there]
    onward = [one for one in building.ways(there) if one != here]
    ahead = building.bearing(here, there)
    rises = {one: position[one][2] - position[there][2] for one in others}
    within = [one for one in others if far(there, one) < 6]
    by_it = [
        one
        for one in others
        if math.isfinite(distance[here][one]) and far(here, there) + distance[there][one] <= distance[here][one] + 1e-6
    ]
    slopes = [rises[one] / max(far(there, one), 1e-6) for one in onward]
    found = {
        "degree": len(building.ways(there)) / 5,
        "dead end": float(len(building.ways(there)) == 1),
        "viewpoints within 3 m": sum(far(there, one) < 3 for one in others) / 5,
        "viewpoints within 6 m": len(within) / 15,
        "highest within 6 m": max([0.0, *(rises[one] for one in within)]) / 3,
        "lowest within 6 m": max([0.0, *(-rises[one] for one in within)]) / 3,
        "viewpoints reached by it": math.log1p(sum(distance[here][one] < 12 for one in by_it)) / 3,
        "steepest way up from it": max([0.0, *slopes]),
        "steepest way down from it": max([0.0, *(-slope for slope in slopes)]),
    }
    for sector in range(8):
        inside = [one for one in others if round((building.bearing(there, one) - ahead) / (math.tau / 8)) % 8 == sector]
        flat = [math.dist(position[there][:2], position[one][:2]) for one in inside if one in onward]
        rings = [[one for one in inside if one in by_it and low < distance[there][one] <= high] for low, high in RINGS]
        found[f"nearest second hop, sector {sector}"] = max([0.0, *(1 / (0.5 + far) for far in flat)])
        found[f"viewpoints near beyond, sector {sector}"] = math.log1p(len(rings[0])) / 2
        found[f"viewpoints far beyond, sector {sector}"] = math.log1p(len(rings[1])) / 2
    return found


def test_what_the_map_tells_is_what_a_slow_computation_says(real: dict[str, Graph]) -> None:
    for place in (graph(), graph().mirror, scattered(1), scattered(2, 12), line(0, 2, 5, 9), real[SMALL]):
        building = Building(place)
        here, there = np.concatenate([place.edges, place.edges[:, ::-1]]).astype(np.int64).T
        features = outlook(place, here, there)
        for row, edge in zip(features, zip(here.tolist(), there.tolist(), strict=True), strict=True):
            slow = slow_outlook(building, *edge)
            assert set(slow) == set(NAMES)
            told = dict(zip(NAMES, row.tolist(), strict=True))
            assert told == pytest.approx(slow, abs=1e-5), (place.identity, edge)


def test_with_lookahead_every_neighbour_is_shown_with_what_lies_beyond_it() -> None:
    building = Building(graph())
    for start, actions in (("c", "panoramic"), ("e", "low_level")):
        places = world([asked(building.graph, start)], view="lookahead", actions=actions)
        view = places.observe(places.begin(np.zeros(1, dtype=np.int64)))["view"][0]
        here = building.graph.number[start]
        for row, there in zip(view, building.ways(here), strict=False):
            slow = slow_outlook(building, here, there)
            close(row[9:], [slow[name] for name in NAMES], f"{start} {there}")


def test_every_feature_of_every_real_edge_is_of_the_order_of_one() -> None:
    lookahead = atlas_of(data_folder("matterport").parent, images=False).lookahead
    assert np.isfinite(lookahead).all()
    assert np.abs(lookahead).max() < 7  # 101 viewpoints within 6 metres
    assert (lookahead != 0).any(axis=(0, 1)).all()


def in_every_state(place: Graph, actions: str) -> Iterator[tuple[Graphs, GraphState, Building, int]]:
    """For each viewpoint as the goal: a world, and a state in it for every viewpoint and every view."""
    building, everyone = Building(place), np.arange(len(place))
    places = world([asked_any(place, [0, goal]) for goal in range(len(place))], actions=actions)
    turns, tilts = (len(place) * [0], len(place) * [0])
    nodes = everyone
    if actions == "low_level":
        nodes = np.repeat(everyone, len(VIEWS))
        turns, tilts = np.array(VIEWS * len(place)).T
    for goal in range(len(place)):
        state = replace(
            places.begin(np.full(len(nodes), goal)),
            node=nodes.astype(np.int32),
            heading=(np.array(turns) * STEP).astype(np.float32),
            elevation=(np.array(tilts) * STEP).astype(np.float32),
        )
        yield places, state, building, goal


def expected_hops(building: Building, here: int, goal: int, moves: int) -> set[int]:
    """The panoramic moves that begin a shortest way, or `stop`."""
    left = building.distance[here][goal]
    ways = {
        way
        for way, there in enumerate(building.ways(here))
        if here != goal
        and math.isfinite(left)
        and building.far(here, there) + building.distance[there][goal] == pytest.approx(left, abs=1e-9)
    }
    return ways or {moves - 1}


def after(view: tuple[int, int], move: int) -> tuple[int, int]:
    turn, tilt = view
    turn += {LEFT: -1, RIGHT: 1}.get(move, 0)
    tilt += {UP: 1, DOWN: -1}.get(move, 0)
    return turn % 12, min(max(tilt, -1), 1)


def looks_left(building: Building, here: int, goal: int) -> dict[tuple[int, int], float]:
    """How many turns and tilts it takes from every view to one from which `forward` is on a shortest way."""
    driven = building.driven(goal)
    left = dict.fromkeys(VIEWS, math.inf)
    for view in VIEWS:
        there = building.central(here, *view)
        if there is not None and math.isfinite(driven[here]):
            on = building.far(here, there) + driven[there] == pytest.approx(driven[here], abs=1e-9)
            left[view] = 0.0 if on else math.inf
    for _ in range(8):  # no view is further from another
        for view in VIEWS:
            left[view] = min(left[view], *(1 + left[after(view, move)] for move in (LEFT, RIGHT, UP, DOWN)))
    return left


def expected_drives(looks: dict[tuple[int, int], float], view: tuple[int, int], at_goal: bool) -> set[int]:
    if at_goal or math.isinf(looks[view]):
        return {STOP}
    if looks[view] == 0:
        return {FORWARD}
    return {move for move in (LEFT, RIGHT, UP, DOWN) if looks[after(view, move)] == looks[view] - 1}


def fan() -> Graph:
    """Three viewpoints behind one another from a: `forward` from a can't go to the middle one."""
    ways = {"b": (0, 2), "c": (9, 4), "d": (18, 2), "e": (180, 3)}  # degrees and metres, from a
    there = {
        name: (far * math.sin(math.radians(side)), far * math.cos(math.radians(side)), 0.0)
        for name, (side, far) in ways.items()
    }
    return graph({"a": (0.0, 0.0, 0.0), **there}, ["ab", "ac", "ad", "ae", "bc"], "fan")


def square() -> Graph:
    """Four viewpoints, with two shortest ways between opposite ones."""
    return graph({"a": (0, 0, 0), "b": (0, 2, 0), "c": (2, 2, 0), "d": (2, 0, 0)}, ["ab", "bc", "cd", "ad"], "square")


TINY = (graph, fan, square, lambda: line(0, 1, 2.5, 2.5002, 6), lambda: scattered(1), lambda: scattered(6, 12))


@pytest.mark.parametrize("place", TINY)
def test_the_panoramic_expert_marks_all_shortest_ways_and_nothing_else_from_everywhere(place: Any) -> None:
    check_hops(place())


@pytest.mark.parametrize("place", TINY)
def test_the_low_level_expert_takes_the_fewest_looks_to_the_next_hop_from_every_view(place: Any) -> None:
    check_drives(place())


def test_both_experts_are_right_from_everywhere_in_a_real_scan(real: dict[str, Graph]) -> None:
    check_hops(real[SMALL])
    check_drives(real[SMALL])


def check_hops(place: Graph) -> None:
    for places, state, building, goal in in_every_state(place, "panoramic"):
        best, possible = places.expert(state), places.observe(state)["possible"]
        assert not (best & (possible == 0)).any()
        for here in range(len(place)):
            marked = set(np.flatnonzero(best[here]).tolist())
            assert marked == expected_hops(building, here, goal, len(places.action_names)), (here, goal)


def check_drives(place: Graph) -> None:
    for places, state, building, goal in in_every_state(place, "low_level"):
        best, possible = places.expert(state), places.observe(state)["possible"]
        assert not (best & (possible == 0)).any()
        for here in range(len(place)):
            looks = looks_left(building, here, goal)
            for number, view in enumerate(VIEWS):
                marked = set(np.flatnonzero(best[here * len(VIEWS) + number]).tolist())
                assert marked == expected_drives(looks, view, here == goal), (here, goal, view)


def follow(
    places: Graphs, state: GraphState, rng: np.random.Generator | None = None
) -> tuple[GraphState, NDArray[np.int32]]:
    """The last states of those who follow an expert, any of its moves with rng, and their trails [steps, B, 1]."""
    positions = [places.position(state)]
    for _ in range(places.max_steps):
        best = places.expert(state)
        chosen = (best * (1 if rng is None else rng.random(best.shape))).argmax(axis=1)
        over = np.flatnonzero(places.terminated(state))
        state = put(places.step(state, chosen), over, take(state, over))
        positions.append(places.position(state))
        if places.terminated(state).all():
            break
    return state, np.array(positions)


@pytest.mark.parametrize("actions", ["panoramic", "low_level"])
def test_who_follows_an_expert_from_anywhere_arrives_by_a_shortest_way(actions: str) -> None:
    rng = np.random.default_rng(0)
    for place in (graph(), fan(), square(), scattered(6, 12)):
        for places, state, building, goal in in_every_state(place, actions):
            final, _ = follow(places, state, rng)
            shortest = building.distance[goal] if actions == "panoramic" else building.driven(goal)
            expected = np.array(shortest)[state.node]
            reached = np.isfinite(expected)
            assert final.stopped.all()
            assert (final.node[reached] == goal).all()
            np.testing.assert_allclose(final.length, np.where(reached, expected, 0), rtol=1e-5, atol=1e-6)
            assert (final.node[~reached] == state.node[~reached]).all()


def test_forward_can_not_go_to_a_viewpoint_between_two_others() -> None:
    place = fan()
    places = world([asked(place, "ac")], actions="low_level")
    state, positions = follow(places, places.begin(np.zeros(1, dtype=np.int64)))
    assert [place.viewpoints[node] for node in dict.fromkeys(positions[:, 0, 0].tolist())] == ["a", "b", "c"]
    assert state.length > place.distance[0, place.number["c"]]


def test_two_viewpoints_at_one_place_do_not_hold_an_expert() -> None:
    place = line(0, 2, 2, 5)
    for places in (
        world([asked(place, "abcd")]),
        world([asked(place, "dcba"), asked(place, "bcb")], route="annotated"),
    ):
        final, _ = follow(places, places.begin(np.arange(len(places.episodes))))
        assert final.stopped.all()
        assert places.error(final).tolist() == [0] * len(places.episodes)


@pytest.mark.parametrize("actions", ["panoramic", "low_level"])
@pytest.mark.parametrize("path", ["abc", "abcba", "acdedsc", "abcdedscsdeteuvue", "abbca", "etetede"])
def test_the_annotated_route_is_followed_node_by_node(actions: str, path: str) -> None:
    place = graph()
    places = world([asked(place, path)], actions=actions, route="annotated", max_steps=200)
    final, positions = follow(places, places.begin(np.zeros(1, dtype=np.int64)), np.random.default_rng(0))
    walked = without_repeats([place.viewpoints[node] for node in positions[:, 0, 0]])
    assert walked == without_repeats(path)
    assert final.stopped


def without_repeats(path: Sequence[Any]) -> list[Any]:
    return [path[0], *(there for here, there in pairwise(path) if here != there)]


def test_who_leaves_the_annotated_route_is_led_back_to_it() -> None:
    place = graph()
    places = world([asked(place, "abcs")], route="annotated")
    state = places.begin(np.zeros(1, dtype=np.int64))
    to_c = Building(place).ways(0).index(place.number["c"])
    state = places.step(state, np.array([to_c]))
    _, positions = follow(places, state)
    assert [place.viewpoints[node] for node in positions[:, 0, 0]] == ["c", "b", "c", "s", "s"]


@pytest.mark.parametrize("actions", ["panoramic", "low_level"])
@pytest.mark.parametrize("route", ["shortest", "annotated"])
def test_where_the_goal_is_secret_or_no_way_leads_the_expert_stops(actions: str, route: str) -> None:
    place = graph()
    episodes = [asked(place, "abc", secret=True), asked(place, "ax"), asked(place, "xa"), asked(place, "x")]
    places = world(episodes, actions=actions, route=route)
    best = places.expert(places.begin(np.arange(4)))
    assert np.argwhere(best).tolist() == [[slot, places.stop] for slot in range(4)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"actions": "fly"}, "no action space is called 'fly'; there are panoramic, low_level"),
        ({"view": "images"}, "no view is called 'images'; there are local, lookahead, none"),
        ({"route": "scenic"}, "no route is called 'scenic'; there are shortest, annotated"),
        ({"max_steps": 0}, "max_steps must be at least 1, not 0"),
    ],
)
def test_wrong_arguments_are_refused_by_name(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        world([asked(graph(), "abc")], **options)


def test_a_world_without_episodes_or_without_the_graph_of_one_is_refused() -> None:
    atlas, words = GraphBatch.of([graph()]), Vocabulary(("go",))
    with pytest.raises(ValueError, match="a world needs at least one episode"):
        Graphs([], words, atlas)
    with pytest.raises(ValueError, match=r"the atlas has no graph of \['hall/mirror'\]"):
        Graphs([asked(graph().mirror, "ab")], words, atlas)


def test_without_a_view_there_is_none_and_all_else_stays() -> None:
    blind, seeing = hall_world(view="none"), hall_world()
    assert set(seeing.spaces) - set(blind.spaces) == {"view"}
    state = blind.begin(np.arange(3))
    assert set(blind.observe(state)) == set(blind.spaces)
    assert hall_world(view="lookahead").spaces["view"].shape == (len(seeing.action_names) - 1, 9 + len(NAMES))


def slow_metrics(building: Building, walked: list[int], reference: list[int], stopped: bool) -> dict[str, float]:
    """All metrics of a walk as the papers define them."""
    distance = building.distance
    path, reference = without_repeats(walked), without_repeats(reference)
    goal = reference[-1]

    def length(nodes: list[int]) -> float:
        return sum(distance[here][there] for here, there in pairwise(nodes))

    @cache
    def warp(one: int, other: int) -> float:
        if one < 0 or other < 0:
            return 0.0 if one == other else math.inf
        ahead = min(warp(one - 1, other), warp(one, other - 1), warp(one - 1, other - 1))
        return distance[path[one]][reference[other]] + ahead

    error, shortest = distance[path[-1]][goal], distance[path[0]][goal]
    success = float(stopped and error < 3)
    coverage = sum(math.exp(-min(distance[r][p] for p in path) / 3) for r in reference) / len(reference)
    expected = coverage * length(reference)
    score = 1.0 if expected == length(path) == 0 else expected / (expected + abs(expected - length(path)))
    ndtw = math.exp(-warp(len(path) - 1, len(reference) - 1) / (len(reference) * 3))
    return {
        "trajectory_length": length(path),
        "navigation_error": error,
        "success": success,
        "oracle_success": float(min(distance[node][goal] for node in path) < 3),
        "spl": success * (shortest / max(length(path), shortest) if shortest else 1.0),
        "ndtw": ndtw,
        "sdtw": success * ndtw,
        "cls": coverage * score,
    }


def measured(places: Graphs, moves: Sequence[int]) -> tuple[dict[str, float], list[int]]:
    """The metrics of the world's first episode after these moves, and the viewpoints it was at."""
    state = places.begin(np.zeros(1, dtype=np.int64))
    shortest = float(places.error(state)[0])
    positions = [places.position(state)[0]]
    for move in moves:
        state = places.step(state, np.array([move]))
        positions.append(places.position(state)[0])
    outcome = outcome_of(places, state, 0, np.array(positions), shortest)
    assert isinstance(outcome, PathOutcome)
    return outcome.metrics(), [int(place[0]) for place in positions]


def hops(place: Graph, path: str) -> list[int]:
    """The panoramic moves along a path of names of one letter."""
    nodes = [place.number[name] for name in path]
    return [Building(place).ways(here).index(there) for here, there in pairwise(nodes)]


def test_metrics_of_a_detour_are_those_worked_out_by_hand() -> None:
    # Viewpoints at 0, 2, 4, 6, 8 and 10 m; asked to go to e at 8 along a b c d e.
    place = line(0, 2, 4, 6, 8, 10)
    places = world([asked(place, "abcde")])
    stop = [len(places.action_names) - 1]
    # On to f and back to d: 10 + 4 walked, 2 from the goal. In nDTW f is off by 2 and the second d by 2, the e between
    # costs nothing; the best warp matches a..e and then f, e, d with the last e: 0 + 2 + 0 + 2.
    found, _ = measured(places, [*hops(place, "abcdefed"), *stop])
    assert found == pytest.approx(
        {
            "trajectory_length": 14,
            "navigation_error": 2,
            "success": 1,
            "oracle_success": 1,
            "spl": 8 / 14,
            "ndtw": math.exp(-4 / (5 * 3)),
            "sdtw": math.exp(-4 / (5 * 3)),
            "cls": 8 / (8 + 6),
        }
    )
    # Stopped at b, 6 m away: b is matched with b, c, d and e: 0 + 2 + 4 + 6.
    found, _ = measured(places, [*hops(place, "ab"), *stop])
    coverage = (1 + 1 + math.exp(-2 / 3) + math.exp(-4 / 3) + math.exp(-6 / 3)) / 5
    expected = coverage * 8
    assert found == pytest.approx(
        {
            "trajectory_length": 2,
            "navigation_error": 6,
            "success": 0,
            "oracle_success": 0,
            "spl": 0,
            "ndtw": math.exp(-12 / (5 * 3)),
            "sdtw": 0,
            "cls": coverage * expected / (expected + expected - 2),
        }
    )


def test_passing_the_goal_without_stopping_there_is_an_oracle_success_only() -> None:
    place = line(0, 2, 4, 6, 8, 12)
    places = world([asked(place, "abc")])
    found, _ = measured(places, [*hops(place, "abcdef"), len(places.action_names) - 1])
    assert (found["success"], found["oracle_success"], found["spl"], found["sdtw"]) == (0, 1, 0, 0)
    # Cut off at the goal, without having said stop.
    found, _ = measured(places, hops(place, "abc"))
    assert (found["success"], found["oracle_success"], found["navigation_error"], found["ndtw"]) == (0, 1, 0, 1)


def test_edge_cases_of_metrics() -> None:
    place = graph()
    stop = len(world([asked(place, "a")]).action_names) - 1
    found, _ = measured(world([asked(place, "a")]), [stop])  # a path of one node
    assert found.pop("trajectory_length") == found.pop("navigation_error") == 0
    assert set(found.values()) == {1.0}
    found, _ = measured(world([asked(place, "xx")]), [stop])  # in the cupboard from the start
    assert found["spl"] == found["ndtw"] == found["cls"] == 1
    found, _ = measured(world([asked(place, "bx")]), [stop])  # no way leads there
    assert (found["navigation_error"], found["success"], found["spl"], found["ndtw"]) == (math.inf, 0, 0, 0)
    found, _ = measured(world([asked(place, "et")]), [stop])  # 0.2 mm short of it
    assert found["navigation_error"] == pytest.approx(0.0002, rel=1e-3)
    assert found["success"] == 1
    assert found["spl"] == pytest.approx(1)
    assert found["ndtw"] == pytest.approx(1, abs=1e-3)
    found, _ = measured(world([asked(place, "eteted")]), [*hops(place, "eteted"), stop])  # nodes that repeat
    assert found["ndtw"] == found["sdtw"] == found["cls"] == pytest.approx(1)


@pytest.mark.parametrize("actions", ["panoramic", "low_level"])
def test_metrics_of_random_walks_are_those_of_the_papers_formulas(real: dict[str, Graph], actions: str) -> None:
    rng = np.random.default_rng(7)
    for place in (real[SMALL], graph(), scattered(6, 12), line(0, 0.0002, 1, 4)):
        building = Building(place)
        for _ in range(12):
            reference = rng.integers(len(place), size=rng.integers(1, 8)).tolist()
            if not np.isfinite(np.array(building.distance)[reference[0], reference]).all():
                continue
            places = world([asked_any(place, reference)], actions=actions)
            ended = bool(rng.random() < 0.7)
            count = len(places.action_names) - 1
            moves = [*rng.choice([0, 0, *range(count)], size=rng.integers(12)).tolist(), *([count] if ended else [])]
            found, walked = measured(places, moves)
            slow = slow_metrics(building, walked, reference, ended)
            assert found == pytest.approx(slow, rel=1e-4, abs=1e-5), (place.identity, reference, walked)


@pytest.fixture(scope="module")
def splits(real: dict[str, Graph]) -> dict[str, Annotations]:
    names = ("val_seen", "val_unseen", "test")
    return {name: read_annotations(find_annotations(data_folder("r2r"), name), real) for name in names}


def open_split(splits: dict[str, Annotations], name: str, **options: Any) -> Graphs:
    atlas = atlas_of(data_folder("matterport").parent, images=False)
    return Graphs(splits[name].episodes, Vocabulary(("the",)), atlas, **options)


def judged(places: Graphs) -> dict[str, float]:
    """The mean metrics of who follows the expert through a whole split."""
    begun = places.begin(np.arange(len(places.episodes)))
    shortest = places.error(begun)
    final, positions = follow(places, begun)
    outcomes = [
        outcome_of(places, final, slot, positions[: final.steps[slot] + 1, slot], float(shortest[slot]))
        for slot in range(len(final))
    ]
    rows = [outcome.metrics() for outcome in outcomes]
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def test_the_shortest_paths_of_val_unseen_succeed_always_and_are_9_48_metres_long(
    splits: dict[str, Annotations],
) -> None:
    found = judged(open_split(splits, "val_unseen"))
    assert found["success"] == found["oracle_success"] == 1
    assert found["spl"] == pytest.approx(1, abs=1e-6)
    assert found["navigation_error"] == 0
    assert found["trajectory_length"] == pytest.approx(9.48, abs=0.005)
    assert found["ndtw"] > 0.99


def test_the_shortest_paths_of_val_seen_are_10_19_metres_long(splits: dict[str, Annotations]) -> None:
    assert judged(open_split(splits, "val_seen"))["trajectory_length"] == pytest.approx(10.19, abs=0.005)


def test_the_annotated_paths_of_val_unseen_are_nearly_the_shortest(splits: dict[str, Annotations]) -> None:
    found = judged(open_split(splits, "val_unseen", route="annotated"))
    assert found["success"] == 1
    assert found["spl"] == pytest.approx(0.998, abs=0.0005)
    assert found["ndtw"] == found["sdtw"] == 1
    assert found["cls"] == pytest.approx(1, abs=1e-5)


def test_the_discrete_camera_reaches_every_goal_of_val_unseen_in_its_60_steps(splits: dict[str, Annotations]) -> None:
    found = judged(open_split(splits, "val_unseen", actions="low_level"))
    assert found["success"] == 1
    assert 0.998 < found["spl"] < 1  # where one neighbour hides another there is a detour


def test_every_split_opens_in_the_words_a_world_has_room_for(splits: dict[str, Annotations]) -> None:
    for name in splits:
        places = open_split(splits, name)
        state = places.begin(np.arange(len(places.episodes)))
        assert np.isfinite(places.error(state)).all() == (name != "test")
        assert places.expert(state).any(axis=1).all()
