"""Replays: observations, decisions and attention of single episodes, for pages and videos."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from vln.actions import Action, best_choices, best_numbers, choices_in, chosen, each_part, numbers_in
from vln.agent import Agent, Rescorer
from vln.evaluation.beam_search import plan
from vln.evaluation.evaluate import NegativeLogLikelihood
from vln.evaluation.finished import EpisodeStep, outcome_of
from vln.evaluation.play import Step, evaluation_mode, moments
from vln.language import split_words
from vln.learning.losses import DISTANCE_UNIT
from vln.learning.rollouts import Act, greedy
from vln.learning.rules import Value
from vln.metrics import metric_of, number
from vln.outcomes import Outcome
from vln.state import State
from vln.world import Display, World

Picture = NDArray[np.uint8]
Draw = Callable[[], Picture]  # pictures are drawn when they are looked at: kept, those of a page would fill gigabytes


@dataclass(frozen=True, eq=False)
class Frame:
    """One step of a replay: what there was to see, and what the agent made of it.

    draw: the picture, uint8 [height, width, 3], red, green, blue: the map with the path, the view beside it.
    choices: what was chosen, indices of the replay's moves: one, or where an action has several parts one for each part
        that is a choice; none where it is numbers. numbers: those of the action, of all parts in their order.
    probabilities: [moves], of the agent's policy; of several parts one after the other; none of numbers.
    expert: bool [moves], the moves that are optimal here.
    attention: [words], how much the agent attended to each word of the instruction, or None.
    value: what the agent expects: how far it still is, or how probable success is (see Replay.value); or None.
    error: the distance still to go, before the move; where answers are scored, the surprise of this moment's answer.
    belief: [answers], how probable the agent believes each answer to be, or None.
    truth: the right answer, an index of the replay's answers, or None.
    action_names: the names of the moves at this step, where they are others than the replay's.
    inputs: what is given at this step, in words, where steps are shown as a text or as columns.
    expert_numbers: the expert's; none where any will do.
    """

    draw: Draw
    choices: tuple[int, ...]
    probabilities: NDArray[np.floating]
    expert: NDArray[np.bool_]
    attention: NDArray[np.floating] | None
    value: float | None
    error: float
    belief: NDArray[np.floating] | None = None
    truth: int | None = None
    action_names: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    expert_numbers: tuple[float, ...] = ()
    numbers: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        probabilities, expert = np.asarray(self.probabilities), np.asarray(self.expert)
        if probabilities.ndim != 1 or not np.isfinite(probabilities).all():
            raise ValueError(f"probabilities are one finite number for each move, not {probabilities}")
        if expert.dtype != bool or expert.shape != probabilities.shape:
            raise ValueError(f"the expert's moves are bool {list(probabilities.shape)}, not {expert}")
        for move in self.choices:
            if not 0 <= move < len(probabilities):
                raise ValueError(f"move {move} is none of {len(probabilities)} moves")


@dataclass(frozen=True, eq=False)
class Replay:
    """An episode to step through.

    name, family: of the episode.
    words: the instruction, as the agent read it.
    success, error, length: how it ended, how far from the goal, and after how long a way.
    verdict: what is said of it, in a word or two; scored: whether that is a number, which is neither good nor bad.
    action_names: the names of the choices (see World); none where actions are numbers.
    steps: one Frame for each move taken. end: draws the picture after the last move; or None.
    answer_names: where answers are scored. display: how its steps are shown (see World). step_name, unit: what the
    world calls a step, and its unit of errors.
    way: how far it was and is, for people. value: what the values of its steps are.
    """

    name: str
    family: str
    words: tuple[str, ...]
    success: bool
    error: float
    length: float
    verdict: str
    action_names: tuple[str, ...]
    steps: tuple[Frame, ...]
    end: Draw | None = None
    answer_names: tuple[str, ...] = ()
    scored: bool = False
    display: Display = "picture"
    step_name: str = "move"
    unit: str = ""
    way: tuple[str, ...] = ()
    value: Value | None = None

    def __post_init__(self) -> None:
        if not self.steps:
            raise ValueError(f"the replay {self.name!r} has no steps")
        for place, frame in enumerate(self.steps, start=1):
            where = f"step {place} of the replay {self.name!r}"
            if len(frame.probabilities) != len(self.action_names):
                raise ValueError(
                    f"{where} has {len(frame.probabilities)} probabilities for {len(self.action_names)} moves"
                )
            if frame.action_names and len(frame.action_names) != len(self.action_names):
                raise ValueError(f"{where} has {len(frame.action_names)} names for {len(self.action_names)} moves")
            if frame.belief is not None and np.shape(frame.belief) != (len(self.answer_names),):
                raise ValueError(f"{where} has {len(frame.belief)} beliefs for {len(self.answer_names)} answers")
            if frame.attention is not None and np.shape(frame.attention) != (len(self.words),):
                raise ValueError(f"{where} has attention {list(np.shape(frame.attention))} for {len(self.words)} words")

    @property
    def passed(self) -> bool | None:
        """Whether it went well; None where that is no matter of yes and no."""
        return None if self.scored else self.success


def replay(
    world: World[Any],
    agent: Agent,
    episodes: Sequence[int],
    act: Act = greedy,
    label: Callable[[Any], NDArray[np.bool_]] | None = None,
    seed: int = 0,
    beam: int = 1,
    rescorer: Rescorer | None = None,
    value: Value | None = None,
) -> list[Replay]:
    """What happens when the agent lives each of these episodes once, in their order.

    label: who is asked for the best moves, which are shown and which `act` may follow; world.expert unless given.
    seed: of the acting, where it draws. beam, rescorer: as in evaluate(). value: what the agent's value was taught to
    be; unless given it is not shown.

    The agent is not training meanwhile (no dropout) and is left in the mode it was in.
    """
    rng = torch.Generator(next(agent.parameters()).device).manual_seed(seed)
    label = label or world.expert
    begun = world.begin(np.asarray(episodes, dtype=np.int64))
    shortest, trails = world.error(begun), [[position] for position in world.position(begun)]
    frames: list[list[Frame]] = [[] for _ in episodes]
    replays: dict[int, Replay] = {}
    nll = NegativeLogLikelihood.of(len(episodes)) if world.measures_nll else None
    steps: list[EpisodeStep] = []
    with evaluation_mode(agent):
        planned = plan(world, agent, begun, beam, rescorer) if beam > 1 else None
        for moment in moments(world, agent, begun, act, rng, label, planned):
            best = label(moment.state)
            steps.append(EpisodeStep(moment.rows, moment.state, moment.actions))
            seen = _frames(world, moment, best, trails, value)
            after = world.position(moment.next_state)
            if nll:
                nll.add(moment, best)
            for row, slot in enumerate(moment.rows.tolist()):
                frames[slot].append(seen[row])
                trails[slot].append(after[row])
                if moment.dones[row]:
                    end = partial(world.draw, moment.next_state, row, np.array(trails[slot])) if _ends(world) else None
                    measured = nll.mean(slot) if nll else {}
                    first, positions = float(shortest[slot]), np.array(trails[slot])
                    outcome = outcome_of(world, moment.next_state, row, positions, first, slot, steps, measured)
                    replays[slot] = _replay(world, moment.next_state, row, frames[slot], end, outcome, value)
    return [replays[slot] for slot in range(len(episodes))]


def failures_first(replays: Iterable[Replay]) -> list[Replay]:
    """What went wrong first, then what went well; within each in the order given."""
    return sorted(replays, key=lambda replay: replay.passed is not False)


def pictures(replay: Replay) -> Iterator[Picture]:
    """The pictures of a replay, uint8 [height, width, 3], all of one size: before each move, and after the last."""
    first = None
    for draw in [*(frame.draw for frame in replay.steps), *([replay.end] if replay.end else [])]:
        picture = draw()
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[-1] != 3:
            raise ValueError(f"a picture is uint8 [height, width, 3], not {picture.dtype} {list(picture.shape)}")
        first = first or picture.shape
        if picture.shape != first:
            raise ValueError(f"the replay {replay.name!r} has a picture of {picture.shape}, the first of {first}")
        yield picture


def _ends(world: World[Any]) -> bool:
    """Whether there is something to be seen after the last step: an answer ends an episode, and shows nothing new."""
    return not world.scores_answers and world.display in ("picture", "columns")


def _frames(
    world: World[Any],
    moment: Step[Any],
    best: Action,
    trails: Sequence[Sequence[NDArray[Any]]],
    value: Value | None,
) -> list[Frame]:
    """A frame for every episode that goes on at this moment. trails: of all episodes, up to here."""
    decision, state = moment.decision, moment.state
    space = world.action_space
    probabilities = decision.policy.choice_probs().float().cpu().numpy()
    optimal, aims = best_choices(space, best), best_numbers(space, best)
    moves = [each_part(lambda part, row=row: part[row], moment.actions) for row in range(len(moment.rows))]
    values = (-DISTANCE_UNIT if value == "distance" else 1) * decision.value.float().cpu().numpy()
    attention = None if decision.attention is None else decision.attention.float().cpu().numpy()
    graded = world.scores_answers and decision.answer is not None
    belief = decision.answer.float().softmax(dim=-1).cpu().numpy() if graded else None  # type: ignore[union-attr]
    truth = world.correct_answer(state) if graded else None
    error = world.error(moment.next_state if graded else state)
    return [
        Frame(
            draw=partial(world.draw, state, row, np.array(trails[slot])),
            choices=chosen(space, moves[row]),
            numbers=numbers_in(space, moves[row]),
            probabilities=probabilities[row],
            expert=optimal[row],
            attention=None if attention is None else attention[row, : len(_words(world, state, row))],
            value=float(values[row]) if value else None,
            error=float(error[row]),
            belief=None if belief is None else belief[row],
            truth=None if truth is None else int(truth[row]),
            action_names=world.describe_actions(state, row),
            inputs=world.describe_input(state, row),
            expert_numbers=() if np.isnan(aims[row]).any() else tuple(aims[row].tolist()),
        )
        for row, slot in enumerate(moment.rows.tolist())
    ]


def _replay(
    world: World[Any],
    final: State,
    row: int,
    frames: Sequence[Frame],
    end: Draw | None,
    outcome: Outcome,
    value: Value | None,
) -> Replay:
    success = outcome.success
    error, length = float(world.error(final)[row]), float(final.length[row])
    if world.verdicts:
        verdict = world.verdicts[not success]
    else:
        headline = metric_of(world.headline, world.metrics).in_unit(world.unit)
        verdict = headline.with_unit(outcome.metrics()[world.headline])
    return Replay(
        name=outcome.name,
        family=outcome.family,
        words=_words(world, final, row),
        success=success,
        error=error,
        length=length,
        verdict=verdict,
        action_names=world.action_names if choices_in(world.action_space) else (),
        steps=tuple(frames),
        end=end,
        answer_names=world.answer_names if world.scores_answers else (),
        scored=not world.verdicts,
        display=world.display,
        step_name=world.step_name,
        unit="nats" if world.scores_answers else world.unit,
        way=_way(world, len(frames), length, None if success else error),
        value=value,
    )


def _way(world: World[Any], steps: int, length: float, left: float | None) -> tuple[str, ...]:
    """How many steps an episode had, how far they led where that is another number, and how far it still was."""
    facts = [counted(steps, world.step_name)]
    if length and world.unit != f"{world.step_name}s":
        facts.append(f"travelled {number(length)} {world.unit}".rstrip())
    if left is not None and world.paths is not None:
        facts.append(f"{number(left)} {world.unit}".rstrip() + " to go")
    return tuple(facts)


def counted(count: int, name: str) -> str:
    """So many things of this name."""
    return f"{count:,} {name}" + ("" if count == 1 else "s")


def _words(world: World[Any], state: State, row: int) -> tuple[str, ...]:
    return tuple(split_words(world.episodes[int(state.episode[row])].instruction))
