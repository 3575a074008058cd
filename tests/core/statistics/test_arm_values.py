"""Tables of values as arrays."""

import math

import numpy as np

from core.statistics.arm_values import ArmValues, Objectives, all_seeds, cost_array, ended_trials

OBJECTIVES: Objectives = {"loss": "minimize", "score": "maximize"}
VALUES: ArmValues = {
    "a": {"loss": {0: 1.0, 4: 2.0}, "score": {0: 3.0, 4: None}},
    "b": {"loss": {4: math.inf}, "score": {}, "other": {7: 1.0}},
}


def test_costs_are_smaller_if_better_and_nan_if_unknown() -> None:
    costs = cost_array(VALUES, OBJECTIVES, [4, 0])
    nan = math.nan
    np.testing.assert_array_equal(costs, [[[2.0, 1.0], [nan, -3.0]], [[nan, nan], [nan, nan]]])


def test_a_trial_without_values_has_ended_too() -> None:
    assert ended_trials(VALUES, OBJECTIVES, [0, 4, 7]).tolist() == [[True, True, False], [False, True, False]]


def test_seeds_are_those_of_any_arm() -> None:
    assert all_seeds(VALUES) == (0, 4, 7)
    assert all_seeds({}) == ()


def test_no_arms_make_an_empty_array() -> None:
    assert cost_array({}, OBJECTIVES, [1, 2]).shape == (0, 2, 2)
