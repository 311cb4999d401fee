"""Beam search: several paths are tried in the world side by side, and the best complete one is taken."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vln.agent import Agent, Rescorer
from vln.evaluation.play import observed, rows_of
from vln.policies import Categorical
from vln.state import S, put, take
from vln.world import World

NONE = -1  # after the last move of a plan


@dataclass(frozen=True)
class Hypotheses:
    """Whole ways that a search has found for B episodes, up to W for each, the likeliest first.

    moves: int64 [T, B, W], NONE after an episode's end. score: [B, W], the log of how probable the moves are; minus
    infinity where there are fewer ways.
    """

    actions: NDArray[np.int64]
    score: Tensor


def plan(world: World[S], agent: Agent, begun: S, width: int, rescorer: Rescorer | None = None) -> NDArray[np.int64]:
    """The moves [T, B] of the best ending that a search with this width finds; NONE after an episode's end.

    rescorer: what is added to the likelihoods of as many whole ways as the search is wide, before the best is chosen;
    by likelihood alone unless given. An episode in which no way stops within the limit has the moves of the likeliest
    that is left.
    """
    ways = search(world, agent, begun, width, 1 if rescorer is None else width)
    score = ways.score if rescorer is None else ways.score + rescorer(begun.episode, ways.actions).to(ways.score.device)
    best = score.argmax(dim=1).cpu().numpy()
    return ways.actions[:, np.arange(len(begun)), best]


@torch.no_grad()
def search(world: World[S], agent: Agent, begun: S, width: int, keep: int = 1) -> Hypotheses:
    """The likeliest whole ways, up to `keep` of each episode, that a search with this width finds.

    A way's likelihood is the product of the policy's probabilities of its moves, with no correction for its length. Of
    all ways of one episode the `width` likeliest are kept at every step; a `stop` ends one. The search is over when no
    way that goes on is as likely as the last of those kept that have stopped. Ways that fail (into a wall, where walls
    fail) are given up: who searches walks in the world before he chooses, and the moves walked are not those of the
    plan alone.
    """
    device = next(agent.parameters()).device
    count, stop = len(begun), world.stop
    if stop is None:
        raise ValueError("only ways that end with a stop can be planned")
    state, memory = begun, agent.initial(count)
    episode_starts = torch.ones(count, dtype=torch.bool, device=device)
    # Scores [B, W] of the ways that go on; at first there is one.
    score = torch.zeros(count, 1, device=device)
    moves = np.full((world.max_steps, count, 1), NONE)
    whole = torch.full((count, keep), -torch.inf, device=device)
    whole_moves = np.full((world.max_steps, count, keep), NONE)
    everyone = np.arange(count)[:, None]
    for time in range(world.max_steps):
        decision, memory = agent.step(observed(world, state, device), memory, episode_starts)
        assert isinstance(decision.policy, Categorical)  # for there is a stop
        likely = decision.policy.logits.log_softmax(dim=-1).view(count, -1, len(world.action_names))
        reached = score[..., None] + likely
        stopped = moves.copy()
        stopped[time] = stop
        # Of those that stop now and those that had stopped before, the likeliest.
        whole, chosen_whole = torch.cat([whole, reached[..., stop]], dim=1).topk(keep, dim=1)
        whole_moves = np.concatenate([whole_moves, stopped], axis=2)[:, everyone, chosen_whole.cpu().numpy()]
        # On with the likeliest of all moves that do not stop.
        onward = reached[..., :stop].flatten(1)
        score, chosen = onward.topk(min(width, onward.shape[1]), dim=1)
        parent, move = (chosen // stop).cpu().numpy(), (chosen % stop).cpu().numpy()
        moves = moves[:, everyone, parent]
        moves[time] = move
        from_rows = (everyone * likely.shape[1] + parent).ravel()
        state = world.step(take(state, from_rows), move.ravel())
        memory = rows_of(memory, from_rows)
        episode_starts = torch.zeros(len(from_rows), dtype=torch.bool, device=device)
        failed = np.flatnonzero(world.terminated(state))
        score.view(-1)[torch.from_numpy(failed).to(device)] = -torch.inf
        # Nobody steps what has failed: another begins in its place, without hope.
        state = put(state, failed, take(begun, failed // score.shape[1]))
        if (score.max(dim=1).values <= whole.min(dim=1).values).all():
            break
    unfinished = whole_moves[0, :, 0] == NONE
    left = moves[:, np.arange(count), score.argmax(dim=1).cpu().numpy()]
    whole_moves[:, unfinished, 0] = left[:, unfinished]
    return Hypotheses(whole_moves, whole)
