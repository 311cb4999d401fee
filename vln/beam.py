"""Beam search: several ways to go on are tried in the world side by side, and the likeliest whole one is gone."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch.distributions import Categorical

from vln.agent import Agent
from vln.moments import observed, rows_of
from vln.world import S, World, put, take

NONE = -1  # after the last move of a plan


@torch.no_grad()
def plan(world: World[S], agent: Agent, begun: S, width: int) -> NDArray[np.int64]:
    """The moves [T, B] to the likeliest ending that a search with this width finds; NONE after an episode's end.

    A way's likelihood is the product of the policy's probabilities of its moves, with no correction for its length. Of
    all ways of one episode the `width` likeliest are kept at every step; a `stop` ends one. The search is over when no
    way that goes on is as likely as the best that has stopped. Ways that fail (into a wall, where walls fail) are given
    up: who searches walks in the world before he chooses, and the moves walked are not those of the plan alone.
    An episode in which no way stops within the limit has the moves of the likeliest that is left.
    """
    device = next(agent.parameters()).device
    count, stop = len(begun), world.stop
    if stop is None:
        raise ValueError("only ways that end with a stop can be planned")
    state, memory = begun, agent.initial(count)
    starts = torch.ones(count, dtype=torch.bool, device=device)
    # Scores [B, W] of the ways that go on; at first there is one.
    score = torch.zeros(count, 1, device=device)
    moves = np.full((world.max_steps, count, 1), NONE)
    best_score = torch.full((count,), -torch.inf, device=device)
    best = np.full((world.max_steps, count), NONE)
    everyone = np.arange(count)[:, None]
    for time in range(world.max_steps):
        decision, memory = agent.step(observed(world, state, device), memory, starts)
        assert isinstance(decision.policy, Categorical)  # for there is a stop
        likely = decision.policy.logits.log_softmax(dim=-1).view(count, -1, len(world.moves))
        reached = score[..., None] + likely
        stopping = reached[..., stop]
        ended, way = stopping.max(dim=1)
        better = (ended > best_score).cpu().numpy()
        best_score = torch.maximum(ended, best_score)
        kept = moves[:, np.arange(count), way.cpu().numpy()]
        kept[time] = stop
        best[:, better] = kept[:, better]
        # On with the likeliest of all moves that do not stop.
        onward = reached[..., :stop].flatten(1)
        score, chosen = onward.topk(min(width, onward.shape[1]), dim=1)
        parent, move = (chosen // stop).cpu().numpy(), (chosen % stop).cpu().numpy()
        moves = moves[:, everyone, parent]
        moves[time] = move
        from_rows = (everyone * likely.shape[1] + parent).ravel()
        state = world.step(take(state, from_rows), move.ravel())
        memory = rows_of(memory, from_rows)
        starts = torch.zeros(len(from_rows), dtype=torch.bool, device=device)
        failed = np.flatnonzero(world.terminated(state))
        score.view(-1)[torch.from_numpy(failed).to(device)] = -torch.inf
        # Nobody steps what has failed: another begins in its place, without hope.
        state = put(state, failed, take(begun, failed // score.shape[1]))
        if (score.max(dim=1).values <= best_score).all():
            break
    unfinished = best[0] == NONE
    best[:, unfinished] = moves[:, np.arange(count), score.argmax(dim=1).cpu().numpy()][:, unfinished]
    return best
