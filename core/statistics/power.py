"""What paired tests can show with a number of seeds: smallest p values, and the number of seeds that would decide.

The two-sided sign-flip test over n pairs has 2^n equally likely sign patterns, so its p value is at least 2 / 2^n. Holm
multiplies the smallest of m p values by m (S. Holm, "A simple sequentially rejective multiple test procedure", 1979).

How many seeds would decide an open comparison is estimated from the mean and the standard deviation of the differences
so far, as if they were the true ones; with few seeds it is a rough guide. The power of the sign-flip test is taken as
that of the t test at the largest level that its p values attain, and is exact where all signs must agree. The power of
the equivalence test is that of K. Phillips ("Power of the two one-sided tests procedure in bioequivalence", 1990).
"""

import math

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from core.statistics.paired import EXACT_PAIRS, MIN_PAIRS_FOR_TEST

SIGNIFICANCE = 0.05
"""Significance level of a study's comparisons together."""
POWER = 0.8
"""Probability of a decision that a number of seeds is to reach."""
MAX_PAIRS = 64
"""Largest number of seeds that is proposed to decide a comparison."""
_CERTAIN = 30.0
"""Non-centrality from which a test is certain to reject; the distribution function of scipy fails far beyond it."""


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


def pairs_to_decide(
    mean: float, deviation: float, n_pairs: int, *, n_comparisons: int = 1, margin: float | None = None
) -> int | None:
    """Smallest number of pairs above the present one that would decide a comparison with a probability of 80 %.

    A comparison is decided if the sign-flip test finds a difference, or the equivalence test that it is below the
    margin.

    Args:
        mean: Mean of the differences so far.
        deviation: Their standard deviation.
        n_pairs: Present number of pairs.
        n_comparisons: Number of comparisons that share the significance level.
        margin: Smallest difference that matters; None if there is none, and so no equivalence test.

    Returns:
        The number of pairs; None if it is above `MAX_PAIRS`.

    Raises:
        ValueError: there is no comparison.
    """
    if n_comparisons < 1:
        raise ValueError(f"at least one comparison is needed; got {n_comparisons}")
    pairs = np.arange(max(n_pairs + 1, MIN_PAIRS_FOR_TEST), MAX_PAIRS + 1)
    level = SIGNIFICANCE / n_comparisons

    def sufficient(candidates: Int[ndarray, " n"]) -> Int[ndarray, " sufficient"]:
        power = difference_power(mean, deviation, candidates, level)
        if margin is not None:
            power = np.maximum(power, equivalence_power(mean, deviation, candidates, level, margin))
        return candidates[power >= POWER]

    # Most open comparisons need more seeds than are proposed, and a single value of the power shows that.
    return int(sufficient(pairs)[0]) if len(sufficient(pairs[-1:])) else None


def difference_power(mean: float, deviation: float, pairs: Int[ndarray, " n"], level: float) -> Float[ndarray, " n"]:
    """Probability that the two-sided sign-flip test over each number of pairs rejects at a level.

    Args:
        mean: True mean of the differences.
        deviation: Their true standard deviation; the differences are normal.
        pairs: Numbers of pairs, at least 2.
        level: Level of the test.
    """
    from scipy.special import nctdtr, ndtr, stdtrit

    patterns = 2.0 ** np.minimum(pairs, EXACT_PAIRS)
    n_extreme = np.floor(level * patterns / 2 + 1e-9)
    if mean == 0:
        return np.zeros(len(pairs))
    effect = abs(mean) / deviation if deviation > 0 else math.inf
    attained = np.where(pairs > EXACT_PAIRS, level, 2 * np.maximum(n_extreme, 1) / patterns)
    non_centrality = np.minimum(effect * np.sqrt(pairs), _CERTAIN)
    power = 1 - nctdtr(pairs - 1, non_centrality, -stdtrit(pairs - 1, attained / 2))
    all_agree = (n_extreme == 1) & (pairs <= EXACT_PAIRS)
    return np.where(n_extreme < 1, 0.0, np.where(all_agree, ndtr(effect) ** pairs, power))


def equivalence_power(
    mean: float, deviation: float, pairs: Int[ndarray, " n"], level: float, margin: float
) -> Float[ndarray, " n"]:
    """Probability that the equivalence test over each number of pairs rejects at a level.

    Args:
        mean: True mean of the differences.
        deviation: Their true standard deviation; the differences are normal.
        pairs: Numbers of pairs, at least 2.
        level: Level of the test.
        margin: Smallest difference that matters.
    """
    from scipy.special import nctdtr, stdtrit

    distance = abs(mean)
    if distance >= margin:
        return np.zeros(len(pairs))
    if deviation == 0:
        return np.ones(len(pairs))
    critical, scale = -stdtrit(pairs - 1, level), np.sqrt(pairs) / deviation
    near, far = (np.minimum(each * scale, _CERTAIN) for each in (margin - distance, margin + distance))
    power = 1 - nctdtr(pairs - 1, near, critical) - nctdtr(pairs - 1, far, critical)
    return np.asarray(np.maximum(0.0, power), dtype=np.float64)
