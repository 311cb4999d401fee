"""The smallest tasks of pictures: a square in one half, which is said or asked for."""

import numpy as np

from vln.envs.pictures import picture_questions, picture_sentences

SIZES = {"train": 64, "val": 16, "test": 32}
HALVES, COLOURS = ("left", "right"), {"red": (250, 40, 40), "blue": (40, 40, 250)}


def scene(rng):
    return str(rng.choice(list(COLOURS))), str(rng.choice(HALVES)), int(rng.integers(9))


def paint(seen):
    picture = np.zeros((16, 16, 3), dtype=np.uint8)
    column = 8 * HALVES.index(seen[1])
    picture[seen[2] : seen[2] + 8, column : column + 8] = COLOURS[seen[0]]
    return picture


def sentences(seen):
    return f"it is {seen[0]}", f"the {seen[0]} square is {seen[1]}"


def judge(seen, sentence):
    return sentence in sentences(seen)


def ask(seen, rng):
    return ("which colour?", seen[0]) if rng.integers(2) else ("which half?", seen[1])


SENTENCES = picture_sentences("squares", scene, paint, sentences, judge, SIZES)
QUESTIONS = picture_questions("asked", scene, paint, ask, sizes=SIZES)
