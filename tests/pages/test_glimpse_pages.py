"""What people look at of glimpses: beliefs in replays, films and pages, and where agents look by class."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.browser import open_page
from helpers.glimpse_worlds import KINDS, finding, glimpses, noise
from torch import Tensor

from vln.agent import Decision, Memory, Observation
from vln.agents.scripted import UniformPolicy
from vln.envs.glimpse.fixations import SIDE, gaze_maps
from vln.envs.glimpse.map_view import FRAMES
from vln.envs.glimpse.map_view import SIDE as SHOWN
from vln.envs.glimpse.sensor import GlimpseSensor
from vln.evaluation.evaluate import evaluate
from vln.evaluation.replays import pictures, replay
from vln.evaluation.tables import Entry, table_of
from vln.learning.rollouts import sample
from vln.outcomes import Outcome
from vln.pages.bars import MOST, RIGHT, bars
from vln.pages.films import film
from vln.pages.recordings import MOST_ALTERNATIVES
from vln.pages.report import write_page


class Sure(UniformPolicy):
    """Looks anywhere, and is almost sure of one answer."""

    def __init__(self, world: Any, answer: int) -> None:
        super().__init__(world.action_space, world.num_answers)
        self.belief = torch.log(0.1 + 0.8 * torch.eye(world.num_answers)[answer])

    def forward(self, observation: Observation, memory: Memory, episode_starts: Tensor) -> tuple[Decision, Memory]:
        decision, memory = super().forward(observation, memory, episode_starts)
        return replace(decision, answer=self.belief.expand(*episode_starts.shape, -1)), memory


@pytest.mark.parametrize("kind", ["looks at points", "walks and stops", "finds", "colours, an odd patch"])
def test_a_replay_holds_what_was_believed_at_every_look(kind: str) -> None:
    world = KINDS[kind]()
    (lived,) = replay(world, Sure(world, 1), [1], sample)
    assert lived.answer_names == world.answer_names
    assert lived.end is None
    for frame in lived.steps:
        assert frame.belief is not None
        assert frame.belief.argmax() == 1
        assert frame.truth == world.correct_answer(world.begin(np.array([1])))[0]
        assert frame.error == pytest.approx(-np.log(frame.belief[frame.truth]), rel=1e-4)
        assert bool(frame.choices) == (kind == "walks and stops")
    assert lived.success == (lived.steps[-1].truth == 1)
    assert lived.verdict == ("right" if lived.success else "wrong")


def test_a_film_shows_the_belief_beside_the_picture() -> None:
    world = glimpses()
    (lived,) = replay(world, Sure(world, 1), [1], sample)
    shots = film(lived)
    assert len(shots) == len(lived.steps) == world.max_steps
    height, width, _ = next(pictures(lived)).shape
    assert shots[0].shape == (height, width + 220, 3)
    green = (shots[0][:, width:] == RIGHT).all(axis=2)
    assert green.any(axis=0).sum() == pytest.approx(0.9 / 1.1 * (220 - 12 - 12 - 9 * len("bright")), abs=15)


def test_of_many_answers_the_most_probable_are_drawn() -> None:
    shares = np.zeros(100)
    shares[42] = 0.7
    few, many = bars(["a", "b"], np.array([0.3, 0.7]), 1, 300), bars([str(n) for n in range(100)], shares, 42, 300)
    assert few.shape == many.shape == (300, 220, 3)
    assert ((many == RIGHT).all(axis=2).sum(axis=1) > 60).sum() > 5
    assert MOST < 100


def test_the_portrait_shows_the_way_of_the_eye_and_what_each_scale_covers() -> None:
    world = glimpses(canvas=24, eye=GlimpseSensor(4, scales=2))
    state = world.begin(np.arange(1))
    picture = world.draw(state, 0, np.array([[4, 4], [12, 12]], dtype=np.float32))
    scale = SHOWN / 24
    for number, half in enumerate((2, 4)):
        row, column = round((12 - half) * scale) + 12, round(12 * scale) + 12  # within a margin
        found = (picture[row - 2 : row + 3, column - 20] == FRAMES[number]).all(axis=-1)
        assert found.any()
    assert (picture[12 + round(8 * scale), 12 + round(8 * scale)] == FRAMES[0]).all()  # on the line between the two


def test_gaze_maps_are_hot_where_an_agent_looks() -> None:
    world = glimpses(canvas=20, start=(0.0, 0.0))
    corners = world.scenes.box(np.arange(6), np.zeros(6, dtype=np.int32))[:, :2]
    names = ("dark", "dim", "bright") * 2
    # The last position is of after the last answer, and no look.
    looks = [
        Outcome("", name, True, positions=np.array([*(corner + [[2.0, 7.0]] * 3), corner]))
        for name, corner in zip(names, corners, strict=True)
    ]
    maps = gaze_maps(world.scenes, looks)
    assert [label for label, _ in maps] == ["bright", "dark", "dim"]
    for _, picture in maps:
        assert picture.shape == (SIDE, SIDE, 3)
        redness = picture[..., 0].astype(int) - picture[..., 2]
        row, column = np.unravel_index(redness.argmax(), redness.shape)
        assert (row / SIDE * 10, column / SIDE * 10) == (pytest.approx(7, abs=0.5), pytest.approx(2, abs=0.5))


def test_the_page_shows_table_beliefs_and_gazes_without_complaint(tmp_path: Path) -> None:
    world = finding()
    agent = Sure(world, 1)
    table = table_of(world, {"agent": Entry(agent, sample)}, "glimpsefind", "val", episodes=20)
    outcomes = table.results["agent"].outcomes
    write_page(tmp_path / "page.html", table, replays=3)
    page = open_page(tmp_path / "page.html", "#episode=1&step=2")
    assert page.complaints == []
    right = sum(outcome.success for outcome in outcomes)
    assert f"The agent is right in <strong>{100 * right / 20:.2f} %</strong>" in page.dom
    belief = page.dom.split('id="belief"')[1].split("</table>")[0]
    assert belief.count("<tr") == MOST_ALTERNATIVES + 1  # the others are one row
    assert "4 others" in belief
    assert belief.count(">right</span>") == 1
    assert "looks next at" in page.dom
    assert page.dom.count("Where it looks, by class: ") == 3  # digit, colour, count


def test_every_look_is_in_the_outcome() -> None:
    world = glimpses(gaze="scan")
    outcomes = evaluate(world, Sure(world, 0), range(4), sample)
    grid = np.stack([outcome.positions[:-1] for outcome in outcomes])
    assert grid.shape == (4, world.max_steps, 2)
    np.testing.assert_allclose(grid[0], [[2, 2], [8, 2], [8, 8], [2, 8]])
    assert outcomes[0].metrics()["accuracy"] == float(noise().labels[0] == 0)
