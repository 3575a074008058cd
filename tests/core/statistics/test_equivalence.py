"""The equivalence test against scipy's t tests."""

import numpy as np
import pytest
from scipy import stats

from core.statistics.equivalence import tost_p

MARGIN = 0.5


@pytest.mark.parametrize("shift", [0.0, 0.1, -0.3, 0.5, 0.9])
def test_it_is_the_larger_p_of_two_one_sided_paired_t_tests(shift: float) -> None:
    rng = np.random.default_rng(4)
    reference = rng.normal(size=9)
    values = reference + rng.normal(shift, 0.3, size=9)
    above = stats.ttest_rel(values, reference - MARGIN, alternative="greater").pvalue
    below = stats.ttest_rel(values, reference + MARGIN, alternative="less").pvalue
    assert tost_p(list(values - reference), MARGIN) == pytest.approx(max(above, below))


def test_it_rejects_where_the_90_percent_interval_lies_within_the_margin() -> None:
    for seed in range(50):
        differences = np.random.default_rng(seed).normal(0.1, 0.5, size=10)
        low, high = stats.t.interval(0.9, 9, loc=differences.mean(), scale=stats.sem(differences))
        p_value = tost_p(list(differences), MARGIN)
        assert p_value is not None
        assert (p_value < 0.05) == (low > -MARGIN and high < MARGIN)


def test_arms_that_differ_by_the_margin_are_called_equivalent_5_times_in_100() -> None:
    differences = np.random.default_rng(0).normal(MARGIN, 0.3, size=(4000, 8))
    p_values = [tost_p(list(row), MARGIN) for row in differences]
    assert np.mean([p is not None and p < 0.05 for p in p_values]) == pytest.approx(0.05, abs=0.0105)


def test_differences_without_spread_are_decided() -> None:
    assert tost_p([0.25] * 6, MARGIN) == 0.0
    assert tost_p([0.5] * 6, MARGIN) == 1.0


def test_five_pairs_are_never_tested() -> None:
    assert tost_p([0.0, 0.1, 0.0, 0.1, 0.0], MARGIN) is None


@pytest.mark.parametrize("margin", [0.0, -1.0, float("nan")])
def test_a_margin_must_be_above_zero(margin: float) -> None:
    with pytest.raises(ValueError, match="a margin must be above 0"):
        tost_p([0.0] * 6, margin)
