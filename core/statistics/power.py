"""What the exact paired test can show with a number of seeds: smallest p values after Holm's adjustment.

The two-sided sign-flip test over n pairs has 2^n equally likely sign patterns, so its p value is at least 2 / 2^n. Holm
multiplies the smallest of m p values by m (S. Holm, "A simple sequentially rejective multiple test procedure", 1979).
"""

from core.statistics.paired import EXACT_PAIRS

SIGNIFICANCE = 0.05
"""Significance level of a study's comparisons together."""


def smallest_p(n_pairs: int, n_comparisons: int = 1) -> float:
    """Smallest p value that `sign_flip_p` can give, after Holm's adjustment for `n_comparisons` comparisons.

    More than `EXACT_PAIRS` pairs do not lower it, as the test then samples sign patterns.

    Raises:
        ValueError: there are no pairs or no comparisons.
    """
    if n_pairs < 1 or n_comparisons < 1:
        raise ValueError(f"at least one pair and one comparison are needed; got {n_pairs} and {n_comparisons}")
    return min(1.0, n_comparisons * 2.0 ** (1 - min(n_pairs, EXACT_PAIRS)))


def pairs_needed(n_comparisons: int, significance: float = SIGNIFICANCE) -> int | None:
    """Smallest number of pairs with which `n_comparisons` can all be significant; None if no number is enough."""
    return next(
        (n for n in range(1, EXACT_PAIRS + 1) if smallest_p(n, n_comparisons) <= significance),
        None,
    )
