"""The table of a task: which rows mean something, and baselines that are as good as they can be asked."""

from typing import Any

import numpy as np
import pytest
from gymnasium.spaces import Box
from helpers.corridor import Corridor
from helpers.graph_worlds import asked, graph
from helpers.tiny_worlds import PLACES, place
from rich.console import Console

from vln.agents.scripted import FixedPolicy, scripted_for
from vln.envs.graphs.graph_batch import GraphBatch
from vln.envs.graphs.path_descriptions import PathDescriptions
from vln.evaluation.tables import ROWS, Entry, Result, evaluate_entries, show_table, table_of
from vln.language import Vocabulary
from vln.learning.rollouts import greedy, sample
from vln.world import World

# Rarely stops and mostly goes left: by its likeliest moves it never stops, and drawn ones sometimes lead to the goal.
RESTLESS = FixedPolicy([0.36, 0.34, 0.3])

MEANT = {
    "rooms": {"random", "stop", "straight", "expert"},
    "hops": {"random", "stop", "straight", "expert"},
    "drives": {"random", "stop", "straight", "expert"},
    "speaks": {"random", "stop", "expert"},
    "looks": {"chance"},
    "walks": {"chance"},
    "finds": {"chance"},
    **{name: {"random", "expert"} for name in ("text", "parity", "copy", "adding")},
}


@pytest.mark.parametrize("name", PLACES)
def test_rows_are_there_only_where_they_mean_something(name: str) -> None:
    assert set(scripted_for(place(name))) == MEANT[name]


def test_to_say_the_word_forward_is_not_to_go_straight_on() -> None:
    path = asked(graph(), "abc")
    world = PathDescriptions([path], Vocabulary(("go", "forward")), GraphBatch.of([path.place]))
    assert "straight" not in scripted_for(world)


def test_a_world_of_the_users_own_has_the_rows_its_moves_allow() -> None:
    class Odd(Corridor):
        action_names = ("left", "forward", "turn")

    assert set(scripted_for(Odd())) == {"random", "straight", "expert"}
    straight = scripted_for(Odd())["straight"].agent
    assert isinstance(straight, FixedPolicy)
    assert straight.logits.exp().tolist() == pytest.approx([0.1, 0.8, 0.1])

    class Pointed(Corridor):
        @property
        def action_space(self) -> Box:
            return Box(-1, 1, (2,), np.float32)

    assert set(scripted_for(Pointed())) == {"random", "expert"}


def test_every_scripted_row_says_what_it_means() -> None:
    assert {row for name in PLACES for row in scripted_for(place(name))} <= set(ROWS)


def judged(**changes: Any) -> Result:
    (one,) = evaluate_entries(Corridor(), {"blind": Entry(RESTLESS, **changes)}).values()
    return one


def success(one: Result) -> float:
    return float(np.mean([outcome.success for outcome in one.outcomes]))


def test_a_baselines_row_is_the_better_of_likeliest_and_drawn_moves() -> None:
    assert success(judged()) < 0.1 < success(judged(act=sample))
    better = judged(other_act=sample)
    assert success(better) == success(judged(act=sample))
    assert better.entry is not None
    assert better.entry.act is sample
    assert success(judged(act=sample, other_act=greedy)) == success(better)


def test_where_both_do_as_well_the_likeliest_moves_are_taken() -> None:
    still = evaluate_entries(Corridor(), {"blind": Entry(FixedPolicy([0, 0, 1]), other_act=sample)})["blind"]
    assert still.entry is not None
    assert still.entry.act is greedy


def test_of_two_ways_the_better_is_told_by_the_headline_which_may_be_better_when_lower() -> None:
    world = place("adding")
    assert (world.headline, place("text").headline) == ("squared_error", "nll")
    guess = scripted_for(world)["random"].agent  # its likeliest answer is 0, those it draws lie up to 3 beside it
    better = evaluate_entries(world, {"blind": Entry(guess, act=sample, other_act=greedy)}, 50)["blind"]
    assert better.entry is not None
    assert better.entry.act is greedy


def corridor_table(agent: int = 300, blind: int = 30) -> dict[str, Any]:
    world: World[Any] = Corridor()
    rows = {
        "agent": Entry(FixedPolicy([0, 0, 1]), updates=agent),
        "blind": Entry(RESTLESS, other_act=sample, updates=blind),
    }
    return dict(table_of(world, rows | scripted_for(world), "corridor", "val").facts)


def test_a_table_says_how_a_row_acted_and_with_how_many_updates_it_was_trained() -> None:
    rows = corridor_table()["rows"]
    assert (rows["agent"]["act"], rows["agent"]["updates"]) == ("likeliest", 300)
    assert (rows["blind"]["act"], rows["blind"]["updates"]) == ("drawn", 30)
    assert not {"act", "updates"} & set(rows["expert"])
    planned = evaluate_entries(Corridor(), {"agent": Entry(RESTLESS, beam=2, updates=1)}, 2)["agent"]
    assert planned.facts() == {"act": "planned", "updates": 1}


def shown(found: dict[str, Any]) -> str:
    console = Console(width=200)
    with console.capture() as text:
        console.print(show_table(found))
    return text.get()


def test_a_baseline_trained_for_less_than_the_agent_bears_a_star() -> None:
    text = shown(corridor_table())
    assert " blind* " in text
    assert "fewer updates than the agent's 300: blind 30" in text
    assert "moves are drawn: blind" in text
    assert "*" not in shown(corridor_table(300, 300))


def test_a_row_that_lacks_a_metric_is_shown_all_the_same() -> None:
    found = corridor_table()
    found["rows"]["stop"] = {"success": found["rows"]["stop"]["success"]}
    assert " stop " in shown(found)


def test_a_narrow_terminal_shows_every_column_in_parts() -> None:
    found = table_of(Corridor(), scripted_for(Corridor()), "corridor", "val")
    console = Console(width=50)
    with console.capture() as text:
        found.show(console)
    lines = text.get().splitlines()
    assert max(map(len, map(str.rstrip, lines))) <= 50
    assert "…" not in text.get()
    for name, described in found.facts["metrics"].items():
        assert described["title"] in text.get(), name
    assert text.get().count("expert ") == text.get().count("random ") > 1
    assert text.get().count("corridor, val: ") == 1
