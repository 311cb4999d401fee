"""Learner: one update at a time, with truncated or full BPTT, clipping, schedules, and a state to resume from."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Generic

import torch
from torch import Tensor

from vln.agent import Agent, Decision, Memory
from vln.learning.config import TrainConfig
from vln.learning.devices import quick_in_half
from vln.learning.distributed import SINGLE_PROCESS, Processes
from vln.learning.rollouts import Act, Rollout, RolloutState, follow_teacher, rollout, sample, scheduled_sampling
from vln.learning.rules import Rule, rule_of, teacher_share
from vln.learning.timer import Timer
from vln.state import S
from vln.world import World


@dataclass
class Learner(Generic[S]):
    """An agent in training: everything that changes from one update to the next, and the step that changes it.

    quick: the agent itself, or its copy in bfloat16, which acts and is differentiated in its place. A copy once an
    update is cheaper than autocast, which converts every weight at every step.
    """

    world: World[S]
    agent: Agent
    quick: Agent
    config: TrainConfig
    rule: Rule
    rollout_state: RolloutState[S]
    optimizer: torch.optim.Optimizer
    rng: torch.Generator
    processes: Processes = SINGLE_PROCESS
    update: int = 0
    mean: dict[str, Tensor] | None = None  # the running mean of the weights, by name, where there is one
    _clock: Timer = field(default_factory=Timer)
    _window: Rollout | None = None  # of this update, and the memory after it once the agent has decided on all of it
    _memory: Memory | None = None
    _losses: list[Tensor] = field(default_factory=list)  # of this update's descents, and the norms of their gradients
    _norms: list[float] = field(default_factory=list)

    @classmethod
    def begin(
        cls,
        world: World[S],
        agent: Agent,
        config: TrainConfig,
        team: Processes = SINGLE_PROCESS,
        rule: Rule | None = None,
    ) -> "Learner[S]":
        """A learner before its first update; of a team, one with its share of the slots and its own episodes.

        rule: how it learns; the one that the config names unless given.
        """
        rule = rule or rule_of(config)
        if team.world_size != config.num_processes:
            raise ValueError(f"this config is for {config.num_processes} processes; this team has {team.world_size}")
        config = replace(config, unroll_length=min(config.unroll_length, world.max_steps))
        slots = config.num_envs // team.world_size
        seed = config.seed + team.rank * slots
        weights = [weight for weight in agent.parameters() if weight.requires_grad]
        device = weights[0].device
        optimizer = torch.optim.AdamW(
            weights, lr=config.learning_rate, weight_decay=config.weight_decay, fused=True, betas=(0.9, 0.99)
        )
        rollout_state = RolloutState.begin(world, agent, slots, seed)
        half = quick_in_half(device) if config.bfloat16 is None else config.bfloat16
        quick = deepcopy(agent).bfloat16() if half else agent
        rng = torch.Generator(device).manual_seed(seed)
        mean = None
        if config.ema_decay:
            mean = {name: weights.detach().clone() for name, weights in agent.named_parameters()}
        return cls(world, agent, quick, config, rule, rollout_state, optimizer, rng, team, mean=mean)

    def learn(self, clock: Timer | None = None) -> dict[str, float]:
        """Live one window, learn from it as the rule does, and say how it went."""
        self._clock = clock or Timer()
        acted = self._act() is not None
        with torch.set_grad_enabled(self.rule.differentiates_world):
            lived = self._live(self._clock)
        self._window, self._memory = lived, None
        self._losses, self._norms = [], []
        numbers = self.rule.learn(self, lived)
        if not self._losses:
            raise ValueError(f"rule {self.config.rule} has learned nothing: it must call descend()")
        self._average()
        self.rollout_state = self.rollout_state.detach(self._memory_after(lived, acted))
        self.update += 1
        self._clock("backward")
        # Episodes in which the teacher alone has acted tell nothing of the agent.
        ended, succeeded = (flags.sum() * self.processes.world_size * acted for flags in (lived.dones, lived.successes))
        numbers = {"loss": torch.stack(self._losses).mean(), **numbers, "episodes": ended, "successes": succeeded}
        means = self.processes.mean(
            torch.stack([torch.as_tensor(number).detach().float() for number in numbers.values()])
        )
        said = dict(zip(numbers, means.tolist(), strict=True)) | {
            "learning_rate": self.config.learning_rate_at(self.update - 1),
            "norm": fmean(self._norms),
            "clipped": fmean(float(norm > self.config.max_grad_norm) for norm in self._norms),
        }
        return said | ({"teacher": self._teacher_share(self.update - 1)} if lived.teacher_actions is not None else {})

    def decide(self, rollout: Rollout) -> Decision:
        """What the agent decides in a rollout with the weights it has now (see rules.Learning)."""
        if rollout.decision is not None:
            return rollout.decision
        decision, memory = self.quick(rollout.observation, rollout.memory, rollout.episode_starts)
        if rollout is self._window and self._memory is None:
            self._memory = memory
        return decision

    def descend(self, loss: Tensor) -> None:
        """One step down the gradient of a loss (see rules.Learning). Raises FloatingPointError where it is none."""
        self._clock("forward")
        self.quick.zero_grad(set_to_none=True)
        loss.backward()
        self._share_gradients()
        weights = self.optimizer.param_groups[0]["params"]
        norm = torch.nn.utils.clip_grad_norm_(weights, self.config.max_grad_norm)
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.learning_rate_at(self.update)
        if not torch.isfinite(norm):
            raise FloatingPointError(f"the gradient of update {self.update} is not finite (loss {loss.item()})")
        self.optimizer.step()
        self.renew()
        self._losses.append(loss.detach().float())
        self._norms.append(float(norm))
        self._clock("backward")

    def minibatches(self, rollout: Rollout, count: int) -> Iterator[Rollout]:
        """A rollout in so many parts of whole environments, dealt out by chance (see rules.Learning)."""
        environments = rollout.episode_starts.shape[1]
        if not 1 <= count <= environments:
            raise ValueError(f"{environments} environments can't be dealt out into {count} minibatches")
        order = torch.randperm(environments, generator=self.rng, device=self.rng.device)
        return (rollout[part] for part in order.chunk(count))

    @property
    def leading(self) -> bool:
        """Whether a teacher has a part in this update."""
        return self.rule.teacher or self._teacher_share(self.update) > 0

    def _teacher_share(self, update: int) -> float:
        return teacher_share(self.rule, self.config, update)

    def _memory_after(self, lived: Rollout, acted: bool) -> Memory:
        """What is remembered at the window's end; what else acting has kept, words that were read, is read again with
        the weights that are to be."""
        if self._memory is not None:
            return self._memory
        if not acted:
            raise ValueError(f"rule {self.config.rule} follows a teacher: it must decide on the whole rollout once")
        return {name: self.rollout_state.memory[name] for name in lived.memory}

    def _live(self, clock: Timer) -> Rollout:
        label = self.world.teacher if self.leading else None
        act, values = self._act(), self.rule.values
        if act is None and values:
            act = follow_teacher
        lived, self.rollout_state = rollout(
            self.world, self.quick, self.rollout_state, self.config.unroll_length, act, self.rng, label, clock, values
        )
        return lived

    def _act(self) -> Act | None:
        """How the agent acts in this update; None where the teacher alone acts, and nobody has to answer."""
        if not self.leading:
            return sample
        share = self._teacher_share(self.update)
        if share == 1:
            return follow_teacher if self.world.scores_answers else None
        return scheduled_sampling(share, self.config.greedy_fraction, self.world.stop)

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
            kept = min(self.config.ema_decay, (1 + self.update) / (10 + self.update))
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
        together = self.processes.mean(torch.cat([gradient.float().flatten() for gradient, _ in used]))
        parts = together.split([weights.numel() for _, weights in used])
        for (_, weights), part in zip(used, parts, strict=True):
            weights.grad = part.view_as(weights)
