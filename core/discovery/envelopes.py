"""Curves that rise and fall once or twice, as a sound designer sets an envelope: levels, times and how ramps bend.

The curve is cut at its turning points; each part is fitted by least squares with one ramp,

    from_level                                         before start
    from_level + (to_level - from_level) s(u)          u = (t - start) / duration in 0..1
    to_level                                           after it

linear, s = u, or exponential, s = (1 - e^(-b u)) / (1 - e^(-b)): fast at first for b > 0, as a capacitor is charged
and discharged, and speeding up for b < 0. The time constant of an exponential ramp is duration / b.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.ndimage import uniform_filter1d
from scipy.optimize import minimize
from scipy.signal import find_peaks

EnvelopeShape = Literal["decay", "rise", "attack-decay", "swell", "dip"]
"""Falls; rises; rises faster than it falls; rises slower than it falls; falls and rises."""
Bend = Literal["linear", "exponential", "accelerating"]
"""At a constant speed; fast at first, then ever slower; slow at first, then ever faster."""
MIN_TURN = 0.15
"""Smallest change between turning points, as a share of the curve's range: less is not an envelope's part."""
_SMOOTHING_S = 0.05
"""Turning points are sought in the curve averaged over this time."""
_BENDS = (-6.0, -3.0, -1.5, 1.5, 3.0, 4.5, 6.0, 9.0)
"""Values of b that are tried first."""
_MAX_BEND = 12.0
_STRAIGHT_BEND = 0.7
"""Ramps with a smaller |b| are linear: they deviate from a line by less than 9 %."""
_BETTER_THAN_LINE = 0.7
"""Largest squared error of a bent ramp as a share of that of a line."""
_AT_END = 0.01
"""Share of a part of the curve within which a ramp reaches its end."""
_SHORTEST = 0.02
"""Shortest ramp as a share of its part of the curve."""
_START_STEPS = 6
"""Parts of a ramp's time at which it is tried to begin and end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ramp:
    """One movement from a level to another."""

    bend: Bend
    from_level: float
    to_level: float
    start_s: float
    duration_s: float
    time_constant_s: float | None
    """Of exponential ramps, the time in which 63 % of the way to their final value is made; None for others."""

    @property
    def most_s(self) -> float:
        """Time of the whole ramp, or of 95 % of an exponential one, whose end is hard to tell."""
        if self.time_constant_s is None:
            return self.duration_s
        way = 0.95 * -math.expm1(-self.duration_s / self.time_constant_s)
        return -self.time_constant_s * math.log1p(-way)


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """One ramp or two."""

    shape: EnvelopeShape
    ramps: tuple[Ramp, ...]
    error: float
    """Root of the mean squared deviation from the curve, as a share of the envelope's range."""


def fit_envelope(
    values: Float[ndarray, " frame"], time_s: Float[ndarray, " frame"], edge_s: float = 0.0
) -> Envelope | None:
    """The envelope of a curve, None if it turns twice or more or does not move.

    Args:
        values: The curve.
        time_s: Times of its frames.
        edge_s: Time before and after the curve, into which ramps that reach its ends are continued.
    """
    value_range = float(np.ptp(values))
    if value_range < 1e-6:
        return None
    edges = _edges(values, time_s, MIN_TURN * value_range)
    if len(edges) > 3:
        return None
    fits = [
        _fit_ramp(
            values[a : b + 1],
            time_s[a : b + 1],
            before_s=edge_s if a == 0 else 0.0,
            after_s=edge_s if b == len(values) - 1 else 0.0,
        )
        for a, b in pairwise(edges)
    ]
    ramps = tuple(ramp for ramp, _ in fits)
    # Frames at turning points are in two ramps.
    error = math.sqrt(sum(squares for _, squares in fits) / len(values)) / value_range
    return Envelope(shape=_shape_of(ramps), ramps=ramps, error=error)


# ---------------------------------------------------------------------------------------------------------------------


def _edges(values: Float[ndarray, " frame"], time_s: Float[ndarray, " frame"], prominence: float) -> list[int]:
    """First frame, turning points, last frame."""
    width = max(1, round(_SMOOTHING_S / float(time_s[1] - time_s[0])))
    smooth = uniform_filter1d(values, min(width, len(values)), mode="nearest")
    turns: list[int] = []
    for sign in (1.0, -1.0):
        # Ends are peaks only if the curve is flat there; a lower frame on either side makes plateaus end.
        peaks, _ = find_peaks(sign * smooth, prominence=prominence)
        turns += [int(peak) for peak in peaks]
    return [0, *sorted(turns), len(values) - 1]


def _shape_of(ramps: Sequence[Ramp]) -> EnvelopeShape:
    first, last = ramps[0], ramps[-1]
    if len(ramps) == 1:
        return "decay" if first.to_level < first.from_level else "rise"
    if first.to_level < first.from_level:
        return "dip"
    return "attack-decay" if first.duration_s < last.duration_s else "swell"


def _fit_ramp(
    values: Float[ndarray, " frame"], time_s: Float[ndarray, " frame"], *, before_s: float, after_s: float
) -> tuple[Ramp, float]:
    """The best ramp, continued by some time where it reaches an end, and its squared error."""
    first_s, length_s = float(time_s[0]), max(float(time_s[-1] - time_s[0]), 1e-6)
    share = (time_s - first_s) / length_s
    line = _best(values, share, (0.0,))
    bent = _best(values, share, _BENDS)
    is_bent = bent[0] < _BETTER_THAN_LINE * line[0] and abs(bent[1][2]) >= _STRAIGHT_BEND
    squares, (start, end, bend) = bent if is_bent else line
    _, low, high = _levels(values, _way(share, start, end, bend))
    start_s, end_s = first_s + start * length_s, first_s + end * length_s
    # Of the ramp's own time, which continues beyond 0 and 1.
    first_u = -before_s / (end_s - start_s) if start < _AT_END else 0.0
    last_u = 1.0 + after_s / (end_s - start_s) if end > 1.0 - _AT_END else 1.0
    from_level, to_level = (low + (high - low) * _bent(u, bend) for u in (first_u, last_u))
    return Ramp(
        bend="linear" if not is_bent else "exponential" if bend > 0 else "accelerating",
        from_level=min(1.0, max(0.0, from_level)),
        to_level=min(1.0, max(0.0, to_level)),
        start_s=start_s + first_u * (end_s - start_s),
        duration_s=(last_u - first_u) * (end_s - start_s),
        time_constant_s=(end_s - start_s) / bend if is_bent and bend > 0 else None,
    ), squares


def _best(
    values: Float[ndarray, " frame"], share: Float[ndarray, " frame"], bends: Sequence[float]
) -> tuple[float, tuple[float, float, float]]:
    """Squared error, and start, end and bend of the best ramp: the best of a grid, refined."""
    steps = [index / _START_STEPS for index in range(_START_STEPS + 1)]
    grid = [(start, end, bend) for start in steps for end in steps if start < end for bend in bends]
    start, end, bend = min(grid, key=lambda ramp: _levels(values, _way(share, *ramp))[0])
    is_line = bend == 0.0

    def inside(ramp: Float[ndarray, " setting"]) -> tuple[float, float, float]:
        start = min(max(float(ramp[0]), 0.0), 1.0 - _SHORTEST)
        end = min(max(float(ramp[1]), start + _SHORTEST), 1.0)
        return start, end, 0.0 if is_line else min(max(float(ramp[2]), -_MAX_BEND), _MAX_BEND)

    def error(ramp: Float[ndarray, " setting"]) -> float:
        return _levels(values, _way(share, *inside(ramp)))[0]

    # A step of the simplex is a fraction of one of the grid.
    first = np.array([start, end] if is_line else [start, end, bend])
    simplex = np.stack([first] + [first + step for step in np.diag([0.08, -0.08, 0.8][: len(first)])])
    refined = minimize(error, first, method="Nelder-Mead", options={"initial_simplex": simplex, "maxfev": 200})
    return float(refined.fun), inside(refined.x)


def _way(share: Float[ndarray, " frame"], start: float, end: float, bend: float) -> Float[ndarray, " frame"]:
    """Share of the way from one level to the other, 0..1."""
    u = np.clip((share - start) / (end - start), 0.0, 1.0)
    return np.asarray(u if bend == 0.0 else np.expm1(-bend * u) / math.expm1(-bend))


def _bent(u: float, bend: float) -> float:
    """The same at one time, also outside of 0..1."""
    return u if bend == 0.0 else math.expm1(-bend * u) / math.expm1(-bend)


def _levels(values: Float[ndarray, " frame"], way: Float[ndarray, " frame"]) -> tuple[float, float, float]:
    """Squared error and both levels of the ramp that fits best, given its course."""
    mean, way_mean = float(values.mean()), float(way.mean())
    free = way - way_mean
    energy = float(free @ free)
    change = float(free @ values) / energy if energy > 1e-12 else 0.0
    difference = values - mean - change * free
    return float(difference @ difference), mean - change * way_mean, mean + change * (1.0 - way_mean)
