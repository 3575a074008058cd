"""Probability of being on the front, and the arms that are worth confirming."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from core.errors import StudyError
from core.statistics.arm_values import Objectives
from core.statistics.front_probability import front_probability, pick_for_confirmation
from core.statistics.pareto import non_dominated
from tests.support.made_up_values import TWO_COSTS, as_values, quickstart_table

LOSS: Objectives = {"loss": "minimize"}


def test_two_arms_in_one_objective_follow_the_paired_t_distribution() -> None:
    table = np.random.default_rng(0).normal(size=(2, 1, 4)) + np.array([0.0, 0.5])[:, None, None]
    difference = table[1, 0] - table[0, 0]
    t = difference.mean() / (difference.std(ddof=1) / np.sqrt(4))
    probabilities = front_probability(as_values(table, LOSS), LOSS, n_draws=20_000)
    assert probabilities["arm-0"] == pytest.approx(stats.t.cdf(t, 3), abs=0.015)
    assert probabilities["arm-1"] == pytest.approx(1 - probabilities["arm-0"])


def test_probabilities_are_those_of_the_truth_on_average() -> None:
    rng = np.random.default_rng(1)
    claimed, true = [], []
    for index in range(80):
        means = rng.uniform(0.0, 4.0, size=(8, 2))
        shared, own = rng.standard_normal((1, 2, 2)), rng.standard_normal((8, 2, 2))
        # What the seeds share is far larger than the noise, and must not matter.
        table = means[..., None] + 10 * shared + 0.7 * own
        claimed += list(front_probability(as_values(table), TWO_COSTS, seed=index, n_draws=400).values())
        true += list(non_dominated(means, ["minimize", "minimize"]))
    probability, is_on_front = np.array(claimed), np.array(true)
    for low, high in [(0.0, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 1.01)]:
        group = (probability >= low) & (probability < high)
        assert is_on_front[group].mean() == pytest.approx(probability[group].mean(), abs=0.12)


def test_quickstarts_middle_arms_are_likely_neighbours_of_the_front_of_two_seeds() -> None:
    values = as_values(quickstart_table()[..., :2])
    probabilities = front_probability(values, TWO_COSTS)
    picked = pick_for_confirmation(values, TWO_COSTS)
    assert set(picked) == {name for name, probability in probabilities.items() if probability >= 0.05}
    assert list(picked) == sorted(picked, key=lambda name: -probabilities[name])


def test_the_draws_depend_on_the_seed_only() -> None:
    values = as_values(quickstart_table()[..., :2])
    assert front_probability(values, TWO_COSTS, seed=3) == front_probability(values, TWO_COSTS, seed=3)
    assert front_probability(values, TWO_COSTS, seed=3) != front_probability(values, TWO_COSTS, seed=4)


def test_objectives_to_maximise_are_mirrored() -> None:
    table = quickstart_table()[..., :3]
    mirrored: Objectives = dict.fromkeys(TWO_COSTS, "maximize")
    assert front_probability(as_values(table), TWO_COSTS) == front_probability(as_values(-table), mirrored)


def test_arms_without_an_objective_are_left_out() -> None:
    table = quickstart_table()[..., :2]
    table[1, 0] = np.nan
    table[3, 1, 0] = np.nan
    values = as_values(table)
    assert list(front_probability(values, TWO_COSTS)) == ["arm-0", "arm-2", "arm-3", "arm-4"]
    assert "arm-1" not in pick_for_confirmation(values, TWO_COSTS)


def test_arms_that_share_no_seeds_are_compared_with_more_noise() -> None:
    rng = np.random.default_rng(2)
    shared, own = rng.standard_normal((1, 1, 4)), 0.05 * rng.standard_normal((2, 1, 4))
    paired = as_values(np.array([0.0, 0.5])[:, None, None] + shared + own, LOSS)
    apart = {
        "arm-0": paired["arm-0"],
        "arm-1": {"loss": {seed + 50: value for seed, value in paired["arm-1"]["loss"].items()}},
    }
    assert front_probability(paired, LOSS)["arm-0"] > 0.99
    assert front_probability(apart, LOSS)["arm-0"] < 0.9


def test_one_arm_is_picked_and_no_arm_is_no_error() -> None:
    assert pick_for_confirmation({"a": {"loss": {0: 1.0}}}, LOSS) == ("a",)
    assert pick_for_confirmation({"a": {"loss": {0: None}}}, LOSS) == ()
    assert front_probability({}, LOSS) == {}


def test_one_seed_each_is_refused() -> None:
    with pytest.raises(StudyError, match="search with at least 2 seeds"):
        front_probability({"a": {"loss": {0: 1.0}}, "b": {"loss": {0: 2.0}}}, LOSS)


@given(st.integers(0, 1000), st.integers(2, 9), st.sampled_from([None, 0, 2, 4]), st.sampled_from([0.0, 0.3, 1.0]))
def test_picks_hold_the_observed_front_and_the_budget(
    seed: int, n_arms: int, at_most: int | None, threshold: float
) -> None:
    table = np.random.default_rng(seed).standard_normal((n_arms, 2, 3))
    names = list(as_values(table))
    observed = {
        name for name, on in zip(names, non_dominated(table.mean(axis=-1), ["minimize"] * 2), strict=True) if on
    }
    picked = pick_for_confirmation(as_values(table), TWO_COSTS, threshold=threshold, at_most=at_most, n_draws=200)
    assert observed <= set(picked)
    assert at_most is None or len(picked) <= max(at_most, len(observed))
    assert len(picked) == len(set(picked))
    if threshold == 0.0 and at_most is None:
        assert set(picked) == set(names)
