"""Digits and shapes on one canvas, and words that name what to look for."""

import numpy as np
from numpy.typing import NDArray

from .chance import chances
from .image_splits import LabelledImages
from .pasting import lay_glowing
from .questions import ANSWERS, COLOUR_NAMES, DIGITS, SHAPE_NAMES, SIDE, Question, ask
from .scene_source import EpisodeIndex, SceneSource
from .shapes import COLOURS, draw_shape

CELL, ITEM = 20, 16  # pixels a side: of a cell of the grid, and of the thing in it
DIMMEST = 0.75  # share of a colour's brightness that a thing has at least

FIRST_THING = 0  # the purposes of an episode's chance from here on are its cells, THING_NUMBERS for each
THING_NUMBERS = 4  # left, top, which of the pictures of a digit, how bright


class FoundImages(SceneSource):
    """A question for each thing there is to see (see questions.ask), about a canvas of SIDE x SIDE cells.

    pictures: of digits; each digit on a canvas is any of those of its class. So one question is seen in many variants.
    """

    def __init__(
        self, pictures: LabelledImages, split: str, questions: int, endless: bool = False, seed: int = 0
    ) -> None:
        if pictures.classes != DIGITS:
            raise ValueError(f"words speak of digits; these pictures are of {', '.join(pictures.classes)}")
        salt = [seed, *map(ord, split)]
        self.questions = [ask(np.random.default_rng([*salt, number])) for number in range(questions)]
        self.deck = EpisodeIndex(questions, split, endless, seed)
        side = CELL * SIDE
        self.shape, self.picture, self.answers = (side, side, 3), (ITEM, ITEM), ANSWERS
        self.sayings = tuple(question.text for question in self.questions)
        self._answer = np.array([ANSWERS.index(question.answer) for question in self.questions])
        # Sprites: the shapes, then all pictures of digits, ordered by class.
        order = np.argsort(pictures.labels, kind="stable")
        self._many = np.bincount(pictures.labels, minlength=len(DIGITS))
        if not self._many.all():
            raise ValueError(f"split {split!r} has no picture of the digit {int(np.argmin(self._many))}")
        self._first = len(SHAPE_NAMES) + np.concatenate([[0], np.cumsum(self._many)[:-1]])
        shapes = [draw_shape(name, (255, 255, 255), ITEM)[..., 3] for name in SHAPE_NAMES]
        self._sprites = np.concatenate([np.stack(shapes), _scaled(pictures.grey().images[order, ..., 0])])
        self._what, self._colour, self._box = self._tables(self.questions)

    def paint(self, episode: NDArray[np.int64], time: NDArray[np.int32]) -> NDArray[np.uint8]:
        thing, drawn = self.deck.thing(episode), self._drawn(episode)
        what, count = self._what[thing], len(SHAPE_NAMES)
        digit = np.clip(what - count, 0, None)
        picked = self._first[digit] + (drawn[..., 2] * self._many[digit]).astype(np.int64)
        number = np.where(what >= count, picked, what)
        brightness = DIMMEST + (1 - DIMMEST) * drawn[..., 3:]
        colours = (self._colour[thing] * brightness).astype(np.int64)
        canvas = np.zeros((len(episode), *self.shape), dtype=np.uint8)
        lay_glowing(self._sprites, number, self._places(drawn), colours, canvas)
        return canvas

    def answer(self, episode: NDArray[np.int64], time: NDArray[np.int32]) -> NDArray[np.int64]:
        return self._answer[self.deck.thing(episode)]

    def box(self, episode: NDArray[np.int64], time: NDArray[np.int32]) -> NDArray[np.float32]:
        return self._box[self.deck.thing(episode)]

    def family(self, number: int) -> str:
        return self.questions[number % len(self.questions)].family

    def _drawn(self, episode: NDArray[np.int64]) -> NDArray[np.float32]:
        """The numbers of chance of every cell, [B, cells, THING_NUMBERS]."""
        first = np.full(len(episode), FIRST_THING, dtype=np.uint64)
        drawn = chances(self.deck.keys(episode), first, SIDE * SIDE * THING_NUMBERS)
        return drawn.reshape(len(episode), SIDE * SIDE, THING_NUMBERS)

    def _places(self, drawn: NDArray[np.float32]) -> NDArray[np.int64]:
        """Left and top of the thing in every cell, [B, cells, 2]."""
        row, column = np.divmod(np.arange(SIDE * SIDE), SIDE)
        corner = CELL * np.stack([column, row], axis=1)
        return corner + (drawn[..., :2] * (CELL - ITEM + 1)).astype(np.int64)

    @staticmethod
    def _tables(questions: list[Question]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        """What is in every cell [n, cells] (-1: nothing), in which colour [n, cells, 3], and where to look [n, 4]."""
        what = np.full((len(questions), SIDE * SIDE), -1)
        colour = np.zeros((len(questions), SIDE * SIDE, 3), dtype=np.int64)
        box = np.empty((len(questions), 4), dtype=np.float32)
        names = (*SHAPE_NAMES, *DIGITS)
        shades = np.array([COLOURS[name] for name in COLOUR_NAMES])
        for number, question in enumerate(questions):
            for cell, thing in enumerate(question.things):
                if thing is not None:
                    what[number, cell] = names.index(thing.what)
                    colour[number, cell] = shades[COLOUR_NAMES.index(thing.colour)]
            row, column = np.divmod(np.array(question.cells), SIDE)
            box[number] = CELL * np.array([column.min(), row.min(), column.max() + 1, row.max() + 1])
        return what, colour, box


def _scaled(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pictures [n, height, width] as large as the things on a canvas."""
    import cv2

    shrinks = images.shape[1] > ITEM
    way = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.stack([cv2.resize(image, (ITEM, ITEM), interpolation=way) for image in images])
