"""Rules: ways to learn from a rollout. A rule owns its descent: what, how often, and on which minibatches."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, Protocol

import torch
from torch import Tensor

from vln.agent import Decision
from vln.learning.config import TrainConfig
from vln.learning.losses import (
    answer_loss,
    imitation_loss,
    pathwise_loss,
    progress_loss,
    reinforce_loss,
    returns,
    value_loss,
)
from vln.learning.rollouts import Rollout
from vln.options import check_options, named_by
from vln.policies import Gaussian
from vln.user_files import MARK, load
from vln.world import World

Loss = Callable[[Decision, Rollout], Tensor]
# What an agent's value is taught to be: minus how far it still is, in units of losses.DISTANCE_UNIT; the chance of
# success; or the rewards to come.
Value = Literal["distance", "success", "return"]

OF_A_TEACHER = (
    "teacher_share_start",
    "teacher_share_end",
    "teacher_share_decay",
    "progress_weight",
    "greedy_fraction",
)
OF_REWARDS = ("reward", "discount")


class Learning(Protocol):
    """What a rule is given: the training it is a part of."""

    world: World[Any]
    update: int  # counted from 0
    rng: torch.Generator

    def decide(self, rollout: Rollout) -> Decision:
        """What the agent decides in a rollout, or in a part of one, with the weights it has now, [T, B]; gradients
        reach the weights."""

    def descend(self, loss: Tensor) -> None:
        """One step down the gradient of a loss, which is averaged over processes and clipped."""

    def minibatches(self, rollout: Rollout, count: int) -> Iterator[Rollout]:
        """A rollout in so many parts of whole environments, dealt out by chance, each of all its steps."""


class Rule(ABC):
    """A way to learn.

    teacher: whether there is a teacher, who acts and whose actions are learned. through: whether gradients flow
    through the world, so that what is decided while acting is what is learned. values: whether rollouts hold what the
    agent expected (see rollouts.Rollout). value: what the agent's value is taught to be, if anything.
    """

    teacher: bool = False
    differentiates_world: bool = False
    values: bool = False
    value: Value | None = None

    @abstractmethod
    def learn(self, learning: Learning, rollout: Rollout) -> Mapping[str, Tensor]:
        """Learn from a rollout: call `learning.descend` as often as it takes. Numbers to be told of it, by name."""

    def state(self) -> dict[str, Tensor]:
        """What changes in the rule itself from update to update, by name; checkpoints keep it."""
        return {}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Put the rule where the one was that had this state. Raises ValueError where it has no use for it."""
        if state:
            raise ValueError(f"{type(self).__name__} keeps no state, and the checkpoint holds one: {', '.join(state)}")


@dataclass(frozen=True)
class LossRule(Rule):
    """A rule that descends one loss, over a whole rollout, once. own: a loss in place of the rule's."""

    config: TrainConfig
    own: Loss | None = None

    @abstractmethod
    def loss(self, decision: Decision, rollout: Rollout) -> Tensor:
        """The loss to descend."""

    @property
    def early(self) -> float:
        return self.config.early_answer_weight

    def learn(self, learning: Learning, rollout: Rollout) -> Mapping[str, Tensor]:
        decision = learning.decide(rollout)
        loss = self.own(decision, rollout) if self.own else self.loss(decision, rollout)
        has_teacher = rollout.teacher_actions is not None
        if has_teacher and not self.teacher:
            loss = loss + teacher_share(self, self.config, learning.update) * imitation_loss(decision, rollout)
        learning.descend(loss)
        numbers = {"answer_loss": answer_loss(decision, rollout, self.early)}
        if has_teacher:
            numbers["imitation_loss"] = imitation_loss(decision, rollout)
            numbers |= decision.policy.agreement(rollout.teacher_actions)
        return numbers


class Imitation(LossRule):
    """Imitation of the teacher's actions, answers to the world's question, and a progress monitor."""

    teacher = True

    @property
    def value(self) -> Value | None:  # type: ignore[override]
        return "distance" if self.config.progress_weight else None

    def loss(self, decision: Decision, rollout: Rollout) -> Tensor:
        asides = self.config.progress_weight * progress_loss(decision, rollout) + answer_loss(
            decision, rollout, self.early
        )
        return imitation_loss(decision, rollout) + asides


class Reinforce(LossRule):
    """REINFORCE (Williams 1992) with the value as its baseline, and the answers (Mnih et al. 2014, arXiv:1406.6247).

    The reward is success, or the environment's (see TrainConfig.reward). The expected return at the unroll's end is the
    value of its last step. A truncated episode failed; where rewards are the environment's, it counts with the value of
    its last observation.
    """

    @property
    def values(self) -> bool:  # type: ignore[override]
        return self.config.reward == "environment"

    @property
    def value(self) -> Value | None:  # type: ignore[override]
        return "return" if self.values or self.config.discount < 1 else "success"

    def loss(self, decision: Decision, rollout: Rollout) -> Tensor:
        reward = rollout.successes.to(decision.value.dtype)
        if self.values:
            assert rollout.next_value is not None
            reward = rollout.reward.detach() + self.config.discount * rollout.next_value * rollout.truncated
        to_go = returns(reward, rollout.dones, decision.value[-1].detach(), self.config.discount)
        # A point beside an episode's last answer has no effect; a choice may be what ended the episode.
        has_answer, is_point = rollout.answer is not None, isinstance(decision.policy, Gaussian)
        idle = rollout.dones if has_answer and is_point else None
        policy_loss = reinforce_loss(decision, rollout, to_go, idle)
        return policy_loss + value_loss(decision, to_go) + answer_loss(decision, rollout, self.early)


class Pathwise(LossRule):
    """The gradient of the answers, or without a question of the world's error, through the differentiable world to the
    actions."""

    differentiates_world = True

    def loss(self, decision: Decision, rollout: Rollout) -> Tensor:
        return pathwise_loss(rollout) if rollout.answer is None else answer_loss(decision, rollout, self.early)


RULES: dict[str, type[LossRule]] = {"imitation": Imitation, "reinforce": Reinforce, "pathwise": Pathwise}


NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})


def rule_of(config: TrainConfig, loss: Loss | None = None, options: Mapping[str, Any] = NO_OPTIONS) -> Rule:
    """The rule that a config names; FILE.py:NAME is one of somebody's own, made with these options.

    loss: descended in place of the rule's own. Raises ValueError for a rule that there is not, and for options that
    would change nothing under it.
    """
    if MARK in config.rule:
        rule = _own_rule(config.rule, options)
        if loss is not None:
            raise ValueError(f"{config.rule} has its own way to learn: leave out the loss")
    elif config.rule in RULES:
        rule = RULES[config.rule](config, loss)
        if options:
            raise ValueError(f"rule {config.rule} takes no options of its own: {', '.join(options)}")
    else:
        raise ValueError(f"no rule is called {config.rule!r}; there are {', '.join(RULES)}, or FILE.py:NAME")
    ignored: tuple[str, ...] = ("teacher_warmup",) if rule.teacher else OF_A_TEACHER
    if not isinstance(rule, Reinforce):
        ignored += OF_REWARDS
    if not isinstance(rule, LossRule):
        ignored += ("early_answer_weight", "teacher_warmup" if not rule.teacher else "progress_weight")
    for name in ignored:
        if getattr(config, name) != TrainConfig.__dataclass_fields__[name].default:
            raise ValueError(f"under rule {config.rule} {name} would change nothing: leave it out")
    return rule


def _own_rule(name: str, options: Mapping[str, Any]) -> Rule:
    make = load(name)
    check_options(name, options, named_by(make))
    rule = make(**options)
    if not isinstance(rule, Rule):
        raise ValueError(f"{name} makes no vln.learning.rules.Rule but {type(rule).__name__}")
    return rule


def teacher_share(rule: Rule, config: TrainConfig, update: int) -> float:
    """The probability that an action is the teacher's, in an update counted from 0."""
    if not rule.teacher:
        return max(0.0, 1 - update / (config.teacher_warmup * config.updates)) if config.teacher_warmup else 0.0
    done = min(1.0, update / max(1.0, config.teacher_share_decay * config.updates))
    return config.teacher_share_start + (config.teacher_share_end - config.teacher_share_start) * done
