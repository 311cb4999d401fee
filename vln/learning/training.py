"""A training from beginning to end: updates, logs, checkpoints, interruption and resumption."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vln.agent import Agent
from vln.language import FIRST_WORD
from vln.learning.checkpoints import Arrays, Checkpoint, find_checkpoint, load_checkpoint, save_checkpoint
from vln.learning.config import TrainConfig
from vln.learning.distributed import SINGLE_PROCESS, Processes
from vln.learning.episode_sampler import EpisodeSampler
from vln.learning.interruptions import interruption, record_stop
from vln.learning.learner import Learner
from vln.learning.locks import FolderLock
from vln.learning.logs import Log, NullLog
from vln.learning.rollouts import RolloutState
from vln.learning.rules import Loss, Rule, rule_of
from vln.learning.threads import ThreadChoice
from vln.learning.training_stats import TrainingStats
from vln.world import World

CHECKPOINT = "checkpoint.safetensors"  # in the folder of a run
RECORD_EVERY = 20  # updates
SAVE_EVERY = 500  # updates


def train(
    world: World[Any],
    agent: Agent,
    config: TrainConfig,
    folder: Path | str,
    facts: Mapping[str, Any] | None = None,
    resume: bool = False,
    loss: Loss | None = None,
    save_every: int = SAVE_EVERY,
    live: bool = True,
    team: Processes = SINGLE_PROCESS,
    probe: Callable[[Agent], Mapping[str, float]] | None = None,
    sample: Callable[[Agent], str] | None = None,
    threads: ThreadChoice | None = None,
    rule: Rule | None = None,
) -> bool:
    """Train an agent in a world and leave checkpoint, metrics.jsonl and TensorBoard events in a folder.

    facts: what else a checkpoint should say (JSON). resume: go on from the folder's checkpoint, on the CPU to the very
    weights that a training without a break would have reached. loss: what is descended, that of the config's rule
    unless given. rule: how the agent learns, in place of the config's rule.

    Ctrl-C, SIGTERM and SIGHUP finish the update, save and end; sent again, they stop at once. Returns whether the
    training came to its end and nothing asked it to stop; interruptions.stop_status() says what did.

    Raises BlockingIOError where another training is at work in the folder, and OSError where it can't be written; what
    was saved before is whole. A folder that is deleted meanwhile is made anew.

    team: the processes that train together, each of which calls this. probe: what is asked of the agent, in the process
    that leads, whenever a checkpoint is written, and recorded by name; sample: what is told of it then to whoever
    watches. They must draw no random numbers of torch's. threads: who chooses how many threads there are; without it
    they stay as they are. Another number of them may change the last bits of sums, so that who needs the very same
    weights again can't have it chosen.
    """
    folder = Path(folder)
    if rule is not None and loss is not None:
        raise ValueError("a rule owns its descent: give a rule or a loss")
    learner = Learner.begin(world, agent, config, team, rule or rule_of(config, loss))
    ledger = TrainingStats(learner.config.unroll_length * config.num_envs)  # a window may have been shortened
    if resume:
        find_checkpoint(folder / CHECKPOINT)
    with FolderLock(folder) if team.is_main else nullcontext() as lock:
        if resume:
            checkpoint = load_checkpoint(folder / CHECKPOINT)
            restore(learner, checkpoint)
            ledger.resume(checkpoint.arrays)

        def save() -> None:
            arrays = snapshot(learner) | ledger.arrays()
            if team.is_main:
                log.mend()
                save_checkpoint(folder / CHECKPOINT, Checkpoint(arrays, {**(facts or {}), "update": learner.update}))

        logging = Log(folder, config.updates, learner.update, live, lock) if team.is_main else NullLog()
        with logging as log:
            learn = threads.timing(learner.learn) if threads else learner.learn
            ended = _learn(learner, learn, ledger, log, save, save_every, probe, sample)
            if not ended:
                log.say(f"stopped after update {learner.update}; what was learned is saved in {folder}")
    if learner.mean is not None:
        agent.load_state_dict(learner.mean, strict=False)
    agent.eval()
    return ended


def _learn(
    learner: Learner[Any],
    learn: Callable[..., dict[str, float]],
    ledger: TrainingStats,
    log: Log | NullLog,
    save: Callable[[], None],
    save_every: int,
    probe: Callable[[Agent], Mapping[str, float]] | None,
    sample: Callable[[Agent], str] | None,
) -> bool:
    """Update after update; whether it came to the end, and no signal stopped it. What it leaves is saved."""
    config, team = learner.config, learner.processes
    learner.agent.train()
    learner.quick.train()
    ledger.turn(learner.update)
    record_stop(0)
    with interruption() as interrupted:
        done = learner.update >= config.updates
        stopped = 0
        while not done and not stopped:
            values = ledger.write(learn(ledger.clock))
            done = learner.update >= config.updates
            if done or learner.update % RECORD_EVERY == 0:
                log.record(learner.update, values | ledger.read(learner.update))
            if done or learner.update % save_every == 0:
                try:
                    if probe and team.is_main:
                        with learner.as_kept() as kept:
                            log.record(learner.update, probe(kept))
                finally:  # what was learned is not lost with what was asked about it
                    save()
                if sample and team.is_main:
                    with learner.as_kept() as kept:
                        log.say(sample(kept))
                ledger.turn(learner.update)
            log.show()
            stopped = team.max(interrupted())
        if stopped:
            save()
    record_stop(stopped)
    return done and not stopped


def snapshot(learner: Learner[Any]) -> Arrays:
    """All that changes from update to update, as arrays by name; of a team, in the process that leads.

    The weights and the optimizer's moments are the same in every process. Where its slots stand, what is remembered
    there and its random numbers are each process's own.
    """
    arrays = {f"agent/{name}": _array(weights) for name, weights in learner.agent.state_dict().items()}
    for index, moments in learner.optimizer.state_dict()["state"].items():
        arrays |= {f"optimizer/{index}/{name}": _array(values) for name, values in moments.items()}
    arrays |= {f"mean/{name}": _array(weights) for name, weights in (learner.mean or {}).items()}
    arrays |= {f"rule/{name}": _array(values) for name, values in learner.rule.state().items()}
    for rank, own in enumerate(learner.processes.gather(_slots_of(learner))):
        arrays |= {f"process{rank}/{name}": array for name, array in own.items()}
    return arrays


def _slots_of(learner: Learner[Any]) -> Arrays:
    now = learner.rollout_state
    arrays = {f"state/{field.name}": _array(getattr(now.state, field.name)) for field in fields(now.state)}
    arrays |= {f"memory/{name}": _array(values) for name, values in now.memory.items()}
    arrays |= {f"rewards/{name}": _array(getattr(now.rewards, name)) for name in ("error", "distance")}
    arrays |= {"stream/key": now.sampler.key, "stream/count": now.sampler.count, "episode_starts": now.episode_starts}
    return arrays | {"rng/acting": _array(learner.rng.get_state()), "rng/global": _array(torch.get_rng_state())}


def restore(learner: Learner[Any], checkpoint: Checkpoint) -> None:
    """Put a learner where the checkpoint's was. Raises ValueError when it belongs to another agent or training."""
    load_weights(learner.agent, checkpoint)
    learner.renew()
    if learner.mean is not None:
        stored_mean = checkpoint.part("mean")
        if not stored_mean:
            raise ValueError("the checkpoint holds no mean of the weights, and this config asks for one (ema_decay)")
        learner.mean = {name: _like(values, stored_mean[name]) for name, values in learner.mean.items()}
    device = next(learner.agent.parameters()).device
    moments: dict[int, dict[str, Tensor]] = {}
    for name, values in checkpoint.part("optimizer").items():
        index, moment = name.split("/")
        moments.setdefault(int(index), {})[moment] = torch.from_numpy(values.copy())
    learner.optimizer.load_state_dict({**learner.optimizer.state_dict(), "state": moments})
    learner.rule.restore({name: torch.from_numpy(values.copy()) for name, values in checkpoint.part("rule").items()})
    team, begun = learner.processes, learner.rollout_state
    processes = len({name.split("/")[0] for name in checkpoint.arrays if name.startswith("process")})
    if processes != team.world_size:
        raise ValueError(f"the checkpoint is of a training in {processes} processes, this one is in {team.world_size}")
    own = Checkpoint(checkpoint.part(f"process{team.rank}"), {})
    stored = own.part("state")
    if len(stored["episode"]) != len(begun.state):
        slots = len(stored["episode"]) * team.world_size
        raise ValueError(f"the checkpoint trains {slots} environments, this config {learner.config.num_envs}")
    memory = {name: torch.from_numpy(values.copy()).to(device) for name, values in own.part("memory").items()}
    stream = EpisodeSampler(own.arrays["stream/key"], own.arrays["stream/count"])
    state = replace(begun.state, **{name: _like(getattr(begun.state, name), stored[name]) for name in stored})
    kept = {name: _like(getattr(begun.rewards, name), values) for name, values in own.part("rewards").items()}
    episode_starts, rewards = own.arrays["episode_starts"], replace(begun.rewards, **kept)
    learner.rollout_state = RolloutState(state, stream, episode_starts, memory, rewards)
    learner.rng.set_state(torch.from_numpy(own.arrays["rng/acting"].copy()))
    torch.set_rng_state(torch.from_numpy(own.arrays["rng/global"].copy()))
    learner.update = int(checkpoint.facts["update"])


def kept_weights(checkpoint: Checkpoint) -> Checkpoint:
    """The checkpoint of the agent as it is judged and kept: with the mean of its weights, where there is one."""
    mean = {f"agent/{name}": values for name, values in checkpoint.part("mean").items()}
    return Checkpoint({**checkpoint.arrays, **mean}, checkpoint.facts)


def load_weights(agent: Agent, checkpoint: Checkpoint) -> None:
    """Give an agent the weights of a checkpoint. Raises ValueError naming the first that does not fit."""
    stored, own = checkpoint.part("agent"), agent.state_dict()
    for name in sorted(stored.keys() | own.keys()):
        if name not in stored or name not in own:
            place = "the checkpoint" if name not in stored else "this agent"
            raise ValueError(f"the checkpoint is of another agent: {place} has no weights {name!r}")
        if stored[name].shape != tuple(own[name].shape):
            raise ValueError(
                f"the checkpoint is of another agent: {name!r} is {list(stored[name].shape)} there, "
                f"{list(own[name].shape)} here"
            )
    agent.load_state_dict({name: torch.from_numpy(values.copy()) for name, values in stored.items()})


def transfer_weights(agent: Agent, checkpoint: Checkpoint, words: Sequence[str]) -> None:
    """Begin with the weights of a checkpoint whose agent knew other words; words: those this agent knows.

    A word that only this agent knows keeps the row it was made with. Raises ValueError as load_weights does.
    """
    stored, own = dict(checkpoint.part("agent")), agent.state_dict()
    known = {word: row for row, word in enumerate(checkpoint.facts["words"], start=FIRST_WORD)}
    pairs = [(row, row) for row in range(FIRST_WORD)]
    pairs += [(row, known[word]) for row, word in enumerate(words, start=FIRST_WORD) if word in known]
    here, there = np.array(pairs).T
    for name in agent.word_rows:
        if name in stored and name in own:
            rows = _array(own[name])
            rows[here] = stored[name][there]
            stored[name] = rows
    arrays = {f"agent/{name}": values for name, values in stored.items()}
    load_weights(agent, Checkpoint(arrays, checkpoint.facts))


def _array(values: Any) -> np.ndarray[Any, Any]:
    return values.detach().cpu().numpy().copy() if isinstance(values, Tensor) else values


def _like(values: Any, stored: np.ndarray[Any, Any]) -> Any:
    """What is stored, as a tensor where there was one."""
    return torch.from_numpy(stored.copy()).to(values.device) if isinstance(values, Tensor) else stored
