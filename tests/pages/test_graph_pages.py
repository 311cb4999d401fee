"""What people look at of graphs: the map of a walk through a building, and its page."""

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.browser import open_page
from helpers.graph_worlds import asked, graph, hall_world, line, world
from numpy.typing import NDArray

from vln.agents.registry import agent_for
from vln.agents.scripted import scripted
from vln.envs.graphs import map_view as drawn
from vln.envs.graphs.graph import REACH
from vln.envs.graphs.map_view import AROUND, CLEAR, GOAL, INK, MARGIN, NEAR, PALE, PAPER, WALK, WIDTH, draw_map
from vln.envs.graphs.world import Graphs
from vln.evaluation.replays import pictures, replay
from vln.pages.report import write_report

LOFT = {"a": (0.0, 0.0, 0.0), "b": (0.0, 2.0, 0.0), "c": (3.0, 2.0, 3.0), "d": (3.0, 0.0, 3.0)}


def part(picture: NDArray[np.uint8], box: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    left, top, width, height = box
    return picture[top : top + height, left : left + width]


def where(picture: NDArray[np.uint8], colour: tuple[int, int, int]) -> NDArray[np.bool_]:
    return (picture == colour).all(axis=-1)


def walk(*viewpoints: int) -> NDArray[np.int32]:
    return np.array(viewpoints, dtype=np.int32)


@pytest.mark.parametrize("actions", ["panoramic", "low_level"])
def test_pictures_of_an_episode_are_of_one_size_and_change_with_every_move(actions: str) -> None:
    hall = hall_world(actions=actions)
    expert = scripted(hall.action_names)["expert"]
    for lived in replay(hall, expert.agent, range(len(hall.episodes)), expert.act):
        shown = list(pictures(lived))
        assert {picture.shape for picture in shown} == {(shown[0].shape[0], WIDTH, 3)}
        assert shown[0].shape[0] % 2 == 0
        for before, after in pairwise(shown[:-1]):
            assert (before != after).any()
        assert (shown[-2] == shown[-1]).all()  # whoever stops stays


@pytest.mark.parametrize("heading", [0, 90, 180, 270])
def test_the_arrow_points_where_the_agent_faces(heading: int) -> None:
    picture = draw_map(asked(line(0.0), "a"), walk(0), np.radians(heading))
    left, top, width, height = NEAR  # the only viewpoint is in the middle of it
    ahead = {0: (0, -9), 90: (9, 0), 180: (0, 9), 270: (-9, 0)}[heading]
    row, column = top + height // 2 + ahead[1], left + width // 2 + ahead[0]
    behind = top + height // 2 - ahead[1], left + width // 2 - ahead[0]
    assert tuple(picture[row, column]) == INK
    assert tuple(picture[behind]) != INK


def test_a_building_of_one_viewpoint_has_a_picture() -> None:
    picture = draw_map(asked(line(0.0), "a"), walk(0), 0.0)
    assert where(part(picture, NEAR), GOAL).any()


def test_a_secret_goal_is_drawn_nowhere() -> None:
    told, secret = (draw_map(asked(graph(), "a", secret=secret), walk(0, 1, 2), 0.0) for secret in (False, True))
    assert where(told, GOAL).any()
    assert not where(secret, GOAL).any()
    assert told.shape == secret.shape


def test_the_circle_is_that_within_which_stopping_succeeds() -> None:
    picture = part(draw_map(asked(line(0.0, 2.0, 6.0), "abc"), walk(0), 0.0), NEAR)
    columns = np.flatnonzero(where(picture, drawn.WITHIN).any(axis=0))
    scale = NEAR[3] / (6.0 + 2 * drawn.BESIDE)  # pixels for a metre: the path is as long as the picture is high
    assert np.ptp(columns) == pytest.approx(2 * REACH * scale, abs=4)


def test_what_is_shown_where_does_not_depend_on_the_way() -> None:
    asked_for = asked(line(0.0, 2.0, 4.0, 30.0), "ab")
    near, far = (part(draw_map(asked_for, way, 0.0), NEAR) for way in (walk(0), walk(0, 1, 2, 3)))
    np.testing.assert_array_equal(where(near, drawn.WITHIN)[:, :200], where(far, drawn.WITHIN)[:, :200])
    assert where(far, WALK).sum() > where(near, WALK).sum()
    assert where(part(draw_map(asked_for, walk(0, 1, 2, 3), 0.0), drawn.WHOLE), INK).any()  # the agent, out of sight


def test_other_storeys_are_pale_until_one_is_there() -> None:
    loft = asked(graph(LOFT, ("ab", "bc", "cd"), "loft"), "ab")
    below, above = (part(draw_map(loft, walk(*way), 0.0), NEAR) for way in ((0,), (0, 1, 2)))
    _, width = below.shape[:2]
    left, right = np.s_[:, : width // 2 + 20], np.s_[:, width // 2 + 20 :]
    assert where(below[right], PALE[0]).any()
    assert not where(below[right], CLEAR[0]).any()
    assert where(above[right], CLEAR[0]).any()
    assert not where(above[left], CLEAR[0]).any()


@pytest.mark.parametrize("words", [200 * ["refrigerator"], ["go"], 20 * [30 * "brown"]])
def test_every_word_of_an_instruction_fits(words: list[str]) -> None:
    text = " ".join(words)
    assert "".join("".join(drawn._lines(text)).split()) == "".join(words)
    caption = draw_map(replace(asked(graph(), "abc"), instruction=text), walk(0), 0.0)[drawn.FOOT :]
    margins = (caption[:, :MARGIN], caption[:, -MARGIN:], caption[-MARGIN:])
    assert where(caption, INK).any()
    assert all(where(margin, PAPER).all() for margin in margins)


def test_what_lies_around_is_shown_where_it_is_seen() -> None:
    star = graph({"a": (0, 0, 0), "b": (0, 3, 0), "c": (3, 0, 0), "d": (-3, 0, 2)}, ("ab", "ac", "ad"), "star")
    sky = part(draw_map(asked(star, "ba"), walk(1, 0), np.pi), AROUND)  # has come from the north and faces south
    middle, width = AROUND[2] // 2, AROUND[2]
    visited, others = where(sky, WALK), where(sky, CLEAR[0])
    assert (np.flatnonzero(visited.any(axis=0)) < 0.1 * width).all()  # b is behind
    assert others[:, : middle - 100].any()  # c is to the left
    assert others[:, middle + 100 :].any()  # d is to the right
    assert np.nonzero(others[:, middle:])[0].mean() < np.nonzero(others[:, :middle])[0].mean() - 20  # and up


def test_signs_say_where_every_way_leads() -> None:
    star = {"a": (0, 0, 0), "b": (0, 3, 0), "c": (2, 0, 0), "d": (-3, 0, 3), "e": (0, -1.5, -1.5)}
    there = world([asked(graph(star, ("ab", "ac", "ad", "ae"), "star"), "ab", np.radians(30))])
    signs = there.describe_actions(there.begin(np.arange(1)), 0)
    told = ("30° left, 3.0\u00a0m", "60° right, 2.0\u00a0m", "150° right down, 2.1\u00a0m", "120° left up, 4.2\u00a0m")
    assert signs == (*told, "stop")
    after = there.step(there.begin(np.arange(1)), np.array([0]))
    assert there.describe_actions(after, 0) == ("behind, 3.0\u00a0m", "way 2", "way 3", "way 4", "stop")
    driven = world(there.episodes, actions="low_level")
    assert driven.describe_actions(driven.begin(np.arange(1)), 0) == driven.action_names


def write_page(path: Path, there: Graphs) -> Path:
    torch.manual_seed(0)
    lived = replay(there, agent_for(there), [0, 1])
    rows: dict[str, Any] = {"agent": {"success": {"mean": 0.5, "low": 0.0, "high": 1.0}}}
    table = {"task": "r2r", "split": "val_unseen", "episodes": 2, "seed": 0, "rows": rows}
    write_report(path, "A hall", table, {}, {}, lived)
    return path


def test_the_page_shows_the_ways_there_are_and_shades_words_by_attention(tmp_path: Path) -> None:
    there = world([asked(graph(), path) for path in ("abc", "bcd")])
    page = open_page(write_page(tmp_path / "page.html", there), "#episode=1&step=1")
    assert page.complaints == []
    moves = page.dom.split('id="moves"')[1].split("</table>")[0]
    assert moves.count("<tr") == 3 < len(there.action_names)  # two ways lead on from where it begins; and it can stop
    assert "way" not in moves
    shares = [float(share) for share in re.findall(r"--share: ([\d.]+)", page.dom)]
    assert len(shares) == 3  # "go to c"
    assert max(shares) == 1
    assert all(share > 0 for share in shares)
