"""What a number of seeds can show."""

import itertools

import numpy as np
import pytest

from core.statistics.paired import EXACT_PAIRS, holm, sign_flip_p
from core.statistics.power import pairs_needed, smallest_p


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
