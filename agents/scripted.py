"""Scripted agents: the baselines without training, and the expert."""

from collections.abc import Sequence
from typing import Any

import torch
from gymnasium import Space
from gymnasium.spaces import Discrete
from torch import Tensor, nn

from vln.agent import Agent, Decision, Memory, Observation
from vln.evaluation.tables import Entry
from vln.learning.rollouts import follow_teacher, sample
from vln.policies import Categorical, Gaussian
from vln.world import World


class FixedPolicy(Agent):
    """Chooses every move with a fixed probability, whatever it sees or hears."""

    def __init__(self, probabilities: Sequence[float]) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.tensor(probabilities).log(), requires_grad=False)

    def initial(self, batch: int) -> Memory:
        return {}

    def forward(self, observation: Observation, memory: Memory, episode_starts: Tensor) -> tuple[Decision, Memory]:
        logits = self.logits.expand(*episode_starts.shape, -1)
        return Decision(Categorical(logits=logits), torch.zeros_like(logits[..., 0])), memory


class UniformPolicy(Agent):
    """Makes any move, and finds every answer as probable as any other."""

    def __init__(self, actions: Space[Any], num_answers: int) -> None:
        super().__init__()
        self.choices = int(actions.n) if isinstance(actions, Discrete) else 0
        self.coordinates = actions.shape[0] if actions.shape else 0
        self.num_answers = num_answers
        self.place = nn.Parameter(torch.zeros(()), requires_grad=False)  # tells the device

    def initial(self, batch: int) -> Memory:
        return {}

    def forward(self, observation: Observation, memory: Memory, episode_starts: Tensor) -> tuple[Decision, Memory]:
        value, answer = (
            self.place.expand(episode_starts.shape),
            self.place.expand(*episode_starts.shape, self.num_answers),
        )
        if self.choices:
            logits = self.place.expand(*episode_starts.shape, self.choices)
            return Decision(Categorical(logits=logits), value, answer=answer), memory
        middle = self.place.expand(*episode_starts.shape, self.coordinates)
        # As wide as it is, most points beyond the edge are brought back to it: it looks along the edges and across.
        policy = Gaussian(middle, torch.ones_like(middle))
        return Decision(policy, value, answer=answer), memory


HOPS = 5  # of who wanders through a graph
MOST_TURNS = 11  # to the right, before the first hop
MOST_MOVES = 30  # of who wanders by turning and going forward


class RandomWalk(Agent):
    """Hops from neighbour to neighbour by chance, five times, and stops.

    straight: whether only the first hop is by chance, and every other goes to the neighbour most nearly ahead. For a
    view of candidates [K, numbers] that begin with sine and cosine of where each lies.
    """

    def __init__(self, straight: bool) -> None:
        super().__init__()
        self.straight = straight
        self.place = nn.Parameter(torch.zeros(()), requires_grad=False)  # tells the device

    def initial(self, batch: int) -> Memory:
        return {"hops": torch.zeros(batch, dtype=torch.long, device=self.place.device)}

    def forward(self, observation: Observation, memory: Memory, episode_starts: Tensor) -> tuple[Decision, Memory]:
        hops, each = memory["hops"], []
        for begins in episode_starts:
            hops = torch.where(begins, 0, hops)
            each.append(hops)
            hops = hops + 1
        made = torch.stack(each)[..., None]
        ways = observation["possible"][..., :-1] > 0
        if self.straight:
            ahead = observation["view"][..., 1].masked_fill(~ways, -torch.inf)
            nearest = ahead == ahead.amax(dim=-1, keepdim=True)
            ways = ways & (nearest | (made == 0))
        over = (made >= HOPS) | ~ways.any(dim=-1, keepdim=True)
        return _among(torch.cat([ways & ~over, over], dim=-1)), {"hops": hops}


class RandomDrive(Agent):
    """Turns right up to eleven times by chance, then goes forward five times, turning right where no way leads on.

    The random agent of Anderson et al. (2018, arXiv:1711.07280), for moves of which the first is forward, the third a
    turn to the right, and the last a stop. Theirs ends after 30 moves wherever it is, and so does this one. straight:
    whether it does not turn at first.

    How often to turn is not drawn beforehand. At every step it goes on to go forward as probably as if it had been, in
    the light of what was done and possible so far.
    """

    def __init__(self, actions: int, straight: bool) -> None:
        super().__init__()
        self.actions, self.straight = actions, straight
        self.place = nn.Parameter(torch.zeros(()), requires_grad=False)  # tells the device

    def initial(self, batch: int) -> Memory:
        device = self.place.device
        counts = {name: torch.zeros(batch, dtype=torch.long, device=device) for name in ("hops", "turns")}
        return counts | {"turning": torch.zeros(batch, device=device)}

    def forward(self, observation: Observation, memory: Memory, episode_starts: Tensor) -> tuple[Decision, Memory]:
        hops, turns, turning = memory["hops"], memory["turns"], memory["turning"]
        probabilities = []
        for previous, possible, begins in zip(
            observation["previous"], observation["possible"], episode_starts, strict=True
        ):
            went = (previous == 0) & ~begins
            hops = torch.where(begins, 0, hops + went)
            turns = torch.where(begins, 0, turns + ~went)
            # How probable it is that it still turns only because it was to turn so often.
            turning = torch.where(begins, 0.0 if self.straight else 1.0, torch.where(went, 0.0, turning))
            turning = turning * (1 - 1 / (MOST_TURNS + 1 - turns.clamp(max=MOST_TURNS)))
            ahead = possible[:, 0] > 0
            forward = torch.where(ahead, 1 - turning, 0.0)
            chosen = torch.zeros(len(hops), self.actions, device=turning.device)
            chosen[:, 0], chosen[:, 2] = forward, 1 - forward
            chosen[(hops >= HOPS) | (hops + turns >= MOST_MOVES)] = torch.eye(self.actions, device=turning.device)[-1]
            probabilities.append(chosen)
            # Who turns where a way leads on was still to turn.
            turning = torch.where(ahead, 1.0, turning)
        decision = _among(torch.stack(probabilities))
        return decision, {"hops": hops, "turns": turns, "turning": turning}


def _among(weights: Tensor) -> Decision:
    """A decision for moves as probable as their weights [T, B, moves]."""
    probabilities = weights.float()
    policy = Categorical((probabilities / probabilities.sum(dim=-1, keepdim=True)).log())
    return Decision(policy, torch.zeros_like(policy.probs[..., 0]))


STRAIGHT = 0.8  # how often the forward-biased agent goes forward; the other moves share the rest
FORWARD = "forward"
SCRIPTED = ("random", "stop", "straight", "expert", "chance")


def scripted_for(world: World[Any]) -> dict[str, Entry]:
    """The rows of a world's table that need no training: those that it declares (see World.scripted), in their order.

    Where it is shown which moves are possible (`possible`), who moves by rote goes five hops and stops: so on graphs.
    Raises ValueError where a world declares one that nobody plays here.
    """
    return {row: _entry(row, world) for row in world.scripted}


def _entry(row: str, world: World[Any]) -> Entry:
    space, actions = world.action_space, world.action_names
    if row not in SCRIPTED:
        raise ValueError(f"no scripted agent is called {row!r}; there are {', '.join(SCRIPTED)}")
    if row == "chance":
        return Entry(UniformPolicy(space, world.num_answers), sample)
    if not isinstance(space, Discrete):
        if row not in ("random", "expert"):
            raise ValueError(f"{row!r} is for moves that are choices; here they are points")
        return (
            Entry(UniformPolicy(space, 0), sample)
            if row == "random"
            else Entry(UniformPolicy(space, 0), follow_teacher, True)
        )
    if row in ("random", "straight") and "possible" in world.spaces:
        straight = row == "straight"
        return Entry(RandomDrive(len(actions), straight) if FORWARD in actions else RandomWalk(straight), sample)
    rows = scripted(actions)
    if row not in rows:
        raise ValueError(f"{row!r} means nothing among the moves {', '.join(actions)}: leave it out of World.scripted")
    return rows[row]


def scripted(actions: Sequence[str]) -> dict[str, Entry]:
    """The rows of who moves by rote, among moves of these names. random: every move alike, `stop` among them.

    stop: stops at once, where the last move does. straight: mostly forward, where a move is. expert: one of the
    optimal moves at every step.
    """
    rows = {"random": Entry(FixedPolicy([1 / len(actions)] * len(actions)), sample)}
    if actions[-1] == "stop":
        rows["stop"] = Entry(FixedPolicy([0.0] * (len(actions) - 1) + [1.0]))
    if FORWARD in actions and len(actions) > 1:
        rest = (1 - STRAIGHT) / (len(actions) - 1)
        rows["straight"] = Entry(FixedPolicy([STRAIGHT if move == FORWARD else rest for move in actions]), sample)
    rows["expert"] = Entry(FixedPolicy([1 / len(actions)] * len(actions)), follow_teacher, oracle=True)
    return rows
