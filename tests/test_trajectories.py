"""Trajectories: what is written is what was walked, scores are those of judging, and what can't be is refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from graphs import asked, graph, hall_world, world

from vln.agents.scripted import scripted_for
from vln.envs.graphs.trajectories import read_trajectories, score, walked, write_trajectories
from vln.envs.graphs.world import Graphs
from vln.evaluation import evaluate
from vln.metrics import summary

HALL = graph()


def places(actions: str = "panoramic") -> Graphs:
    return world([asked(HALL, path, 0.5) for path in ("abc", "acde", "vuedc", "se", "a")], actions=actions)


@pytest.mark.parametrize("row", ["random", "straight", "expert", "stop"])
@pytest.mark.parametrize("actions", ["panoramic", "low_level"])
def test_a_file_of_trajectories_scores_as_their_agent_is_judged(actions: str, row: str, tmp_path: Path) -> None:
    there = places(actions)
    one = scripted_for(there)[row]
    label = there.expert if one.told else None
    judged = evaluate(there, one.agent, None, one.act, label, seed=3)
    file = tmp_path / "new" / "trajectories.json"
    write_trajectories(file, walked(there, one.agent, one.act, label, seed=3))
    scored = score(there, read_trajectories(file))
    for mine, theirs in zip(scored, judged, strict=True):
        assert mine.metrics() == pytest.approx(theirs.metrics(), rel=1e-5)
    assert summary(scored).keys() == summary(judged).keys()


def test_a_trajectory_says_viewpoints_and_angles_as_the_evaluation_server_takes_them(tmp_path: Path) -> None:
    there = places("low_level")
    expert = scripted_for(there)["expert"]
    write_trajectories(tmp_path / "t.json", walked(there, expert.agent, expert.act, there.expert))
    records = json.loads((tmp_path / "t.json").read_text())
    assert [record["instr_id"] for record in records] == [episode.name for episode in there.episodes]
    begins = records[0]["trajectory"][0]
    assert begins == ["a", pytest.approx(np.pi / 6, abs=1e-6), 0.0]
    assert records[-1]["trajectory"] == [["a", pytest.approx(np.pi / 6, abs=1e-6), 0.0]]


ALL: dict[str, Any] = {episode.name: [["a", 0, 0]] for episode in places().episodes}
GOOD = ALL | {"hall vuedc": [["v", 0, 0]], "hall se": [["s", 0, 0]]}


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"hall abc": [["b", 0, 0]]}, "of hall abc begins at b"),
        ({"hall abc": [["a", 0, 0], ["e", 0, 0]]}, "of hall abc jumps from a to e"),
        ({"hall abc": [["a", 0, 0], ["z", 0, 0]]}, "of hall abc jumps from a to z"),
        ({"hall": [["a", 0, 0]]}, "1 trajectories are of no instruction of this split, as hall"),
    ],
)
def test_what_nobody_can_have_walked_is_refused(changed: dict[str, Any], complaint: str) -> None:
    assert len(score(places(), GOOD)) == 5
    with pytest.raises(ValueError, match=complaint):
        score(places(), GOOD | changed)


def test_a_missing_trajectory_and_a_secret_goal_are_named() -> None:
    with pytest.raises(ValueError, match="1 instructions have no trajectory, the first is hall abc"):
        score(places(), {name: way for name, way in GOOD.items() if name != "hall abc"})
    secret = world([asked(HALL, "a", secret=True)])
    with pytest.raises(ValueError, match="secret"):
        score(secret, {"hall a": [["a", 0, 0]]})


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[", "can't be read as JSON"),
        ("{}", "must be a list"),
        ('[{"instr_id": "1_0"}]', "record 0 must have instr_id and trajectory"),
        ('[{"instr_id": "1_0", "trajectory": []}]', r"record 0 \(1_0\): a trajectory is"),
        ('[{"instr_id": "1_0", "trajectory": [["a", 0, 0]]}, {"instr_id": "1_0", "trajectory": [["a"]]}]', "two"),
    ],
)
def test_a_file_that_is_none_of_trajectories_is_refused(text: str, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(text)
    with pytest.raises(ValueError, match=complaint):
        read_trajectories(tmp_path / "t.json")


def test_every_episode_of_a_world_is_walked_also_those_with_secret_goals() -> None:
    there = hall_world()
    random = scripted_for(there)["random"]
    ways = walked(there, random.agent, random.act, seed=1)
    assert set(ways) == {episode.name for episode in there.episodes}
    assert torch.isfinite(torch.tensor([pose[1:] for way in ways.values() for pose in way])).all()
