"""The probability of improvement and its exact interval."""

import numpy as np
import pytest
from scipy import stats

from core.statistics.improvement import probability_of_improvement


@pytest.mark.parametrize(("n_better", "n"), [(0, 4), (3, 7), (8, 8), (1, 1), (13, 20)])
def test_its_interval_is_that_of_a_binomial_share(n_better: int, n: int) -> None:
    found = probability_of_improvement([-1.0] * n_better + [2.0] * (n - n_better), "minimize")
    expected = stats.binomtest(n_better, n).proportion_ci(0.95, method="exact")
    assert (found.mean, found.n) == (n_better / n, n)
    assert (found.lo, found.hi) == pytest.approx((expected.low, expected.high))


def test_the_direction_decides_what_is_better_and_ties_count_half() -> None:
    differences = [-1.0, -2.0, 0.0, 3.0]
    assert probability_of_improvement(differences, "minimize").mean == 2.5 / 4
    assert probability_of_improvement(differences, "maximize").mean == 1.5 / 4
    tied = probability_of_improvement([0.0, 0.0], "maximize")
    assert tied.mean == 0.5
    assert tied.lo is not None
    assert tied.hi is not None
    assert 0 < tied.lo < 0.5 < tied.hi < 1


@pytest.mark.parametrize("n", [2, 6, 8, 20])
def test_its_interval_covers_at_least_95_times_in_100(n: int) -> None:
    differences = np.random.default_rng(n).normal(0.5, 1.0, size=(3000, n))
    truth = float(stats.norm.cdf(0.5))
    found = [probability_of_improvement(list(row), "maximize") for row in differences]
    covered = np.mean([e.lo is not None and e.hi is not None and e.lo <= truth <= e.hi for e in found])
    assert covered > 0.95 - 3 * (0.95 * 0.05 / 3000) ** 0.5


def test_no_pair_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one pair"):
        probability_of_improvement([], "minimize")
