"""Saliency: which moments of the past move a decision."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from vln.agent import Agent, Decision, Observation
from vln.agents.analysis.gradients import Score
from vln.agents.analysis.saliency import saliency
from vln.evaluation.play import evaluation_mode, observed, play
from vln.learning.rollouts import greedy
from vln.policies import Gaussian
from vln.world import World

from .common import MOST_SHOWN, Found, OfRun, columns, plot, to_colours

LAGS = (0, 1, 2, 5, 10, 20, 50, 100)


@dataclass(frozen=True)
class Saliency(OfRun):
    """Which moments of the past move the decisions of a trained agent, and how far back they lie."""

    episode: int = 0
    """The episode to draw."""
    step: int | None = None
    """Whose decision is drawn, counted from 0; the last of the episode, or of those looked at, unless given."""
    steps: int = 300
    """How many steps of an episode are looked at, at most."""
    decisions: int = 16
    """How many decisions of each episode the means are over, evenly spaced from its middle on."""
    episodes: int = 8
    """How many episodes the means are over."""

    def look(self) -> Found:
        """Means over decisions by how long ago a step was, and one decision drawn."""
        run, world, episodes = self.lives()
        if not 0 <= self.episode < len(world.episodes):
            raise ValueError(f"there is no episode {self.episode}; there are {len(world.episodes)}")
        by_lag: list[NDArray[np.float64]] = []
        for episode in episodes:
            observation, episode_starts, _ = lived(world, run.agent, episode, self.steps)
            chosen = np.unique(
                np.linspace(len(episode_starts) // 2, len(episode_starts) - 1, self.decisions).astype(int)
            )
            for step in chosen.tolist():
                found = saliency(run.agent, observation, episode_starts, decided(world, step))[: step + 1, 0]
                if found.sum() > 0:
                    by_lag.append(found[::-1] / found.sum())
        if not by_lag:
            raise ValueError("no decision depends on what was observed: is the agent blind and deaf?")
        longest = max(map(len, by_lag))
        shares = np.array([np.pad(one, (0, longest - len(one))) for one in by_lag]).mean(axis=0)
        reached = shares.cumsum()
        shown = columns("share of the saliency of what was observed so many steps ago or later", ("steps ago", "share"))
        for lag in LAGS:
            if lag < longest:
                shown.add_row(str(lag), f"{reached[lag]:.3f}")
        told = Found(tables=[shown], facts={"share by steps ago": shares.tolist()})
        half = int(np.searchsorted(reached, 0.5))
        told.words.append(f"Half of it lies within the last {half + 1} steps; {len(by_lag)} decisions.")
        told.figures["How long ago what moves a decision was observed"] = _draw(shares)
        return self._drawn(told, world, run.agent)

    def _drawn(self, told: Found, world: World[Any], agent: Agent) -> Found:
        observation, episode_starts, path = lived(world, agent, self.episode, min(self.steps, MOST_SHOWN))
        step = len(episode_starts) - 1 if self.step is None else self.step
        if not 0 <= step < len(episode_starts):
            raise ValueError(f"episode {self.episode} has {len(episode_starts)} steps here, none has the number {step}")
        found = saliency(agent, observation, episode_starts, decided(world, step))[: step + 1, 0]
        strong = np.sqrt(found / max(found.max(), 1e-30))  # or nothing but the latest would show
        picture = world.draw(
            world.begin(np.array([self.episode])), 0, path[: step + 1], to_colours(strong, 0, 1, "YlOrRd")
        )
        told.figures[f"Saliency for decision {step} of episode {self.episode}"] = picture
        return told


@torch.no_grad()
def lived(world: World[Any], agent: Agent, episode: int, steps: int) -> tuple[Observation, torch.Tensor, NDArray[Any]]:
    """What an agent observes in an episode, or in so many steps of it, by its likeliest moves: [T, 1, ...] by name.

    Beside it episode_starts [T, 1], and where it was [T, ...].
    """
    device = next(agent.parameters()).device
    seen, path = [], []
    with evaluation_mode(agent):
        for step in play(world, agent, world.begin(np.array([episode])), greedy, torch.Generator(device)):
            seen.append(observed(world, step.state, device))
            path.append(world.position(step.state)[0])
            if len(seen) == steps:
                break
    episode_starts = torch.zeros(len(seen), 1, dtype=torch.bool, device=device)
    episode_starts[0] = True
    return {name: torch.stack([one[name] for one in seen]) for name in seen[0]}, episode_starts, np.array(path)


def decided(world: World[Any], step: int) -> Score:
    """How sure an agent is of what it decides at a step: of its answer where answers are scored, else of its move."""

    def score(decision: Decision) -> torch.Tensor:
        if world.scores_answers and decision.answer is not None:
            return decision.answer[step].log_softmax(dim=-1).max(dim=-1).values.sum()
        policy = decision.policy[step]
        chosen = policy.mode()
        if isinstance(policy, Gaussian):
            return chosen.sum()
        return policy.log_prob(chosen).sum()

    return score


def _draw(shares: NDArray[np.float64]) -> Any:
    figure, axes = plot(6.5, 4)
    axes.loglog(np.arange(1, len(shares) + 1), shares)
    axes.set_xlabel("steps ago, counted from 1 for now")
    axes.set_ylabel("share of a decision's saliency")
    return figure
