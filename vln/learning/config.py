"""TrainConfig: the options of a training."""

import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class TrainConfig:
    """How an agent is trained."""

    rule: str = "imitation"
    """Learning rule: imitation of a teacher, reinforce (by the return of its own actions), pathwise (by the gradient of
    its answers, or of the world's error, through what it saw), or FILE.py:NAME of your own."""
    updates: int = 3000
    """Number of updates: unrolls that are learned from."""
    num_envs: int = 64
    """Episodes lived in parallel, by all processes together."""
    unroll_length: int = 10
    """Steps of an unroll. Memory is carried over its end, gradients are not: truncated backpropagation through time. It
    is shortened to the world's longest episode, which is full backpropagation."""
    learning_rate: float = 2e-3
    """Peak learning rate, reached at the end of the warm-up."""
    warmup_updates: int = 50
    """Updates over which the learning rate rises linearly; after them it falls along a cosine."""
    final_learning_rate: float = 0.02
    """Learning rate of the last update, as a share of the peak."""
    max_grad_norm: float = 1.0
    """Norm above which gradients are scaled down to it."""
    weight_decay: float = 0.0
    """Weight decay, decoupled from the gradient (AdamW)."""
    teacher_share_start: float = 1.0
    """Share of actions that are the teacher's at first (scheduled sampling). Start and end 1: teacher forcing; both 0:
    DAgger."""
    teacher_share_end: float = 0.1
    """Share of actions that are the teacher's at last."""
    teacher_share_decay: float = 0.15
    """Part of all updates over which the teacher's share falls from start to end."""
    teacher_warmup: float = 0.0
    """Under the rules reinforce and pathwise: the part of all updates in which the agent is led by the teacher. The
    teacher's share of the actions and the weight of imitating it fall from 1 to 0 meanwhile. An agent that begins by
    looking round finds what one that begins by staring never does."""
    early_answer_weight: float = 1.0
    """Weight of answers given before the last step of an episode, relative to the last answer's."""
    reward: Literal["success", "environment"] = "success"
    """Reward under rule reinforce: 1 for an action that ends the episode in success; or what the Gymnasium environment
    of the world gives, the error removed and a reward for success."""
    discount: float = 1.0
    """Discount of rewards a step later under rule reinforce, from 0 to 1."""
    progress_weight: float = 0.1
    """Weight of the progress monitor's loss: to estimate how far the goal still is, beside imitating the teacher's
    actions (Ma et al. 2019, arXiv:1901.03035); 0 for none. It teaches memory what of the way is done."""
    greedy_fraction: float = 0.0
    """Fraction of the environments in which the agent's own actions are greedy; in the others they are sampled. So it
    meets the loops that it is caught in when evaluated greedily."""
    ema_decay: float = 0.0
    """Decay of an exponential moving average of the weights, from 0 to below 1. Above 0 the average is evaluated and
    kept as the agent (Polyak & Juditsky 1992): it varies less than the weights of any one update."""
    bfloat16: bool | None = None
    """Whether to compute in bfloat16; unless given, where the device has arithmetic for it. The weights that are
    learned stay in float32."""
    num_processes: int = 1
    """Processes that train together; they share out the environments and the CPU's threads."""
    seed: int = 0
    """Random seed for weights, episodes and actions."""

    def __post_init__(self) -> None:
        for name in ("updates", "num_envs", "unroll_length", "num_processes"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        for name in ("teacher_share_start", "teacher_share_end", "greedy_fraction", "teacher_warmup", "discount"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a share, from 0 to 1, not {getattr(self, name)}")
        if self.progress_weight < 0:
            raise ValueError(f"progress_weight is at least 0, not {self.progress_weight}")
        if not 0 <= self.ema_decay < 1:
            raise ValueError(f"ema_decay is from 0 to below 1, not {self.ema_decay}")
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"seed is from 0 to {2**63 - 1}, not {self.seed}")
        if self.num_envs % self.num_processes:
            raise ValueError(
                f"{self.num_envs} environments can't be shared out evenly among {self.num_processes} processes"
            )

    def learning_rate_at(self, update: int) -> float:
        """The learning rate of an update, counted from 0."""
        if update < self.warmup_updates:
            return self.learning_rate * (update + 1) / self.warmup_updates
        done = (update - self.warmup_updates) / max(1, self.updates - self.warmup_updates)
        lowest = self.final_learning_rate
        return self.learning_rate * (lowest + (1 - lowest) * (1 + math.cos(math.pi * done)) / 2)
