"""ExternalWorld: another project's Gymnasium vector environment with episodes of one length, as a World."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from gymnasium import Space
from gymnasium.spaces import Discrete
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray

from vln.grading import ScoredState, ScoredWorld
from vln.indexed_episodes import IndexedEpisodes
from vln.language import Vocabulary

Seen = dict[str, NDArray[Any]]  # what is observed, [B, ...] by name


@dataclass(frozen=True)
class Adapter:
    """What an environment's observations, actions and infos mean here.

    spaces: of all that agents are given of a single observation. moves, move_space: see World. names: of the answers.
    observe: from its observation to ours. act: from moves [B, ...] and answers (logits [B, answers]) to its action.
    truth: from the info of a step to what was the right answer before that step, int [B].
    position: from what is observed to where that is, [B, 2].
    guide: the moves of a scripted teacher, from what is observed and how many moves have been made [B].
    draw: a picture for people, from what one slot observes and its path. unit: of the distances between positions.
    """

    spaces: Mapping[str, Space[Any]]
    action_names: tuple[str, ...]
    action_space: Space[Any]
    answer_names: tuple[str, ...]
    observe: Callable[[Any], Seen]
    act: Callable[[NDArray[Any], NDArray[np.float32]], Any]
    truth: Callable[[Mapping[str, Any]], NDArray[Any]]
    position: Callable[[Seen], NDArray[np.float32]]
    guide: Callable[[Seen, NDArray[np.int32]], NDArray[Any]]
    draw: Callable[[Seen, NDArray[Any]], NDArray[np.uint8]]
    unit: str = ""


@dataclass(frozen=True)
class ExternalState(ScoredState):
    """A ScoredState, and what was seen.

    moment: int64 [B], the same in every slot: which moment of the environment this is.
    seen: float32 [B, n], all that is observed, one name after the other.
    said: float32 [B, answers], the answers that go with the next move. replied: bool [B], whether any were given.
    """

    moment: NDArray[np.int64]
    seen: NDArray[np.float32]
    said: NDArray[np.float32]
    replied: NDArray[np.bool_]


@dataclass
class _Lent:
    """One of their environments, which moment it is there, and what was right at those before it in these episodes."""

    env: VectorEnv[Any, Any, Any]
    moment: int = -1
    truths: dict[int, NDArray[np.int64]] = field(default_factory=dict)


class ExternalWorld(ScoredWorld[ExternalState]):
    """Episodes of somebody else's environment, side by side and in step: all slots begin together and end together.

    make: from a number of slots to an environment. One is kept for every number of slots that episodes are begun in.
    translation: what is said and heard there. max_steps: how many moves every episode lasts. seed: of all episodes.

    What begins is decided by the seed, the split and the numbers of all episodes that begin together: the same ones are
    the same again. An environment is somewhere, and can't be anywhere else: only its latest state can be stepped from.
    What was right at a state is told by the step from it.
    """

    resumable = False

    def __init__(
        self,
        episodes: IndexedEpisodes,
        vocabulary: Vocabulary,
        make: Callable[[int], VectorEnv[Any, Any, Any]],
        translation: Adapter,
        max_steps: int,
        seed: int = 0,
    ) -> None:
        self.episodes, self.vocabulary, self.translation = episodes, vocabulary, translation
        self.make, self.max_steps = make, max_steps
        self.spaces, self.action_names = dict(translation.spaces), translation.action_names
        self.answer_names, self.num_answers, self.unit = (
            translation.answer_names,
            len(translation.answer_names),
            translation.unit,
        )
        self._chooses = isinstance(translation.action_space, Discrete)
        self._salt = [seed, *map(ord, episodes.split)]
        self._lent: dict[int, _Lent] = {}
        self._moments = 0

    @property
    def action_space(self) -> Space[Any]:
        return self.translation.action_space

    def begin(self, episode: NDArray[np.int64]) -> ExternalState:
        slots, nothing = len(episode), np.zeros(len(episode), dtype=np.int64)
        lent = self._borrow(slots)
        # Not by its autoreset, which would waste a step and tell the next episodes' truth with it.
        seed = np.random.SeedSequence([*self._salt, *episode.tolist()]).generate_state(1)[0]
        observation, _ = lent.env.reset(seed=int(seed))
        lent.truths.clear()
        return ExternalState.fresh(
            episode,
            previous=len(self.action_names) if self._chooses else 0,
            moment=nothing + self._next(lent),
            seen=self._row(observation),
            said=np.zeros((slots, self.num_answers), dtype=np.float32),
            replied=nothing.astype(np.bool_),
            **self.unanswered(slots),
        )

    def observe(self, state: ExternalState) -> Seen:
        ends = np.cumsum([math.prod(space.shape or ()) for space in self.spaces.values()])
        parts = np.split(state.seen, ends[:-1], axis=1)
        return {
            name: part.reshape(len(state), *(space.shape or ())).astype(space.dtype)
            for (name, space), part in zip(self.spaces.items(), parts, strict=True)
        }

    def give_answer(self, state: ExternalState, answer: NDArray[np.float32]) -> ExternalState:
        return replace(state, said=answer.astype(np.float32), replied=np.ones_like(state.replied))

    def step(self, state: ExternalState, move: NDArray[Any]) -> ExternalState:
        lent = self._where_it_is(state)
        observation, _, terminated, truncated, info = lent.env.step(self.translation.act(move, state.said))
        steps = state.steps + np.int32(1)
        if ((np.asarray(terminated) | truncated) != (steps >= self.max_steps)).any():
            raise ValueError(
                f"in this environment not every episode lasts {self.max_steps} moves: after {steps[0]} moves "
                f"{np.count_nonzero(terminated | truncated)} of {len(state)} were over; pass the right max_steps"
            )
        truth = np.array(self.translation.truth(info), dtype=np.int64)
        lent.truths[lent.moment] = truth
        after = replace(
            self.score_answer(state, state.said, truth) if state.replied.all() else state,
            steps=steps,
            previous=move if self._chooses else state.previous,
            moment=np.full(len(state), self._next(lent)),
            seen=self._row(observation),
            said=np.zeros_like(state.said),
            replied=np.zeros_like(state.replied),
        )
        way = self.position(after) - self.position(state)
        return replace(after, length=state.length + np.sqrt((way**2).sum(axis=1)))

    def correct_answer(self, state: ExternalState) -> NDArray[np.int64]:
        """What was right. Only known of states of the episodes going on, and after the step from them."""
        lent = self._lent.get(len(state))
        truth = lent.truths.get(int(state.moment[0])) if lent and (state.moment == state.moment[0]).all() else None
        if truth is None:
            raise ValueError(
                "what is right at a state is told by the step from it and kept until other episodes begin: "
                "step all slots first, then ask"
            )
        return truth.copy()

    def terminated(self, state: ExternalState) -> NDArray[np.bool_]:
        return state.steps >= self.max_steps

    def expert(self, state: ExternalState) -> NDArray[Any]:
        return self.translation.guide(self.observe(state), state.steps)

    def position(self, state: ExternalState) -> NDArray[np.float32]:
        return self.translation.position(self.observe(state))

    def draw(
        self, state: ExternalState, slot: int, path: NDArray[Any], colours: NDArray[np.uint8] | None = None
    ) -> NDArray[np.uint8]:
        return self.translation.draw({name: values[slot] for name, values in self.observe(state).items()}, path)

    def instructions(self, episode: NDArray[np.int64]) -> NDArray[np.object_]:
        return np.full(len(episode), "", dtype=object)

    def _row(self, observation: Any) -> NDArray[np.float32]:
        seen = self.translation.observe(observation)
        return np.concatenate(
            [seen[name].reshape(len(seen[name]), -1) for name in self.spaces], axis=1, dtype=np.float32
        )

    def _next(self, lent: _Lent) -> int:
        self._moments += 1
        lent.moment = self._moments
        return lent.moment

    def _borrow(self, slots: int) -> _Lent:
        if slots not in self._lent:
            env = self.make(slots)
            if env.metadata.get("autoreset_mode") == AutoresetMode.SAME_STEP:
                raise ValueError(
                    "an environment that resets itself within the last step tells the next episodes' truth with it: "
                    "make it with autoreset_mode NEXT_STEP or DISABLED"
                )
            self._lent[slots] = _Lent(env)
        return self._lent[slots]

    def _where_it_is(self, state: ExternalState) -> _Lent:
        """The environment that stands at this state. Where nothing was done yet, episodes can be begun again."""
        lent = self._lent.get(len(state))
        if lent and (state.moment == lent.moment).all():
            return lent
        # What a training goes on from after a break.
        if not state.steps.any() and (self.begin(state.episode).seen == state.seen).all():
            lent = self._lent[len(state)]
            lent.moment = int(state.moment[0])
            self._moments = max(self._moments, lent.moment)
            return lent
        raise ValueError(
            f"a borrowed environment of {len(state)} slots can only be stepped from its latest state, with all of its "
            "slots: begin all episodes together, and judge in a world of its own while another is trained in"
        )
