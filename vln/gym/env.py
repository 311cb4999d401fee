"""Any world as a gymnasium.Env: one episode at a time."""

from collections.abc import Iterable, Mapping, Sequence
from operator import index
from typing import Any, SupportsFloat

import gymnasium
import numpy as np
from gymnasium import Space, spaces
from gymnasium.error import ResetNeeded
from gymnasium.spaces import Discrete
from numpy.typing import NDArray

from vln.actions import Action, choices_in, each_part, parts_of
from vln.gym.episode_batch import EpisodeBatch
from vln.gym.generators import checked_seed, drawn_episode
from vln.pages.viewer import Viewer
from vln.rewards import SUCCESS_REWARD
from vln.world import World

# For gymnasium.utils.play; a move that is not named here gets a digit.
KEYS = {"forward": "w", "turn left": "a", "turn right": "d", "stop": " "}

_ONLY = np.zeros(1, dtype=np.int64)  # the one slot


class TaskEnv(gymnasium.Env[dict[str, Any], Any]):
    """One episode of a world at a time.

    Observation: the world's spaces by name. Action: a move, the number of one (`stop` is the last, where there is one),
    a point, or a dict of such parts; where answers are scored, a dict of `move` and `answer`, the answers' logits.
    Reward: the error that the action removed, and `success_reward` for a stop at the right place or the right answer at
    the end.
    Info: `instruction` (text, where words are given), `expert_action` (an optimal move) and `is_success`, whether the
    episode would count as a success if it ended now; at an episode's end also `success`, `spl`, `trajectory_length`,
    `navigation_error`, `oracle_success` where one walks, and with `path_metrics` `ndtw`, `sdtw` and `cls`; elsewhere
    `accuracy`; and what else the world measures or its task declares (see Task.metrics). A wrapper that cuts an episode
    off (Gymnasium's TimeLimit) does it unseen by the environment: there is_success is told, and metrics() gives the
    rest.

    All chance is in np_random, from which each reset draws once: reset(seed=s) lives the same episodes as slot 0 of a
    TaskVectorEnv with seed s, and as slot i of one with seed s - i; a restored state of its generator lives them again,
    and so does reset(seed=np_random_seed). reset(options={"episode": n}) begins episode n of the world and draws none.

    path_metrics: whether an episode's end tells ndtw, sdtw and cls too, at the cost of a search per position passed.
    render_mode: "rgb_array" gives pictures, all of one size; "human" shows them in a window at every step; None draws
        nothing.
    max_episode_steps: after how many moves an episode is cut off, with all its metrics, where the world would let it go
        on. What gymnasium.make takes by this name is a TimeLimit around the environment.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array", "human"], "render_fps": 6}  # noqa: RUF012 (Gymnasium's)

    def __init__(
        self,
        world: World[Any],
        render_mode: str | None = None,
        path_metrics: bool = True,
        success_reward: float = SUCCESS_REWARD,
        max_episode_steps: int | None = None,
    ) -> None:
        check_render_mode(render_mode, self.metadata)
        self.world = world
        self.render_mode = render_mode
        self.path_metrics = path_metrics
        self.observation_space = spaces.Dict(world.spaces)
        self.action_space = world.env_action_space
        self._move_space = world.action_space  # which is made anew each time
        trails = path_metrics or render_mode is not None
        self._slots = EpisodeBatch(world, 1, success_reward, trails, max_episode_steps)
        self._window = Viewer("vln") if render_mode == "human" else None
        self._over = True

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Begin the episode that np_random draws next, or episode options["episode"] of the world."""
        total = len(self.world.episodes)
        episode = chosen_episode(options, 1, total)
        super().reset(seed=None if seed is None else checked_seed(seed))
        if episode is None:
            episode = np.array([drawn_episode(self.np_random, total)])
        self._slots.begin(_ONLY, episode)
        self._over = False
        return self._observation(), self._info()

    def step(self, action: Any) -> tuple[dict[str, Any], SupportsFloat, bool, bool, dict[str, Any]]:
        """Make a move. Raises ResetNeeded when the episode is over, ValueError when there is no such move."""
        if self._over:
            raise ResetNeeded("the episode is over (or none has begun): call reset() before step()")
        step = self._slots.step(*checked_action(self.world, self._move_space, self._batched(action), 1))
        info = self._info()
        if step.ending is not None:
            self._over = True
            info |= self.metrics()
        return self._observation(), float(step.reward[0]), bool(step.terminated[0]), bool(step.truncated[0]), info

    def metrics(self) -> dict[str, Any]:
        """What an episode's end tells (see vln.metrics), as if the episode ended now."""
        if self._slots.state is None:
            raise ResetNeeded("there is nothing to judge yet: call reset() before metrics()")
        judged = self._slots.metrics(self._slots.as_ending(_ONLY), self.path_metrics)
        return {name: values[0].item() for name, values in judged.items()}

    def render(self) -> NDArray[np.uint8] | None:
        """The place from above with the way so far, uint8 [height, width, 3]; None where a window shows it."""
        if self._slots.state is None:
            raise ResetNeeded("there is nothing to draw yet: call reset() before render()")
        if self.render_mode is None:
            raise ValueError('this environment draws nothing: make it with render_mode="rgb_array" or "human"')
        picture = self._slots.draw(0)
        if self._window is None:
            return picture
        self._window.show(picture, 1 / self.metadata["render_fps"])
        return None

    def close(self) -> None:
        if self._window is not None:
            self._window.close()

    def get_keys_to_action(self) -> dict[tuple[int, ...], int]:
        """The key of every move, as gymnasium.utils.play asks for it; use it with wait_on_player=True.

        Raises ValueError where a key can't be an action: where moves are points, and where answers are scored.
        """
        if self.world.scores_answers or not isinstance(self.world.action_space, Discrete):
            raise ValueError("an action here is more than a move with a name: it can't be played by keys")
        keys = (KEYS.get(name, str(move)) for move, name in enumerate(self.world.action_names))
        return {(ord(key),): move for move, key in enumerate(keys)}

    def _observation(self) -> dict[str, Any]:
        if self._window is not None:
            self.render()
        return {name: values[0] for name, values in self.world.observe(self._slots.state).items()}

    def _batched(self, action: Any) -> Any:
        """The action as one of a batch of one."""
        if self.world.scores_answers:
            parts = as_parts(action, ("move", "answer"))
            return {"move": _batch_of_one(self._move_space, parts["move"]), "answer": np.asarray(parts["answer"])[None]}
        return _batch_of_one(self._move_space, action)

    def _info(self) -> dict[str, Any]:
        state = self._slots.state
        info = {name: values[0] for name, values in self._slots.instructions(state).items()}
        info["expert_action"] = each_part(_first_of, self._slots.expert_actions(state))
        info["is_success"] = bool(self._slots.success[0])
        return info


def checked_action(
    world: World[Any], space: Space[Any], actions: Any, count: int
) -> tuple[Action, NDArray[np.float32] | None]:
    """The moves [count] and, where they are graded, the answers of an action: copies, for the caller may write to his.

    space: of the world's moves. Raises ValueError when they are not what the action space is made of, with the first
    slot that is wrong.
    """
    if not world.scores_answers:
        return _checked_moves(world.action_names, space, actions, count), None
    parts = as_parts(actions, ("move", "answer"))
    answer = np.array(parts["answer"], dtype=np.float32)
    if answer.shape != (count, world.num_answers):
        raise ValueError(f"an answer is the logits of {world.num_answers} answers, not {list(answer.shape[1:])}")
    if not (sound := np.isfinite(answer).all(axis=1)).all():
        slot = int(np.flatnonzero(~sound)[0])
        raise ValueError(f"the answer of slot {slot} is not finite: {answer[slot]}")
    return _checked_moves(world.action_names, space, parts["move"], count), answer


def as_parts(action: Any, names: Iterable[str]) -> dict[str, Any]:
    """An action that is a dict of parts of these names. Raises ValueError when it is not."""
    if not isinstance(action, Mapping) or set(action) != set(names):
        parts = ", ".join(f'"{name}": ...' for name in names)
        raise ValueError(f"an action here is a dict {{{parts}}}, not {action!r}")
    return dict(action)


def _batch_of_one(space: Space[Any], action: Any) -> Action:
    if isinstance(space, spaces.Dict):
        return {name: _batch_of_one(space[name], part) for name, part in as_parts(action, space.keys()).items()}
    return np.array([index(action)]) if isinstance(space, Discrete) else np.asarray(action)[None]


def _first_of(values: NDArray[Any]) -> Any:
    return int(values[0]) if values.ndim == 1 else values[0].copy()


def _checked_moves(names: Sequence[str], space: Space[Any], moves: Any, count: int) -> Action:
    """names: of the choices, of all parts of the space in their order."""
    if isinstance(space, spaces.Dict):
        parts, checked, before = as_parts(moves, space.keys()), {}, 0
        for name, part in parts_of(space):
            own = names[before : before + choices_in(part)]
            before += len(own)
            checked[name] = _checked_moves(own, part, parts[name], count)
        return checked
    move = np.array(moves)
    if isinstance(space, Discrete):
        if move.shape != (count,) or move.dtype.kind not in "iu":
            raise ValueError(f"actions are {count} whole numbers, not {move.dtype} {list(move.shape)}")
        wrong = (move < 0) | (move >= space.n)
        if wrong.any():
            slot = int(np.flatnonzero(wrong)[0])
            raise ValueError(f"there is no move {move[slot]} (slot {slot}); the moves are {_numbered(names)}")
        return move.astype(np.int64, copy=False)
    shape = (count, *space.shape)  # type: ignore[misc]  # a Box knows its shape
    if move.shape != shape or move.dtype.kind not in "fiu":
        raise ValueError(f"moves are points {list(shape)}, not {move.dtype} {list(move.shape)}")
    if not (sound := np.isfinite(move).all(axis=1)).all():
        slot = int(np.flatnonzero(~sound)[0])
        raise ValueError(f"the move of slot {slot} is not finite: {move[slot]}")
    return move.astype(np.float32, copy=False)


def _numbered(moves: Sequence[str]) -> dict[int, str]:
    return dict(enumerate(moves))


def check_render_mode(render_mode: str | None, metadata: dict[str, Any]) -> None:
    """Raises ValueError when a render mode is not one of those declared."""
    if render_mode is not None and render_mode not in metadata["render_modes"]:
        known = ", ".join(repr(mode) for mode in metadata["render_modes"])
        raise ValueError(f"no render mode is called {render_mode!r}; there are {known} and None")


def chosen_episode(options: dict[str, Any] | None, slots: int, total: int) -> NDArray[np.int64] | None:
    """The episode [slots] that the options of a reset choose for every slot, or None when they choose none.

    One number is for all slots. Raises ValueError when an option is not known or an episode does not exist.
    """
    if not options:
        return None
    if unknown := set(options) - {"episode"}:
        raise ValueError(f"reset() does not know the options {sorted(unknown)}; it knows 'episode'")
    episode = np.asarray(options["episode"])
    if episode.dtype.kind not in "iu" or episode.shape not in ((), (slots,)):
        raise ValueError(f"options['episode'] is a whole number or an array of {slots}, not {options['episode']!r}")
    if episode.min() < 0 or episode.max() >= total:
        raise ValueError(f"options['episode'] is {options['episode']!r}, but there are only 0 to {total - 1}")
    return np.broadcast_to(episode, (slots,)).astype(np.int64)
