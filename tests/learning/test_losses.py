"""Losses, compared with numbers worked out by hand."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch

from vln.agent import Decision
from vln.learning.losses import DISTANCE_UNIT, answer_loss, gae, imitation_loss, progress_loss, returns
from vln.learning.rollouts import Rollout
from vln.policies import Categorical, Gaussian

EVEN = [0.5, 0.25, 0.25]


def deciding(*probabilities: list[float], value: float = 0.0) -> Decision:
    """Decisions [T, 1] with these probabilities of the moves."""
    logits = torch.tensor(probabilities).log()[:, None]
    return Decision(Categorical(logits=logits), torch.full(logits.shape[:2], value))


def taught(*best: list[int], **more: Any) -> Rollout:
    """A window [T, 1] in which these moves were the teacher's."""
    nothing = torch.zeros(len(best), 1)
    window = Rollout(
        observation={},
        episode_starts=nothing.bool(),
        memory={},
        actions=nothing.long(),
        answer=None,
        teacher_actions=torch.tensor(best, dtype=torch.bool)[:, None],
        reward=nothing,
        terminated=nothing.bool(),
        truncated=nothing.bool(),
        successes=nothing.bool(),
        error=nothing,
    )
    return replace(window, **more)


def test_imitation_is_minus_the_log_of_what_all_optimal_moves_share() -> None:
    assert imitation_loss(deciding(EVEN), taught([1, 1, 0])).item() == pytest.approx(-math.log(0.75))
    assert imitation_loss(deciding(EVEN), taught([0, 1, 1])).item() == pytest.approx(-math.log(0.5))
    assert imitation_loss(deciding(EVEN), taught([1, 1, 1])).item() == pytest.approx(0, abs=1e-6)


def test_imitation_of_a_single_best_move_is_minus_its_log_probability() -> None:
    decision = deciding(EVEN, [0.1, 0.2, 0.7])
    expected = -decision.policy.log_prob(torch.tensor([[1], [2]])).mean()
    torch.testing.assert_close(imitation_loss(decision, taught([0, 1, 0], [0, 0, 1])), expected)


def test_imitation_is_averaged_over_the_window() -> None:
    loss = imitation_loss(deciding(EVEN, [0.1, 0.1, 0.8]), taught([1, 0, 0], [0, 0, 1]))
    assert loss.item() == pytest.approx(-(math.log(0.5) + math.log(0.8)) / 2)


def test_which_of_several_best_moves_is_preferred_does_not_matter() -> None:
    logits = torch.tensor([[[0.6, 0.2, 0.2]]]).log().requires_grad_()
    imitation_loss(Decision(Categorical(logits=logits), torch.zeros(1, 1)), taught([1, 1, 0])).backward()
    assert logits.grad is not None
    # Each is pushed in proportion to what it has: 0.6 and 0.2 of the 0.8 they share.
    assert logits.grad.flatten().tolist() == pytest.approx([0.6 - 0.75, 0.2 - 0.25, 0.2])


def test_a_sure_mistake_has_a_finite_loss_and_is_still_learned_from() -> None:
    logits = torch.tensor([[[200.0, 0.0, 0.0]]], requires_grad=True)
    loss = imitation_loss(Decision(Categorical(logits=logits), torch.zeros(1, 1)), taught([0, 0, 1]))
    loss.backward()
    assert loss.item() == pytest.approx(200)
    assert logits.grad is not None
    assert logits.grad.flatten().tolist() == pytest.approx([1, 0, -1])


def test_there_is_nothing_to_imitate_without_a_teacher() -> None:
    with pytest.raises(ValueError, match=r"label=world\.teacher"):
        imitation_loss(deciding(EVEN), taught([1, 0, 0], teacher_actions=None))


def test_a_value_that_knows_the_distance_has_no_loss() -> None:
    window = taught([1, 0, 0], error=torch.full((1, 1), DISTANCE_UNIT / 2))
    assert progress_loss(deciding(EVEN, value=-0.5), window).item() == 0
    assert progress_loss(deciding(EVEN, value=0.25), window).item() == pytest.approx(0.75**2)


def test_answers_are_scored_by_how_likely_the_right_one_was() -> None:
    asked = taught([1, 0, 0], [1, 0, 0], answer=torch.tensor([[1], [0]]))
    logits = torch.tensor([[[0.25, 0.75]], [[0.5, 0.5]]]).log()
    decision = replace(deciding(EVEN, EVEN), answer=logits)
    assert answer_loss(decision, asked).item() == pytest.approx(-(math.log(0.75) + math.log(0.5)) / 2)


def test_who_is_not_asked_or_does_not_answer_has_no_answer_to_learn() -> None:
    asked = taught([1, 0, 0], answer=torch.tensor([[1]]))
    assert answer_loss(deciding(EVEN), asked).item() == 0
    assert answer_loss(replace(deciding(EVEN), answer=torch.zeros(1, 1, 2)), taught([1, 0, 0])).item() == 0


def test_right_is_the_share_of_likeliest_moves_that_are_best_where_something_is_asked() -> None:
    decision = deciding(EVEN, [0.1, 0.2, 0.7], EVEN)
    best = taught([1, 0, 0], [1, 1, 0], [1, 1, 1]).teacher_actions
    assert decision.policy.agreement(best)["right"].item() == 0.5


def test_a_point_that_is_not_asked_for_costs_nothing() -> None:
    policy = Gaussian(torch.zeros(2, 1, 1), torch.ones(2, 1, 1))
    decision = Decision(policy, torch.zeros(2, 1))
    points = torch.tensor([[[torch.nan]], [[1.0]]])
    expected = -policy.log_prob(torch.ones(1)).flatten()[0] / 2
    torch.testing.assert_close(imitation_loss(decision, replace(taught([1], [1]), teacher_actions=points)), expected)


def test_a_return_is_the_discounted_sum_to_the_end_of_the_episode() -> None:
    reward = torch.tensor([[1.0], [2.0], [4.0], [8.0]])
    dones = torch.tensor([[False], [True], [False], [False]])
    # Beyond the window 16 is expected from its last step on, whose own reward is among it.
    expected = [[1 + 0.5 * 2], [2], [4 + 0.5 * 16], [16]]
    assert returns(reward, dones, torch.tensor([16.0]), 0.5).tolist() == expected


def test_advantages_are_those_worked_out_by_hand() -> None:
    """Four steps of one environment: the second terminates, the third is truncated, and the fourth goes on."""
    column = lambda *numbers: torch.tensor(numbers)[:, None]  # noqa: E731
    window = taught(
        *[[1, 0, 0]] * 4,
        reward=column(1.0, 2.0, 3.0, 4.0),
        terminated=column(False, True, False, False),
        truncated=column(False, False, True, False),
        value=column(0.5, 1.0, 1.5, 2.0),
        next_value=column(1.0, 0.0, 7.0, 3.0),
    )
    found = gae(window, discount=0.5, trace=0.5)
    surprises = [1 + 0.5 * 1 - 0.5, 2 - 1, 3 + 0.5 * 7 - 1.5, 4 + 0.5 * 3 - 2]
    by_hand = [surprises[0] + 0.25 * surprises[1], *surprises[1:]]
    assert found.advantage.flatten().tolist() == pytest.approx(by_hand)
    assert found.returns.flatten().tolist() == pytest.approx(
        [by_hand[0] + 0.5, by_hand[1] + 1, by_hand[2] + 1.5, by_hand[3] + 2]
    )


def test_advantages_need_what_was_expected() -> None:
    with pytest.raises(ValueError, match=r"pass values=True to rollout\(\), or set Rule\.values"):
        gae(taught([1, 0, 0]))
