"""Learning: windows of time through episodes, backpropagated (truncated or full), clipped, scheduled, resumable."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Generic, Literal

import torch
from torch import Tensor

from vln.agent import Agent, Decision
from vln.clock import Clock
from vln.devices import quick_in_half
from vln.losses import answering, distance, expecting, imitation, reinforce, right, squared_error
from vln.rollouts import Act, Course, Rollout, follow_teacher, mix, rollout, sample
from vln.team import ALONE, Team
from vln.world import S, World

Loss = Callable[[Decision, Rollout], Tensor]


def _taught(decision: Decision, rollout: Rollout, lessons: "Lessons") -> Tensor:
    """Imitate the teacher's moves, answer the world's question, and know how far it still is."""
    asides = lessons.progress * distance(decision, rollout) + answering(decision, rollout, lessons.early)
    return imitation(decision, rollout) + asides


def _reinforced(decision: Decision, rollout: Rollout, lessons: "Lessons") -> Tensor:
    """Reinforce the moves of episodes that went well, answer, and know how well it will go (arXiv:1406.6247)."""
    return reinforce(decision, rollout) + expecting(decision, rollout) + answering(decision, rollout, lessons.early)


def _answered(decision: Decision, rollout: Rollout, lessons: "Lessons") -> Tensor:
    """Only answer: where to look is learned by the gradient of the answers through what was seen."""
    return answering(decision, rollout, lessons.early)


OF_A_TEACHER = ("teacher_first", "teacher_last", "teacher_falls", "progress", "greedily")  # lessons


@dataclass(frozen=True)
class Rule:
    """A way to learn. loss: what is descended. teacher: whether there is one, who moves and whose moves are learned.
    through: whether gradients flow through the world's eye, so that what is decided while acting is what is learned.
    value: what the value is taught to be (see Lessons.value)."""

    loss: Callable[[Decision, Rollout, "Lessons"], Tensor]
    value: Literal["distance", "success"] | None = None
    teacher: bool = False
    through: bool = False

    @property
    def ignored(self) -> tuple[str, ...]:
        """The lessons that change nothing under this rule."""
        return ("led",) if self.teacher else OF_A_TEACHER


RULES = {
    "imitation": Rule(_taught, "distance", teacher=True),
    "reinforce": Rule(_reinforced, "success"),
    "pathwise": Rule(_answered, through=True),
}


@dataclass(frozen=True)
class Lessons:
    """How an agent is trained."""

    rule: Literal["imitation", "reinforce", "pathwise"] = "imitation"
    """How it learns where to go or to look: from a teacher's moves, from which of its own moves led to success, or by
    the gradient of its answers through what it saw."""
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
        if self.rule not in RULES:
            raise ValueError(f"no rule is called {self.rule!r}; there are {', '.join(RULES)}")
        for name in ("updates", "slots", "window", "workers"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        for name in ("teacher_first", "teacher_last", "greedily", "led"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a share, from 0 to 1, not {getattr(self, name)}")
        if self.progress < 0:
            raise ValueError(f"progress is a weight, at least 0, not {self.progress}")
        if not 0 <= self.averaged < 1:
            raise ValueError(f"averaged is a share below 1, not {self.averaged}")
        for name in RULES[self.rule].ignored:
            if getattr(self, name) != type(self).__dataclass_fields__[name].default:
                raise ValueError(f"under rule {self.rule} {name} would change nothing: leave it out")
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"seed is from 0 to {2**63 - 1}, not {self.seed}")
        if self.slots % self.workers:
            raise ValueError(f"{self.slots} slots can't be shared out evenly among {self.workers} workers")

    @property
    def value(self) -> Literal["distance", "success"] | None:
        """What an agent's value is taught to be: minus how far it still is, in units of DISTANCE_UNIT; or the chance of
        success; or nothing."""
        return RULES[self.rule].value if self.rule != "imitation" or self.progress else None

    def loss(self, decision: Decision, rollout: Rollout) -> Tensor:
        """What its rule descends."""
        return RULES[self.rule].loss(decision, rollout, self)

    def rate_at(self, update: int) -> float:
        """The learning rate of an update, counted from 0."""
        if update < self.warm_up:
            return self.rate * (update + 1) / self.warm_up
        done = (update - self.warm_up) / max(1, self.updates - self.warm_up)
        return self.rate * (self.last_rate + (1 - self.last_rate) * (1 + math.cos(math.pi * done)) / 2)

    def teacher_share(self, update: int) -> float:
        """The probability that a move is the teacher's."""
        if not RULES[self.rule].teacher:
            return max(0.0, 1 - update / (self.led * self.updates)) if self.led else 0.0
        done = min(1.0, update / max(1.0, self.teacher_falls * self.updates))
        return self.teacher_first + (self.teacher_last - self.teacher_first) * done


@dataclass
class Learner(Generic[S]):
    """An agent in training: everything that changes from one update to the next, and the step that changes it.

    quick: the agent itself, or its copy in bfloat16, which acts and is differentiated in its place. A copy once an
    update is cheaper than autocast, which converts every weight at every step.
    """

    world: World[S]
    agent: Agent
    quick: Agent
    lessons: Lessons
    course: Course[S]
    optimizer: torch.optim.Optimizer
    rng: torch.Generator
    team: Team = ALONE
    update: int = 0
    mean: dict[str, Tensor] | None = None  # the running mean of the weights, by name, where there is one

    @classmethod
    def begin(cls, world: World[S], agent: Agent, lessons: Lessons, team: Team = ALONE) -> "Learner[S]":
        """A learner before its first update; of a team, one with its share of the slots and its own episodes."""
        if team.size != lessons.workers:
            raise ValueError(f"these lessons are for {lessons.workers} processes; this team has {team.size}")
        lessons = replace(lessons, window=min(lessons.window, world.max_steps))
        slots = lessons.slots // team.size
        seed = lessons.seed + team.rank * slots
        weights = [weight for weight in agent.parameters() if weight.requires_grad]
        device = weights[0].device
        optimizer = torch.optim.AdamW(
            weights, lr=lessons.rate, weight_decay=lessons.weight_decay, fused=True, betas=(0.9, 0.99)
        )
        course = Course.begin(world, agent, slots, seed)
        half = quick_in_half(device) if lessons.half is None else lessons.half
        quick = deepcopy(agent).bfloat16() if half else agent
        rng = torch.Generator(device).manual_seed(seed)
        mean = None
        if lessons.averaged:
            mean = {name: weights.detach().clone() for name, weights in agent.named_parameters()}
        return cls(world, agent, quick, lessons, course, optimizer, rng, team, mean=mean)

    def learn(self, loss: Loss | None = None, clock: Clock | None = None) -> dict[str, float]:
        """Live one window, descend its loss (its lessons' unless given) once, and say how it went."""
        clock = clock or Clock()
        acted = self._act() is not None
        with torch.set_grad_enabled(self.rule.through):
            lived = self._live(clock)
        if lived.decision is None:
            decision, memory = self.quick(lived.observation, lived.memory, lived.starts)
        else:
            # What else acting has kept, words that were read, is read again with the weights that are to be.
            decision, memory = lived.decision, {name: self.course.memory[name] for name in lived.memory}
        value = (loss or self.lessons.loss)(decision, lived)
        if self.leading and not self.rule.teacher:
            value = value + self.lessons.teacher_share(self.update) * imitation(decision, lived)
        clock("forward")
        self.quick.zero_grad(set_to_none=True)
        value.backward()
        self._share_gradients()
        weights = self.optimizer.param_groups[0]["params"]
        norm = torch.nn.utils.clip_grad_norm_(weights, self.lessons.clip)
        rate = self.lessons.rate_at(self.update)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        if not torch.isfinite(norm):
            raise FloatingPointError(f"the gradient of update {self.update} is not finite (loss {value.item()})")
        self.optimizer.step()
        self.renew()
        self._average()
        # What is remembered and seen at the window's end is carried over, and here the gradient is cut.
        self.course = self.course.cut(memory)
        self.update += 1
        clock("backward")
        # Episodes in which the teacher alone has moved tell nothing of the agent.
        ended, succeeded = (of.sum() * self.team.size * acted for of in (lived.ended, lived.succeeded))
        told = {
            "loss": value,
            "answering": answering(decision, lived, self.lessons.early),
            "episodes": ended,
            "successes": succeeded,
        }
        if lived.best is not None:
            told["imitation"] = imitation(decision, lived)
            if lived.best.dtype == torch.bool:
                told["right"] = right(decision, lived)
            else:
                told["squared_error"] = squared_error(decision, lived)
        means = self.team.mean(torch.stack([number.detach().float() for number in told.values()]))
        said = dict(zip(told, means.tolist(), strict=True)) | {
            "rate": rate,
            "norm": float(norm),
            "clipped": float(norm > self.lessons.clip),
        }
        return said | ({"teacher": self.lessons.teacher_share(self.update - 1)} if lived.best is not None else {})

    @property
    def rule(self) -> Rule:
        return RULES[self.lessons.rule]

    @property
    def leading(self) -> bool:
        """Whether a teacher has a part in this update."""
        return self.rule.teacher or self.lessons.teacher_share(self.update) > 0

    def _live(self, clock: Clock) -> Rollout:
        label = self.world.teacher if self.leading else None
        lived, self.course = rollout(
            self.world, self.quick, self.course, self.lessons.window, self._act(), self.rng, label, clock
        )
        return lived

    def _act(self) -> Act | None:
        """How the agent moves in this update; None where the teacher alone moves, and nobody has to answer."""
        if not self.leading:
            return sample
        share = self.lessons.teacher_share(self.update)
        if share == 1:
            return follow_teacher if self.world.graded else None
        return mix(share, self.lessons.greedily, self.world.stop)

    @torch.no_grad()
    def renew(self) -> None:
        """Give the quick copy the weights of the agent."""
        if self.quick is not self.agent:
            for copy, weights in zip(self.quick.parameters(), self.agent.parameters(), strict=True):
                copy.copy_(weights)

    @torch.no_grad()
    def _average(self) -> None:
        """Bring the running mean nearer to the weights; at first by much, so that it forgets how they began."""
        if self.mean is not None:
            kept = min(self.lessons.averaged, (1 + self.update) / (10 + self.update))
            weights: list[Tensor] = [weight for _, weight in self.agent.named_parameters()]
            torch._foreach_lerp_(list(self.mean.values()), weights, 1 - kept)

    @contextmanager
    def as_kept(self) -> Iterator[Agent]:
        """The agent as it is judged and kept: with the mean of its weights, where there is one, for the time being."""
        if self.mean is None:
            yield self.agent
            return
        own = {name: weights.detach().clone() for name, weights in self.agent.named_parameters()}
        try:
            self.agent.load_state_dict(self.mean, strict=False)
            yield self.agent
        finally:
            self.agent.load_state_dict(own, strict=False)

    def _share_gradients(self) -> None:
        """Bring the gradients of the quick copy to the agent's weights, averaged over the team."""
        used = [
            (copy.grad, weights)
            for copy, weights in zip(self.quick.parameters(), self.agent.parameters(), strict=True)
            if copy.grad is not None
        ]
        together = self.team.mean(torch.cat([gradient.float().flatten() for gradient, _ in used]))
        parts = together.split([weights.numel() for _, weights in used])
        for (_, weights), part in zip(used, parts, strict=True):
            weights.grad = part.view_as(weights)
