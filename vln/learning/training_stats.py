"""Statistics of a training: success of its latest episodes, share of clipped gradients, speed."""

import time
from collections import deque
from dataclasses import dataclass, field

import numpy as np

from vln.learning.checkpoints import Arrays
from vln.learning.timer import Timer

RECENT = 500  # episodes that the success rate of a training is an average of


@dataclass
class TrainingStats:
    """It is written in after every update and read now and then; reading begins a new page.

    steps: of an update, in all processes. update: the last one before this page. clock: of this page.
    """

    steps: int
    update: int = 0
    recent: deque[bool] = field(default_factory=lambda: deque(maxlen=RECENT))
    clipped: list[float] = field(default_factory=list)
    clock: Timer = field(default_factory=Timer)
    began: float = field(default_factory=time.perf_counter)

    def write(self, values: dict[str, float]) -> dict[str, float]:
        """Keep what is told as a mean over several updates, and give the rest of an update's values."""
        ended, succeeded = int(values["episodes"]), int(values["successes"])
        self.recent.extend([True] * succeeded + [False] * (ended - succeeded))
        self.clipped.append(values["clipped"])
        return {name: value for name, value in values.items() if name not in ("episodes", "successes", "clipped")}

    def read(self, update: int) -> dict[str, float]:
        """clip_rate, steps_per_second and every part's share of the time since the page began; success."""
        speed = (update - self.update) * self.steps / (time.perf_counter() - self.began)
        told = {"clip_rate": float(np.mean(self.clipped)), "steps_per_second": speed}
        told |= {f"{part}_share": share for part, share in self.clock.shares().items()}
        if self.recent:
            told["success"] = float(np.mean(self.recent))
        self.clipped.clear()
        self.turn(update)
        return told

    def turn(self, update: int) -> None:
        """Time that went by until now was for something else than learning: it isn't told."""
        self.clock, self.began, self.update = Timer(), time.perf_counter(), update

    def arrays(self) -> Arrays:
        """What a training that goes on must know."""
        return {"recent": np.array(self.recent, dtype=np.bool_), "clipped": np.array(self.clipped, dtype=np.float64)}

    def resume(self, arrays: Arrays) -> None:
        """Go on where these arrays were left."""
        self.recent.extend(arrays["recent"].tolist())
        self.clipped.extend(arrays["clipped"].tolist())
