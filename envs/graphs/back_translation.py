"""Back-translation: paths sampled in known buildings, described by a speaker (arXiv:1904.04195)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vln.agent import Agent, Decision, Rescorer
from vln.episode import Episode
from vln.evaluation.play import batches, evaluation_mode, play
from vln.language import PADDING, UNKNOWN
from vln.pages.progress import Show, unseen
from vln.policies import Categorical, draw
from vln.tasks import OpenOver
from vln.world import World

from .annotations import Start, path_of
from .graph import Graph
from .graph_batch import NONE, GraphBatch
from .path_descriptions import PathDescriptions, PathDescriptionState
from .world import Graphs

LEAST, MOST = 4, 6  # edges of a sampled path, as of those that people wrote about
SHORTEST = 5.0  # metres


def sample_paths(known: Sequence[Episode], count: int, seed: int) -> list[Episode]:
    """So many shortest paths nobody has written about, in the buildings of episodes that are known.

    The words are still to be said. Raises ValueError where the buildings have too few such paths.
    """
    rng = np.random.default_rng(seed)
    graphs = {episode.place.scan: episode.place for episode in known if not episode.place.mirrored}
    taken = {(episode.place.scan, *path_of(episode).tolist()) for episode in known}
    ways = [(graph, way) for graph in graphs.values() for way in shortest_paths(graph)]
    found: list[Episode] = []
    for number in rng.permutation(len(ways)):
        graph, way = ways[number]
        path = way[way != NONE]
        if (graph.scan, *path.tolist()) in taken:
            continue
        start = Start(int(path[0]), float(rng.uniform(0, 2 * np.pi)))
        name = f"spoken{len(found)}_0"
        found.append(Episode("", graph, (start,), (int(path[-1]),), graph.scan, name, path[:, None]))
        if len(found) == count:
            return found
    raise ValueError(f"these {len(graphs)} buildings have only {len(found)} such paths, not {count}")


def shortest_paths(graph: Graph) -> NDArray[np.int32]:
    """One shortest path from every viewpoint to every other, of those of LEAST to MOST edges and SHORTEST metres.

    Viewpoints [n, MOST + 1], padded with NONE.
    """
    atlas = GraphBatch.of([graph])
    through = graph.distance[:, atlas.neighbour] + atlas.length  # [goal, here, way]
    through[:, atlas.neighbour == NONE] = np.inf
    onward = np.take_along_axis(atlas.neighbour, through.argmin(axis=2).T, axis=1)  # [here, goal]
    start, goal = np.nonzero(np.isfinite(graph.distance) & (graph.distance >= SHORTEST))
    path = np.full((len(start), MOST + 1), NONE, dtype=np.int32)
    path[:, 0] = start
    for hop in range(MOST):
        going = (path[:, hop] != NONE) & (path[:, hop] != goal)
        path[going, hop + 1] = onward[path[going, hop], goal[going]]
    edges = (path != NONE).sum(axis=1) - 1
    return path[(path[np.arange(len(path)), edges] == goal) & (edges >= LEAST)]


def speak(
    world: World[PathDescriptionState], agent: Agent, temperature: float, seed: int, show: Show = unseen
) -> list[str]:
    """What a speaker says of every path of the world. show: told how many have been said."""
    rng = torch.Generator(next(agent.parameters()).device).manual_seed(seed)

    def act(decision: Decision, best: Tensor | None, rng: torch.Generator) -> Tensor:
        assert isinstance(decision.policy, Categorical)  # words are choices
        logits = decision.policy.logits.clone()
        logits[..., 0] = -torch.inf  # the unknown word is not for saying
        if temperature == 0:
            return logits.argmax(dim=-1)
        return draw((logits / temperature).softmax(dim=-1), rng)

    told: dict[int, str] = {}
    with evaluation_mode(agent):
        for batch in batches(range(len(world.episodes))):
            for step in play(world, agent, world.begin(batch), act, rng):
                for row in np.flatnonzero(step.dones):
                    said = world.vocabulary.decode(step.next_state.said[row])
                    told[int(step.next_state.episode[row])] = " ".join(said)
            show(int(batch[-1]) + 1, len(world.episodes))
    return [told[number] for number in range(len(world.episodes))]


@torch.no_grad()
def likelihood(world: PathDescriptions, agent: Agent) -> Tensor:
    """The log of how probable it is that a speaker says what is said of each path of the world, [E], in nats."""
    device = next(agent.parameters()).device
    found = []
    with evaluation_mode(agent):
        for batch in batches(range(len(world.episodes))):
            tokens = torch.from_numpy(world.tokens[batch]).long().to(device).T
            stop = len(world.action_names) - 1
            moves = torch.where(tokens == PADDING, stop, tokens - UNKNOWN)
            previous = torch.cat([torch.full_like(moves[:1], stop + 1), moves[:-1]])
            path = torch.from_numpy(world.path[batch]).to(device)
            episode_starts = torch.zeros(moves.shape, dtype=torch.bool, device=device)
            episode_starts[0] = True
            seen = {"path": path.expand(len(moves), *path.shape), "previous": previous}
            decision, _ = agent(seen, agent.initial(moves.shape[1]), episode_starts)
            each = decision.policy.log_prob(moves)
            # The words, and the stop after the last of them.
            said = torch.cat([torch.ones_like(moves[:1], dtype=torch.bool), (tokens != PADDING)[:-1]])
            found.append((each * said).sum(dim=0))
    return torch.cat(found)


def rescore_by_speaker(world: World[Any], tell: OpenOver, speaker: Agent, trust: float) -> Rescorer:
    """Which ways a speaker would have described by just these words (pragmatic inference; arXiv:1806.02724).

    tell: the speaker's world over episodes. trust: the exponent of the speaker's probability, from 0 to below 1, where
    one less it is the follower's. Raises ValueError where these worlds are not of one who follows and one who speaks.
    """
    if not 0 <= trust < 1:
        raise ValueError(f"the trust in a speaker is a share below 1, not {trust}")
    if not isinstance(world, Graphs) or not isinstance(tell(world.episodes[:1]), PathDescriptions):
        raise ValueError(
            "a speaker has a say in task r2r: give the run of a speaker (task r2r-speaker), and of who follows in r2r"
        )
    if not world.panoramic:
        raise ValueError("only ways of panoramic moves can be told to a speaker")

    def rescore(episode: NDArray[np.int64], moves: NDArray[np.int64]) -> Tensor:
        _, slots, ways = moves.shape
        row = [world.episodes[int(number)] for number in episode]
        paths = [
            world.path_along(int(number), moves[:, slot, way])
            for slot, number in enumerate(episode)
            for way in range(ways)
        ]
        asked = [
            replace(row[place // ways], reference=path[:, None], name=f"{place}_0") for place, path in enumerate(paths)
        ]
        telling = cast(PathDescriptions, tell(asked))
        return trust / (1 - trust) * likelihood(telling, speaker).view(slots, ways)

    return rescore


def spoken_records(episodes: Sequence[Episode], told: Sequence[str]) -> list[dict[str, Any]]:
    """Records of R2R's format. Of a path of which nothing was said there is none."""
    return [
        {
            "scan": episode.place.scan,
            "path_id": episode.name.rpartition("_")[0],
            "path": [episode.place.viewpoints[place] for place in path_of(episode)],
            "heading": episode.start[0].heading,
            "distance": round(float(episode.place.distance[episode.goals[0], episode.start[0].viewpoint]), 2),
            "instructions": [words],
        }
        for episode, words in zip(episodes, told, strict=True)
        if words
    ]
