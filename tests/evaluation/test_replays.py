"""Replays and videos: what an agent saw, thought and did is kept as it was, and plays in a browser."""

import base64
import re
from functools import partial

import imageio.v3 as imageio
import imageio_ffmpeg
import numpy as np
import pytest
import torch
from helpers.browser import open_page
from helpers.corridor import LEFT, LENGTH, PIT, RIGHT, STOP, Corridor, Place
from torch import nn

from vln.agent import Agent, Decision
from vln.agents.scripted import FixedPolicy
from vln.envs.rooms.families import FAMILIES
from vln.envs.rooms.phrases import WORDS
from vln.envs.rooms.world import Rooms
from vln.episode import Episode
from vln.evaluation.replays import failures_first, pictures, replay
from vln.language import Vocabulary
from vln.learning.losses import DISTANCE_UNIT
from vln.learning.rollouts import follow_teacher, sample
from vln.pages.report import write_report
from vln.pages.video import reel, write_video
from vln.policies import Categorical
from vln.tasks import GeneratedEpisodes, Task

ONE_MOVE = {LEFT: FixedPolicy([1, 0, 0]), RIGHT: FixedPolicy([0, 1, 0]), STOP: FixedPolicy([0, 0, 1])}
RED, GREEN, BLUE = (220, 40, 40), (40, 180, 60), (50, 70, 220)


class Reader(Agent):
    """Mostly goes right, believes in three moves to go, and attends to each word twice as much as to the one before."""

    def __init__(self):
        super().__init__()
        self.logits = nn.Parameter(torch.tensor([0.2, 0.5, 0.3]).log())
        self.modes = []

    def initial(self, batch):
        return {}

    def forward(self, observation, memory, episode_starts):
        self.modes.append(self.training)
        policy = Categorical(logits=self.logits.expand(*episode_starts.shape, 3))
        attention = (2.0 ** torch.arange(4)).expand(*episode_starts.shape, 4) / 15
        return Decision(policy, torch.full(episode_starts.shape, -3 / DISTANCE_UNIT), attention), memory


class Trail(Corridor):
    """A corridor in which every move is named by the cell it leads to."""

    def describe_actions(self, state, slot):
        return f"to {state.cell[slot] - 1}", f"to {state.cell[slot] + 1}", "stop"


def asked(instruction, start, goal):
    return Episode(instruction, Place(), (start,), (goal,), "corridor", f"{start} to {goal}")


@pytest.fixture(scope="module")
def rooms():
    sizes = dict.fromkeys(("train", "val_unseen"), (4, 1))
    source = GeneratedEpisodes(*FAMILIES["GoTo"](3), sizes=sizes)
    task = Task("goto", source, partial(Rooms, max_steps=30), tuple(sizes), Vocabulary(WORDS))
    return task.open("val_unseen", view="symbols")


def squares(*colours, shape=(40, 60)):
    """Frames of one colour each, with a black corner."""
    frames = [np.full((*shape, 3), colour, dtype=np.uint8) for colour in colours]
    for frame in frames:
        frame[:8, :8] = 0
    return frames


def test_a_replay_tells_what_the_agent_thought_and_did():
    (lived,) = replay(Corridor([asked("walk to four!", 2, 4)], max_steps=3), Reader(), [0], value="distance")
    assert (lived.name, lived.family, lived.action_names) == ("2 to 4", "corridor", Corridor.action_names)
    assert lived.words == ("walk", "to", "four", "!")  # two of which the vocabulary does not know
    assert (lived.success, lived.error, lived.length) == (False, 1.0, 3.0)  # it went past the goal
    assert [frame.choices for frame in lived.steps] == [(RIGHT,)] * 3
    assert [frame.error for frame in lived.steps] == [2.0, 1.0, 0.0]
    assert [frame.expert.tolist() for frame in lived.steps] == [[False, True, False]] * 2 + [[False, False, True]]
    for frame in lived.steps:
        assert frame.probabilities == pytest.approx([0.2, 0.5, 0.3])
        assert frame.attention == pytest.approx(np.array([1, 2, 4, 8]) / 15)
        assert frame.value == pytest.approx(3.0)  # in moves, like the error


def test_a_replay_keeps_what_moves_are_called_where_they_are_made():
    (lived,) = replay(Trail([asked("go to four", 2, 4)], max_steps=2), ONE_MOVE[RIGHT], [0])
    assert [frame.action_names for frame in lived.steps] == [("to 1", "to 3", "stop"), ("to 2", "to 4", "stop")]
    assert lived.action_names == Corridor.action_names
    (plain,) = replay(Corridor(max_steps=1), ONE_MOVE[RIGHT], [0])
    assert plain.steps[0].action_names == ()


def test_attention_is_shown_for_the_words_and_not_for_what_pads_them():
    world = Corridor([asked("go to four", 2, 4), asked("four", 2, 4)])
    long, short = (lived.steps[0].attention for lived in replay(world, Reader(), [0, 1]))
    assert long == pytest.approx([1 / 15, 2 / 15, 4 / 15])
    assert short == pytest.approx([1 / 15])


def test_an_agent_that_does_not_attend_has_no_attention_to_show():
    (lived,) = replay(Corridor(), ONE_MOVE[STOP], [0])
    assert lived.steps[0].attention is None


@pytest.mark.parametrize(("move", "moves", "end"), [(STOP, 1, 3), (RIGHT, 5, LENGTH - 1), (LEFT, 3, PIT)])
def test_the_last_picture_shows_where_the_agent_ended(move, moves, end):
    world = Corridor([asked("go to five", 3, 5)], max_steps=5)
    (lived,) = replay(world, ONE_MOVE[move], [0])
    assert len(lived.steps) == moves
    assert tuple(list(pictures(lived))[-1][8, 16 * end + 8]) == RED  # the colour of the agent


def test_every_picture_shows_the_trail_so_far():
    (lived,) = replay(Corridor([asked("go to two", 6, 2)]), ONE_MOVE[LEFT], [0])
    for step, picture in enumerate(pictures(lived)):
        walked = [cell for cell in range(LENGTH) if tuple(picture[8, 16 * cell + 8]) == (90, 90, 90)]
        assert walked == [cell for cell in range(7 - step, 7) if cell != 2]  # the goal is painted over it


def test_episodes_are_replayed_in_the_order_asked_and_as_if_each_were_alone():
    world = Corridor()
    order = [30, 2, 17, 2]
    together = replay(world, Reader(), order)
    assert [lived.name for lived in together] == [world.episodes[number].name for number in order]
    for number, lived in zip(order, together, strict=True):
        (alone,) = replay(world, Reader(), [number])
        np.testing.assert_array_equal(list(pictures(lived)), list(pictures(alone)))


def test_the_same_seed_gives_the_same_replays():
    def walk(seed):
        return [
            [frame.choices for frame in lived.steps]
            for lived in replay(Corridor(), Reader(), range(9), sample, seed=seed)
        ]

    assert walk(1) == walk(1) != walk(2)


def test_the_expert_can_be_replayed_too():
    world = Corridor()
    lives = replay(world, FixedPolicy([1 / 3] * 3), range(len(world.episodes)), follow_teacher)
    assert all(lived.success for lived in lives)
    assert all(frame.expert[list(frame.choices)].all() for lived in lives for frame in lived.steps)


@pytest.mark.parametrize("training", [True, False])
def test_an_agent_is_replayed_as_it_is_when_not_training_and_left_as_it_was(training):
    agent = Reader().train(training)
    replay(Corridor(), agent, [0])
    assert not any(agent.modes)
    assert agent.training is training


def test_failures_come_first_and_keep_their_order():
    lives = replay(Corridor(), ONE_MOVE[STOP], [0, 1, 7, 8])  # who begins at the goal succeeds by stopping
    assert [lived.success for lived in lives] == [True, False, True, False]
    assert failures_first(lives) == [lives[1], lives[3], lives[0], lives[2]]


def test_no_episodes_are_no_replays():
    assert replay(Corridor(), Reader(), []) == []


def test_replays_of_rooms_become_a_page_and_a_video(rooms, tmp_path):
    lives = replay(rooms, FixedPolicy([0.25] * 4), range(4), follow_teacher)
    assert all(lived.success and len(lived.steps) > 1 for lived in lives)
    assert all((next(pictures(lived)) != list(pictures(lived))[-1]).any() for lived in lives)
    bounds = {"mean": 1.0, "low": 1.0, "high": 1.0}
    table = {"task": "goto", "split": "val_unseen", "episodes": 4, "seed": 0, "rows": {"agent": {"success": bounds}}}
    write_report(tmp_path / "report.html", "GoTo", table, {}, {}, failures_first(lives))
    write_video(tmp_path / "video.mp4", reel([list(pictures(lived)) for lived in lives], hold=2))
    frames, _ = imageio_ffmpeg.count_frames_and_secs(str(tmp_path / "video.mp4"))
    assert frames == sum(len(lived.steps) + 1 + 2 for lived in lives)


def test_a_video_is_what_browsers_play(tmp_path):
    write_video(tmp_path / "new" / "video.mp4", squares(RED, GREEN, BLUE), fps=2)
    reader = imageio_ffmpeg.read_frames(str(tmp_path / "new" / "video.mp4"))
    facts = next(reader)
    reader.close()
    assert facts["codec"] == "h264"
    assert facts["pix_fmt"].startswith("yuv420p(tv, bt709")
    assert (facts["size"], facts["fps"], facts["duration"]) == ((60, 40), 2.0, 1.5)
    code = (tmp_path / "new" / "video.mp4").read_bytes()
    assert code.index(b"moov") < code.index(b"mdat")  # the index comes before the pictures


def test_a_browser_plays_a_video_in_its_colours(tmp_path):
    write_video(tmp_path / "video.mp4", squares(RED, GREEN, BLUE), fps=2)
    code = base64.b64encode((tmp_path / "video.mp4").read_bytes()).decode()
    watch = """<script>
    const video = document.querySelector("video");
    video.addEventListener("loadeddata", () => {
      const pen = document.createElement("canvas").getContext("2d");
      pen.drawImage(video, 0, 0);
      document.title = [video.duration, ...pen.getImageData(30, 20, 1, 1).data].join();
    });
    </script>"""
    (tmp_path / "page.html").write_text(f'<video preload=auto src="data:video/mp4;base64,{code}"></video>{watch}')
    (title,) = re.findall("<title>(.*)</title>", open_page(tmp_path / "page.html").dom)
    seconds, *colour, opacity = map(float, title.split(","))
    assert (seconds, opacity) == (1.5, 255)
    assert np.abs(np.array(colour) - RED).max() <= 6  # of 255


@pytest.mark.parametrize(("name", "plugin"), [("video.mp4", "FFMPEG"), ("video.gif", "pillow")])
def test_what_was_written_is_read_back(name, plugin, tmp_path):
    written = squares(RED, GREEN, BLUE, RED)
    write_video(tmp_path / name, iter(written))
    read = np.stack(list(imageio.imiter(tmp_path / name, plugin=plugin)))
    assert read.shape == (4, 40, 60, 3)
    assert np.abs(read[:, 12:, 12:].astype(int) - np.stack(written)[:, 12:, 12:]).max() <= 6  # of 255
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_gif_plays_for_ever_at_its_pace(tmp_path):
    write_video(tmp_path / "video.gif", squares(RED, GREEN), fps=4)
    facts = imageio.immeta(tmp_path / "video.gif", plugin="pillow")
    assert (facts["loop"], facts["duration"]) == (0, 250)


def test_an_odd_height_or_width_is_made_even_by_repeating_the_last_row_or_column(tmp_path):
    write_video(tmp_path / "video.mp4", squares(RED, shape=(41, 61)))
    (read,) = imageio.imiter(tmp_path / "video.mp4", plugin="FFMPEG")
    assert read.shape == (42, 62, 3)
    assert np.abs(read[-1].astype(int) - RED).max() <= 6


def test_a_colon_in_a_name_is_no_address(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_video("run:1.mp4", squares(RED))
    assert (tmp_path / "run:1.mp4").exists()


def test_a_reel_holds_each_ending_and_fits_every_place_on_one_page():
    small, large = squares(RED, GREEN, shape=(20, 30)), squares(BLUE, shape=(40, 40))
    small[0][0, 0] = BLUE
    frames = list(reel([small, large], hold=2))
    assert [frame.shape for frame in frames] == [(40, 40, 3)] * 7
    middles = [tuple(frame[20, 20]) for frame in frames]
    assert middles == [RED, GREEN, GREEN, GREEN, BLUE, BLUE, BLUE]
    np.testing.assert_array_equal(frames[0][10:30, 5:35], small[0])
    assert tuple(frames[0][5, 20]) == BLUE  # beside it, the colour of its corner


@pytest.mark.parametrize(
    ("name", "frames", "message"),
    [
        ("video.avi", squares(RED), r"ends in \.mp4 or \.gif, not '\.avi'"),
        ("video.mp4", [], "at least one frame"),
        ("video.mp4", reel([]), "at least one frame"),
        ("video.mp4", squares(RED) + squares(RED, shape=(20, 20)), r"frame 2 is \(20, 20\).* the first \(40, 60\)"),
        ("video.mp4", [np.zeros((4, 4, 3))], r"frame 1 is float64 \[4, 4, 3\], not uint8"),
        ("video.mp4", [np.zeros((4, 4), np.uint8)], r"frame 1 is uint8 \[4, 4\], not uint8 \[height, width, 3\]"),
    ],
)
def test_what_can_not_be_a_video_is_refused_and_leaves_nothing(name, frames, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        write_video(tmp_path / name, frames)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_video_leaves_the_earlier_one(tmp_path):
    write_video(tmp_path / "video.mp4", squares(RED))
    before = (tmp_path / "video.mp4").read_bytes()
    with pytest.raises(ValueError, match="frame 2"):
        write_video(tmp_path / "video.mp4", [*squares(GREEN), np.zeros((2, 2, 3), np.uint8)])
    assert (tmp_path / "video.mp4").read_bytes() == before


def test_a_video_needs_some_pace(tmp_path):
    with pytest.raises(ValueError, match="more than 0 frames a second"):
        write_video(tmp_path / "video.mp4", squares(RED), fps=0)
