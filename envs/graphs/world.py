"""Graphs: the world of buildings that are walked from viewpoint to viewpoint."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from gymnasium import Space
from gymnasium.spaces import Box
from numpy.typing import NDArray

from vln.episode import Episode, tokens_of
from vln.language import Vocabulary
from vln.spaces import Candidates, LastAction, Pose, Possible, Words
from vln.tasks import Baseline
from vln.world import HasPaths, World

from .action_names import sign_of
from .annotations import episode_from
from .graph import REACH
from .graph_batch import FIXED, NONE, STEP, GraphBatch, views_towards
from .images import Table, images_of
from .kernels import (
    MOVING,
    POSE,
    allow_drives,
    allow_hops,
    arrive,
    best_drives,
    best_hops,
    drive,
    hop,
    show,
    stand,
)
from .lookahead import NAMES
from .map_view import draw_map, page_size
from .paths import paths_of
from .state import GraphState

Actions = Literal["panoramic", "low_level"]
View = Literal["local", "lookahead", "none"]
Route = Literal["shortest", "annotated"]
ACTIONS: tuple[str, ...] = get_args(Actions)
LOW_LEVEL = ("forward", "turn left", "turn right", "look up", "look down", "stop")
VIEWS = {"local": len(FIXED), "lookahead": len(FIXED) + len(NAMES), "none": 0}  # features that stay, of each track
ROUTES: tuple[str, ...] = get_args(Route)
MAX_STEPS = {"panoramic": 20, "low_level": 60}  # moves of an episode
WORDS = 200  # of an instruction, unless one is longer
BOUND = 1000.0  # of the features' spaces; they are of the order of one


class Graphs(HasPaths, World[GraphState]):
    """Walk a building's navigation graph (Anderson et al. 2018, arXiv:1711.07280), with images where there are any.

    atlas: of all the graphs that episodes may take place in.
    actions: Action space, panoramic (one of the neighbours, or stop) or low_level (forward to the most central
    neighbour in view, turn left and right, look up and down by 30 degrees, stop). An impossible action changes nothing;
    the observation `possible` marks the possible ones.
    view: Features of every neighbour. "local" has its direction, its distance and whether it was visited; "lookahead"
    also the map's facts of what lies beyond it (see lookahead.py). These are two tracks, whose results are not
    comparable. "none" has none.
    max_steps: Length of the longest episode, in steps; 20 (panoramic) or 60 unless given.
    max_words: Number of token ids of an instruction; more where one of the episodes has a longer one.
    route: Path of the expert, the shortest to the goal or the annotated one (and back to it from elsewhere).
    features: File or folder of precomputed image features (see read_images). With it there is an observation `images`,
    which has the view towards every neighbour, [K, D] (panoramic), or the camera's view, [D] (low level).

    Distances are in metres. Success is to stop less than 3 metres from the goal, along the shortest path. Where a goal
    is secret (R2R's test split) it is infinitely far, and an expert stops at once.
    """

    unit = "m"
    threshold = REACH
    tolerance = float(np.nextafter(np.float32(REACH), np.float32(0)))  # strictly nearer

    def __init__(
        self,
        episodes: Sequence[Episode],
        vocabulary: Vocabulary,
        atlas: GraphBatch,
        actions: Actions = "panoramic",
        view: View = "local",
        max_steps: int | None = None,
        max_words: int = WORDS,
        route: Route = "shortest",
        features: Path | str | None = None,
    ) -> None:
        for name, chosen, known in (
            ("action space", actions, ACTIONS),
            ("view", view, VIEWS),
            ("route", route, ROUTES),
        ):
            if chosen not in known:
                raise ValueError(f"no {name} is called {chosen!r}; there are {', '.join(known)}")
        if max_steps is not None and max_steps < 1:
            raise ValueError(f"max_steps must be at least 1, not {max_steps}")
        self.episodes, self.vocabulary, self.atlas = episodes, vocabulary, atlas
        self.actions, self.view, self.route = actions, view, route
        self.max_steps = max_steps or MAX_STEPS[actions]
        self.panoramic = actions == "panoramic"
        most = atlas.neighbour.shape[1]
        self.action_names = (*(f"way {way + 1}" for way in range(most)), "stop") if self.panoramic else LOW_LEVEL
        self.tokens = tokens_of((episode.instruction for episode in episodes), vocabulary, max_words)
        self.path, self.goal = paths_of(episodes, atlas)
        heading = np.array([episode.start[0].heading for episode in episodes])
        if not self.panoramic:
            heading = np.round(heading / STEP) * STEP
        self.start = (heading % (2 * np.pi)).astype(np.float32)
        self.spaces: dict[str, Space[Any]] = {
            "instruction": Words(self.tokens.shape[1], len(vocabulary)),
            "possible": Possible(len(self.action_names)),
            "pose": Pose(POSE, BOUND),
        }
        if not self.panoramic:
            # The number of a way says nothing elsewhere; what a hop did is told by the pose.
            self.spaces["previous"] = LastAction(len(self.action_names))
        if view != "none":
            self.fixed = atlas.local if view == "local" else atlas.lookahead
            self.spaces["view"] = Candidates(most, MOVING + self.fixed.shape[2], BOUND, self.panoramic)
        self.images = None if features is None else images_of(features, episodes, atlas)
        if self.images:
            numbers = self.images.shape[2]
            self.spaces["images"] = (
                Candidates(most, numbers, actions=True)
                if self.panoramic
                else Box(-np.inf, np.inf, (numbers,), np.float32)
            )

    @property
    def scripted(self) -> tuple[str, ...]:
        """Who goes straight on must see where that is."""
        straight = ("straight",) if not self.panoramic or "view" in self.spaces else ()
        return ("random", "stop", *straight, "expert")

    def begin(self, episode: NDArray[np.int64]) -> GraphState:
        slots = len(episode)
        state = GraphState.fresh(
            episode,
            previous=len(self.action_names),
            least_error=np.inf,
            node=self.path.nodes[self.path.begins[episode]],
            heading=self.start[episode],
            elevation=np.zeros(slots, dtype=np.float32),
            turned=np.zeros(slots, dtype=np.float32),
            came=np.full(slots, NONE, dtype=np.int32),
            visited=np.zeros((slots, -(-int(self.atlas.size.max()) // 64)), dtype=np.uint64),
            progress=np.zeros(slots, dtype=np.int32),
            left=np.empty(slots, dtype=np.float32),
        )
        self._arrive(state)
        return state

    def observe(self, state: GraphState) -> dict[str, NDArray[Any]]:
        atlas, slots = self.atlas, len(state)
        possible = np.empty((slots, len(self.action_names)), dtype=np.int8)
        if self.panoramic:
            allow_hops(atlas.neighbour, state.node, possible)
        else:
            allow_drives(atlas.central, state.node, state.heading, state.elevation, possible)
        pose = np.empty((slots, POSE), dtype=np.float32)
        hopped = self._last_hop(state)
        stand(self.start, state.episode, state.steps, state.heading, state.elevation, state.turned, hopped, pose)
        observation: dict[str, NDArray[Any]] = {
            "instruction": self.tokens.take(state.episode, axis=0),
            "possible": possible,
            "pose": pose,
        }
        if not self.panoramic:
            observation["previous"] = state.previous.copy()
        if "view" in self.spaces:
            view = np.empty((slots, *self.spaces["view"].shape), dtype=np.float32)  # type: ignore[misc]
            here = (state.node, state.heading, state.elevation, state.came, state.visited)
            central = self._no_view if self.panoramic else atlas.central
            show(
                atlas.neighbour,
                atlas.heading,
                self.fixed,
                atlas.first,
                atlas.graph,
                central,
                here,
                not self.panoramic,
                view,
            )
            observation["view"] = view
        if self.images:
            observation["images"] = self._look(self.images, state)
        return observation

    def step(self, state: GraphState, move: NDArray[np.int64]) -> GraphState:
        atlas = self.atlas
        move = np.ascontiguousarray(move, dtype=np.int64)
        after = replace(
            state,
            steps=state.steps + np.int32(1),
            previous=move,
            length=state.length.copy(),
            least_error=state.least_error.copy(),
            stopped=move == len(self.action_names) - 1,
            node=state.node.copy(),
            heading=state.heading.copy(),
            elevation=state.elevation.copy(),
            turned=np.empty_like(state.turned),
            came=state.came.copy(),
            visited=state.visited.copy(),
            progress=state.progress.copy(),
            left=np.empty_like(state.left),
        )
        agents = (after.node, after.heading, after.elevation, after.turned, after.came, after.length)
        if self.panoramic:
            hop(atlas.neighbour, atlas.heading, atlas.elevation, atlas.length, move, agents)
        else:
            drive(atlas.neighbour, atlas.length, atlas.central, move, agents)
        self._arrive(after)
        return after

    def error(self, state: GraphState) -> NDArray[np.float32]:
        return state.left.copy()

    def expert(self, state: GraphState) -> NDArray[np.bool_]:
        atlas = self.atlas
        best = np.empty((len(state), len(self.action_names)), dtype=np.bool_)
        of_graphs = (atlas.neighbour, atlas.length, atlas.first, atlas.graph, atlas.size, atlas.where)
        target = self._target(state)
        if self.panoramic:
            best_hops(*of_graphs, atlas.distance, target, state.node, best)
        else:
            here = (state.node, state.heading, state.elevation)
            best_drives(*of_graphs, atlas.steps, atlas.central, target, *here, best)
        return best

    @classmethod
    def episode_of(cls, instruction: str, place: Any, start: Any) -> Episode:
        """place: a Graph of the data. start: the id of a viewpoint, and a heading in degrees clockwise from +y."""
        return episode_from(instruction, place, start)

    def pose(self, state: GraphState, slot: int) -> tuple[str, float]:
        viewpoint, degrees = int(self.position(state)[slot, 0]), float(np.degrees(state.heading[slot]))
        return self.episodes[int(state.episode[slot])].place.viewpoints[viewpoint], round(degrees, 1)

    def position(self, state: GraphState) -> NDArray[np.int32]:
        """[B, 1], which viewpoint of its graph each agent is at."""
        return (state.node - self.atlas.first[self.atlas.graph[state.node]])[:, None].astype(np.int32)

    def distances(self, episode: int, path: NDArray[Any], reference: NDArray[Any]) -> NDArray[np.float32]:
        found = self.episodes[episode].place.distance[np.ix_(path[:, 0], reference[:, 0])]
        return found.astype(np.float32)

    def path_length(self, episode: int, path: NDArray[Any]) -> float:
        along = self.episodes[episode].place.distance[path[:-1, 0], path[1:, 0]]
        return float(along.astype(np.float32).sum())

    def reference(self, episode: int) -> NDArray[Any]:
        path = self.episodes[episode].reference
        assert path is not None  # every annotation has one
        return path

    def path_along(self, episode: int, moves: NDArray[np.int64]) -> NDArray[np.int32]:
        """The viewpoints that panoramic moves [T] lead along from an episode's start; some may lead nowhere."""
        atlas, node = self.atlas, int(self.path.nodes[self.path.begins[episode]])
        nodes = [node]
        for move in moves:
            if 0 <= move < atlas.neighbour.shape[1] and atlas.neighbour[node, move] != NONE:
                node = int(atlas.neighbour[node, move])
                nodes.append(node)
        return (np.array(nodes) - atlas.first[atlas.graph[nodes[0]]]).astype(np.int32)

    @property
    def picture_size(self) -> tuple[int, int]:
        return page_size(self.episodes)

    def draw(
        self, state: GraphState, slot: int, path: NDArray[Any], colours: NDArray[np.uint8] | None = None
    ) -> NDArray[np.uint8]:
        asked = self.episodes[int(state.episode[slot])]
        return draw_map(asked, path[:, 0], float(state.heading[slot]), float(state.elevation[slot]), colours)

    def describe_actions(self, state: GraphState, slot: int) -> tuple[str, ...]:
        if not self.panoramic:
            return self.action_names
        atlas, here = self.atlas, state.node[slot]
        side, up, far = atlas.heading[here] - state.heading[slot], atlas.elevation[here], atlas.length[here]
        ways = int((atlas.neighbour[here] != NONE).sum())
        told = (sign_of(*way) for way in zip(side[:ways].tolist(), up.tolist(), far.tolist(), strict=False))
        return (*told, *self.action_names[ways:])

    def _look(self, images: Table, state: GraphState) -> NDArray[np.float32]:
        if not self.panoramic:
            return images[state.node, views_towards(state.heading, state.elevation)].astype(np.float32)
        facing = self.atlas.facing[state.node]
        slot, way = np.nonzero(facing != NONE)
        seen = np.zeros((*facing.shape, images.shape[2]), dtype=np.float32)
        seen[slot, way] = images[state.node[slot], facing[slot, way]]
        return seen

    def _target(self, state: GraphState) -> NDArray[np.int32]:
        """Where the expert goes next: node [B]; NONE where the goal is secret."""
        goal = self.goal[state.episode]
        if self.route == "shortest":
            return goal
        ahead = self.path.nodes[self.path.begins[state.episode] + state.progress + 1]
        return np.where((ahead == NONE) | (goal == NONE), goal, ahead)

    def _arrive(self, state: GraphState) -> None:
        atlas, places = self.atlas, (state.node, state.visited, state.progress, state.left, state.least_error)
        arrive(
            atlas.first,
            atlas.graph,
            atlas.size,
            atlas.where,
            atlas.distance,
            self.goal,
            tuple(self.path),  # plain: Numba takes long to look at any other
            state.episode,
            *places,
        )

    def _last_hop(self, state: GraphState) -> NDArray[np.float32]:
        """Metres of the edge gone last, [B]; 0 at first."""
        atlas = self.atlas
        graph = atlas.graph[state.node]
        first, size = atlas.first[graph], atlas.size[graph]
        came = np.where(state.came == NONE, state.node, state.came)
        return atlas.distance[atlas.where[graph] + (came - first) * size + state.node - first].astype(np.float32)

    @property
    def _no_view(self) -> NDArray[np.int8]:
        return np.empty((0, 0), dtype=np.int8)


# What nobody looks at need not be shown.
BASELINES = {
    "blind": Baseline(without=("view", "images"), world={"view": "none", "features": None}),
    "deaf": Baseline(without=("instruction",)),
}
