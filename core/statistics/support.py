"""Ranges of metrics, which their intervals respect."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """Smallest and largest value that a metric can have."""

    low: float = -math.inf
    high: float = math.inf
    is_correlation: bool = False
    """Whether the values are correlation coefficients, whose intervals are computed on Fisher's z scale."""


REAL = Support()
"""Any number."""
NON_NEGATIVE = Support(low=0.0)
"""Distances, rates and durations."""
UNIT = Support(low=0.0, high=1.0)
"""Shares, and distances between curves in 0..1."""
CORRELATION = Support(low=-1.0, high=1.0, is_correlation=True)
"""Correlation coefficients."""
