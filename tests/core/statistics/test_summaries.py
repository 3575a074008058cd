"""Summaries over seeds: intervals that cover, and that respect the range of a metric."""

import math

import numpy as np
import pytest
from jaxtyping import Float
from numpy import ndarray
from scipy import stats

from core.statistics.summaries import Summary, summarise, summarise_all
from core.statistics.support import CORRELATION, NON_NEGATIVE, REAL, UNIT, Support
from tests.support.call_count import calls_of


def share_covered(rows: Float[ndarray, "study seed"], mean: float, support: Support = REAL) -> float:
    """Share of simulated studies whose interval contains the true mean."""
    names = [str(number) for number in range(len(rows))]
    summaries = summarise_all(dict(zip(names, rows.tolist(), strict=True)), dict.fromkeys(names, support))
    return float(np.mean([s.lo is not None and s.hi is not None and s.lo <= mean <= s.hi for s in summaries.values()]))


@pytest.mark.parametrize(("n_seeds", "n_studies"), [(2, 4000), (6, 4000), (8, 4000), (20, 2000)])
def test_intervals_cover_the_mean_of_normal_values_95_times_in_100(n_seeds: int, n_studies: int) -> None:
    rows = np.random.default_rng(n_seeds).normal(3.0, 2.0, size=(n_studies, n_seeds))
    three_errors = 3 * math.sqrt(0.95 * 0.05 / n_studies)
    assert share_covered(rows, 3.0) == pytest.approx(0.95, abs=three_errors)


@pytest.mark.parametrize(("n_seeds", "n_studies"), [(2, 4000), (6, 4000), (8, 4000), (20, 2000)])
def test_intervals_cover_the_mean_of_correlations_95_times_in_100(n_seeds: int, n_studies: int) -> None:
    spread, middle = 0.3, 0.5
    z, weights = np.polynomial.hermite_e.hermegauss(60)
    mean = float(np.tanh(middle + spread * z) @ weights / weights.sum())
    rows = np.tanh(np.random.default_rng(n_seeds).normal(middle, spread, size=(n_studies, n_seeds)))
    # The rule is an approximation for values that are normal on Fisher's scale: one in 100 more than chance.
    assert share_covered(rows, mean, CORRELATION) == pytest.approx(
        0.95, abs=0.01 + 3 * math.sqrt(0.95 * 0.05 / n_studies)
    )


def test_clipping_does_not_change_the_coverage() -> None:
    rows = np.random.default_rng(3).beta(4.0, 16.0, size=(4000, 3))
    assert share_covered(rows, 0.2, UNIT) == share_covered(rows, 0.2)


def test_below_20_seeds_the_interval_is_students() -> None:
    values = [1.0, 2.0, 4.0, 4.5]
    found = summarise(values)
    expected = stats.t.interval(0.95, 3, loc=np.mean(values), scale=stats.sem(values))
    assert (found.lo, found.hi) == pytest.approx(expected)
    assert (found.mean, found.median, found.n, found.method) == (2.875, 3.0, 4, "t")


def test_from_20_seeds_on_the_interval_is_scipys_bca_bootstrap_at_a_raised_level() -> None:
    values = np.random.default_rng(1).lognormal(size=20)
    level = 1 - 2 * stats.norm.sf(stats.t.ppf(0.975, 19) * math.sqrt(20 / 19))
    expected = stats.bootstrap(
        (values,), np.mean, confidence_level=level, n_resamples=5000, rng=np.random.default_rng(0)
    ).confidence_interval
    found = summarise(list(values))
    assert (found.lo, found.hi) == pytest.approx((expected.low, expected.high))
    assert found.method == "bca"
    # The values are skewed to the right, and so is the interval; the t interval is symmetric.
    assert found.lo is not None
    assert found.hi is not None
    assert found.hi - found.mean > 1.2 * (found.mean - found.lo)
    assert summarise(list(values)) == found


def test_the_interval_of_a_correlation_stays_within_its_range() -> None:
    # The t interval of these two would be [0.388, 1.26].
    found = summarise([0.7917, 0.8603], CORRELATION)
    assert found.method == "fisher z"
    assert found.lo is not None
    assert found.hi is not None
    assert -1 < found.lo < found.mean < found.hi < 1
    z, slope = math.atanh(0.826), 1 - 0.826**2
    half_width = stats.t.ppf(0.975, 1) * (0.8603 - 0.7917) / 2 / slope
    assert (found.lo, found.hi) == pytest.approx((math.tanh(z - half_width), math.tanh(z + half_width)))


@pytest.mark.parametrize("value", [-1.0, 1.0, 0.0])
def test_equal_correlations_have_an_interval_without_width(value: float) -> None:
    found = summarise([value, value, value], CORRELATION)
    assert (found.lo, found.mean, found.hi) == (value, value, value)


@pytest.mark.parametrize(
    ("values", "support", "end"),
    [
        ([0.05, 0.4], UNIT, (0.0, 1.0)),
        ([0.05, 0.10], NON_NEGATIVE, (0.0, pytest.approx(0.39266, abs=1e-4))),
        ([0.05, 0.10], REAL, (pytest.approx(-0.24266, abs=1e-4), pytest.approx(0.39266, abs=1e-4))),
    ],
)
def test_an_interval_does_not_leave_the_range_of_its_metric(
    values: list[float], support: Support, end: tuple[float, float]
) -> None:
    found = summarise(values, support)
    assert (found.lo, found.hi) == end


def test_the_interquartile_mean_drops_a_quarter_at_each_end() -> None:
    values = [9.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 100.0]
    assert summarise(values).iqm == stats.trim_mean(values, 0.25) == (3 + 4 + 5 + 6) / 4
    assert summarise([1.0, 2.0, 6.0]).iqm == 3.0


def test_metrics_with_fewer_seeds_do_not_change_the_others() -> None:
    rng = np.random.default_rng(0)
    values = {name: list(rng.uniform(0.1, 0.9, n)) for name, n in [("a", 8), ("b", 1), ("c", 20), ("d", 8), ("e", 20)]}
    supports = {"d": CORRELATION, "e": CORRELATION}
    together = summarise_all(values, supports)
    assert list(together) == list(values)
    for name, row in values.items():
        alone = summarise(row, supports.get(name, REAL))
        assert together[name] == alone, name
    assert together["b"] == Summary(values["b"][0], None, None, 1, values["b"][0], values["b"][0], None)


def test_a_row_of_equal_values_needs_no_bootstrap() -> None:
    found = summarise_all({"flat": [0.3] * 20, "other": list(np.linspace(0, 1, 20))})
    assert found["flat"].lo == found["flat"].hi == pytest.approx(0.3)
    assert found["other"].lo is not None
    assert 0 < found["other"].lo < 0.5


@pytest.mark.parametrize("values", [[], [1.0, float("nan")], [float("inf")]])
def test_a_summary_of_nothing_or_of_nan_is_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="at least one value, all finite"):
        summarise(values)


def test_twenty_times_the_metrics_are_at_most_twenty_times_the_work() -> None:
    rng = np.random.default_rng(0)

    def work(n: int) -> int:
        arm = {f"metric {number}": list(rng.normal(size=8)) for number in range(n)}
        return calls_of(lambda: summarise_all(arm))[0]

    work(5)
    assert work(100) <= 20 * work(5)
