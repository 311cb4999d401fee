"""Active Perception Gym's CircleSquare-v0 as a task of ours, through nothing but its Gymnasium interface.

Package ap_gym, https://github.com/TimSchneider42/active-perception-gym. What is learned in its likeness, the task
`circlesquare`, can be judged here: observations, moves and answers are the same.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium.spaces import Box
from numpy.typing import NDArray

from vln.envs.glimpse.circle_square import CLASSES, LIMIT, LOOKS, PATCH, SIDE
from vln.envs.glimpse.map_view import draw_map
from vln.envs.glimpse.scanner import scan
from vln.envs.glimpse.sensor import GlimpseSensor
from vln.gym.external_world import Adapter, ExternalWorld, Seen
from vln.indexed_episodes import IndexedEpisodes
from vln.language import Vocabulary
from vln.spaces import Location
from vln.tasks import Baseline, Task, TaskSpec

NAME = "CircleSquare-v0"
SIZES = {"train": 1 << 30, "val": 2048, "test": 2048}  # episodes; there are no splits, only other seeds
POINTS = 4  # that the scanner goes to: more than it could come near to in one episode would teach nothing
DARK = 60  # of 255: what is not seen, in pictures for people


def peer_circle_square() -> Task:
    """Is it a circle or a square? Asked by ap_gym's own environment; the agent is told what it sees and where."""
    return Task(
        name="circlesquare-apgym",
        source=lambda split: IndexedEpisodes(split, SIZES[split]),
        world=borrow,
        splits=tuple(SIZES),
        words=Vocabulary(()),
        validation_split="val",
        validation_episodes=SIZES["val"],
        test_split="val",
        baselines={"blind": Baseline(without=("view",))},
    )


def borrow(episodes: Any, vocabulary: Vocabulary, contrast: bool = True) -> ExternalWorld:
    """The world of these episodes. contrast: Whether to normalise the contrast of glimpses, as our own sensor does."""
    _ap_gym()
    return ExternalWorld(episodes, vocabulary, make_env, translation(GlimpseSensor(PATCH, contrast=contrast)), LOOKS)


TASKS = {"circlesquare-apgym": TaskSpec(peer_circle_square, borrow)}


def make_env(slots: int) -> Any:
    """Their vector environment. It does not paint ahead: it is seeded so often that this would be for nothing."""
    config = gymnasium.spec(NAME).kwargs["image_perception_config"]
    return _ap_gym().make_vec(NAME, num_envs=slots, image_perception_config=replace(config, prefetch=False))


def translation(eye: GlimpseSensor) -> Adapter:
    """What their environment says, as Glimpses with this eye would say it."""
    return Adapter(
        spaces={"view": eye.space(1), "where": Location()},
        action_names=("x", "y"),
        action_space=Box(-1, 1, (2,), np.float32),
        answer_names=CLASSES,
        observe=partial(_observe, eye),
        act=lambda move, answer: {"action": move, "prediction": answer},
        truth=lambda info: info["prediction"]["target"],
        position=lambda seen: _pixels(seen["where"]),
        guide=_guide,
        draw=partial(_draw, eye),
        unit="pixels",
    )


def _ap_gym() -> Any:
    try:
        import ap_gym
    except ImportError as missing:
        raise ImportError(
            f"tasks of Active Perception Gym need it ({missing}): pip install 'vln[third-party]'"
        ) from missing
    return ap_gym


def _observe(eye: GlimpseSensor, observation: Mapping[str, NDArray[np.float32]]) -> Seen:
    glimpse, where = observation["glimpse"], observation["glimpse_pos"]
    # A picture no larger than the patch is seen as it is, but for its contrast.
    canvas = torch.from_numpy(glimpse).permute(0, 3, 1, 2)
    return {"view": eye.look_by_matrices(canvas, torch.zeros(len(where), 2)).numpy(), "where": where}


def _guide(seen: Seen, steps: NDArray[np.int32]) -> NDArray[np.float32]:
    """Towards a few points all over the picture, one after the other."""
    box = np.tile(np.array([-0.5, -0.5, 0.5, 0.5], dtype=np.float32), (len(steps), 1))
    aim = scan(box, np.minimum(steps * POINTS // LOOKS, POINTS - 1), POINTS)
    return np.clip((aim - seen["where"]) / np.float32(LIMIT), -1, 1)


def _pixels(where: NDArray[np.float32]) -> NDArray[np.float32]:
    """From the picture's upper left corner."""
    return SIDE / np.float32(2) + where * np.float32((SIDE - PATCH) / 2)


def _draw(eye: GlimpseSensor, seen: Seen, path: NDArray[Any]) -> NDArray[np.uint8]:
    """The way of the eye over a picture that only the environment knows."""
    canvas = np.full((SIDE, SIDE, 1), DARK, dtype=np.uint8)
    return draw_map(canvas, path, seen["view"], eye, "")
