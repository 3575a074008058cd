"""Probability of improvement: how often one arm is better than another with the same seed.

It is estimated by the share of seeds in which the arm is better, of which ties count half, with the exact interval of a
binomial share (C. Clopper and E. Pearson, 1934), whose coverage is at least 95 %. The estimate of R. Agarwal et al.
(2021, arXiv 2108.13264) compares all pairs of runs; here the seeds are paired.
"""

from collections.abc import Sequence
from functools import cache

from core.statistics.paired import CONFIDENCE, Estimate
from core.statistics.pareto import Goal


def probability_of_improvement(differences: Sequence[float], goal: Goal) -> Estimate:
    """Share of pairs in which an arm is better than its reference.

    Args:
        differences: Value of the arm minus value of the reference for each of at least one pair.
        goal: Whether smaller or larger values are better.

    Raises:
        ValueError: there is no pair.
    """
    if not differences:
        raise ValueError("a probability of improvement needs at least one pair; got none")
    sign = 1 if goal == "maximize" else -1
    wins = sum(1.0 if sign * each > 0 else 0.5 if each == 0 else 0.0 for each in differences)
    return _binomial_share(wins, len(differences))


@cache
def _binomial_share(wins: float, n: int) -> Estimate:
    """A share of `n` with its exact interval."""
    from scipy.special import betaincinv

    tail = (1 - CONFIDENCE) / 2
    low = float(betaincinv(wins, n - wins + 1, tail)) if wins > 0 else 0.0
    high = float(betaincinv(wins + 1, n - wins, 1 - tail)) if wins < n else 1.0
    return Estimate(wins / n, low, high, n)
