"""SAIL's two accuracies: sentences alone, and paragraphs as their sentences in turn."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from helpers.data import data_folder
from numpy.typing import NDArray
from torch import Tensor

from vln.agent import Agent, Decision, Memory, Observation, restart
from vln.agents.scripted import scripted
from vln.envs.rooms.house import FLOOR, KIND, Goal, House
from vln.envs.rooms.paths import FORWARD, LEFT, MOVES, RIGHT, STOP
from vln.envs.rooms.things import Floor, Kind
from vln.envs.rooms.world import Rooms, RoomState
from vln.envs.sail.chained import judge_relays, pooled
from vln.envs.sail.episodes import ChainedParagraph
from vln.envs.sail.task import Sail, sail
from vln.episode import Episode
from vln.evaluation.evaluate import evaluate
from vln.evaluation.intervals import by_family, summary
from vln.evaluation.tables import Entry
from vln.language import Vocabulary
from vln.learning.rollouts import follow_teacher
from vln.outcomes import Outcome
from vln.policies import Categorical

MAPS = ("grid", "jelly", "l")
MOVE = {"forward": FORWARD, "left": LEFT, "right": RIGHT, "stop": STOP}
SCRIPTED = scripted(MOVES)


class Recital(Agent):
    """Makes the same moves in every episode, one after the other, and the last of them for ever."""

    def __init__(self, *moves: int) -> None:
        super().__init__()
        self.moves = torch.nn.Parameter(torch.tensor(moves, dtype=torch.float32), requires_grad=False)

    def initial(self, batch: int) -> Memory:
        return {"made": torch.zeros(batch, dtype=torch.long)}

    def forward(self, observation: Observation, memory: Memory, starts: Tensor) -> tuple[Decision, Memory]:
        made = restart(memory["made"], starts[0])
        move = self.moves.long()[made.clamp(max=len(self.moves) - 1)]
        logits = torch.nn.functional.one_hot(move, len(MOVES)).float().log()[None]
        return Decision(Categorical(logits=logits), torch.zeros(starts.shape)), {"made": made + 1}


def hall(sentences: int, goal: int, walls_fail: bool = True) -> tuple[Rooms, ChainedParagraph]:
    """A hall of five cells from west to east, columns 1 to 5: a paragraph that begins in the first, looking east."""
    cells = np.zeros((3, 7, 3), dtype=np.uint8)
    cells[..., KIND] = Kind.WALL
    cells[1, 1:6, KIND], cells[1, 1:6, FLOOR] = Kind.NOTHING, Floor.WOOD
    poses = np.zeros((3, 7, 4), dtype=bool)
    poses[1, goal] = True
    whole = Episode("go go", House(cells, cells[..., KIND] == Kind.WALL), (1, 1, 1), (Goal(poses),), "paragraph", "1")
    parts = tuple(replace(whole, instruction="go", name=f"1-{number}") for number in range(1, sentences + 1))
    return Rooms(parts, Vocabulary(("go",)), max_steps=6, walls_fail=walls_fail), ChainedParagraph(whole, parts)


def judged(agent: Agent, sentences: int, goal: int, walls_fail: bool = True) -> Outcome:
    world, relay = hall(sentences, goal, walls_fail)
    return judge_relays(world, agent, [relay])[0]


def test_a_sentence_begins_where_the_agent_stopped_the_one_before() -> None:
    outcome = judged(Recital(FORWARD, STOP), sentences=3, goal=4)
    assert outcome.success
    assert (outcome.length, outcome.shortest, outcome.path_length) == (3, 3, 3)
    assert outcome.metrics()["spl"] == outcome.metrics()["ndtw"] == 1


def test_a_sentence_begins_without_memory_of_the_one_before() -> None:
    assert judged(Recital(STOP, FORWARD), sentences=4, goal=1).length == 0


def test_a_paragraph_is_judged_where_its_last_sentence_ends() -> None:
    outcome = judged(Recital(FORWARD, STOP), sentences=3, goal=3)
    assert (outcome.success, outcome.least_error, outcome.error) == (False, 0, 3)  # two turns and a step back


def test_a_wall_in_any_sentence_fails_the_paragraph() -> None:
    outcome = judged(Recital(FORWARD, FORWARD, STOP), sentences=3, goal=5)
    assert (outcome.success, outcome.error) == (False, 0)
    assert judged(Recital(FORWARD, FORWARD, STOP), sentences=2, goal=5).success
    assert judged(Recital(FORWARD, FORWARD, STOP), sentences=3, goal=5, walls_fail=False).success


def test_a_sentence_that_is_never_stopped_fails_the_paragraph() -> None:
    outcome = judged(Recital(LEFT), sentences=3, goal=1)
    assert (outcome.success, outcome.error, outcome.length) == (False, 0, 6)


def test_paragraphs_of_any_length_are_judged_side_by_side() -> None:
    (_, short), (world, long) = hall(1, 2), hall(4, 5)
    outcomes = judge_relays(world, Recital(FORWARD, STOP), [short, long, short])
    assert [outcome.length for outcome in outcomes] == [1, 4, 1]
    assert all(outcome.success for outcome in outcomes)


def test_a_world_without_the_sentences_of_a_paragraph_is_refused() -> None:
    with pytest.raises(ValueError, match=r"paragraph 1: its sentences \['1-3'\] are not in this world"):
        judge_relays(hall(2, 5)[0], Recital(STOP), [hall(3, 5)[1]])


def test_a_room_can_be_entered_in_any_pose() -> None:
    world, _ = hall(1, 5)
    pose = np.array([[1, 3, 3], [0, 0, 0]], dtype=np.int16)
    state = world.begin(np.zeros(2, dtype=np.int64), pose)
    assert world.error(state).tolist() == [4, np.inf]  # a wall leads nowhere
    state.pose[0] = 0
    assert pose[0].tolist() == [1, 3, 3]


@cache
def sentences_of(fold: str, heading: str) -> tuple[Rooms, list[ChainedParagraph], Sail]:
    """The world of the sentences tested in a fold, its paragraphs, and where they come from."""
    task = sail(data_folder("sail").parent, fold=fold, heading=heading)
    world = task.open("val_unseen", view="none")
    assert isinstance(task.source, Sail)
    assert isinstance(world, Rooms)
    return world, task.source.relays(), task.source


def judge_maps(
    heading: str, one: Entry, label: Callable[[Rooms, Sail], Callable[[RoomState], NDArray[np.bool_]]] | None = None
) -> tuple[list[Outcome], list[Outcome]]:
    """The outcomes of all sentences and of all paragraphs, each in the fold that tests on its map."""
    single, paragraphs = {}, {}
    for fold in MAPS:
        world, relays, source = sentences_of(fold, heading)
        told = label(world, source) if label else world.expert if one.oracle else None
        single[fold] = evaluate(world, one.agent, None, one.act, told)
        paragraphs[fold] = judge_relays(world, one.agent, relays, one.act, told)
    return pooled(single), pooled(paragraphs)


@pytest.mark.parametrize("heading", ["mei", "random"])
def test_an_expert_of_every_sentence_reaches_the_end_of_every_paragraph(heading: str) -> None:
    for outcomes, count in zip(judge_maps(heading, SCRIPTED["expert"]), (3237, 702), strict=True):
        assert len(outcomes) == count
        assert all(outcome.success and outcome.error == 0 for outcome in outcomes)


def as_written(world: Rooms, source: Sail) -> Callable[[RoomState], NDArray[np.bool_]]:
    """What the author of each sentence did, move by move."""
    actions = [source.corpus.sentences[episode.name].actions for episode in world.episodes]

    def best(state: RoomState) -> NDArray[np.bool_]:
        moves = [MOVE[actions[episode][step]] for episode, step in zip(state.episode, state.steps, strict=True)]
        return np.eye(len(MOVES), dtype=np.bool_)[moves]

    return best


def test_doing_what_the_authors_did_finds_the_paragraphs_whose_sentences_fit_together() -> None:
    single, paragraphs = judge_maps("mei", Entry(SCRIPTED["random"].agent, follow_teacher), as_written)
    assert sum(outcome.success for outcome in single) == 3237
    assert sum(outcome.success for outcome in paragraphs) == 676  # as counted in test_sail.py, by other means


def test_to_turn_right_and_stop_is_often_right_because_the_headings_filled_in_give_it_away() -> None:
    habit = Entry(Recital(RIGHT, STOP))
    (told, _), (fair, _) = judge_maps("mei", habit), judge_maps("random", habit)
    assert sum(outcome.success for outcome in told) == 660  # 20.4 %; in 3 of them the last heading is unknown too
    assert sum(outcome.success for outcome in fair) < 0.13 * len(fair)


def test_a_mean_over_the_maps_is_weighted_by_their_records() -> None:
    good, bad = (judged(Recital(FORWARD, STOP), 1, goal) for goal in (2, 5))
    outcomes = pooled({"grid": [good], "l": [bad, bad, bad]})
    assert summary(outcomes)["success"].mean == 0.25
    assert [(group.label, group.success.mean) for group in by_family(outcomes)] == [("grid", 1), ("l", 0)]
