"""Intervals that cover, tests that cannot claim too much."""

import itertools

import numpy as np
import pytest
from scipy import stats

from core.statistics.paired import holm, mean_with_interval, paired_difference, sign_flip_p


@pytest.mark.parametrize("n", [2, 3, 6])
def test_the_interval_of_a_mean_covers_it_95_times_in_100(n: int) -> None:
    samples = np.random.default_rng(n).normal(3.0, 2.0, size=(2000, n))
    estimates = [mean_with_interval(list(sample)) for sample in samples]
    covered = np.mean([e.lo is not None and e.hi is not None and e.lo <= 3.0 <= e.hi for e in estimates])
    # Three standard errors of a share of 0.95 over 2000 draws.
    assert covered == pytest.approx(0.95, abs=0.015)


def test_the_interval_is_scipys() -> None:
    values = [1.0, 2.0, 4.0, 4.5]
    lo, hi = stats.t.interval(0.95, 3, loc=np.mean(values), scale=stats.sem(values))
    estimate = mean_with_interval(values)
    assert (estimate.lo, estimate.hi) == pytest.approx((lo, hi))


def test_one_seed_has_no_interval() -> None:
    estimate = mean_with_interval([0.7])
    assert (estimate.mean, estimate.lo, estimate.hi, estimate.n) == (0.7, None, None, 1)


@pytest.mark.parametrize("values", [[], [1.0, float("nan")], [float("inf")]])
def test_a_mean_of_nothing_or_of_nan_is_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="at least one value, all finite"):
        mean_with_interval(values)


def test_paired_differences_take_out_what_seeds_share() -> None:
    seed_effect = {0: 0.0, 1: 10.0, 2: -7.0}
    reference = {seed: 5.0 + effect for seed, effect in seed_effect.items()}
    values = {seed: 6.0 + effect for seed, effect in seed_effect.items()} | {9: 100.0}
    difference = paired_difference(values, reference)
    assert difference is not None
    assert difference.seeds == (0, 1, 2)
    assert (difference.estimate.lo, difference.estimate.hi) == pytest.approx((1.0, 1.0))
    assert difference.excludes_zero
    assert paired_difference({0: 1.0}, {1: 1.0}) is None


def test_five_pairs_are_never_tested() -> None:
    assert sign_flip_p([1.0, 2.0, 3.0, 4.0, 5.0]) is None
    assert sign_flip_p([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]) == pytest.approx(2 / 2**6)


def test_the_sign_flip_test_counts_every_pattern() -> None:
    differences = np.array([0.9, -0.2, 0.4, 1.3, 0.1, -0.6, 0.8])
    means = [np.mean(differences * signs) for signs in itertools.product([1, -1], repeat=7)]
    expected = np.mean([abs(mean) >= abs(differences.mean()) - 1e-12 for mean in means])
    assert sign_flip_p(list(differences)) == pytest.approx(expected)


def test_holm_multiplies_the_smallest_most_and_never_reorders() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.6, 0.9]) == pytest.approx([1.0, 1.0])
    assert holm([]) == []


@pytest.mark.parametrize("seed", range(4))
def test_the_sign_flip_test_is_scipys_exact_permutation_test(seed: int) -> None:
    differences = np.random.default_rng(seed).normal(0.4, 1.0, size=8)
    expected = stats.permutation_test(
        (differences, np.zeros(8)),
        lambda values, reference, axis: np.mean(values - reference, axis=axis),
        permutation_type="samples",
        n_resamples=np.inf,
    ).pvalue
    assert sign_flip_p(list(differences)) == pytest.approx(expected)


def test_the_sign_flip_test_of_ranks_is_wilcoxons() -> None:
    differences = np.array([0.9, -0.2, 0.4, 1.3, 0.1, -0.6, 0.8])
    signed_ranks = stats.rankdata(np.abs(differences)) * np.sign(differences)
    assert sign_flip_p(list(signed_ranks)) == pytest.approx(stats.wilcoxon(differences, mode="exact").pvalue)


def test_many_pairs_are_tested_by_a_fixed_sample_of_sign_patterns() -> None:
    differences = list(np.random.default_rng(1).normal(0.5, 1.0, size=20))
    t_test = stats.ttest_1samp(differences, 0.0).pvalue
    assert sign_flip_p(differences) == sign_flip_p(differences) == pytest.approx(t_test, abs=0.01)
