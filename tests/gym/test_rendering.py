"""Pictures of one environment are of one size, however its houses and instructions differ: recorders take no other."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
from helpers.corridor import Corridor
from helpers.graph_worlds import asked, graph, hall_world
from helpers.graph_worlds import world as graphs
from helpers.tiny import tiny
from numpy.typing import NDArray

from vln.envs.rooms.world import Rooms
from vln.gym.env import TaskEnv
from vln.gym.sb3 import GymnasiumVecEnv
from vln.gym.vector_env import TaskVectorEnv
from vln.language import Vocabulary
from vln.pages.padding import on_page
from vln.tasks import GeneratedEpisodes
from vln.world import World


class Unlike(Corridor):
    """A world whose pictures are of several sizes, and which says nothing of it."""

    def draw(self, state: Any, slot: int, *further: Any) -> NDArray[np.uint8]:
        return np.full((8 + 2 * int(state.episode[slot]), 12, 3), 9, dtype=np.uint8)


def rooms_of_several_sizes() -> World[Any]:
    """Houses of one room and of nine, and instructions of a few words and of hundreds."""
    small, large = (cast(GeneratedEpisodes, tiny(*kind).source)("train")[:3] for kind in (("GoTo", 1), ("Sequence", 3)))
    episodes = [*small, *large, replace(small[0], instruction="go on " * 300)]
    return Rooms(episodes, Vocabulary.of(episode.instruction for episode in episodes), max_words=600)


def paths_told_at_several_lengths() -> World[Any]:
    hall = graph()
    texts = ("go", "go to the hall " * 20, "go on " * 400)
    return graphs([replace(asked(hall, "abc"), instruction=text) for text in texts], max_words=900)


@pytest.mark.parametrize("make", [rooms_of_several_sizes, paths_told_at_several_lengths, Unlike])
def test_every_picture_of_an_environment_is_of_one_size(make: Callable[[], World[Any]]) -> None:
    world = make()
    env, vector = TaskEnv(world, "rgb_array"), TaskVectorEnv(world, len(world.episodes), render_mode="rgb_array")
    shapes = set()
    for episode in range(len(world.episodes)):
        env.reset(options={"episode": episode})
        shapes.add(env.render().shape)  # type: ignore[union-attr]
    vector.reset(options={"episode": np.arange(len(world.episodes))})
    drawn = {
        world.draw(vector._slots.state, slot, vector._slots._trails[:1, slot]).shape for slot in range(vector.num_envs)
    }
    assert len(drawn) > 1
    assert len(shapes) == 1
    assert {frame.shape for frame in vector.render()} == shapes
    # Stable-Baselines3 lays them side by side.
    assert GymnasiumVecEnv(vector).render("rgb_array").ndim == 3  # type: ignore[union-attr]


def test_a_page_of_all_episodes_has_no_more_room_than_its_longest_text_takes() -> None:
    world = hall_world(max_steps=6)
    state = world.begin(np.arange(len(world.episodes)))
    assert world.picture_size == world.draw(state, 0, world.position(state)[:1]).shape[:2]


def test_a_picture_lies_in_the_middle_of_a_page_in_its_corner_s_colour_and_is_never_cut() -> None:
    picture = np.full((2, 4, 3), 200, dtype=np.uint8)
    picture[0, 0] = 7
    page = on_page(picture, 6, 4)
    assert np.array_equal(page[2:4], picture)
    assert (page[:2] == 7).all()
    small = on_page(np.full((20, 40, 3), 90, dtype=np.uint8), 10, 10)
    assert small.shape == (10, 10, 3)
    assert (small == 90).all()
