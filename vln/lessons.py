"""Lessons: how an agent is trained, as options."""

import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Lessons:
    """How an agent is trained."""

    rule: str = "imitation"
    """How it learns what to do: imitation of a teacher, reinforce (by what its own actions led to), pathwise (by the
    gradient of its answers, or of the world's error, through what it saw), or FILE.py:NAME of your own."""
    updates: int = 3000
    """How many windows are learned from."""
    slots: int = 64
    """Episodes lived side by side, by all processes together."""
    window: int = 10
    """Steps of a window. Memory is carried over its end, gradients are not: truncated backpropagation through time. One
    is shortened to the world's longest episode, which is full backpropagation."""
    rate: float = 2e-3
    """The largest learning rate, reached when warm-up ends."""
    warm_up: int = 50
    """Updates over which the learning rate rises; after them it falls along a cosine."""
    last_rate: float = 0.02
    """The last learning rate, as a share of the largest."""
    clip: float = 1.0
    """The largest norm of a gradient; longer ones are shortened."""
    weight_decay: float = 0.0
    """Of the weights, decoupled from the gradient (AdamW)."""
    teacher_first: float = 1.0
    """The share of moves that are the teacher's at first. First and last 1: teacher forcing; both 0: DAgger."""
    teacher_last: float = 0.1
    """The share of moves that are the teacher's at last."""
    teacher_falls: float = 0.15
    """The part of all updates over which that share falls."""
    led: float = 0.0
    """Where nobody is imitated: the part of all updates in which a teacher leads all the same. Its share of the moves
    and the weight of imitating it fall from 1 to 0 meanwhile. An agent that begins by looking round finds what one that
    begins by staring never does."""
    early: float = 1.0
    """The weight of answers given before the last of an episode, which has 1."""
    reward: Literal["success", "environment"] = "success"
    """What an action is worth under rule reinforce: 1 where it ends the episode well; or what the Gymnasium environment
    of the world gives, the error removed and a reward for success."""
    discount: float = 1.0
    """Under rule reinforce: what a reward a step later is worth now, from 0 to 1."""
    progress: float = 0.1
    """The weight of knowing how far the goal still is, beside the teacher's moves: a progress monitor (Ma et al. 2019,
    arXiv:1901.03035); 0 for none. It teaches memory what of the way is done."""
    greedily: float = 0.0
    """Of the slots, the share in which the agent's own moves are its likeliest ones; in the others they are drawn. So
    it meets the loops it is caught in when judged by its likeliest moves."""
    averaged: float = 0.0
    """How slowly a running mean of the weights follows them, from 0 to below 1. Above 0 it is the mean that is judged
    and kept as the agent (Polyak & Juditsky 1992): it varies less than the weights of any one update."""
    half: bool | None = None
    """Whether to compute in bfloat16; unless given, where the device has arithmetic for it. The weights that are
    learned stay in float32."""
    workers: int = 1
    """Processes that train together; they share out the slots and the CPU's threads."""
    seed: int = 0
    """Of the weights, the episodes and the acting."""

    def __post_init__(self) -> None:
        for name in ("updates", "slots", "window", "workers"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        for name in ("teacher_first", "teacher_last", "greedily", "led", "discount"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a share, from 0 to 1, not {getattr(self, name)}")
        if self.progress < 0:
            raise ValueError(f"progress is a weight, at least 0, not {self.progress}")
        if not 0 <= self.averaged < 1:
            raise ValueError(f"averaged is a share below 1, not {self.averaged}")
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"seed is from 0 to {2**63 - 1}, not {self.seed}")
        if self.slots % self.workers:
            raise ValueError(f"{self.slots} slots can't be shared out evenly among {self.workers} workers")

    def rate_at(self, update: int) -> float:
        """The learning rate of an update, counted from 0."""
        if update < self.warm_up:
            return self.rate * (update + 1) / self.warm_up
        done = (update - self.warm_up) / max(1, self.updates - self.warm_up)
        return self.rate * (self.last_rate + (1 - self.last_rate) * (1 + math.cos(math.pi * done)) / 2)
