"""What a number of seeds can show."""

import itertools

import numpy as np
import pytest

from core.statistics.equivalence import tost_p
from core.statistics.paired import EXACT_PAIRS, holm, sign_flip_p
from core.statistics.power import (
    difference_power,
    equivalence_power,
    pairs_needed,
    pairs_to_decide,
    smallest_p,
)


@pytest.mark.parametrize(("n_pairs", "comparisons"), [(6, 1), (7, 3), (8, 6), (9, 12), (10, 25)])
def test_the_pairs_with_which_all_comparisons_can_be_significant(n_pairs: int, comparisons: int) -> None:
    assert pairs_needed(comparisons) == n_pairs
    assert pairs_needed(comparisons + 1) == n_pairs + 1


@pytest.mark.parametrize("n_pairs", [6, 8, EXACT_PAIRS, EXACT_PAIRS + 3])
def test_differences_of_one_sign_reach_the_smallest_p(n_pairs: int) -> None:
    p_value = sign_flip_p(list(np.linspace(1.0, 2.0, n_pairs)))
    assert p_value is not None
    if n_pairs <= EXACT_PAIRS:
        assert p_value == smallest_p(n_pairs)
    # A sample of patterns contains the given one for certain, and its opposite by chance.
    assert smallest_p(n_pairs) / 2 <= p_value <= 2 * smallest_p(n_pairs)
    assert holm([p_value] * 3)[0] == pytest.approx(3 * p_value)


def test_smallest_p_only_falls_with_pairs_and_rises_with_comparisons() -> None:
    for n, m in itertools.product(range(1, 20), range(1, 20)):
        assert smallest_p(n + 1, m) <= smallest_p(n, m) <= smallest_p(n, m + 1) <= 1


def test_a_number_of_comparisons_beyond_the_test_is_said_to_be_so() -> None:
    assert pairs_needed(1638) == EXACT_PAIRS
    assert pairs_needed(1639) is None


@pytest.mark.parametrize(("n_pairs", "comparisons"), [(0, 1), (6, 0)])
def test_nothing_to_compare_is_refused(n_pairs: int, comparisons: int) -> None:
    with pytest.raises(ValueError, match="at least one pair and one comparison"):
        smallest_p(n_pairs, comparisons)


@pytest.mark.parametrize(
    ("effect", "n_pairs", "level"), [(1.8, 6, 0.05), (1.2, 8, 0.05), (1.2, 8, 0.0125), (1.0, 12, 0.05)]
)
def test_the_power_of_the_sign_flip_test_is_that_of_simulated_studies(
    effect: float, n_pairs: int, level: float
) -> None:
    studies = np.random.default_rng(n_pairs).normal(3 * effect, 3.0, size=(500, n_pairs))
    p_values = [sign_flip_p(list(differences)) for differences in studies]
    observed = np.mean([p is not None and p <= level for p in p_values])
    assert difference_power(3 * effect, 3.0, np.array([n_pairs]), level)[0] == pytest.approx(observed, abs=0.06)


@pytest.mark.parametrize(("mean", "n_pairs"), [(0.0, 8), (0.3, 8), (-0.3, 12), (0.6, 20), (1.2, 20)])
def test_the_power_of_the_equivalence_test_is_that_of_simulated_studies(mean: float, n_pairs: int) -> None:
    studies = np.random.default_rng(n_pairs).normal(mean, 0.8, size=(1000, n_pairs))
    p_values = [tost_p(list(differences), 1.0) for differences in studies]
    observed = np.mean([p is not None and p < 0.05 for p in p_values])
    assert equivalence_power(mean, 0.8, np.array([n_pairs]), 0.05, 1.0)[0] == pytest.approx(observed, abs=0.05)


def test_the_proposed_number_of_seeds_is_the_smallest_with_80_percent_power() -> None:
    needed = pairs_to_decide(1.0, 1.0, 4)
    assert needed is not None
    power = difference_power(1.0, 1.0, np.arange(6, needed + 1), 0.05)
    assert power[-1] >= 0.8 > power[-2]
    shared = pairs_to_decide(1.0, 1.0, 4, n_comparisons=8)
    assert shared is not None
    assert shared > needed
    # All signs agree with any number of pairs, so the smallest p value decides.
    assert pairs_to_decide(1.0, 0.0, 2) == 6
    assert pairs_to_decide(-1.0, 1e-9, 2, n_comparisons=8) == pairs_needed(8) == 9
    assert pairs_to_decide(1.0, 0.0, 6) == 7


def test_a_small_difference_is_decided_by_its_margin_or_not_at_all() -> None:
    assert pairs_to_decide(0.05, 1.0, 8) is None
    assert pairs_to_decide(0.0, 1.0, 8) is None
    with_margin = pairs_to_decide(0.05, 1.0, 8, margin=0.6)
    assert with_margin is not None
    assert equivalence_power(0.05, 1.0, np.array([with_margin]), 0.05, 0.6)[0] >= 0.8
    assert pairs_to_decide(0.05, 1.0, 8, margin=0.04) is None
    assert pairs_to_decide(0.0, 0.0, 2, margin=0.1) == 6
    with pytest.raises(ValueError, match="at least one comparison"):
        pairs_to_decide(1.0, 1.0, 6, n_comparisons=0)
