"""Rules: a rule owns its descent; one of somebody's own trains, goes on to the bit, and gets table and page."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.commands import SHORT, run, standing_in
from helpers.pen_world import PenAgent, Pens
from helpers.root import ROOT
from helpers.tiny import tiny_agent, tiny_world
from torch import Tensor

from vln.evaluation.evaluate import evaluate
from vln.learning.checkpoints import load_checkpoint
from vln.learning.config import TrainConfig
from vln.learning.learner import Learner
from vln.learning.rules import Rule, rule_of
from vln.learning.training import CHECKPOINT, train

PAGE = (ROOT / "docs" / "extending" / "rule.md").read_text()
(PROGRAM,) = re.findall(r"as `ppo\.py`:\n\n```python\n(.*?)```", PAGE, re.S)
CONFIG = TrainConfig(updates=6, num_envs=4, unroll_length=3, warmup_updates=1, bfloat16=False)


def ppo(**options: Any) -> Rule:
    """The rule that docs/extending/rule.md shows."""
    shown: dict[str, Any] = {}
    exec(PROGRAM, shown)
    rule: Rule = shown["PPO"](**options)
    return rule


def test_the_rule_that_is_shown_has_no_more_than_forty_lines() -> None:
    assert len([line for line in PROGRAM.splitlines() if line.strip()]) <= 44
    assert len(re.findall(r"def learn.*", PROGRAM, re.S)[0].strip().splitlines()) <= 20


def test_ppo_learns_strokes_from_rewards() -> None:
    """Baseline: what it knew before, under 30 %. Oracle: all of them."""
    torch.manual_seed(0)
    world, agent = Pens(episodes=64), PenAgent()
    config = TrainConfig(
        updates=150, num_envs=64, unroll_length=6, learning_rate=5e-3, warmup_updates=5, bfloat16=False
    )
    before = np.mean([outcome.success for outcome in evaluate(world, agent)])
    learner = Learner.begin(world, agent, config, rule=ppo())
    for _ in range(config.updates):
        learner.learn()
    assert before < 0.3
    assert np.mean([outcome.success for outcome in evaluate(world, agent)]) > 0.9


def test_at_first_ppo_finds_the_probabilities_that_it_acted_by() -> None:
    class Watched(Rule):
        """Keeps the ratios before anything was learned."""

        values = True

        def learn(self, learning: Any, rollout: Any) -> dict[str, Tensor]:
            decision = learning.decide(rollout)
            self.ratio = (decision.policy.log_prob(rollout.actions) - rollout.log_prob).exp().detach()
            self.beside = (decision.value - rollout.value).detach()
            learning.descend(decision.value.sum() * 0)
            return {}

    rule = Watched()
    learner = Learner.begin(
        tiny_world(), tiny_agent(), TrainConfig(num_envs=5, unroll_length=9, bfloat16=False), rule=rule
    )
    for _ in range(3):
        learner.learn()
        torch.testing.assert_close(rule.ratio, torch.ones_like(rule.ratio), rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(rule.beside, torch.zeros_like(rule.beside), rtol=1e-4, atol=1e-4)


def test_minibatches_are_whole_environments_and_all_of_them() -> None:
    class Dealt(Rule):
        values = True

        def learn(self, learning: Any, rollout: Any) -> dict[str, Tensor]:
            self.parts = list(learning.minibatches(rollout, 3))
            self.whole = rollout
            learning.descend(learning.decide(self.parts[0]).value.sum())
            with pytest.raises(ValueError, match="5 environments can't be dealt out into 6 minibatches"):
                learning.minibatches(rollout, 6)
            return {}

    rule = Dealt()
    Learner.begin(Pens(), PenAgent(), TrainConfig(num_envs=5, unroll_length=4, bfloat16=False), rule=rule).learn()
    assert [part.episode_starts.shape for part in rule.parts] == [(3, 2), (3, 2), (3, 1)]
    together = torch.cat([part.actions["stroke"] for part in rule.parts], dim=1)[..., 0]
    whole = rule.whole.actions["stroke"][..., 0]
    assert sorted(map(tuple, together.T.tolist())) == sorted(map(tuple, whole.T.tolist()))


class Counting(Rule):
    """Imitates, and counts how often it has."""

    teacher = True

    def __init__(self, after: int | None = None) -> None:
        self.count, self.after = torch.zeros(()), after

    def learn(self, learning: Any, rollout: Any) -> dict[str, Tensor]:
        self.count = self.count + 1
        if self.after is not None and self.count > self.after:
            raise KeyboardInterrupt
        learning.descend(-learning.decide(rollout).policy.log_prob_of_any(rollout.teacher_actions).mean())
        return {"count": self.count}

    def state(self) -> dict[str, Tensor]:
        return {"count": self.count}

    def restore(self, state: Any) -> None:
        self.count = state["count"]


def test_what_a_rule_remembers_is_in_the_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(Pens(), PenAgent(), CONFIG, tmp_path, save_every=2, live=False, rule=Counting(after=5))
    assert load_checkpoint(tmp_path / CHECKPOINT).arrays["rule/count"] == 4
    rule = Counting()
    assert train(Pens(), PenAgent(), CONFIG, tmp_path, resume=True, live=False, rule=rule)
    assert rule.count == 6
    with pytest.raises(ValueError, match="PPO keeps no state, and the checkpoint holds one: count"):
        train(Pens(), PenAgent(), CONFIG, tmp_path, resume=True, live=False, rule=ppo())


@pytest.mark.parametrize("world", ["pens", "rooms"])
def test_ppo_that_was_broken_off_ends_with_the_same_weights(world: str, tmp_path: Path) -> None:
    place: Any = Pens() if world == "pens" else tiny_world()

    def agent(seed: int) -> Any:
        torch.manual_seed(seed)
        return PenAgent() if world == "pens" else tiny_agent(seed=seed)

    whole, broken, resumed = agent(0), agent(0), agent(1)
    torch.manual_seed(3)
    assert train(place, whole, CONFIG, tmp_path / "whole", live=False, rule=ppo(minibatches=2))
    torch.manual_seed(3)
    stopping = ppo(minibatches=2)
    learn = stopping.learn
    left = iter(range(3))

    def broken_off(*arguments: Any) -> Any:
        if next(left, None) is None:
            raise RuntimeError("the power failed")
        return learn(*arguments)

    stopping.learn = broken_off  # type: ignore[method-assign,assignment]
    with pytest.raises(RuntimeError, match="the power failed"):
        train(place, broken, CONFIG, tmp_path / "broken", save_every=2, live=False, rule=stopping)
    rule = ppo(minibatches=2)
    assert train(place, resumed, CONFIG, tmp_path / "broken", resume=True, live=False, rule=rule)
    for name, weights in whole.state_dict().items():
        assert torch.equal(weights, resumed.state_dict()[name]), name


def test_a_rule_that_learns_nothing_or_leaves_no_memory_is_refused() -> None:
    class Idle(Rule):
        def learn(self, learning: Any, rollout: Any) -> dict[str, Tensor]:
            return {}

    with pytest.raises(ValueError, match=r"has learned nothing: it must call descend\(\)"):
        Learner.begin(Pens(), PenAgent(), CONFIG, rule=Idle()).learn()


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        ({"rule": "imitatoin"}, "no rule is called 'imitatoin'; there are imitation, reinforce, pathwise, or FILE"),
        ({"reward": "environment"}, "under rule imitation reward would change nothing"),
        ({"rule": "pathwise", "discount": 0.9}, "under rule pathwise discount would change nothing"),
    ],
)
def test_a_rule_that_there_is_not_or_an_option_that_it_does_not_heed_is_refused(
    config: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        rule_of(TrainConfig(**config))


def test_a_rule_of_ones_own_trains_from_the_command_line_goes_on_and_is_judged_without_being_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with standing_in(tmp_path):
        (tmp_path / "ppo.py").write_text(PROGRAM)
        own = ("goto", "--rule", "ppo.py:PPO")
        with pytest.raises(SystemExit):
            run("train", *own, "--help")
        shown = capsys.readouterr().out
        assert "the rule:\n" in shown
        assert "how far a probability may move" in shown.partition("--rule.clip 0.2")[2].partition("\n")[0]
        with pytest.raises(SystemExit, match=r"takes no --rule\.clop; did you mean --rule\.clip"):
            run("train", *own, "--rule.clop", "0.1")
        with pytest.raises(ValueError, match="progress_weight would change nothing"):
            run("train", *own, "--progress-weight", "0.5", "--baselines", "0", *SHORT)
        more = ("--rule.minibatches", "2", "--set", "rule.epochs=1", "world.max_steps=9", "--baselines", "0")
        assert run("train", *own, *more, *SHORT)
        folder = tmp_path / "runs" / "goto"
        facts = load_checkpoint(folder / CHECKPOINT).facts
        assert facts["plan"]["rule_options"] == {"minibatches": 2, "epochs": 1}
        assert facts["plan"]["world_options"]["max_steps"] == 9
        assert facts["value"] == "return"
        with pytest.raises(SystemExit, match=r"ppo\.py run as a program"):
            run("train", "--resume", str(folder), "--threads", "1")
        assert run("train", "--resume", str(folder), "--trust-code", "--threads", "1")
        page = tmp_path / "page.html"
        table = run("evaluate", str(folder), "--episodes", "4", "--threads", "1", "--report", str(page))
        assert table["rows"]["agent"]["updates"] == 2
        assert "distance to go" in page.read_text()


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("view=symbols", "takes PART.OPTION=VALUE, with one of task, world as the part"),
        ("agent.wide=3", "there is no part 'agent' to set; there are task, world"),
        ("world.max_step=3", "the world of goto takes no 'max_step'; did you mean world.max_steps"),
        ("world.walls_fail=perhaps", "world.walls_fail is true or false"),
    ],
)
def test_a_setting_that_there_is_not_is_refused(setting: str, complaint: str, tmp_path: Path) -> None:
    with standing_in(tmp_path), pytest.raises(SystemExit, match=complaint):
        run("train", "goto", "--set", setting)
