"""Fit of a curve by few exponential segments: the search of their knots, and of the power of each.

A segment from y0 to y1 over frames 0..L is y0 + s (y1 - y0) at frame m, s = (e^(p m / L) - 1) / (e^p - 1). With its
ends fixed, a larger power p lowers s at every frame between, so the largest error is smallest where the largest errors
above and below the curve are equal, and bisection finds this p.

Knots lie on frames; their values deviate from the curve by one of a few shares of the tolerance. The search goes from
the first frame to the last in rounds of one segment each, as in the segmentation of Douglas and Peucker (1973) but in
one direction: a round extends the knots that got furthest in the round before as far as the tolerance allows.
"""

from typing import no_type_check

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from core.ops.compiling import kernel

MAX_POWER = 20.0
"""Largest magnitude of a power, where those of Vital end."""
_STRAIGHT = 0.01
"""Segments with a smaller power are straight, as in `core.data.lfo_shapes`."""
_OFFSETS = np.array([0.0, -0.5, 0.5, -1.0, 1.0])
"""Deviations of a knot from the curve, in tolerances."""
_N_KEPT = 15
"""Knots that a round extends; with 100, shapes have no fewer points."""
_SWEEPS = 3
"""Times that all knots are moved in the end."""


def fewest_segments(
    curve: Float[ndarray, " frame"], tolerance: float, max_segments: int
) -> tuple[Int[ndarray, " knot"], Float[ndarray, " knot"]] | None:
    """Frames and values of the knots of a fit with few segments; None if the search needs more than `max_segments`.

    Args:
        curve: At least two values in 0..1.
        tolerance: Largest error, above 0.
        max_segments: Most segments.
    """
    frames, values, n_segments = _search(curve, tolerance, _OFFSETS, max_segments, _N_KEPT)
    return (frames, values) if n_segments else None


def move_knots(
    curve: Float[ndarray, " frame"], frames: Int[ndarray, " knot"], values: Float[ndarray, " knot"], reach: float
) -> tuple[Float[ndarray, " knot"], Float[ndarray, " segment"]]:
    """Values of knots that lower the largest error of the segments beside them, and the best power of each segment.

    Args:
        curve: The curve.
        frames: Frames of the knots.
        values: Their values before.
        reach: How far a knot moves in one sweep at most.
    """
    moved = values.copy()
    for _ in range(_SWEEPS):
        _move(curve, frames, moved, reach)
    return moved, _powers(curve, frames, moved)


# ---------------------------------------------------------------------------------------------------------------------


@kernel
@no_type_check
def _errors(curve, start, end, y0, y1, power, limit):
    """Largest values of curve - segment and of segment - curve; not looked for further once both exceed a limit."""
    length = end - start
    above = below = -1e9
    ratio, share, scale = 0.0, 1.0, 0.0
    straight = abs(power) < _STRAIGHT
    if not straight:
        ratio = np.exp(power / length)
        scale = 1.0 / np.expm1(power)
    for m in range(length + 1):
        if straight:
            fit = y0 + (y1 - y0) * m / length
        else:
            fit = y0 + (y1 - y0) * (share - 1.0) * scale
            share *= ratio
        error = curve[start + m] - fit
        above = max(above, error)
        below = max(below, -error)
        if above > limit and below > limit:
            break
    return above, below


@kernel
@no_type_check
def _is_within(curve, start, end, y0, y1, tolerance):
    """Whether some power keeps a segment within the tolerance."""
    low, high, power = -MAX_POWER, MAX_POWER, 0.0
    for _ in range(9):
        above, below = _errors(curve, start, end, y0, y1, power, tolerance)
        if above <= tolerance and below <= tolerance:
            return True
        if (above > tolerance and below > tolerance) or y0 == y1:
            return False
        # A larger power lowers a rising segment and lifts a falling one.
        if (above > tolerance) == (y1 > y0):
            high = power
        else:
            low = power
        power = 0.5 * (low + high)
    return False


@kernel
@no_type_check
def _best(curve, start, end, y0, y1):
    """The power with the smallest largest error of a segment, and that error."""
    low, high, power = -MAX_POWER, MAX_POWER, 0.0
    best_power, best_error = 0.0, 1e9
    for _ in range(24):
        above, below = _errors(curve, start, end, y0, y1, power, 1e9)
        error = max(above, below)
        if error < best_error:
            best_power, best_error = power, error
        if y0 == y1:
            break
        if (above > below) == (y1 > y0):
            high = power
        else:
            low = power
        power = 0.5 * (low + high)
    return best_power, best_error


@kernel
@no_type_check
def _furthest(curve, start, y0, offset, tolerance):
    """The last frame to which a segment from a knot to a value beside the curve stays within the tolerance."""
    last = curve.shape[0] - 1
    good, step = start + 1, 2
    bad = last + 1
    while good < last:
        end = min(start + step, last)
        y1 = min(max(curve[end] + offset, 0.0), 1.0)
        if _is_within(curve, start, end, y0, y1, tolerance):
            good = end
            step *= 2
        else:
            bad = end
            break
    while bad - good > 1:
        middle = (good + bad) // 2
        y1 = min(max(curve[middle] + offset, 0.0), 1.0)
        if _is_within(curve, start, middle, y0, y1, tolerance):
            good = middle
        else:
            bad = middle
    # A segment that is too short to fit may fit if it ends a little later.
    for end in range(min(good + 4, last), good, -1):
        y1 = min(max(curve[end] + offset, 0.0), 1.0)
        if _is_within(curve, start, end, y0, y1, tolerance):
            return end
    return good


@kernel
@no_type_check
def _search(curve, tolerance, offsets, max_segments, n_kept):
    """Frames and values of the knots, and the number of segments, 0 if there would be too many."""
    last = curve.shape[0] - 1
    n_offsets = offsets.shape[0]
    frames = np.zeros((max_segments + 1, n_kept), np.int64)
    values = np.zeros((max_segments + 1, n_kept))
    origins = np.zeros((max_segments + 1, n_kept), np.int64)
    n_knots = n_offsets
    for k in range(n_offsets):
        values[0, k] = min(max(curve[0] + tolerance * offsets[k], 0.0), 1.0)
    # Ends of a round: for each frame and offset the knot that they come from, plus 1.
    n_ends = n_knots_most = 0
    for segment in range(1, max_segments + 1):
        ends = np.zeros((n_kept * n_offsets * 4, 3), np.int64)
        n_ends = 0
        for knot in range(n_knots):
            for k in range(n_offsets):
                start, y0 = frames[segment - 1, knot], values[segment - 1, knot]
                offset = tolerance * offsets[k]
                furthest = _furthest(curve, start, y0, offset, tolerance)
                for end in range(furthest, max(furthest - 4, start), -1):
                    y1 = min(max(curve[end] + offset, 0.0), 1.0)
                    if end == furthest or _is_within(curve, start, end, y0, y1, tolerance):
                        ends[n_ends, 0], ends[n_ends, 1], ends[n_ends, 2] = end, k, knot
                        n_ends += 1
        # The furthest ends become the knots of the next round, each frame and offset once.
        order = np.argsort(-(ends[:n_ends, 0] * n_offsets - ends[:n_ends, 1]), kind="mergesort")
        n_knots_most = 0
        for i in order:
            end, k = ends[i, 0], ends[i, 1]
            y1 = min(max(curve[end] + tolerance * offsets[k], 0.0), 1.0)
            if n_knots_most and frames[segment, n_knots_most - 1] == end and values[segment, n_knots_most - 1] == y1:
                continue
            frames[segment, n_knots_most], values[segment, n_knots_most] = end, y1
            origins[segment, n_knots_most] = ends[i, 2]
            n_knots_most += 1
            if n_knots_most == n_kept:
                break
        n_knots = n_knots_most
        if frames[segment, 0] == last:
            path_frames, path_values = np.zeros(segment + 1, np.int64), np.zeros(segment + 1)
            knot = 0
            for i in range(segment, -1, -1):
                path_frames[i], path_values[i] = frames[i, knot], values[i, knot]
                knot = origins[i, knot]
            return path_frames, path_values, segment
    return np.zeros(0, np.int64), np.zeros(0), 0


@kernel
@no_type_check
def _error_beside(curve, frames, values, knot, value):
    """The largest error of the segments beside a knot if it had a value."""
    error = 0.0
    if knot > 0:
        error = max(error, _best(curve, frames[knot - 1], frames[knot], values[knot - 1], value)[1])
    if knot < frames.shape[0] - 1:
        error = max(error, _best(curve, frames[knot], frames[knot + 1], value, values[knot + 1])[1])
    return error


@kernel
@no_type_check
def _move(curve, frames, values, reach):
    """Move each knot to where the segments beside it have the smallest largest error, by golden-section search."""
    share = 0.5 * (3.0 - np.sqrt(5.0))
    for knot in range(frames.shape[0]):
        best = values[knot]
        best_error = _error_beside(curve, frames, values, knot, best)
        low, high = max(best - reach, 0.0), min(best + reach, 1.0)
        for _ in range(6):
            first, second = low + share * (high - low), high - share * (high - low)
            first_error = _error_beside(curve, frames, values, knot, first)
            second_error = _error_beside(curve, frames, values, knot, second)
            if first_error < best_error:
                best, best_error = first, first_error
            if second_error < best_error:
                best, best_error = second, second_error
            if first_error < second_error:
                high = second
            else:
                low = first
        values[knot] = best


@kernel
@no_type_check
def _powers(curve, frames, values):
    """The best power of each segment."""
    powers = np.zeros(frames.shape[0] - 1)
    for i in range(powers.shape[0]):
        powers[i] = _best(curve, frames[i], frames[i + 1], values[i], values[i + 1])[0]
    return powers
