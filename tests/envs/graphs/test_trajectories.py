"""Trajectories: what is written is what was walked, scores are those of judging, and what can't be is refused."""

import gzip
import json
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.graph_worlds import asked, graph, hall_world, world

from vln.agents.scripted import scripted_for
from vln.envs.graphs.trajectories import read_trajectories, score, walked, write_trajectories
from vln.envs.graphs.world import Graphs
from vln.evaluation import finished
from vln.evaluation.evaluate import evaluate
from vln.evaluation.intervals import summary

HALL = graph()


def places(actions: str = "panoramic") -> Graphs:
    return world([asked(HALL, path, 0.5) for path in ("abc", "acde", "vuedc", "se", "a")], actions=actions)


@pytest.mark.parametrize("row", ["random", "straight", "expert", "stop"])
@pytest.mark.parametrize("actions", ["panoramic", "low_level"])
def test_a_file_of_trajectories_scores_as_their_agent_is_judged(actions: str, row: str, tmp_path: Path) -> None:
    there = places(actions)
    one = scripted_for(there)[row]
    label = there.expert if one.oracle else None
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
        ("[", "t.json is no whole JSON"),
        ("{}", "holds no trajectory"),
        ("7", "must be a list of records, not int"),
        ('[{"instr_id": "1_0"}]', "record 0 must have instr_id and trajectory"),
        ('[{"instr_id": "1_0", "trajectory": []}]', r"record 0 \(1_0\): a trajectory is"),
        ('[{"instr_id": "1_0", "trajectory": [["a", 0, 0]]}, {"instr_id": "1_0", "trajectory": [["a"]]}]', "two"),
        ('{"1_0": ["a"], "1_1": ["a"], "1_0": ["a", "b"]}', "there are two trajectories of 1_0"),
        ('{"instr_id": 7, "path": ["a"]}\n{"instr_id": "7", "path": ["a"]}', "record 1: there are two .* of 7"),
        ('{"instr_id": 7, "path": ["a"]}\n{"instr_id": 8, "pa', "record 1 is none: line 2 is no whole JSON"),
        ('[{"instr_id": 7, "path": ["a"], "path": ["b"]}]', "record 0 has two 'path'"),
        ('[{"instr_id": [7], "path": ["a"]}]', r"record 0 names its instruction by \[7\]"),
        ('[{"instr_id": true, "path": ["a"]}]', "record 0 names its instruction by True"),
        ('{"results": [{"instr_id": 7, "path": ["a"]}]}', r"record 0 \(results\): step 0 is {'instr_id'"),
    ],
)
def test_a_file_that_is_none_of_trajectories_is_refused(text: str, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(text)
    with pytest.raises(ValueError, match=complaint):
        read_trajectories(tmp_path / "t.json")


@pytest.mark.parametrize(
    "steps",
    [
        [["a", 0, 0], ["b", 0.5, 0], ["c", 1, -0.2]],
        [["a"], ["b"], ["c"]],
        [["a"], ["b", "c"]],
        [["a", "b", "c"]],
        ["a", "b", "c"],
        [["a", 0.5], "b", ("c", 0, np.float32(1))],
    ],
)
def test_every_viewpoint_of_a_trajectory_counts_in_whatever_form_it_is_written(steps: list[Any]) -> None:
    scored = score(places(), GOOD | {"hall abc": steps})[0]
    assert scored.success
    assert (
        scored.metrics() == score(places(), GOOD | {"hall abc": [["a", 0, 0], ["b", 0, 0], ["c", 0, 0]]})[0].metrics()
    )


@pytest.mark.parametrize(
    "step",
    [
        [],
        None,
        7,
        ["b", None],
        ["b", True],
        ["b", "c", 0.5],
        ["b", 0, float("nan")],
        ["b", 10**400],
        ["b", 0, 0, 0],
        [["b", 0, 0]],
        {"path": ["b"]},
        [0.5, "b"],
    ],
)
def test_a_step_that_can_be_read_in_two_ways_or_in_none_is_named(step: Any, tmp_path: Path) -> None:
    record = {"instr_id": "1_0", "trajectory": [["a", 0, 0], step]}
    (tmp_path / "t.json").write_text(json.dumps([record]))
    with pytest.raises(ValueError, match=r"t.json: record 0 \(1_0\): step 1 is .*neither \[viewpoint, heading, elev"):
        read_trajectories(tmp_path / "t.json")


RECORDS: list[dict[str, Any]] = [
    {"instr_id": "7_0", "trajectory": [["a", 0, 0]]},
    {"instr_id": "7_1", "trajectory": [["a"], ["b", "c"]]},
]


@pytest.mark.parametrize(
    "content",
    [
        RECORDS,
        {record["instr_id"]: record["trajectory"] for record in RECORDS},
        {record["instr_id"]: record for record in RECORDS},
        [{"instruction_id": record["instr_id"], "path": record["trajectory"]} for record in RECORDS],
    ],
    ids=["list", "by name", "records by name", "as in RxR"],
)
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzipped"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_of_trajectories_is_read_in_every_shape(
    content: Any, packed: bool, encoding: str, tmp_path: Path
) -> None:
    texts = [json.dumps(content, indent=1)]
    if isinstance(content, list):
        texts.append("\n".join(map(json.dumps, content)) + "\n")
    for text in texts:
        data = text.encode(encoding)
        (tmp_path / "t.json").write_bytes(gzip.compress(data) if packed else data)
        assert read_trajectories(tmp_path / "t.json") == {"7_0": ["a"], "7_1": ["a", "b", "c"]}


def test_instructions_may_be_named_by_numbers(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"instruction_id": 26, "path": ["a", "b"]}\n')
    assert read_trajectories(tmp_path / "t.jsonl") == {"26": ["a", "b"]}


def test_trajectories_of_instructions_that_are_left_out_are_passed_over() -> None:
    assert len(score(places(), GOOD | {"9_0": ["a"]}, left_out={"9_0", "9_1"})) == 5


def test_a_walk_of_very_many_steps_is_scored_in_little_memory() -> None:
    rounds = 4_000
    there = world([asked(HALL, "ab" * rounds)], max_words=6)
    tracemalloc.start()
    (walk,) = score(there, {there.episodes[0].name: ["a", "b"] * rounds})
    metrics = walk.metrics()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (metrics["success"], metrics["ndtw"], metrics["cls"]) == (1, 1, 1)
    assert walk.length == pytest.approx((2 * rounds - 1) * HALL.distance[0, 1], rel=1e-5)
    assert most < 50e6  # a number for every pair of positions takes 500 MB


def test_distances_between_different_places_alone_give_the_same_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    there = places()
    row = scripted_for(there)["random"]
    expected = [walk.metrics() for walk in evaluate(there, row.agent, None, row.act, seed=1)]
    monkeypatch.setattr(finished, "FEW", 0)
    assert [walk.metrics() for walk in evaluate(there, row.agent, None, row.act, seed=1)] == expected


def test_every_episode_of_a_world_is_walked_also_those_with_secret_goals() -> None:
    there = hall_world()
    random = scripted_for(there)["random"]
    ways = walked(there, random.agent, random.act, seed=1)
    assert set(ways) == {episode.name for episode in there.episodes}
    assert torch.isfinite(torch.tensor([pose[1:] for way in ways.values() for pose in way])).all()
