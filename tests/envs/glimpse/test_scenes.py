"""Scenes: two pictures to be read, pictures that move, and questions, whose answers another reader finds too."""

import re
from collections import Counter

import numpy as np
import pytest
from helpers.glimpse_worlds import digits, finding, noise

from vln.envs.glimpse.find import CELL, FoundImages
from vln.envs.glimpse.frames import WAYS, Frames
from vln.envs.glimpse.pairs import Pairs
from vln.envs.glimpse.questions import ANSWERS, NUMBERS, SIDE, WORDS, Question, ask
from vln.envs.glimpse.scene_source import VARIANTS
from vln.envs.glimpse.task import glimpse, glimpsefind
from vln.language import Vocabulary

START = np.zeros(40, dtype=np.int32)
EPISODES = np.arange(40) * 31


@pytest.mark.parametrize("reading", ["sum", "both"])
def test_two_digits_are_read_from_left_to_right(reading: str) -> None:
    scenes = Pairs(digits(), "train", reading, canvas=30, endless=True)
    canvases, answers, boxes = (
        scenes.paint(EPISODES, START),
        scenes.answer(EPISODES, START),
        scenes.box(EPISODES, START),
    )
    whole = {picture.tobytes(): label for picture, label in zip(digits().images, digits().labels, strict=True)}
    for canvas, answer, (left, top, right, bottom) in zip(canvases, answers, boxes.astype(int), strict=True):
        found = [
            whole[window.tobytes()]
            for column in range(21)
            for row in range(21)
            if (window := np.ascontiguousarray(canvas[row : row + 10, column : column + 10])).tobytes() in whole
        ]
        assert len(found) == 2
        assert scenes.answers[answer] == (
            str(sum(found)).rjust(2, "0") if reading == "sum" else f"{found[0]}{found[1]}"
        )
        assert canvas[top:bottom, left:right].sum() == canvas.sum()
    assert len(scenes.answers) == (19 if reading == "sum" else 100)
    assert len(set(answers.tolist())) > 8


def test_what_moves_goes_its_way_a_frame_for_every_look() -> None:
    scenes = Frames(digits(), "train", "way", canvas=60, speed=2, endless=True)
    first, later = (scenes.box(EPISODES, np.full(40, time)) for time in (0, 3))
    ways = np.array(list(WAYS.values()))[scenes.answer(EPISODES, START)]
    inside = ((later > 6) & (later < 54)).all(axis=1)  # nothing bounced off an edge
    np.testing.assert_allclose((later - first)[inside, :2], 6 * ways[inside], atol=1)
    assert inside.sum() > 15
    assert set(scenes.answer(EPISODES, START).tolist()) == set(range(8))
    for time in range(60):
        box = scenes.box(EPISODES, np.full(40, time))
        assert box.min() >= 0
        assert box.max() <= 60
    assert (scenes.answer(EPISODES, START + 5) == scenes.answer(EPISODES, START)).all()


def test_what_is_asked_now_changes_with_what_is_shown() -> None:
    scenes = Frames(digits(), "train", "now", canvas=20, endless=True)
    whole = {picture.tobytes(): label for picture, label in zip(digits().images, digits().labels, strict=True)}
    told = []
    for time in range(12):
        now = np.full(40, time, dtype=np.int32)
        told.append(scenes.answer(EPISODES, now))
        boxes = scenes.box(EPISODES, now).astype(int)
        for canvas, (left, top, right, bottom), label in zip(scenes.paint(EPISODES, now), boxes, told[-1], strict=True):
            assert whole[np.ascontiguousarray(canvas[top:bottom, left:right]).tobytes()] == label
    changed = (np.diff(told, axis=0) != 0).mean()
    assert 0.15 < changed < 0.4


SHAPE = r"(?:(red|green|blue|yellow|purple|cyan) (circle|square|triangle|cross|ring|star)|(\w+))"


def read(question: Question) -> str:
    """The answer by another way: what a person does who reads the words and looks at the grid."""
    grid = np.array(question.things, dtype=object).reshape(SIDE, SIDE)
    things = [thing for thing in question.things if thing is not None]
    if found := re.fullmatch(rf".*?(colour)?[a-z ]*?(left of|right of|above|below) the {SHAPE}", question.text):
        relation, colour, shape, number = found.group(2, 3, 4, 5)
        anchors = [
            (row, column)
            for row in range(SIDE)
            for column in range(SIDE)
            if (thing := grid[row, column]) is not None
            and (thing.what == str(NUMBERS.index(number)) if number else (thing.colour, thing.what) == (colour, shape))
        ]
        assert len(anchors) == 1
        (row, column), (down, across) = anchors[0], {
            "left of": (0, -1), "right of": (0, 1), "above": (-1, 0), "below": (1, 0)
        }[relation]  # fmt: skip
        assert min(row + down, column + across) >= 0
        wanted = grid[row + down, column + across]
        assert wanted.is_digit is ("digit" in question.text)
        return wanted.colour if "colour" in question.text else wanted.what
    name = question.text.removesuffix(" are there").split()[-1]
    colour = question.text.removesuffix(" are there").split()[-2]
    if name == "shapes":
        return str(sum(thing.colour == colour and not thing.is_digit for thing in things))
    if name == "digits":
        return str(sum(thing.colour == colour and thing.is_digit for thing in things))
    return str(sum(thing.what == re.sub(r"(?<=ss)es$|s$", "", name) for thing in things))


def test_every_question_has_the_answer_that_a_reader_finds() -> None:
    asked = [ask(np.random.default_rng([9, number])) for number in range(3000)]
    for question in asked:
        assert read(question) == question.answer, question
        assert 4 <= sum(thing is not None for thing in question.things) <= 6
    families = Counter(question.family for question in asked)
    assert min(families.values()) > 800
    assert {question.answer for question in asked} == set(ANSWERS)
    assert not Vocabulary(WORDS).unknown(question.text for question in asked)
    told = {question.text for question in asked}
    assert {word for text in told for word in text.split()} == set(WORDS)


def test_a_question_is_seen_in_many_variants_with_the_same_things_in_the_same_cells() -> None:
    scenes = FoundImages(digits(), "train", questions=20, endless=True)
    assert len(scenes) == 20 * VARIANTS
    canvases = scenes.paint(7 + 20 * np.arange(30), START[:30])
    assert len(np.unique(canvases.reshape(30, -1), axis=0)) == 30
    assert (scenes.answer(7 + 20 * np.arange(30), START[:30]) == ANSWERS.index(scenes.questions[7].answer)).all()
    for cell, thing in enumerate(scenes.questions[7].things):
        row, column = divmod(cell, SIDE)
        seen = canvases[:, row * CELL : (row + 1) * CELL, column * CELL : (column + 1) * CELL].max(axis=(1, 2, 3))
        assert (seen > 100).all() if thing else not seen.any()


def test_colours_are_those_that_words_say() -> None:
    scenes = FoundImages(digits(), "train", questions=60, endless=True)
    canvases = scenes.paint(np.arange(60), np.zeros(60))
    strongest = {"red": 0, "green": 1, "blue": 2}
    checked = 0
    for canvas, question in zip(canvases, scenes.questions, strict=True):
        for cell, thing in enumerate(question.things):
            if thing is not None and thing.colour in strongest:
                row, column = divmod(cell, SIDE)
                part = canvas[row * CELL : (row + 1) * CELL, column * CELL : (column + 1) * CELL]
                assert part.sum(axis=(0, 1)).argmax() == strongest[thing.colour]
                checked += 1
    assert checked > 60


def test_the_scanner_is_sent_to_what_the_question_is_about() -> None:
    world = finding(looks=8)
    state = world.begin(np.arange(20))
    for question, box in zip(world.scenes.questions, world.scenes.box(state.episode, state.steps), strict=True):
        if question.family == "count":
            assert box.tolist() == [0, 0, 60, 60]
        else:
            assert sorted(box[2:] - box[:2]) == [20, 40]


def test_what_words_ask_is_told_by_the_face_for_gymnasium() -> None:
    world = finding()
    state = world.begin(np.array([3, 23, 4]))
    texts = [world.scenes.questions[number].text for number in (3, 3, 4)]
    assert world.instructions(state.episode).tolist() == texts
    tokens = world.observe(state)["instruction"]
    assert [" ".join(world.vocabulary.decode(row)) for row in tokens] == texts
    assert world.episodes[23].instruction == texts[0]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Pairs(noise(), "train", "sum"), "only digits can be read as sum, not dark, dim, bright"),
        (lambda: Pairs(digits(), "train", "product"), "read as sum or both, not as 'product'"),
        (lambda: Pairs(digits(), "train", "sum", canvas=19), "do not fit beside each other on 19x19"),
        (lambda: Frames(digits(), "train", "where"), "asked way or now, not 'where'"),
        (lambda: Frames(digits(), "train", canvas=12), "has no room to move"),
        (lambda: Frames(digits(), "train", speed=0), "more than 0 pixels a frame, not 0"),
        (lambda: FoundImages(noise(), "train", 3), "these pictures are of dark, dim, bright"),
        (lambda: FoundImages(digits(8), "train", 3), "split 'train' has no picture of the digit 8"),
        (lambda: glimpse(ask="why"), "nothing is asked that is called 'why'"),
        (lambda: glimpse(ask="sum", clutter=2), "are for --ask class, not for 'sum'"),
        (lambda: glimpse("digits", side=9), "a side is for pictures in a folder"),
        (lambda: glimpsefind().open("exam"), "has no split 'exam'"),
    ],
)
def test_what_can_not_be_asked_is_refused(make, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
