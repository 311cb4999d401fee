"""Traces: what an agent does with an instruction of a user, step by step."""

import difflib
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from vln.actions import chosen, each_part, numbers_in
from vln.agent import Agent
from vln.evaluation.play import Step, evaluation_mode, play
from vln.language import Vocabulary, split_words
from vln.learning.rollouts import Act, greedy
from vln.metrics import number
from vln.pages.padding import Picture
from vln.world import World

ALIKE = 0.8  # from 0 to 1: how alike a known word must be to be named beside an unknown one


@dataclass(frozen=True, eq=False)
class TraceStep:
    """One step of an agent.

    action: the name of what it does; where an action is numbers, those. probabilities: of every choice, by its name;
        none of numbers.
    attention: how much it attends to each word of the instruction, in order; none where it has no attention.
    pose, next_pose: where and how it stands before and after the action, in the terms of a start (see World.pose).
    ended: whether this is the last step. stopped: whether the agent said stop, and was not cut off.
    """

    action: str
    probabilities: Mapping[str, float]
    attention: tuple[tuple[str, float], ...]
    pose: tuple[Any, ...]
    next_pose: tuple[Any, ...]
    ended: bool
    stopped: bool
    draw: Callable[[], Picture] = field(repr=False)
    draw_next: Callable[[], Picture] = field(repr=False)

    @property
    def picture(self) -> Picture:
        """The picture before the action, uint8 [height, width, 3]: the place from above, the path so far, the view.

        It is drawn anew whenever it is asked for.
        """
        return self.draw()

    @property
    def next_picture(self) -> Picture:
        """The picture after the action, drawn as `picture` is."""
        return self.draw_next()


@dataclass(frozen=True, eq=False)
class Trace(Iterable[TraceStep]):
    """The steps of an agent in the only episode of a world: each is made when it is asked for.

    The episode ends when the agent stops or after world.max_steps; it needs no goal. To go through a trace twice is to
    live the episode twice, in the same way.

    act: how it acts (see vln.learning.rollouts). seed: of the acting, where it draws. unknown_words: the words of the
    instruction that are not in the agent's vocabulary; to the agent they are all the same word.
    """

    world: World[Any]
    agent: Agent
    act: Act = greedy
    seed: int = 0

    @property
    def words(self) -> tuple[str, ...]:
        """The instruction, as the agent reads it."""
        return tuple(split_words(self.world.episodes[0].instruction))

    @property
    def unknown_words(self) -> tuple[str, ...]:
        return tuple(self.world.vocabulary.unknown([self.world.episodes[0].instruction]))

    def __iter__(self) -> Iterator[TraceStep]:
        world = self.world
        rng = torch.Generator(next(self.agent.parameters()).device).manual_seed(self.seed)
        begun = world.begin(np.zeros(1, dtype=np.int64))
        path = [world.position(begun)[0]]
        with evaluation_mode(self.agent):
            for step in play(world, self.agent, begun, self.act, rng):
                path.append(world.position(step.next_state)[0])
                yield _step(world, step, self.words, path)


def warn_of_unknown(words: Sequence[str], vocabulary: Vocabulary) -> None:
    """Warn of words that an agent does not know, and name those it knows that look most like them."""
    if words:
        alike = {word: difflib.get_close_matches(word, vocabulary.words, 1, ALIKE) for word in words}
        told = ", ".join(f"{word!r}" + "".join(f" (it knows {one!r})" for one in alike[word]) for word in words)
        warnings.warn(f"the agent does not know {told}: to it unknown words are all the same", stacklevel=3)


def _step(world: World[Any], step: Step[Any], words: Sequence[str], path: Sequence[NDArray[Any]]) -> TraceStep:
    decision, space = step.decision, world.action_space
    action = each_part(lambda part: part[0], step.actions)
    names = _names(world, step.state)
    done = (*(names[choice] for choice in chosen(space, action)), *(number(one) for one in numbers_in(space, action)))
    probabilities = decision.policy.choice_probs()[0].float().tolist()
    attention = [] if decision.attention is None else decision.attention[0].float().tolist()
    return TraceStep(
        action=" ".join(done),
        probabilities=dict(zip(names, probabilities, strict=True)) if probabilities else {},
        attention=tuple(zip(words, attention[: len(words)], strict=True)) if attention else (),
        pose=world.pose(step.state, 0),
        next_pose=world.pose(step.next_state, 0),
        ended=bool(step.dones[0]),
        stopped=bool(step.next_state.stopped[0]),
        draw=partial(world.draw, step.state, 0, np.array(path[:-1])),
        draw_next=partial(world.draw, step.next_state, 0, np.array(path)),
    )


def _names(world: World[Any], state: Any) -> list[str]:
    """What the choices of a state are called; of those called the same, which one each is, too."""
    names = world.describe_actions(state, 0) or world.action_names
    return [
        name if names.count(name) == 1 else f"{name} ({move})"
        for name, move in zip(names, world.action_names, strict=True)
    ]
