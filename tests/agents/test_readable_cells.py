"""Readable cells: what is true of every step, units that were planted are found, and none where there is none."""

from typing import Any

import numpy as np
import pytest
from helpers.tiny import AGENTS, Kind, tiny_agent, tiny_world
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from vln.agents.analysis.activations import Activations, core_of, read_cells, unit_names
from vln.agents.analysis.selectivity import find_units
from vln.agents.recurrent.core import CELLS, Recurrent
from vln.agents.scripted import FixedPolicy
from vln.envs.registry import make_task
from vln.envs.sequences.labels import text_labels

SOURCE = '''import os  # it's a
if x == "b(":  # no
    def f(a,
          b):
        """Doc
        # not"""
        return r'x' + f"{a}"
    # comment
y = 1
'''


def marked(values: NDArray[Any], text: str = SOURCE) -> list[str]:
    """The pieces of a text in which something holds."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], values, [False]]).astype(int)))
    return [text[first:last] for first, last in zip(edges[::2], edges[1::2], strict=True)]


def test_the_labels_of_python_source_say_where_one_is() -> None:
    labels = text_labels(SOURCE)
    assert marked(labels["quotes"]) == ['"b(', '"""Doc\n        # not""', "'x", '"{a}']
    assert marked(labels["docstring"]) == ['"""Doc\n        # not""']
    assert marked(labels["short string"]) == ['"b(', "'x", '"{a}']
    assert marked(labels["comment"]) == ["# it's a", "# no", "# comment"]
    assert marked(labels["if line"]) == [' x == "b(":  # no']
    assert labels["column"].max() == len("        return r'x' + f\"{a}\"")
    assert labels["column"][SOURCE.index("\n")] == 0
    assert labels["depth"][SOURCE.index("def")] == 1
    assert labels["depth"][SOURCE.index("return")] == 2
    assert labels["depth"][SOURCE.index("y = 1")] == 0
    assert np.isnan(labels["depth"][SOURCE.index("    def")])
    assert marked(labels["brackets"] > 0) == ["(a,\n          b"]


def test_the_labels_of_a_play_say_who_speaks_and_nothing_of_python() -> None:
    play = "First Citizen:\nSpeak, I say: NOW.\n\nAll:\nSpeak.\n"
    labels = text_labels(play)
    assert marked(labels["speaker"], play) == ["First Citizen", "All"]
    assert marked(labels["capitals"], play) == ["OW"]
    assert "quotes" not in labels
    assert labels["word"][play.index("t C")] == 5


@pytest.mark.parametrize("text", ["'''never closed", "  def\n f", "plain", ""])
def test_what_is_no_python_has_no_labels_of_python(text: str) -> None:
    assert set(text_labels(text)) == {"column", "word", "capitals"}


def test_a_stretch_has_the_labels_of_its_place_in_the_text() -> None:
    world = make_task("characters", {"text": "hello", "episode_length": 7}).open("val")
    state = world.begin(np.array([3]))
    for step in range(7):
        expected = text_labels("hello" * 40)["word"][3 * 7 + step]
        assert world.labels(state)["word"] == [expected]
        state = world.step(state, np.array([0]))


@pytest.mark.parametrize("kind", AGENTS.values(), ids=AGENTS)
def test_a_reading_is_what_acting_remembers(kind: Kind) -> None:
    """Of every kind of agent: in every episode the units are those of its memory, and all have names of their own."""
    agent, world = tiny_agent(kind), tiny_world(kind.view)
    if not isinstance(getattr(agent, "core", None), Recurrent):
        with pytest.raises(ValueError, match="no recurrent core"):
            read_cells(world, agent, range(2))
        return
    reading = read_cells(world, agent, range(3))
    assert reading.units.shape == (len(reading), len(reading.names))
    assert len(set(reading.names)) == len(reading.names)
    assert all(len(values) == len(reading) for values in reading.labels.values())
    alone = read_cells(world, agent, [1])
    # Sums of large units round alike only as far as those allow.
    apart = 1e-5 * max(1.0, float(abs(alone.units).max()))
    assert np.allclose(reading.of([1]).units, alone.units, atol=apart)
    assert (alone.step == np.arange(len(alone))).all()


@pytest.mark.parametrize("memory", CELLS)
def test_units_are_named_by_layer_and_state(memory: str) -> None:
    core = Recurrent(memory, 3, 4, layers=2)
    names = unit_names(core)
    assert len(set(names)) == len(names) == core.initial(1).shape[1]
    assert names[0].startswith("1: ")
    assert names[-1].startswith("2: ")


def planted(rng: np.random.Generator, episodes: int = 20, length: int = 60) -> Activations:
    """Noise that drifts as memories do, with one unit that tells a label and one that falls as a number grows."""
    steps = episodes * length
    on = np.repeat(rng.random(steps // 10) < 0.4, 10)
    number = np.cumsum(rng.normal(size=steps)).astype(np.float32)
    units = np.cumsum(rng.normal(size=(steps, 30)), axis=0) * 0.1
    units[:, 7] = on + 0.2 * rng.normal(size=steps)
    units[:, 11] = -number + rng.normal(size=steps)
    number[::9] = np.nan
    labels = {"on": on, "number": number, "never": np.zeros(steps, dtype=np.bool_)}
    episode, step = np.divmod(np.arange(steps), length)
    return Activations(
        units.astype(np.float32), tuple(f"u{n}" for n in range(30)), labels, episode, step, step[:, None]
    )


def test_planted_units_are_found_and_told_as_other_programs_tell_them() -> None:
    reading = planted(np.random.default_rng(0))
    found = {finding.label: finding for finding in find_units(reading)}
    assert set(found) == {"on", "number"}
    ours, others = reading.halves()
    assert not set(ours.episode) & set(others.episode)
    on = found["on"]
    assert (on.units[0], on.signs[0], on.p) == ("u7", 1, pytest.approx(1 / 201))
    assert on.scores[0] == pytest.approx(roc_auc_score(ours.labels["on"], ours.units[:, 7]), abs=1e-5)
    assert on.best == pytest.approx(roc_auc_score(others.labels["on"], others.units[:, 7]), abs=1e-5)
    assert on.best > 0.95 > on.chance > 0.5
    number = found["number"]
    assert (number.units[0], number.signs[0]) == ("u11", -1)
    known = np.isfinite(others.labels["number"])
    correlation = np.corrcoef(others.labels["number"][known], others.units[known, 11])[0, 1]
    assert number.best == pytest.approx(-correlation, abs=1e-5)


def test_where_no_unit_tells_a_label_it_is_said() -> None:
    """Noise that drifts: single steps that are permuted would find something nearly always, whole shifts seldom do."""
    by_chance = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        reading = planted(rng)
        on = np.repeat(rng.random(len(reading) // 10) < 0.4, 10)
        drifting = Activations(
            reading.units[:, 12:], reading.names[12:], {"on": on}, reading.episode, reading.step, reading.position
        )
        by_chance += find_units(drifting, shifts=60, seed=seed)[0].p <= 0.05
    assert by_chance <= 3


def test_one_episode_is_too_few_to_choose_by_and_to_judge() -> None:
    reading = planted(np.random.default_rng(0)).of([0])
    with pytest.raises(ValueError, match="1 is too few"):
        find_units(reading)


def test_who_has_no_core_is_not_read() -> None:
    with pytest.raises(ValueError, match="a FixedPolicy has no recurrent core"):
        core_of(FixedPolicy((0.25,) * 4))


def test_reading_leaves_the_agent_in_its_mode() -> None:
    world, agent = tiny_world(), tiny_agent()
    agent.train()
    read_cells(world, agent, range(2))
    assert agent.training
