"""Interfaces: the spaces, actions and words of an agent's training, kept with its weights."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gymnasium import Space
from gymnasium.spaces import Box

from vln.space_facts import space_facts, space_of
from vln.spaces import Path, Words
from vln.tasks import Task
from vln.world import World


@dataclass(frozen=True)
class Interface:
    """What stands between an agent and a world. Its shapes are those of the agent's weights.

    spaces: of single observations, by name. action_space, num_answers, answer_names, scores_answers: see World. words:
    those of the vocabulary, in the order of their token ids. texts: whether the words are the characters of a text (see
    Task.texts).
    """

    spaces: Mapping[str, Space[Any]]
    action_space: Space[Any]
    num_answers: int
    answer_names: tuple[str, ...]
    scores_answers: bool
    words: tuple[str, ...]
    texts: bool = False

    @classmethod
    def of(cls, task: Task, world: World[Any]) -> "Interface":
        """That of a world of a task."""
        words = task.vocabulary.words
        return cls(
            world.spaces,
            world.action_space,
            world.num_answers,
            world.answer_names,
            world.scores_answers,
            words,
            task.texts,
        )

    def facts(self) -> dict[str, Any]:
        """For a checkpoint: facts that JSON can say."""
        return {
            "spaces": {name: space_facts(space) for name, space in self.spaces.items()},
            "action_space": space_facts(self.action_space),
            "num_answers": self.num_answers,
            "answer_names": list(self.answer_names),
            "scores_answers": self.scores_answers,
            "words": list(self.words),
            "texts": self.texts,
        }

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> "Interface":
        """The interface that these facts say."""
        spaces = {name: space_of(space) for name, space in facts["spaces"].items()}
        return cls(
            spaces,
            space_of(facts["action_space"]),
            facts["num_answers"],
            tuple(facts["answer_names"]),
            facts["scores_answers"],
            tuple(facts["words"]),
            facts["texts"],
        )

    def difference(self, other: "Interface") -> str:
        """What of another interface an agent of this one can't be shown or do, in words; nothing where it fits.

        Words and a Path may be longer or shorter there: they are read to their end.
        """
        for name in sorted({*self.spaces, *other.spaces}):
            here, there = self.spaces.get(name), other.spaces.get(name)
            if not _alike(here, there):
                return f"what is shown differs: {name} is {_in_a_line(here)} to it, {_in_a_line(there)} there"
        pairs: dict[str, tuple[Any, Any]] = {
            "the moves": (self.action_space, other.action_space),
            "the number of answers": (self.num_answers, other.num_answers),
            "the answers": (self.answer_names, other.answer_names),
            "the gradings of answers": (self.scores_answers, other.scores_answers),
        }
        for what, (mine, others) in pairs.items():
            if mine != others:
                return f"{what} differ: {mine} of it, {others} there"
        return ""


def _alike(one: Space[Any] | None, other: Space[Any] | None) -> bool:
    if isinstance(one, Words | Path) and isinstance(other, Words | Path):
        return _of_a_part(one) == _of_a_part(other)
    return one == other


def _in_a_line(space: Space[Any] | None) -> str:
    """A space for people; the bounds of a Box may be an array of many numbers."""
    if type(space) is Box:
        return f"Box({space.low.min()}, {space.high.max()}, {space.shape}, {space.dtype})"
    return "not shown" if space is None else str(space)


def _of_a_part(space: Words | Path) -> tuple[Any, ...]:
    """What is the same in a sequence of any length: of its parts, the shape, the bounds and the type."""
    flags = [getattr(space, flag) for flag in space.flags]
    return type(space), space.shape[1:], space.low.min(), space.high.max(), space.dtype, flags
