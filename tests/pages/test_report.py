"""The report page: what it says, how it behaves in a browser, and that it stays small and asks for nothing."""

import base64
import json
import re
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from helpers.browser import open_page
from numpy.typing import NDArray

from vln.evaluation.intervals import Interval
from vln.evaluation.replays import Frame, Replay, pictures
from vln.pages.report import write_report

MOVES = ("forward", "turn left", "turn right", "stop")
WORDS = ("go", "to", "the", "<red>", "chair")


def frame(step: int = 0, **changes: Any) -> Frame:
    picture = np.full((40, 80, 3), 90, dtype=np.uint8)
    picture[10:14, 2 * step : 2 * step + 4] = (200, 40, 40)
    seen: dict[str, Any] = {
        "draw": lambda: picture,
        "choices": (step % 4,),
        "probabilities": np.full(4, 0.25),
        "expert": np.arange(4) == 1,
    }
    return Frame(**(seen | {"attention": np.eye(5)[step % 5], "value": 0.5, "error": 7.0 - step} | changes))


FRAMES = tuple(frame(step) for step in range(5))


def replay(name: str = "far-1", success: bool = True, steps: tuple[Frame, ...] = FRAMES, **changes: Any) -> Replay:
    basis: dict[str, Any] = {"family": "goto", "words": WORDS, "error": 2.0, "length": 4.0, "action_names": MOVES}
    basis |= {"verdict": "reached" if success else "failed", "unit": "moves"}
    return Replay(**(basis | {"name": name, "success": success, "steps": steps} | changes))


def table(**changes: Any) -> dict[str, Any]:
    bounds = {"mean": 0.875, "low": 0.8, "high": 0.95}
    row = {"trajectory_length": {"mean": 9.5, "low": 9.0, "high": 10.0}, "success": bounds}
    parts = {"task": "goto", "split": "val_unseen", "episodes": 200, "seed": 0, "rows": {"agent": row, "stop": row}}
    return parts | changes


def write(path: Path, **changes: Any) -> Path:
    curves = {"loss": [(step, 1 / (1 + step)) for step in range(1000)], "clip rate": [(0, 0.5)]}
    groups = {"by family": [("goto", 120, Interval(0.9, 0.8, 1.0)), ("find", 80, Interval(0.5, 0.4, 0.6))]}
    replays = [replay("won"), replay("lost", success=False), replay("won-2")]
    parts: dict[str, Any] = {"table": table(), "curves": curves, "breakdowns": groups, "replays": replays}
    write_report(path, "GoTo, from pixels", **(parts | changes))
    return path


def read_picture(code: str) -> NDArray[np.uint8]:
    picture = cv2.imdecode(np.frombuffer(base64.b64decode(code), np.uint8), cv2.IMREAD_COLOR)
    return np.array(picture, dtype=np.uint8)[..., ::-1].copy()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("report") / "report.html")


def test_a_broken_script_and_a_request_to_the_network_would_be_noticed(tmp_path: Path) -> None:
    policy = "<meta http-equiv=Content-Security-Policy content=\"img-src 'none'\">"
    (tmp_path / "broken.html").write_text(f"{policy}<img src=http://localhost/><script>null.a</script>")
    assert len(open_page(tmp_path / "broken.html").complaints) == 2


def test_the_page_runs_in_a_browser_without_complaint(page: Path) -> None:
    seen = open_page(page)
    assert seen.complaints == []
    assert '<p id="problem" role="alert" hidden=""></p>' in seen.dom
    assert "1 of 5" in seen.dom  # the first step of the first episode is shown


def test_the_table_is_there(page: Path) -> None:
    dom = open_page(page).dom
    assert "The agent reaches its goal in <strong>87.5 %</strong> of the episodes" in dom
    assert "<td>87.5<small>80.0 to 95.0</small></td>" in dom
    assert "<td>9.5<small>9.0 to 10.0</small></td>" in dom


def test_an_address_leads_to_a_step_of_an_episode(page: Path) -> None:
    dom = open_page(page, "#episode=2&step=3").dom
    assert "3 of 5" in dom
    assert re.search(r'aria-current="true"[^/]*reached</span> won\b', dom)
    # The third frame turns right, with seven less two steps to go, and looks at the third word.
    assert "before the move turn right" in dom
    assert "<dt>distance to go</dt><dd>5 moves</dd>" in dom
    assert '<span title="attention 100.0 %" style="--share: 1.000;">the</span>' in dom
    assert dom.count('class="taken"') == 1


def test_keys_buttons_and_the_list_lead_through_the_episodes(page: Path, tmp_path: Path) -> None:
    by_hand = """<script>
    const press = (key) => document.dispatchEvent(new KeyboardEvent("keydown", { key }));
    const place = () => location.hash + " " + byId("count").textContent;
    const seen = [];
    press("ArrowRight"); press("ArrowRight"); press("ArrowLeft"); seen.push(place());
    press("n"); seen.push(place());
    byId("list").querySelectorAll("button")[2].click(); byId("on").click(); seen.push(place());
    byId("slider").value = 4; byId("slider").dispatchEvent(new Event("input")); seen.push(place());
    document.title = seen.join(", ");
    </script>"""
    (tmp_path / "used.html").write_text(page.read_text() + by_hand)
    steps = [(1, 2), (2, 1), (3, 2), (3, 4)]
    expected = ", ".join(f"#episode={episode}&amp;step={step} {step} of 5" for episode, step in steps)
    assert f"<title>{expected}</title>" in open_page(tmp_path / "used.html").dom


def test_an_address_beyond_the_end_leads_to_the_last_step(page: Path) -> None:
    seen = open_page(page, "#episode=99&step=99")
    assert "5 of 5" in seen.dom
    assert seen.complaints == []


def test_only_moves_that_are_probable_best_or_made_are_shown(tmp_path: Path) -> None:
    names = ("open", "knock", "wait", "ring", "push", "leave")
    shares = np.array([0.9, 0.0, 0.0996, 0.0004, 0.0, 0.0])  # "knock" is best, "push" is made
    seen = frame(probabilities=shares, expert=np.arange(6) == 1, choices=(4,))
    page = open_page(write(tmp_path / "report.html", replays=[replay(action_names=names, steps=(seen,))]))
    assert page.complaints == []
    rows = re.findall("<tr.*?</tr>", page.dom.split('id="moves"')[1].split("</table>")[0])
    told = [" ".join(re.sub("<[^>]*>", " ", row).split()) for row in rows]
    assert told == ["open 90.0 %", "wait 10.0 %", "knock expert 0.0 %", "push 0.0 %"]
    assert ['class="taken"' in row for row in rows] == [False, False, False, True]


def test_a_step_tells_its_moves_by_their_names_there(tmp_path: Path) -> None:
    action_names = ("to the bridge", "to the mill", "to the inn", "stop")
    page = open_page(
        write(tmp_path / "report.html", replays=[replay(steps=(frame(action_names=action_names), frame(1)))])
    )
    assert ">to the mill <" in page.dom
    assert "before the move to the bridge" in page.dom
    assert "<dt>move taken</dt><dd>to the bridge</dd>" in page.dom
    assert "turn left" not in page.dom.split("<main>")[1].split("</main>")[0]
    assert ">turn left <" in open_page(tmp_path / "report.html", "#episode=1&step=2").dom


def test_how_an_episode_ended_is_a_step_after_its_last_move(tmp_path: Path) -> None:
    lost = replay(success=False, end=lambda: np.full_like(FRAMES[0].draw(), 30))
    page = write(tmp_path / "report.html", replays=[lost])
    seen = open_page(page, "#episode=1&step=99")
    assert seen.complaints == []
    assert '<output id="count" for="slider">end</output>' in seen.dom
    assert "<dt>outcome</dt><dd>failed</dd>" in seen.dom
    assert "<dt>distance to go</dt><dd>2 moves</dd>" in seen.dom
    assert '<table class="bars" id="moves" hidden="">' in seen.dom
    shown = json.loads(re.findall(r'class="recording">(.*?)</script>', page.read_text())[0])["end"]["patches"]
    assert [patch["width"] for patch in shown] == [1]  # nothing of the first picture is left
    assert np.abs(read_picture(shown[0]["picture"]).astype(int) - 30).max() < 4
    assert "5 of 5" in open_page(page, "#episode=1&step=5").dom


def test_failures_come_first(page: Path) -> None:
    names = re.findall(r"(?:reached|failed)</span> (\S+)", page.read_text())
    assert names == ["lost", "won", "won-2"]


def test_words_from_anyone_are_text_and_never_markup(tmp_path: Path) -> None:
    evil = "</script><script>throw 1</script><img src=x onerror=throw>"
    once = (frame(attention=np.ones(1)),)
    lost = replay(evil, words=(evil,), family=evil, action_names=(evil, *MOVES[1:]), steps=once)
    seen = open_page(write(tmp_path / "report.html", replays=[lost], table=table(task=evil)))
    assert seen.complaints == []
    assert "<img src" not in seen.dom


def test_the_page_asks_for_nothing_outside_itself(page: Path) -> None:
    text = page.read_text()
    assert "default-src 'none'" in text
    assert not re.findall(r"(?:src|href)=\"(?!data:)[^\"]", text)
    assert not re.findall(r"url\(|@import|https?://", text)


def test_many_replays_stay_small(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    place = np.kron(rng.integers(0, 255, (12, 18, 3)), np.ones((20, 20, 1))).astype(np.uint8)
    views = [np.hstack([place, np.roll(place, 7 * step, axis=1)]) for step in range(40)]  # the map stays
    long = replay(steps=tuple(frame(draw=partial(np.array, view)) for view in views))
    assert write(tmp_path / "report.html", replays=[long] * 4).stat().st_size < 15e6 * 4 / 20


def test_patches_laid_over_the_first_picture_make_the_picture_of_a_step(page: Path) -> None:
    recording = json.loads(re.findall(r'class="recording">(.*?)</script>', page.read_text())[0])
    for step, shown in zip(FRAMES, recording["steps"], strict=True):
        picture = read_picture(recording["picture"])
        for patch in shown["patches"]:
            piece, left, top = read_picture(patch["picture"]), round(80 * patch["x"]), round(40 * patch["y"])
            assert piece.shape[1] == round(80 * patch["width"])
            picture[top : top + piece.shape[0], left : left + piece.shape[1]] = piece
        assert np.abs(picture.astype(int) - step.draw()).mean() < 4  # WebP loses a little
        assert bool(shown["patches"]) == (step is not FRAMES[0])


def test_a_report_without_curves_or_replays_is_a_table(tmp_path: Path) -> None:
    bare = write(tmp_path / "report.html", curves={}, breakdowns={}, replays=[])
    seen = open_page(bare)
    assert seen.complaints == []
    assert "Training" not in seen.dom


def test_numbers_that_are_not_finite_do_not_break_the_page(tmp_path: Path) -> None:
    rows = {"agent": {"navigation_error": {"mean": np.inf, "low": 1.0, "high": np.inf}}}
    lost = replay(error=np.inf, steps=(frame(error=np.inf, value=None, attention=None),))
    curves = {"loss": [(0, np.nan), (1, 2.0), (2, np.inf)], "void": [(0, np.nan)]}
    seen = open_page(write(tmp_path / "report.html", table=table(rows=rows), replays=[lost], curves=curves))
    assert seen.complaints == []
    assert "∞<small>1.00 to ∞</small>" in seen.dom
    assert "<dt>distance to go</dt><dd>∞ moves</dd>" in seen.dom
    assert "void" not in seen.dom


def test_bad_input_is_refused_plainly(tmp_path: Path) -> None:
    for broken, message in (
        (table(rows={}), "no rows"),
        ({"rows": {}}, "lacks task, split, episodes, seed"),
        (table(rows={"agent": {"success": {"mean": 1}}}), "row 'agent', metric 'success' needs mean, low and high"),
    ):
        with pytest.raises(ValueError, match=message):
            write(tmp_path / "report.html", table=broken)
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"probabilities": np.array([np.nan] * 4)}, "finite"),
        ({"expert": np.ones(4)}, "bool"),
        ({"choices": (4,)}, "move 4 is none of 4 moves"),
    ],
)
def test_a_frame_of_the_wrong_type_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        frame(**changes)


def test_a_replay_whose_parts_disagree_is_refused() -> None:
    for changes, message in (
        ({"steps": ()}, "'far-1' has no steps"),
        ({"action_names": ("left", "stop")}, "step 1 of the replay 'far-1' has 4 probabilities for 2 moves"),
        ({"steps": (frame(action_names=("on", "stop")),)}, "step 1 of the replay 'far-1' has 2 names for 4 moves"),
        ({"words": ("go",)}, "attention \\[5\\] for 1 words"),
    ):
        with pytest.raises(ValueError, match=message):
            replay(**changes)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (np.zeros((4, 4, 3)), "a picture is uint8"),
        (np.zeros((4, 4), np.uint8), "a picture is uint8"),
        (np.zeros((4, 4, 3), np.uint8), "'far-1' has a picture of"),
    ],
)
def test_what_is_drawn_of_a_replay_is_pictures_of_one_size(other: NDArray[Any], message: str) -> None:
    for odd in (replay(steps=(frame(), frame(draw=lambda: other))), replay(end=lambda: other)):
        with pytest.raises(ValueError, match=message):
            list(pictures(odd))
