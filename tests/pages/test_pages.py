"""Pages fit their world: what is said of an episode, how a step is shown, what a page weighs."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.browser import open_page
from helpers.corridor import Corridor
from helpers.tiny_worlds import PLACES, dweller, place

from vln.agents.scripted import FixedPolicy
from vln.evaluation.replays import Replay, replay
from vln.evaluation.tables import Entry, table_of
from vln.learning.config import TrainConfig
from vln.learning.rules import rule_of
from vln.pages.films import MOST_PICTURES, film, foretold
from vln.pages.recordings import MOST_ALTERNATIVES, MOST_STEPS, alternatives, recording
from vln.pages.report import write_report
from vln.pages.texts import visible

VERDICTS = {
    **dict.fromkeys(("rooms", "hops", "drives"), "reached|failed"),
    **dict.fromkeys(("looks", "walks", "finds", "parity", "copy", "adding"), "right|wrong"),
    "speaks": r"BLEU-4 [\d.]+ %",
    "text": r"[\d.]+ nats",
}


def lived(name: str, episodes: int = 2) -> list[Replay]:
    return replay(place(name), dweller(place(name)), range(episodes), value="distance")


def write(path: Path, name: str, replays: list[Replay]) -> Path:
    world = place(name)
    table = table_of(world, {"agent": Entry(dweller(world))}, name, "val", 4)
    write_report(path, name, table.facts, {}, {}, replays)
    return path


@pytest.mark.parametrize("name", PLACES)
def test_a_page_of_any_task_is_light_and_runs_without_complaint(name: str, tmp_path: Path) -> None:
    replays = lived(name)
    page = write(tmp_path / "page.html", name, replays)
    steps = sum(len(one.steps) for one in replays)
    # Twenty episodes of the longest of each are less than 10 MB: 80 pictures, a sentence, or 1,000 characters.
    most = {"picture": 10e6 / 20 / 80, "sentence": 10e6 / 20 / 24, "text": 500, "columns": 500}
    assert page.stat().st_size < 40_000 + steps * most[place(name).display] + 2 * 60_000
    seen = open_page(page, "#episode=2&step=2")
    assert seen.complaints == []
    assert '<p id="problem" role="alert" hidden=""></p>' in seen.dom
    assert re.search(rf">(✓ |✗ )?({VERDICTS[name]})</span>", seen.dom)


@pytest.mark.parametrize("name", PLACES)
def test_pictures_are_in_a_page_only_where_steps_are_shown_by_them(name: str) -> None:
    shown = place(name).display
    record = json.dumps(recording(lived(name)[0]))
    pictures = record.count('"picture": "UklGR')  # how WebP begins
    assert {"picture": pictures > 1, "sentence": pictures == 1}.get(shown, pictures == 0)


def test_more_pictures_on_a_page_are_smaller_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = write(tmp_path / "few.html", "hops", lived("hops")).stat().st_size
    monkeypatch.setattr("vln.pages.recordings.MOST_PICTURES", 4)
    assert write(tmp_path / "many.html", "hops", lived("hops")).stat().st_size < 0.7 * few


def test_the_lead_sentence_is_of_the_headline(tmp_path: Path) -> None:
    begins = {
        "rooms": "The agent reaches its goal in <strong>",
        "looks": "The agent is right in <strong>",
        "text": "The model needs <strong>",
        "adding": "The agent&#39;s answers have a mean squared error of <strong>",
        "copy": "The agent gives the right answer in <strong>",
        "speaks": "What is said has a BLEU-4 of <strong>",
    }
    for name, begin in begins.items():
        text = write(tmp_path / "page.html", name, []).read_text()
        assert begin in text
    world = place("text")
    rows = {"agent": Entry(dweller(world)), "random": Entry(FixedPolicy([0.25] * 4))}
    table = table_of(world, rows, "hello", "val", 4).facts
    write_report(tmp_path / "page.html", "Hello", table, {}, {}, [])
    lead = re.sub("<[^>]*>", "", (tmp_path / "page.html").read_text().split('class="lead">')[1].split("</p>")[0])
    assert re.match(r"The model needs [\d.]+ nats \([\d.]+ bits\) a character\s+\(95 % interval [\d.]+ to", lead)
    assert "Beside it: random 1.386." in lead


class Oracle(FixedPolicy):
    """Foretells four characters, the second by far the likeliest."""

    def __init__(self) -> None:
        super().__init__([0.02, 0.9, 0.03, 0.05])


def test_a_text_is_read_as_a_text_coloured_by_surprise(tmp_path: Path) -> None:
    (one,) = replay(place("text"), Oracle(), [0])
    text, surprise = foretold(one)
    assert text[:11] == "hellohelloh"
    by_name = dict(zip(one.action_names, -np.log([0.02, 0.9, 0.03, 0.05]), strict=True))
    assert surprise == pytest.approx([0, *(by_name[character] for character in text[1:])], rel=1e-4)
    assert one.verdict == f"{surprise[1:].mean():.3f} nats"
    assert one.way == ("20 characters",)
    assert one.passed is None
    page = open_page(write(tmp_path / "page.html", "text", [one]), "#episode=1&step=1")
    shown = page.dom.split('<pre id="text"')[1].split("</pre>")[0]
    assert "".join(re.findall(r"<span[^>]*>(.)</span>", shown)) == text
    moves = re.findall("<tr.*?</tr>", page.dom.split('id="moves"')[1].split("</table>")[0])
    told = [" ".join(re.sub("<[^>]*>", " ", row).split()) for row in moves]
    shares = sorted(zip(one.action_names, (2.0, 90.0, 3.0, 5.0), strict=True), key=lambda pair: -pair[1])
    assert told == [f"{name} {'right ' if name == text[1] else ''}{share} %" for name, share in shares]


def test_what_cannot_be_seen_of_a_symbol_has_a_sign() -> None:
    assert [visible(symbol) for symbol in (" ", "\n", "\t", "a", "é", "\x0c", "\u200b", "")] == [
        *("␣", "↵", "⇥", "a", "é", "\\x0c", "\\u200b", "(nothing)"),
    ]


def test_alternatives_are_sorted_and_the_others_are_summed_up() -> None:
    shares = np.full(65, 0.5 / 63)
    shares[[7, 40]] = 0.1, 0.4
    rows = alternatives(shares, right=[64], taken=[50])
    assert rows[:2] == [[40, 0.4], [7, 0.1]]
    assert {64, 50} <= {number for number, _ in rows}  # what is right and what was done is there, however improbable
    assert len(rows) == MOST_ALTERNATIVES + 3
    assert rows[-1][0] == -(65 - MOST_ALTERNATIVES - 2)
    assert sum(share for _, share in rows) == pytest.approx(1, abs=0.01)
    assert alternatives(np.array([0.2, 0.8])) == [[1, 0.8], [0, 0.2]]


def test_a_line_is_shown_as_columns(tmp_path: Path) -> None:
    (one,) = replay(place("copy"), dweller(place("copy")), [0])
    page = open_page(write(tmp_path / "page.html", "copy", [one]), "#episode=1&step=2")
    table = page.dom.split('id="columns"')[1].split("</table>")[0]
    rows = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in re.findall("<tr.*?</tr>", table)]
    assert [row[0] for row in rows] == ["step", "input", "answered", "right"]
    assert {len(row) for row in rows} == {1 + len(one.steps)}
    asked = [not frame.expert.all() for frame in one.steps]
    assert [bool(cell) for cell in rows[3][1:]] == asked
    assert rows[1][1:3] == [*(name for frame in one.steps[:2] for name in frame.inputs)]
    assert table.count('class="good') + table.count('class="bad') == sum(asked)
    (sums,) = replay(place("adding"), dweller(place("adding")), [0])
    assert len(recording(sums)["steps"][0]["input"]) == 2
    assert recording(sums)["steps"][-1]["truth"] == f"{sums.steps[-1].expert_numbers[0]:.2f}"
    assert recording(sums)["steps"][0]["truth"] == ""


def test_a_sentence_is_said_word_by_word_beside_its_path(tmp_path: Path) -> None:
    (one,) = replay(place("speaks"), dweller(place("speaks")), [0])
    said = [one.action_names[move] for frame in one.steps for move in frame.choices]
    page = open_page(write(tmp_path / "page.html", "speaks", [one]), "#episode=1&step=3")
    assert page.complaints == []
    words = re.findall("<span[^>]*>(.*?)</span>", page.dom.split('id="said"')[1].split("</p>")[0])
    assert [word.replace("&lt;", "<").replace("&gt;", ">") for word in words] == said[:3]


def test_a_long_text_is_cut_and_the_page_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert MOST_STEPS >= 1000
    monkeypatch.setattr("vln.pages.recordings.MOST_STEPS", 5)
    page = open_page(write(tmp_path / "page.html", "text", lived("text", 1)))
    assert "The first 5 of 20 steps." in page.dom


@pytest.mark.parametrize(
    ("config", "meaning"),
    [
        (TrainConfig(), "distance"),
        (TrainConfig(progress_weight=0), None),
        (TrainConfig(rule="reinforce"), "success"),
        (TrainConfig(rule="pathwise"), None),
    ],
)
def test_what_a_value_means_is_told_by_the_config(config: TrainConfig, meaning: str | None) -> None:
    assert rule_of(config).value == meaning


def test_a_value_is_shown_as_what_it_was_taught_to_be_or_not_at_all() -> None:
    class Hopeful(FixedPolicy):
        def forward(self, observation: Any, memory: Any, episode_starts: Any) -> Any:
            decision, memory = super().forward(observation, memory, episode_starts)
            decision.value.data = torch.full_like(decision.value, -0.25)
            return decision, memory

    def told(value: Any) -> Any:
        record = recording(replay(Corridor(), Hopeful([0, 0, 1]), [0], value=value)[0])
        return record["steps"][0].get("value"), record["labels"]["value"]

    assert told("distance") == ("5", "expected distance to go")
    assert told("success") == ("-25.0 %", "expected chance of success")
    assert told(None)[0] is None


@pytest.mark.parametrize("name", PLACES)
def test_every_world_can_be_filmed(name: str) -> None:
    shots = film(lived(name, 1)[0])
    assert len({shot.shape for shot in shots}) == 1
    assert len(shots) > 1
    assert any((shots[0] != shot).any() for shot in shots)
    assert len(shots) <= MOST_PICTURES or name != "text"
