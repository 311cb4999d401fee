"""Any world as a gymnasium.Env: one episode at a time."""

from operator import index
from typing import Any, SupportsFloat

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.error import ResetNeeded
from numpy.typing import NDArray

from vln.slots import SUCCESS_REWARD, Slots
from vln.streams import Stream
from vln.window import Window
from vln.world import World

# For gymnasium.utils.play; a move that is not named here gets a digit.
KEYS = {"forward": "w", "turn left": "a", "turn right": "d", "stop": " "}

_ONLY = np.zeros(1, dtype=np.int64)  # the one slot


class TaskEnv(gymnasium.Env[dict[str, Any], int]):
    """One episode of a world at a time.

    Observation: the world's spaces by name. Action: the number of a move; `stop` is the last.
    Reward: the error that the move removed, and `success_reward` for a stop at the right place.
    Info: `instruction` (text) and `expert_action` (an optimal move); at an episode's end also `is_success`, `success`,
    `spl`, `trajectory_length`, `navigation_error`, `oracle_success`, and with `path_metrics` `ndtw`, `sdtw` and `cls`.

    reset(seed=s) lives the same episodes as slot 0 of a TaskVectorEnv with seed s, and as slot i of one with seed
    s - i. reset(options={"episode": n}) begins episode n of the world instead of the next one of the seed.

    path_metrics: whether an episode's end tells ndtw, sdtw and cls too, at the cost of a search per position passed.
    render_mode: "rgb_array" gives pictures; "human" shows them in a window at every step; None draws nothing.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array", "human"], "render_fps": 6}  # noqa: RUF012 (Gymnasium's)

    def __init__(
        self,
        world: World[Any],
        render_mode: str | None = None,
        path_metrics: bool = True,
        success_reward: float = SUCCESS_REWARD,
    ) -> None:
        check_render_mode(render_mode, self.metadata)
        self.world = world
        self.render_mode = render_mode
        self.path_metrics = path_metrics
        self.observation_space = spaces.Dict(world.spaces)
        self.action_space = spaces.Discrete(len(world.moves))  # type: ignore[assignment]  # its samples are np.int64
        self._slots = Slots(world, 1, success_reward, trails=path_metrics or render_mode is not None)
        self._window = Window("vln") if render_mode == "human" else None
        self._over = True

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Begin the next episode of the stream, or episode options["episode"] of the world."""
        super().reset(seed=seed)
        if seed is not None:
            self._slots.stream = Stream.of(seed, 1)
        elif self._slots.stream is None:
            self._slots.stream = Stream.keyed(self.np_random.integers(2**63, size=1, dtype=np.uint64))
        self._slots.begin(_ONLY, chosen_episode(options, 1, len(self.world.episodes)))
        self._over = False
        return self._observation(), self._info()

    def step(self, action: int) -> tuple[dict[str, Any], SupportsFloat, bool, bool, dict[str, Any]]:
        """Make a move. Raises ResetNeeded when the episode is over, ValueError when there is no such move."""
        if self._over:
            raise ResetNeeded("the episode is over (or none has begun): call reset() before step()")
        move = index(action)
        if not 0 <= move < len(self.world.moves):
            raise ValueError(f"there is no move {move}; the moves are {dict(enumerate(self.world.moves))}")
        step = self._slots.step(np.array([move]))
        info = self._info()
        if step.ending is not None:
            self._over = True
            metrics = self._slots.metrics(step.ending, self.path_metrics)
            info |= {name: values[0].item() for name, values in metrics.items()}
        return self._observation(), float(step.reward[0]), bool(step.terminated[0]), bool(step.truncated[0]), info

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
        """The key of every move, as gymnasium.utils.play asks for it; use it with wait_on_player=True."""
        keys = (KEYS.get(name, str(move)) for move, name in enumerate(self.world.moves))
        return {(ord(key),): move for move, key in enumerate(keys)}

    def _observation(self) -> dict[str, Any]:
        if self._window is not None:
            self.render()
        return {name: values[0] for name, values in self.world.observe(self._slots.state).items()}

    def _info(self) -> dict[str, Any]:
        state = self._slots.state
        return {
            "instruction": self._slots.instructions(state)[0],
            "expert_action": int(self._slots.expert_moves(state)[0]),
        }


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
