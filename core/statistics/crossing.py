"""Exact probability that a t test rejects at any of several looks, for normal values with a mean of zero.

The scaled sum `r_n = sum(x) / sqrt(n sum(x^2))` is an increasing function of the t statistic of the first n values.
With a mean of zero it is a Markov chain that does not depend on the variance,

    r_{n+1} = sqrt(n / (n + 1)) r_n cos(phi) + sqrt(1 / (n + 1)) sin(phi),    density of phi ~ cos(phi)^(n-1),

so the probability of ever crossing a boundary is a sequence of one-dimensional integrals.

C. Jennison and B. W. Turnbull, "Exact calculations for sequential t, chi-squared and F tests", Biometrika, 1991.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

_GRID_POINTS = 129
_NODES, _GAUSS_WEIGHTS = np.polynomial.legendre.leggauss(48)


def crossing_probability(bounds: Sequence[float], looks: Sequence[int]) -> float:
    """Probability that the p value of any look is at most its bound, for normal values with a mean of zero.

    Args:
        bounds: Bound of the p value at each look.
        looks: Increasing numbers of values at which is looked, the first at least 2.

    Returns:
        The probability, with a relative error of about 0.3 %, of a few percent if the bounds are below 1e-5.
    """
    limits = {n: _limit(bound, n) for n, bound in zip(looks, bounds, strict=True)}
    later: _Crossing | None = None
    for n in range(looks[-1] - 1, looks[0] - 1, -1):
        later = _crossing_after(n, limits.get(n + 1, 1.0), later)
    if later is None:
        return float(bounds[0])
    first, crossing = looks[0], later

    def not_yet(angle: Float[ndarray, "1 node"]) -> Any:
        return np.cos(angle) ** (first - 2) * crossing(angle)

    top = np.array([math.asin(limits[first])])
    kink = np.minimum(crossing.kink, top)
    below = _integrate(not_yet, kink, top) - _integrate(not_yet, kink, np.array([-np.pi / 2]))
    return float(bounds[0] + below[0] / _cosine_integral(first - 2))


# ---------------------------------------------------------------------------------------------------------------------


def _limit(bound: float, n: int) -> float:
    """Value of the scaled sum `r_n` whose one-sided p value is `bound`."""
    from scipy.special import stdtrit

    t = -float(stdtrit(n - 1, bound))
    return math.copysign(1.0, t) if math.isinf(t) else t / math.sqrt(n - 1 + t**2)


class _Crossing:
    """Probability of crossing after `n` values as a function of arcsin(r_n), interpolated.

    Above the kink the next value can cross; there the probability rises like a square root.
    """

    def __init__(self, kink: float, below: Any, above: Any) -> None:
        self.kink = kink
        self._below = below
        self._above = above

    def __call__(self, angle: Float[ndarray, "*batch"]) -> Any:
        beyond = np.sqrt(np.maximum(angle - self.kink, 0.0))
        value = np.where(angle < self.kink, self._below(np.minimum(angle, self.kink)), self._above(beyond))
        return np.clip(value, 0.0, 1.0)


def _crossing_after(n: int, limit: float, later: _Crossing | None) -> _Crossing:
    """Probability of crossing after `n` values.

    Args:
        n: Number of values so far.
        limit: Largest `r_{n+1}` that does not cross.
        later: Probability of crossing after `n + 1` values; None if there is no look.
    """
    from scipy.interpolate import CubicSpline

    least = ((n + 1) * limit**2 - 1) / n
    kink = math.asin(math.sqrt(min(least, 1.0))) if limit > 0 and least > 0 else 0.0
    # Denser towards the kink, where the probability rises steeply.
    below = kink - (kink + np.pi / 2) * np.linspace(1.0, 0.0, _GRID_POINTS) ** 2
    above = np.linspace(0.0, math.sqrt(np.pi / 2 - kink), _GRID_POINTS) if kink < np.pi / 2 else np.array([0.0, 1.0])
    return _Crossing(
        kink,
        CubicSpline(below, _crossing_from(np.sin(below), n, limit, later)),
        CubicSpline(above, _crossing_from(np.sin(np.minimum(kink + above**2, np.pi / 2)), n, limit, later)),
    )


def _crossing_from(
    scaled_sum: Float[ndarray, " grid"], n: int, limit: float, later: _Crossing | None
) -> Float[ndarray, " grid"]:
    """Probability of crossing after `n` values from each value of `r_n`; see `_crossing_after`."""
    # r_{n+1} = amplitude * cos(phi - peak) exceeds a value in an interval around the peak.
    amplitude = np.sqrt((n * scaled_sum**2 + 1) / (n + 1))
    peak = np.arctan2(1.0, math.sqrt(n) * scaled_sum)
    edge = np.full_like(scaled_sum, np.pi / 2)

    def interval(value: float) -> tuple[Float[ndarray, " grid"], Float[ndarray, " grid"]]:
        half = np.arccos(np.clip(value / amplitude, -1.0, 1.0))
        return np.clip(peak - half, -edge, edge), np.clip(peak + half, -edge, edge)

    def density(phi: Float[ndarray, "grid node"]) -> Any:
        return np.cos(phi) ** (n - 1)

    lo, hi = interval(limit)
    total = _integrate(density, lo, hi)
    if later is not None:
        crossing = later

        def not_yet(phi: Float[ndarray, "grid node"]) -> Any:
            following = amplitude[:, None] * np.cos(phi - peak[:, None])
            return density(phi) * crossing(np.arcsin(np.clip(following, -1.0, 1.0)))

        kink_lo, kink_hi = interval(min(math.sin(crossing.kink), limit))
        total += _integrate(not_yet, kink_lo, lo) - _integrate(not_yet, kink_lo, -edge)
        total += _integrate(not_yet, kink_hi, edge) - _integrate(not_yet, kink_hi, hi)
    return total / _cosine_integral(n - 1)


def _integrate(function: Any, start: Float[ndarray, " grid"], end: Float[ndarray, " grid"]) -> Float[ndarray, " grid"]:
    """Integrals from `start` to `end` of a function of an array (grid, node) that may have a square root at the start.

    Gauss-Legendre after the substitution x = start + (end - start) v^2.
    """
    v = (_NODES + 1) / 2
    length = end - start
    values = function(start[:, None] + length[:, None] * v**2)
    return np.asarray(length * (values @ (_GAUSS_WEIGHTS * v)))


def _cosine_integral(power: int) -> float:
    """Integral of cos(x)^power from -pi/2 to pi/2."""
    return math.sqrt(math.pi) * math.exp(math.lgamma((power + 1) / 2) - math.lgamma(power / 2 + 1))
