"""Replays: what an agent saw, thought and did in single episodes, to be stepped through or made into a video."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from gymnasium.spaces import Discrete
from numpy.typing import NDArray
from torch.distributions import Categorical

from vln.agent import Agent
from vln.bars import bars
from vln.language import split_words
from vln.losses import DISTANCE_UNIT
from vln.moments import Moment, as_judged, moments
from vln.rollouts import Act, greedy
from vln.world import Signposted, State, World


@dataclass(frozen=True, eq=False)
class Frame:
    """One step of a replay: what there was to see, and what the agent made of it.

    picture: uint8 [height, width, 3], red, green, blue: the map with the trail, the view beside it.
    move: the move taken, an index of the replay's moves; or a point, where moves are points.
    probabilities: [moves], of the agent's policy; none where moves are points.
    expert: bool [moves], the moves that are optimal here.
    attention: [words], how much the agent attended to each word of the instruction, or None.
    value: the agent's estimate of what is still to be gained, or None.
    error: the distance still to go, before the move; where answers are graded, the surprise of this moment's answer.
    belief: [answers], how probable the agent believes each answer to be, or None.
    truth: the right answer, an index of the replay's answers, or None.
    signs: the names of the moves at this step, where they are others than the replay's.
    """

    picture: NDArray[np.uint8]
    move: int | tuple[float, ...]
    probabilities: NDArray[np.floating]
    expert: NDArray[np.bool_]
    attention: NDArray[np.floating] | None
    value: float | None
    error: float
    belief: NDArray[np.floating] | None = None
    truth: int | None = None
    signs: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        picture, probabilities, expert = (np.asarray(x) for x in (self.picture, self.probabilities, self.expert))
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[-1] != 3:
            raise ValueError(f"a picture is uint8 [height, width, 3], not {picture.dtype} {list(picture.shape)}")
        if probabilities.ndim != 1 or not np.isfinite(probabilities).all():
            raise ValueError(f"probabilities are one finite number for each move, not {probabilities}")
        if expert.dtype != bool or expert.shape != probabilities.shape:
            raise ValueError(f"the expert's moves are bool {list(probabilities.shape)}, not {expert}")
        if isinstance(self.move, int) and not 0 <= self.move < len(probabilities):
            raise ValueError(f"move {self.move} is none of {len(probabilities)} moves")


@dataclass(frozen=True, eq=False)
class Replay:
    """An episode to step through.

    name, family: of the episode.
    words: the instruction, as the agent read it.
    success, error, length: how it ended, how far from the goal, and after how long a way.
    moves: the names of the moves; none where moves are points.
    steps: one Frame for each move taken; all pictures are of one size.
    end: the picture after the last move, or None.
    answers: the names of the answers, where they are graded.
    """

    name: str
    family: str
    words: tuple[str, ...]
    success: bool
    error: float
    length: float
    moves: tuple[str, ...]
    steps: tuple[Frame, ...]
    end: NDArray[np.uint8] | None = None
    answers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.steps:
            raise ValueError(f"the replay {self.name!r} has no steps")
        for number, frame in enumerate(self.steps, start=1):
            where = f"step {number} of the replay {self.name!r}"
            if len(frame.probabilities) != len(self.moves):
                raise ValueError(f"{where} has {len(frame.probabilities)} probabilities for {len(self.moves)} moves")
            if frame.signs and len(frame.signs) != len(self.moves):
                raise ValueError(f"{where} has {len(frame.signs)} names for {len(self.moves)} moves")
            if frame.belief is not None and np.shape(frame.belief) != (len(self.answers),):
                raise ValueError(f"{where} has {len(frame.belief)} beliefs for {len(self.answers)} answers")
            if frame.attention is not None and np.shape(frame.attention) != (len(self.words),):
                raise ValueError(f"{where} has attention {list(np.shape(frame.attention))} for {len(self.words)} words")
            if frame.picture.shape != self.steps[0].picture.shape:
                raise ValueError(
                    f"{where} has a picture of {frame.picture.shape}, the first of {self.steps[0].picture.shape}"
                )
        if self.end is not None and self.end.shape != self.steps[0].picture.shape:
            raise ValueError(
                f"the replay {self.name!r} ends in a picture of {self.end.shape}, after {self.steps[0].picture.shape}"
            )

    @property
    def outcome(self) -> str:
        """How it ended, in a word."""
        if self.answers:
            return "right" if self.success else "wrong"
        return "reached" if self.success else "failed"


def replay(
    world: World[Any],
    agent: Agent,
    episodes: Sequence[int],
    act: Act = greedy,
    label: Callable[[Any], NDArray[np.bool_]] | None = None,
    seed: int = 0,
) -> list[Replay]:
    """What happens when the agent lives each of these episodes once, in their order.

    label: who is asked for the best moves, which are shown and which `act` may follow; world.expert unless given.
    seed: of the acting, where it draws. A replay's values are in the world's unit of distance, like its errors: minus
    what the agent believes is still to go.

    The agent is not training meanwhile (no dropout) and is left in the mode it was in. Every picture is kept: 1 to 3 MB
    a move in rooms, so ask for tens of episodes and not for a split.
    """
    rng = torch.Generator(next(agent.parameters()).device).manual_seed(seed)
    label = label or world.expert
    begun = world.begin(np.asarray(episodes, dtype=np.int64))
    trails = [[position] for position in world.position(begun)]
    frames: list[list[Frame]] = [[] for _ in episodes]
    replays: dict[int, Replay] = {}
    with as_judged(agent):
        for moment in moments(world, agent, begun, act, rng, label):
            shown = _frames(world, moment, label(moment.state), trails)
            after = world.position(moment.after)
            for row, slot in enumerate(moment.slots.tolist()):
                frames[slot].append(shown[row])
                trails[slot].append(after[row])
                if moment.ended[row]:
                    replays[slot] = _replay(world, moment.after, row, frames[slot], trails[slot])
    return [replays[slot] for slot in range(len(episodes))]


def failures_first(replays: Iterable[Replay]) -> list[Replay]:
    """What went wrong first, then what went well; within each in the order given."""
    return sorted(replays, key=lambda replay: replay.success)


def pictures(replay: Replay) -> list[NDArray[np.uint8]]:
    """The pictures of a replay, uint8 [height, width, 3]: before each move, and after the last."""
    end = [] if replay.end is None else [replay.end]
    return [frame.picture for frame in replay.steps] + end


def film(replay: Replay) -> list[NDArray[np.uint8]]:
    """The pictures of a replay for those who see nothing else: what the agent believes is drawn beside them."""
    if not replay.answers:
        return pictures(replay)
    shots = []
    for frame in replay.steps:
        belief = np.zeros(len(replay.answers)) if frame.belief is None else frame.belief
        panel = bars(replay.answers, belief, frame.truth, height=len(frame.picture))
        shots.append(np.concatenate([frame.picture, panel], axis=1))
    return shots  # an answer ends an episode: after it there is nothing more to be seen


def _frames(
    world: World[Any], moment: Moment[Any], best: NDArray[np.bool_], trails: Sequence[Sequence[NDArray[np.int16]]]
) -> list[Frame]:
    """A frame for every episode that goes on at this moment. trails: of all episodes, up to here."""
    decision, state = moment.decision, moment.state
    choices = isinstance(decision.policy, Categorical)
    probabilities, optimal = np.zeros((len(best), 0)), np.zeros((len(best), 0), dtype=np.bool_)
    if isinstance(decision.policy, Categorical):
        probabilities, optimal = decision.policy.probs.float().cpu().numpy(), best
    values = (1 if world.graded else DISTANCE_UNIT) * decision.value.float().cpu().numpy()
    attention = None if decision.attention is None else decision.attention.float().cpu().numpy()
    graded = world.graded and decision.answer is not None
    belief = decision.answer.float().softmax(dim=-1).cpu().numpy() if graded else None  # type: ignore[union-attr]
    truth = world.answer(state) if graded else None
    error = world.error(moment.after if graded else state)
    return [
        Frame(
            picture=world.draw(state, row, np.array(trails[slot])),
            move=int(moment.moves[row]) if choices else tuple(moment.moves[row].tolist()),
            probabilities=probabilities[row],
            expert=optimal[row],
            attention=None if attention is None else attention[row, : len(_words(world, state, row))],
            value=float(values[row]),
            error=float(error[row]),
            belief=None if belief is None else belief[row],
            truth=None if truth is None else int(truth[row]),
            signs=world.signs(state, row) if isinstance(world, Signposted) else (),
        )
        for row, slot in enumerate(moment.slots.tolist())
    ]


def _replay(
    world: World[Any], final: State, row: int, frames: Sequence[Frame], trail: Sequence[NDArray[np.int16]]
) -> Replay:
    asked = world.episodes[int(final.episode[row])]
    return Replay(
        name=asked.name,
        family=asked.family,
        words=_words(world, final, row),
        success=bool(world.success(final)[row]),
        error=float(world.error(final)[row]),
        length=float(final.length[row]),
        moves=world.moves if isinstance(world.move_space, Discrete) else (),
        steps=tuple(frames),
        end=None if world.graded else world.draw(final, row, np.array(trail)),
        answers=world.names if world.graded else (),
    )


def _words(world: World[Any], state: State, row: int) -> tuple[str, ...]:
    return tuple(split_words(world.episodes[int(state.episode[row])].instruction))
