"""Equivalence of two arms: two one-sided paired t tests (TOST) against a margin.

Two arms are equivalent in a metric if their mean difference d is smaller than a margin m that was stated beforehand.
The test rejects both d <= -m and d >= m; its p value is the larger one of the two (D. Schuirmann, "A comparison of the
two one-sided tests procedure and the power approach", 1987). It is below 0.05 if and only if the 90 % t interval of the
difference lies within -m..m. That no difference is found is no evidence of equivalence, so this test is one of its own.
"""

import math
from collections.abc import Sequence

import numpy as np

from core.statistics.paired import MIN_PAIRS_FOR_TEST


def tost_p(differences: Sequence[float], margin: float) -> float | None:
    """p value of the hypothesis that the mean difference is at least the margin in size, by paired t tests.

    Args:
        differences: Differences of the pairs.
        margin: Smallest difference that matters, above 0, in the unit of the metric.

    Returns:
        The p value; None for fewer than `MIN_PAIRS_FOR_TEST` pairs.

    Raises:
        ValueError: the margin is not above 0.
    """
    from scipy.special import stdtr

    if not margin > 0:
        raise ValueError(f"a margin must be above 0; got {margin:g}")
    n = len(differences)
    if n < MIN_PAIRS_FOR_TEST:
        return None
    array = np.asarray(differences, dtype=np.float64)
    distance = margin - abs(float(array.mean()))
    error = float(array.std(ddof=1)) / math.sqrt(n)
    if error == 0:
        return 0.0 if distance > 0 else 1.0
    return float(stdtr(n - 1, -distance / error))
