"""Discrete Frechet distance and dynamic time warping of curves of equal length, by dynamic programming.

With the points p_i = (i / (N - 1), x_i) and q_j = (j / (N - 1), y_j), a path of pairs (i, j) from (0, 0) to (N-1, N-1),
each step of which advances i, j or both by one:

    Frechet  min over paths of max |p_i - q_j|                                  Eiter and Mannila (1994), CD-TR 94/64
    DTW      min over paths of sum w |x_i - y_j| / (2 N), |i - j| <= radius     Sakoe and Chiba (1978), symmetric form:
             w = 2 for steps that advance both and for the first pair, else 1

Both are at most what the path i = j gives, the largest and the mean |x_i - y_i|. For the Frechet distance, pairs that
are farther apart than those of a known path are left out, which does not change the result. There is no gradient.
"""

from collections.abc import Callable
from typing import no_type_check

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from core.ops.compiling import as_numpy, kernel


def frechet_distances(
    target: Float[Tensor, "*shape frame"], estimate: Float[Tensor, "*shape frame"]
) -> Float[Tensor, "*shape"]:
    """Discrete Frechet distance of each pair of curves, drawn over a time of 0..1; NaN for curves with such values."""
    return _each_pair(_fill_frechet, target, estimate)


def warped_distances(
    target: Float[Tensor, "*shape frame"], estimate: Float[Tensor, "*shape frame"], radius: int
) -> Float[Tensor, "*shape"]:
    """Mean absolute difference of each pair of curves after warping their time; NaN for curves with such values.

    Args:
        radius: Largest number of frames by which a frame may be shifted.
    """
    return _each_pair(_fill_warped, target, estimate, radius)


# ---------------------------------------------------------------------------------------------------------------------


def _each_pair(
    fill: Callable[..., None],
    target: Float[Tensor, "*shape frame"],
    estimate: Float[Tensor, "*shape frame"],
    *settings: int,
) -> Float[Tensor, "*shape"]:
    """What a kernel fills in for the rows of both, in double precision, so that it is compiled once."""
    is_finite = (target.isfinite() & estimate.isfinite()).all(-1)
    rows = [
        as_numpy(curves.nan_to_num(0.0, 0.0, 0.0).double().cpu().reshape(-1, curves.shape[-1]))
        for curves in (target, estimate)
    ]
    distances = np.empty(len(rows[0]))
    fill(*rows, *settings, distances)
    found = torch.from_numpy(distances).to(target).view(is_finite.shape)
    return torch.where(is_finite, found, torch.nan)


@kernel
@no_type_check
def _fill_frechet(target, estimate, distances):
    """Fill distances (row,)."""
    n = target.shape[1]
    # Squared, smallest over all paths to (i - 1, j) and to (i, j); infinite where it exceeds that of a known path.
    before, present = np.empty(n), np.empty(n)
    for row in range(target.shape[0]):
        x, y = target[row], estimate[row]
        bound = (1 + 1e-9) * _known_path(x, y)
        time_step = 1.0 / max(n - 1, 1)
        # Finite values of `before` lie from `low` to `high`.
        low = high = 0
        before[:] = np.inf
        for i in range(n):
            new_low, new_high = n, low
            left = np.inf
            for j in range(low, n):
                # Beyond the columns under finite values only the column to the left leads here.
                if j > high + 1 and left == np.inf:
                    break
                reached = left
                if j <= high:
                    reached = min(reached, before[j])
                if low < j <= high + 1:
                    reached = min(reached, before[j - 1])
                if i == 0 and j == 0:
                    reached = 0.0
                shift, difference = (i - j) * time_step, x[i] - y[j]
                left = max(reached, shift * shift + difference * difference)
                if left > bound:
                    left = np.inf
                else:
                    new_low, new_high = min(new_low, j), j
                present[j] = left
            before, present = present, before
            low, high = new_low, new_high
        distances[row] = np.sqrt(before[n - 1])


@kernel
@no_type_check
def _known_path(x, y):
    """Squared largest distance along the better of two paths: i = j, and the closest next pair at each step."""
    n = x.shape[0]
    time_step = 1.0 / max(n - 1, 1)
    straight = 0.0
    for i in range(n):
        difference = x[i] - y[i]
        straight = max(straight, difference * difference)
    largest = (x[0] - y[0]) * (x[0] - y[0])
    i = j = 0
    while i < n - 1 or j < n - 1:
        closest, next_i, next_j = np.inf, n - 1, n - 1
        for step in range(3):
            to_i, to_j = i + (step != 1), j + (step != 2)
            if to_i < n and to_j < n:
                shift, difference = (to_i - to_j) * time_step, x[to_i] - y[to_j]
                distance = shift * shift + difference * difference
                if distance < closest:
                    closest, next_i, next_j = distance, to_i, to_j
        largest = max(largest, closest)
        i, j = next_i, next_j
    return min(straight, largest)


@kernel
@no_type_check
def _fill_warped(target, estimate, radius, distances):
    """Fill distances (row,)."""
    n = target.shape[1]
    before, present = np.empty(n), np.empty(n)
    for row in range(target.shape[0]):
        x, y = target[row], estimate[row]
        before[:] = np.inf
        for i in range(n):
            first, end = max(0, i - radius), min(n, i + radius + 1)
            if first > 0:
                present[first - 1] = np.inf
            for j in range(first, end):
                cost = abs(x[i] - y[j])
                reached = before[j] + cost
                if j > 0:
                    reached = min(reached, min(before[j - 1] + 2 * cost, present[j - 1] + cost))
                present[j] = 2 * cost if i == 0 and j == 0 else reached
            if end < n:
                present[end] = np.inf
            before, present = present, before
        distances[row] = before[n - 1] / (2 * n)
