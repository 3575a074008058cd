"""Curves that jump between a few levels: the piecewise constant function that fits best, found by dynamic programming.

The curve is first averaged to at most 300 values. With the best k - 1 levels up to every value, the best k are a search
over the last jump (Bellman 1961); k is the smallest that explains the curve. Curves of a bandwidth need time to jump,
so values near jumps do not count in the judgement.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

MAX_LEVELS = 8
"""Most levels of a curve in steps."""
MIN_JUMP = 0.1
"""Smallest jump."""
_JUMP_S = 0.08
"""Time before and after a jump in which a curve may be anywhere."""
_LEVEL_S = 0.08
"""Shortest time at a level beside its jumps."""
_MAX_VALUES = 300
_MAX_ERROR = 0.1
"""Largest root of the mean squared deviation from a level, as a share of the smallest jump."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """Levels, and when the curve jumps from one to the next."""

    levels: tuple[float, ...]
    times_s: tuple[float, ...]
    """Of the jumps; one fewer than there are levels."""
    error: float
    """Root of the mean squared deviation at the levels, as a share of their range."""


def fit_steps(values: Float[ndarray, " frame"], time_s: Float[ndarray, " frame"]) -> Steps | None:
    """The steps of a curve with the fewest levels, None if it is not in 2 to 8 levels."""
    width = math.ceil(len(values) / _MAX_VALUES)
    n_values = len(values) // width
    means = values[: n_values * width].reshape(n_values, width).mean(-1)
    costs = _costs(means)
    starts = list(_best_starts(costs, min(MAX_LEVELS, n_values)))
    for jumps in starts[1:]:
        steps = _judged(values, time_s, [width * jump for jump in jumps])
        if steps is not None:
            return steps
    return None


# ---------------------------------------------------------------------------------------------------------------------


def _costs(values: Float[ndarray, " value"]) -> Float[ndarray, "edge edge"]:
    """Squared deviations of values[i:j] from their mean, infinite where j <= i."""
    sums, squares = (np.concatenate([[0.0], np.cumsum(values**power)]) for power in (1, 2))
    edge = np.arange(len(sums))
    lengths = edge - edge[:, None]
    costs = squares - squares[:, None] - (sums - sums[:, None]) ** 2 / np.maximum(lengths, 1)
    return np.where(lengths > 0, costs, np.inf)


def _best_starts(costs: Float[ndarray, "edge edge"], most: int) -> Iterator[list[int]]:
    """Where the levels but the first start, for 1, 2, ... levels."""
    best = costs[0]
    origins: list[Int[ndarray, " edge"]] = []
    yield []
    for _ in range(most - 1):
        totals = best[:, None] + costs
        origins.append(totals.argmin(0))
        best = totals.min(0)
        edge, jumps = len(costs) - 1, []
        for origin in reversed(origins):
            edge = int(origin[edge])
            jumps.append(edge)
        yield jumps[::-1]


def _judged(values: Float[ndarray, " frame"], time_s: Float[ndarray, " frame"], jumps: list[int]) -> Steps | None:
    """Levels between jumps, None if the curve does not stay at them."""
    step_s = float(time_s[1] - time_s[0])
    margin, shortest = round(_JUMP_S / step_s), max(2, round(_LEVEL_S / step_s))
    edges = [-margin, *jumps, len(values) + margin]
    parts = [values[a + margin : b - margin] for a, b in pairwise(edges)]
    if min(len(part) for part in parts) < shortest:
        return None
    levels = [float(part.mean()) for part in parts]
    deviations = np.concatenate([part - level for part, level in zip(parts, levels, strict=True)])
    worst = max(float(part.std()) for part in parts)
    smallest = min(abs(b - a) for a, b in pairwise(levels))
    if smallest < MIN_JUMP or worst > _MAX_ERROR * smallest:
        return None
    return Steps(
        levels=tuple(levels),
        times_s=tuple(float(time_s[jump]) for jump in jumps),
        error=math.sqrt(float((deviations**2).mean())) / float(np.ptp(levels)),
    )
