"""Timer: seconds spent in each named part of a loop."""

import time
from collections import defaultdict


class Timer:
    """Call it with a part's name when that part has done its work: the time since the last call is the part's."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._last = time.perf_counter()

    def __call__(self, part: str) -> None:
        now = time.perf_counter()
        self.seconds[part] += now - self._last
        self._last = now

    def shares(self) -> dict[str, float]:
        """Each part's share of all the time so far, adding up to 1."""
        whole = sum(self.seconds.values())
        return {part: seconds / whole for part, seconds in self.seconds.items()} if whole else {}
