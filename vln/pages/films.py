"""Films: replays as pictures, with the agent's attention and answers drawn into them."""

import numpy as np

from vln.evaluation.replays import Picture, Replay, pictures
from vln.pages.bars import bars
from vln.pages.texts import PAPER, tints_of, typed

MOST_PICTURES = 120  # of a text: of a longer one, more than a character is typed at once


def film(replay: Replay) -> list[Picture]:
    """The pictures of a replay, all of one size; what the agent believes, foretells or says is drawn with them."""
    if replay.display == "text":
        text, surprise = foretold(replay)
        return typed(text, tints_of(surprise), _stops(len(text)))
    if replay.display == "sentence":
        return _spoken(replay)
    if not replay.answer_names:
        return list(pictures(replay))
    shots = []
    for frame, picture in zip(replay.steps, pictures(replay), strict=True):
        belief = np.zeros(len(replay.answer_names)) if frame.belief is None else frame.belief
        panel = bars(replay.answer_names, belief, frame.truth, height=len(picture))
        shots.append(np.concatenate([picture, panel], axis=1))
    return shots  # an answer ends an episode: after it there is nothing more to be seen


def foretold(replay: Replay) -> tuple[str, np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """The text of a replay, from the first character that was given, and how much each surprised the agent, in nats."""
    truths = [int(frame.expert.argmax()) for frame in replay.steps]
    likely = [float(frame.probabilities[truth]) for frame, truth in zip(replay.steps, truths, strict=True)]
    text = "".join([*replay.steps[0].inputs, *(replay.action_names[truth] for truth in truths)])
    return text, np.concatenate([[0.0], -np.log(np.maximum(likely, 1e-12))])


def _spoken(replay: Replay) -> list[Picture]:
    """The path, and under it what has been said so far, the less probable words on hotter ground."""
    said, colours = [""], [np.zeros(0)]
    for frame in replay.steps:
        (word,) = frame.choices
        said.append(f"{replay.action_names[word]} ")
        colours.append(np.full(len(said[-1]), -np.log(max(1e-12, float(frame.probabilities[word])))))
    ends = np.cumsum([len(word) for word in said]).tolist()
    shots, picture = [], replay.steps[0].draw()
    for sheet in typed("".join(said), tints_of(np.concatenate(colours)), ends):
        width = max(picture.shape[1], sheet.shape[1])
        rows = [np.full((len(part), width, 3), PAPER, dtype=np.uint8) for part in (picture, sheet)]
        for row, part in zip(rows, (picture, sheet), strict=True):
            row[:, : part.shape[1]] = part
        shots.append(np.concatenate(rows))
    return shots


def _stops(length: int) -> list[int]:
    """After how many characters a picture is taken."""
    return np.unique(np.linspace(1, length, min(length, MOST_PICTURES)).round().astype(int)).tolist()
