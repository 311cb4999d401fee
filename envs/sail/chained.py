"""Chained paragraphs: sentences in turn, each begun where the agent stopped in the one before."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from vln.agent import Agent
from vln.envs.rooms.world import Rooms, RoomState
from vln.evaluation.beam_search import plan
from vln.evaluation.finished import outcome_of
from vln.evaluation.play import evaluation_mode, play
from vln.evaluation.tables import Entry
from vln.learning.rollouts import Act, greedy
from vln.metrics import Metric
from vln.outcomes import Outcome
from vln.state import put, take
from vln.tasks import SplitMetric
from vln.world import World

from .episodes import ChainedParagraph

PARAGRAPH = Metric(
    "paragraph", unit="%", better="more", meaning="paragraphs whose sentences were followed in turn to the end"
)

Label = Callable[[RoomState], NDArray[np.bool_]]


def judge_relays(
    world: Rooms,
    agent: Agent,
    relays: Sequence[ChainedParagraph],
    act: Act = greedy,
    label: Label | None = None,
    seed: int = 0,
    beam: int = 1,
) -> list[Outcome]:
    """The outcome of each paragraph when its sentences are followed in turn, from wherever the last one led.

    world: of the sentences, as the agent knows it. Every sentence is an episode of its own to the agent: it begins
    with no memory of what was before, only in the pose where it stopped. A paragraph ends where the agent stops its
    last sentence, and has failed as soon as a sentence was not stopped: at a wall (where walls fail) or at the limit of
    steps. All paragraphs are lived side by side, sentence by sentence.

    Metrics are the whole paragraph's: success is its last position, whatever the heading; one `stop` is counted.
    label: who tells the best moves of a sentence. beam: above 1, a sentence's moves are planned by a search this wide.
    Raises ValueError when the world lacks a sentence.
    """
    rng = torch.Generator(next(agent.parameters()).device).manual_seed(seed)
    legs = _legs(world, relays)
    sentences = np.array([len(relay.sentences) for relay in relays])
    whole = _whole(world, relays)
    walk = whole.begin(np.arange(len(relays)))
    shortest = whole.error(walk)
    trails = np.zeros((legs.shape[1] * world.max_steps + 1, len(relays), 2), dtype=np.int16)
    trails[0] = whole.position(walk)
    stopped = np.ones(len(relays), dtype=np.bool_)
    with evaluation_mode(agent):
        for number in range(legs.shape[1]):
            going = np.flatnonzero(stopped & (number < sentences))
            begun = world.begin(legs[going, number], walk.pose[going])
            planned = plan(world, agent, begun, beam) if beam > 1 else None
            for step in play(world, agent, begun, act, rng, label, planned):
                here = going[step.rows]
                # To stop before the last sentence is no move of the paragraph: it says only what to read next.
                moved = (step.actions != world.stop) | (number + 1 == sentences[here])
                slots = here[moved]
                walk = put(walk, slots, whole.step(take(walk, slots), step.actions[moved]))
                trails[walk.steps[slots], slots] = whole.position(walk)[slots]
                stopped[here] = step.next_state.stopped | ~step.dones
    return [
        outcome_of(whole, walk, slot, trails[: int(walk.steps[slot]) + 1, slot], float(shortest[slot]))
        for slot in range(len(relays))
    ]


def lived_relays(world: World[Any], entry: Entry, relays: Sequence[ChainedParagraph], seed: int = 0) -> list[Outcome]:
    """The same of an entry of a table: world is that of the sentences, where the entry has none of its own."""
    where = entry.world or world
    if not isinstance(where, Rooms):
        raise ValueError(f"paragraphs are lived sentence by sentence in Rooms, not in {type(where).__name__}")
    return judge_relays(where, entry.agent, relays, entry.act, where.expert if entry.oracle else None, seed, entry.beam)


def paragraph_metric(relays: Callable[[], Sequence[ChainedParagraph]]) -> SplitMetric:
    """The paragraph accuracy, beside the single-sentence accuracy that success in val_unseen is."""

    def values(world: World[Any], entry: Entry, seed: int) -> list[float]:
        return [float(outcome.success) for outcome in lived_relays(world, entry, relays(), seed)]

    return SplitMetric(PARAGRAPH, values, ("val_unseen",))


def pooled(outcomes: Mapping[str, Sequence[Outcome]]) -> list[Outcome]:
    """The outcomes of several folds as those of one test, each with its fold's name as its family.

    A mean over them is the protocols': of the maps, weighted by the number of records tested.
    """
    return [replace(outcome, family=fold) for fold, found in outcomes.items() for outcome in found]


def _legs(world: Rooms, relays: Sequence[ChainedParagraph]) -> NDArray[np.int64]:
    """Which of the world's episodes each sentence is, [relays, most sentences]; -1 after the last."""
    number_of = {episode.name: number for number, episode in enumerate(world.episodes)}
    legs = np.full((len(relays), max(len(relay.sentences) for relay in relays)), -1, dtype=np.int64)
    for row, relay in enumerate(relays):
        missing = [sentence.name for sentence in relay.sentences if sentence.name not in number_of]
        if missing:
            raise ValueError(f"paragraph {relay.paragraph.name}: its sentences {missing} are not in this world")
        legs[row, : len(relay.sentences)] = [number_of[sentence.name] for sentence in relay.sentences]
    return legs


def _whole(world: Rooms, relays: Sequence[ChainedParagraph]) -> Rooms:
    """The world that keeps count of whole paragraphs. Nobody reads or looks there."""
    paragraphs = [replace(relay.paragraph, instruction="") for relay in relays]
    return Rooms(paragraphs, world.vocabulary, view="none", max_words=1, walls_fail=world.walls_fail)
