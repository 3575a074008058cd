"""Modulation curves as LFO shapes of the synthesizer Vital, and their files (`.vitallfo`).

A curve given frame by frame becomes a `DrawnLfo` of few points: the fewest that the search of
`core.exchange.shape_fit` finds for a tolerance, and with as many points the smallest error that it finds.
"""

import json
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from core.data.lfo_shapes import MAX_POINTS, DrawnLfo
from core.data.renderers.vital_json import lfo_settings
from core.errors import DataError
from core.exchange.shape_fit import fewest_segments, move_knots

TOLERANCE = 0.02
"""Largest error of a fitted shape, unless that takes more points than a shape may have."""
MAX_FITTED_FRAMES = 2049
"""Most values of a curve that are fitted, those of longer curves lie between its frames; Vital reads a shape at 2048
positions."""
_COARSER = 1.25
"""Step of the tolerance, as a factor, while there are too many points."""
_HALVINGS = 4
"""Steps of the search for the smallest error with the same number of points."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedShape:
    """An LFO shape that follows a curve."""

    shape: DrawnLfo
    error: float
    """Largest deviation from the curve at its frames."""


def fit_shape(
    curve: Float[ndarray, " frame"],
    name: str = "a curve",
    *,
    tolerance: float = TOLERANCE,
    max_points: int = MAX_POINTS,
) -> FittedShape:
    """A shape of few points that follows a curve over its whole length.

    Args:
        curve: Values in 0..1 at equal distances, from the start of the shape to its end.
        name: Name of the curve for messages.
        tolerance: Largest error, if `max_points` allow it; else the error is as small as they allow.
        max_points: Most points, 2 to 100.

    Raises:
        DataError: the curve has fewer than two values, or some are not finite or outside of 0..1.
        ValueError: tolerance or max_points are out of range.
    """
    if not tolerance > 0 or not 2 <= max_points <= MAX_POINTS:
        raise ValueError(
            f"a shape has a tolerance above 0 and 2 to {MAX_POINTS} points; got {tolerance:g} and {max_points}"
        )
    values = unit_curve(curve, name)
    fitted = _at_most(values, MAX_FITTED_FRAMES)
    most = max_points - 1
    bad, good, knots = 0.0, tolerance, fewest_segments(fitted, tolerance, most)
    # Within a tolerance of 1, any line follows every curve.
    while knots is None:
        bad, good = good, _COARSER * good
        knots = fewest_segments(fitted, good, most)
    # Not from `most` if the tolerance is met: the fewest points, and for those the smallest error.
    most = most if bad else len(knots[0]) - 1
    for _ in range(_HALVINGS):
        middle = 0.5 * (bad + good)
        found = fewest_segments(fitted, middle, most)
        if found is None:
            bad = middle
        else:
            good, knots = middle, found
    frames, at_knots = knots
    at_knots, powers = move_knots(fitted, frames, at_knots, good)
    x = frames / (len(fitted) - 1)
    shape = DrawnLfo(points=tuple(zip(x.tolist(), at_knots.tolist(), strict=True)), powers=tuple(powers.tolist()))
    error = float(np.abs(shape.at(np.linspace(0.0, 1.0, len(values))) - values).max())
    return FittedShape(shape=shape, error=error)


def vital_lfo_text(shape: DrawnLfo, name: str) -> str:
    """The text of a `.vitallfo` file, which `core.data.vital_lfos.read_vital_lfo` and Vital read."""
    return json.dumps(lfo_settings(shape, name))


def unit_curve(curve: Float[ndarray, " frame"], name: str) -> Float[ndarray, " frame"]:
    """A curve as float64.

    Raises:
        DataError: it has fewer than two values, or some are not finite or outside of 0..1 by more than rounding.
    """
    values = np.asarray(curve, dtype=np.float64)
    if len(values) < 2:
        raise DataError(f"a curve has 2 or more values; {name} has {len(values)}")
    n_bad = int((~np.isfinite(values)).sum())
    if n_bad:
        raise DataError(f"the values of a curve are finite; {name} has {n_bad} that are not; fit its sound again")
    low, high = float(values.min()), float(values.max())
    if low < -1e-4 or high > 1 + 1e-4:
        raise DataError(f"the values of a curve lie in 0..1; {name} has values from {low:.4g} to {high:.4g}")
    return np.clip(values, 0.0, 1.0)


# ---------------------------------------------------------------------------------------------------------------------


def _at_most(values: Float[ndarray, " frame"], most: int) -> Float[ndarray, " fitted"]:
    """A curve at no more positions than given, interpolated linearly."""
    if len(values) <= most:
        return values
    return np.asarray(np.interp(np.linspace(0, len(values) - 1, most), np.arange(len(values)), values))
