"""Houses drawn as text: what is drawn is what stands there, and what can't be drawn is refused by row and column."""

import numpy as np
import pytest

from vln.envs.registry import make_task
from vln.envs.rooms import COLOUR, FLOOR, KIND, Colour, Floor, House, Kind, Rooms
from vln.envs.rooms.world import VIEWS
from vln.episode import Episode

PLAN = "#########/#...#...#/#.r.+..b#/#########"
NAMES = {"r": "red chair", "b": "blue table"}


def test_letters_are_objects_that_nobody_walks_through_and_a_plus_is_a_door() -> None:
    house = House.of_text(PLAN, **NAMES)
    assert house.shape == (4, 9)
    assert house.find(Kind.CHAIR, Colour.RED) == [(2, 2)]
    assert house.find(Kind.TABLE, Colour.BLUE) == [(2, 7)]
    assert house.find(Kind.DOOR) == [(2, 4)]
    assert house.solid[2].tolist() == [True, False, True, False, False, False, False, True, True]
    assert house.solid[0].all()


def test_rows_may_stand_on_lines_of_their_own_and_name_their_letters_below() -> None:
    lines = "\n".join([*PLAN.split("/"), "", "r = crimson seat".replace("crimson", "red"), "b = blue desk"])
    assert House.of_text(lines).identity == House.of_text(PLAN, **NAMES).identity


def test_every_room_has_a_floor_of_its_own_unless_it_is_named_and_objects_stand_on_it() -> None:
    house = House.of_text("#########/#w..#...#/#.r.o...#/#########", r="red chair", w="wooden floor", o="doorway")
    floors = house.cells[..., FLOOR]
    assert floors[2, 2] == floors[1, 1] == floors[2, 3] == Floor.WOOD
    assert floors[1, 6] not in (Floor.WOOD, floors[0, 0])
    assert floors[0, 0] == floors[2, 4]
    assert house.cells[2, 4, KIND] == Kind.DOORWAY


def test_doors_without_a_name_have_colours_that_no_other_door_has() -> None:
    house = House.of_text("#########/#.+.d.+.#/#########", d="green door")
    colours = house.cells[1, [2, 4, 6], COLOUR].tolist()
    assert colours[1] == Colour.GREEN
    assert len({*colours, Colour.NONE}) == 4


@pytest.mark.parametrize("difficulty", [1, 3, 4])
def test_a_built_house_written_as_text_and_read_again_gives_the_same_views(difficulty: int) -> None:
    task = make_task("find" if difficulty > 1 else "goto", {"difficulty": difficulty})
    episodes = [task.episodes("val_unseen")[number] for number in range(0, 64, 8)]
    again = [
        Episode(one.instruction, House.of_text(one.place.text()), one.start, one.goals, one.family, one.name)
        for one in episodes
    ]
    for view in VIEWS:
        worlds = [Rooms(those, task.vocabulary, view=view) for those in (episodes, again)]
        shown = [world.observe(world.begin(np.arange(len(episodes)))) for world in worlds]
        for name, values in shown[0].items():
            np.testing.assert_array_equal(values, shown[1][name])
    for one, other in zip(episodes, again, strict=True):
        np.testing.assert_array_equal(one.place.cells, other.place.cells)
        np.testing.assert_array_equal(one.place.solid, other.place.solid)


def test_a_maze_is_no_house_and_is_not_written_as_one() -> None:
    house = House.of_text("#####/#...#/#####")
    with pytest.raises(ValueError, match="not of a maze"):
        House(house.cells, house.solid, stride=2).text()
    cells = house.cells.copy()
    cells[1, 1, FLOOR] = Floor.BRICK
    with pytest.raises(ValueError, match="its rooms have floors that a plan can't say"):
        House(cells, house.solid.copy()).text()


@pytest.mark.parametrize(
    ("text", "names", "complaint"),
    [
        ("#####/#.?.#/#####", {}, r"row 1, column 2: '\?' stands for nothing"),
        ("#####/#.r.#/#####", {}, r"row 1, column 2: 'r' stands for nothing.*r=\"red chair\""),
        ("#####/#...#/####", {}, "row 2 has 4 cells and row 0 has 5"),
        ("#####/#..../#####", {}, "open to the outside at row 1, column 4"),
        ("", {}, "at least one row"),
        ("#####/#.r.#/#####", {"r": "red unicorn"}, "no thing is called 'unicorn'; there are ball, bed, .*doorway"),
        ("#####/#.r.#/#####", {"r": "pink chair"}, "no colour is called 'pink'; there are red, green"),
        ("#####/#.r.#/#####", {"r": "lava floor"}, "no floor is called 'lava'; there are blue, brick"),
        ("#####/#.r.#/#####", {"r": "chair"}, "no colour is called ''; there are red"),
        ("#####/#...#/#####", {"r": "red chair"}, "'r' is named 'red chair' and stands nowhere"),
        ("#####/#...#/#####", {"rr": "red chair"}, "what is named in a plan is a letter, not 'rr'"),
        ("#####/#.r.#/#####\nr = red chair", {"r": "red bed"}, "'r' is named twice"),
        ("#####/#.+.#/#...#/#####", {}, "row 1, column 2: a door stands in a wall"),
        ("######/#.r+.#/######", {"r": "red chair"}, "row 1, column 3: a door stands in a wall, between two free"),
        ("#####/#a.b#/#####", {"a": "brick floor", "b": "grass floor"}, "has the floors brick and grass"),
    ],
)
def test_what_can_not_be_drawn_is_refused(text: str, names: dict[str, str], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        House.of_text(text, **names)
