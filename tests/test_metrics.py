"""Metrics: numbers worked out by hand, and a slow second opinion."""

import math
import time
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from vln.evaluation.intervals import by_family, by_length, interval, summary
from vln.outcomes import PathOutcome
from vln.scores import cls, ndtw, sdtw, spl


def on_a_line(path: list[float], reference: list[float]) -> NDArray[np.float64]:
    """Distances between positions that are numbers on a line."""
    return np.abs(np.subtract.outer(np.array(path, float), np.array(reference, float)))


def outcome(**changes: Any) -> PathOutcome:
    """Three steps along a line, past a reference 0, 2: a success that walked no detour."""
    basis: dict[str, Any] = {
        "name": "a",
        "family": "goto",
        "success": True,
        "error": 0.0,
        "least_error": 0.0,
        "length": 2.0,
    }
    walked: dict[str, Any] = {
        "shortest": 2.0,
        "distances": on_a_line([0, 1, 2], [0, 2]),
        "path_length": 2.0,
        "reference_length": 2.0,
    }
    return PathOutcome(**(basis | walked | changes))


def slow_warp(distances: list[list[float]]) -> float:
    """Dynamic time warping as its definition says it."""

    @cache
    def cost(row: int, column: int) -> float:
        if row < 0 or column < 0:
            return 0.0 if row == column else math.inf
        return distances[row][column] + min(cost(row - 1, column), cost(row, column - 1), cost(row - 1, column - 1))

    return cost(len(distances) - 1, len(distances[0]) - 1)


def slow_cls(distances: list[list[float]], path_length: float, reference_length: float, threshold: float) -> float:
    rows, columns = range(len(distances)), range(len(distances[0]))
    coverage = sum(math.exp(-min(distances[p][r] for p in rows) / threshold) for r in columns) / len(columns)
    expected = coverage * reference_length
    return coverage * (expected / (expected + abs(expected - path_length)))


def test_spl_is_one_on_the_shortest_path_and_falls_with_every_detour() -> None:
    assert spl(True, shortest=6, length=6) == 1
    assert spl(True, shortest=6, length=8) == 6 / 8
    assert spl(True, shortest=6, length=5) == 1  # stopped within the tolerance, before the goal itself
    assert spl(False, shortest=6, length=6) == 0


def test_spl_is_the_success_when_the_start_is_the_goal() -> None:
    assert spl(True, shortest=0, length=0) == 1
    assert spl(True, shortest=0, length=4) == 1
    assert spl(False, shortest=0, length=0) == 0


def test_a_goal_that_cannot_be_reached_scores_nothing() -> None:
    away, nowhere = dict.fromkeys(("error", "least_error", "shortest"), math.inf), np.full((3, 2), np.inf)
    metrics = outcome(success=False, distances=nowhere, **away).metrics()
    assert metrics.pop("navigation_error") == math.inf
    assert metrics.pop("trajectory_length") == 2
    assert set(metrics.values()) == {0.0}


def test_ndtw_of_a_path_through_the_reference() -> None:
    # 0 with 0, 1 with either, 2 with 2: the sum is 1; |R| = 2, threshold 3.
    assert ndtw(on_a_line([0, 1, 2], [0, 2]), 3.0) == pytest.approx(math.exp(-1 / (2 * 3)))


def test_ndtw_of_a_path_of_one_node() -> None:
    # The one node is matched with all of the reference: 0 + 1 + 2 + 3 = 6; |R| = 4.
    assert ndtw(on_a_line([0], [0, 1, 2, 3]), 3.0) == pytest.approx(math.exp(-6 / (4 * 3)))


def test_ndtw_forgives_standing_still_on_the_reference_only() -> None:
    assert ndtw(on_a_line([0, 0, 0, 1, 1, 2], [0, 1, 2]), 3.0) == 1
    # Two nodes off by 1 cost 1 each: 2 in all; |R| = 3.
    assert ndtw(on_a_line([0, 1, 2, 3, 3], [0, 1, 2]), 3.0) == pytest.approx(math.exp(-2 / (3 * 3)))


def test_ndtw_hears_the_order() -> None:
    assert ndtw(on_a_line([2, 1, 0], [0, 1, 2]), 3.0) < ndtw(on_a_line([0, 1, 2], [0, 1, 2]), 3.0) == 1


def test_sdtw_is_ndtw_of_the_successful() -> None:
    assert sdtw(True, 0.7) == 0.7
    assert sdtw(False, 0.7) == 0


def test_cls_weighs_coverage_by_length() -> None:
    # Stayed at 0 of 0..3: coverage is the mean of e^0, e^-1/3, e^-2/3, e^-1; expected length is coverage * 3, walked 0,
    # so the length score is expected / (expected + expected) = 1/2.
    coverage = (1 + math.exp(-1 / 3) + math.exp(-2 / 3) + math.exp(-1)) / 4
    assert cls(on_a_line([0], [0, 1, 2, 3]), 0, 3, 3.0) == pytest.approx(coverage / 2)
    # There, back and there again: covered whole (1), expected 2, walked 6: 2 / (2 + 4).
    assert cls(on_a_line([0, 1, 2, 1, 0, 1, 2], [0, 1, 2]), 6, 2, 3.0) == pytest.approx(1 / 3)


def test_cls_of_a_reference_that_goes_nowhere() -> None:
    assert cls(on_a_line([5], [5]), 0, 0, 3.0) == 1
    assert cls(on_a_line([5, 6], [5]), 1, 0, 3.0) == 0
    assert cls(on_a_line([8], [5]), 0, 0, 3.0) == pytest.approx(math.exp(-1))


def test_a_slow_second_opinion_agrees() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        distances = rng.integers(0, 9, size=rng.integers(1, 13, size=2)) / rng.integers(1, 4)
        distances[rng.random(distances.shape) < 0.1] = np.inf
        walked, needed = rng.integers(1, 20, size=2)
        expected = math.exp(-slow_warp(distances.tolist()) / (distances.shape[1] * 3))
        assert ndtw(distances, 3.0) == pytest.approx(expected)
        if np.isfinite(distances).any():
            assert cls(distances, walked, needed, 3.0) == pytest.approx(
                slow_cls(distances.tolist(), walked, needed, 3.0)
            )


def test_of_positions_that_come_again_distances_may_be_given_once() -> None:
    rng = np.random.default_rng(0)
    between = rng.random((4, 3)) * 5
    path, reference = np.r_[rng.permutation(4), rng.integers(4, size=9)], np.r_[rng.permutation(3), 2, 0]
    every = between[np.ix_(path, reference)]
    assert ndtw(between, 3.0, path, reference) == ndtw(every, 3.0)
    assert cls(between, 7, 9, 3.0, reference) == cls(every, 7, 9, 3.0)
    once = outcome(distances=between, path=path, reference=reference)
    assert once.metrics() == outcome(distances=every).metrics()


def test_all_metrics_of_an_episode() -> None:
    # Stopped one short of a goal at 3 it had passed: walked 4 where 3 do; reference 0..3.
    distances = on_a_line([0, 1, 2, 3, 2], [0, 1, 2, 3])
    lengths = {"length": 4.0, "shortest": 3.0, "path_length": 4.0, "reference_length": 3.0}
    assert outcome(success=False, error=1.0, distances=distances, **lengths).metrics() == pytest.approx(
        {
            "trajectory_length": 4,
            "navigation_error": 1,
            "success": 0,
            "oracle_success": 1,
            "spl": 0,
            "ndtw": math.exp(-1 / (4 * 3)),
            "sdtw": 0,
            "cls": 3 / (3 + 1),
        }
    )


def test_oracle_success_is_having_been_within_the_tolerance() -> None:
    assert outcome(least_error=2.9, tolerance=3.0).metrics()["oracle_success"] == 1
    assert outcome(least_error=3.1, tolerance=3.0).metrics()["oracle_success"] == 0


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (3,)])
def test_distances_of_a_wrong_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="at least one position each"):
        ndtw(np.zeros(shape), 3.0)


def test_a_thousand_long_episodes_take_less_than_a_second_of_the_processor() -> None:
    distances = np.random.default_rng(0).random((30, 15))
    ndtw(distances, 3.0)
    begin = time.process_time()
    for _ in range(1000):
        ndtw(distances, 3.0)
    assert time.process_time() - begin < 1


def test_an_interval_holds_its_mean_and_repeats_with_its_seed() -> None:
    values = np.random.default_rng(0).random(40)
    found = interval(values, seed=3)
    assert found.mean == pytest.approx(values.mean())
    assert found.low < found.mean < found.high
    assert found == interval(values, seed=3) != interval(values, seed=4)


def test_an_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    covered = [low <= 0.7 <= high for _, low, high in (interval(rng.random(60) < 0.7, i, 400) for i in range(300))]
    assert 0.90 <= np.mean(covered) <= 0.98


def test_an_interval_does_not_depend_on_the_memory_it_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).random(30)
    whole = interval(values)
    monkeypatch.setattr("vln.evaluation.intervals._BLOCK", 100)
    assert interval(values) == whole


def test_intervals_of_one_value_of_none_and_of_no_number() -> None:
    assert interval([0.25]) == (0.25, 0.25, 0.25)
    with pytest.raises(ValueError, match="no episodes"):
        interval([])
    with pytest.raises(ValueError, match="episode 1 is not a number"):
        interval([0.0, math.nan])
    with pytest.raises(ValueError, match="no episodes"):
        summary([])


def test_an_infinite_error_shows_in_the_mean_and_not_as_no_number() -> None:
    mean, low, high = interval([1.0] * 99 + [math.inf])
    assert (mean, low, high) == (math.inf, 1.0, math.inf)


def test_a_summary_has_every_metric() -> None:
    outcomes = [outcome(), outcome(success=False, error=2.0, least_error=1.0)]
    found = summary(outcomes)
    assert list(found) == list(outcomes[0].metrics())
    assert found["success"].mean == 0.5
    assert found["navigation_error"] == (1.0, 0.0, 2.0)


def test_success_by_family_and_by_length_counts_every_episode_once() -> None:
    outcomes = [outcome(family="go" if i % 3 else "find", shortest=float(i % 7), success=i < 30) for i in range(60)]
    assert [(group.label, group.episodes) for group in by_family(outcomes)] == [("find", 20), ("go", 40)]
    groups = by_length(outcomes, groups=3)
    assert [group.label for group in groups] == ["0 to 2", "3 to 4", "5 to 6"]
    assert sum(group.episodes for group in groups) == 60
    assert by_length(outcomes[:1])[0][:2] == ("0", 1)
