"""Replays: what an agent saw, thought and did in single episodes, to be stepped through or made into a video."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from vln.agent import Agent
from vln.language import split_words
from vln.losses import DISTANCE_UNIT
from vln.moments import Moment, as_judged, moments
from vln.report import Frame, Replay
from vln.rollouts import Act, greedy
from vln.world import State, World


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


def _frames(
    world: World[Any], moment: Moment[Any], best: NDArray[np.bool_], trails: Sequence[Sequence[NDArray[np.int16]]]
) -> list[Frame]:
    """A frame for every episode that goes on at this moment. trails: of all episodes, up to here."""
    decision, state = moment.decision, moment.state
    probabilities = decision.policy.probs.float().cpu().numpy()
    values = DISTANCE_UNIT * decision.value.float().cpu().numpy()
    attention = None if decision.attention is None else decision.attention.float().cpu().numpy()
    error = world.error(state)
    return [
        Frame(
            picture=world.draw(state, row, np.array(trails[slot])),
            move=int(moment.moves[row]),
            probabilities=probabilities[row],
            expert=best[row],
            attention=None if attention is None else attention[row, : len(_words(world, state, row))],
            value=float(values[row]),
            error=float(error[row]),
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
        moves=world.moves,
        steps=tuple(frames),
        end=world.draw(final, row, np.array(trail)),
    )


def _words(world: World[Any], state: State, row: int) -> tuple[str, ...]:
    return tuple(split_words(world.episodes[int(state.episode[row])].instruction))
