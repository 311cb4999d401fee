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
from vln.evaluation.play import Step, evaluation_mode, play
from vln.language import split_words
from vln.learning.losses import DISTANCE_UNIT
from vln.learning.rollouts import Act, greedy
from vln.learning.rules import Value
from vln.metrics import metric_of, number
from vln.outcomes import Outcome
from vln.state import State
from vln.world import Display, World

Picture = NDArray[np.uint8]
Draw = Callable[[], Picture]  # pictures are drawn on demand: those of a page would fill gigabytes


@dataclass(frozen=True, eq=False)
class Frame:
    """One step of a replay: the picture, the decision, and what would have been right.

    draw: draws the picture, uint8 [height, width, 3], RGB: the map with the path, and the view beside it.
    choices: indices of the chosen actions: one, or one for each part of an action that is a choice; empty for numbers.
    numbers: the numbers of the action, of all parts in their order.
    probabilities: [actions], of the policy, of several parts one after the other; empty for numbers.
    expert: bool [actions], the optimal actions.
    attention: [words], weights of the words of the instruction, or None.
    value: the agent's value, as Replay.value says, or None.
    error: the distance to go before the action; where answers are scored, the nll of this step's answer.
    belief: [answers], the probabilities of the answers, or None.
    truth: the correct answer, an index of the replay's answers, or None.
    action_names: names of the actions at this step, where they differ from the replay's.
    inputs: the input of this step in words, where steps are shown as a text or as columns.
    expert_numbers: the expert's numbers; empty where any are optimal.
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

    name, family: name and family of the episode. words: words of the instruction, as the agent read them.
    success, error, length: success, the final distance to the goal, and the distance travelled.
    verdict: a word or two about the outcome. scored: whether the verdict is a number, which is neither good nor bad.
    action_names: names of the choices (see World); empty where actions are numbers.
    steps: one Frame for each action. end: draws the picture after the last action; or None.
    answer_names: names of scored answers. display: form of its steps (see World). step_name, unit: the world's word for
    a step, and its unit of errors. way: distances in words. value: meaning of the values of its steps.
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
        """Whether the episode was a success; None where its verdict is a number."""
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
    """Replays of an agent in each of these episodes, in their order.

    label: the optimal actions of a state, which are shown and which `act` may follow; world.expert unless given. seed:
    random seed of sampled actions. beam, rescorer: as in evaluate(). value: meaning of the agent's value; it is not
    shown unless given.

    The agent runs in evaluation mode (no dropout), and its mode before is restored.
    """
    rng = torch.Generator(next(agent.parameters()).device).manual_seed(seed)
    label = label or world.expert
    start = world.begin(np.asarray(episodes, dtype=np.int64))
    shortest, paths = world.error(start), [[position] for position in world.position(start)]
    frames: list[list[Frame]] = [[] for _ in episodes]
    replays: dict[int, Replay] = {}
    nll = NegativeLogLikelihood.of(len(episodes)) if world.measures_nll else None
    steps: list[EpisodeStep] = []
    with evaluation_mode(agent):
        planned = plan(world, agent, start, beam, rescorer) if beam > 1 else None
        for step in play(world, agent, start, act, rng, label, planned):
            optimal = label(step.state)
            steps.append(EpisodeStep(step.rows, step.state, step.actions))
            new_frames = _frames(world, step, optimal, paths, value)
            position = world.position(step.next_state)
            if nll:
                nll.add(step, optimal)
            for row, place in enumerate(step.rows.tolist()):
                frames[place].append(new_frames[row])
                paths[place].append(position[row])
                if step.dones[row]:
                    path = np.array(paths[place])
                    end = partial(world.draw, step.next_state, row, path) if _ends(world) else None
                    measured = nll.mean(place) if nll else {}
                    first = float(shortest[place])
                    outcome = outcome_of(world, step.next_state, row, path, first, place, steps, measured)
                    replays[place] = _replay(world, step.next_state, row, frames[place], end, outcome, value)
    return [replays[place] for place in range(len(episodes))]


def failures_first(replays: Iterable[Replay]) -> list[Replay]:
    """Failures first, then successes; within each in their order."""
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
    """Whether the picture after the last step is new; after an answer it is not."""
    return not world.scores_answers and world.display in ("picture", "columns")


def _frames(
    world: World[Any],
    step: Step[Any],
    optimal: Action,
    paths: Sequence[Sequence[NDArray[Any]]],
    value: Value | None,
) -> list[Frame]:
    """A frame for every running episode. paths: of all episodes, up to this step."""
    decision, state = step.decision, step.state
    space = world.action_space
    probabilities = decision.policy.choice_probs().float().cpu().numpy()
    expert, expert_numbers = best_choices(space, optimal), best_numbers(space, optimal)
    actions = [each_part(lambda part, row=row: part[row], step.actions) for row in range(len(step.rows))]
    values = (-DISTANCE_UNIT if value == "distance" else 1) * decision.value.float().cpu().numpy()
    attention = None if decision.attention is None else decision.attention.float().cpu().numpy()
    scored = world.scores_answers and decision.answer is not None
    belief = decision.answer.float().softmax(dim=-1).cpu().numpy() if scored else None  # type: ignore[union-attr]
    truth = world.correct_answer(state) if scored else None
    error = world.error(step.next_state if scored else state)
    return [
        Frame(
            draw=partial(world.draw, state, row, np.array(paths[place])),
            choices=chosen(space, actions[row]),
            numbers=numbers_in(space, actions[row]),
            probabilities=probabilities[row],
            expert=expert[row],
            attention=None if attention is None else attention[row, : len(_words(world, state, row))],
            value=float(values[row]) if value else None,
            error=float(error[row]),
            belief=None if belief is None else belief[row],
            truth=None if truth is None else int(truth[row]),
            action_names=world.describe_actions(state, row),
            inputs=world.describe_input(state, row),
            expert_numbers=() if np.isnan(expert_numbers[row]).any() else tuple(expert_numbers[row].tolist()),
        )
        for row, place in enumerate(step.rows.tolist())
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


def _way(world: World[Any], steps: int, length: float, to_go: float | None) -> tuple[str, ...]:
    """The number of steps of an episode, the distance travelled if that differs, and the distance still to go."""
    facts = [counted(steps, world.step_name)]
    if length and world.unit != f"{world.step_name}s":
        facts.append(f"travelled {number(length)} {world.unit}".rstrip())
    if to_go is not None and world.paths is not None:
        facts.append(f"{number(to_go)} {world.unit}".rstrip() + " to go")
    return tuple(facts)


def counted(count: int, name: str) -> str:
    """A number of things with their name."""
    return f"{count:,} {name}" + ("" if count == 1 else "s")


def _words(world: World[Any], state: State, row: int) -> tuple[str, ...]:
    return tuple(split_words(world.episodes[int(state.episode[row])].instruction))
