"""The shape of an oscillation: the nearest of sine, triangle, both saws and square, by least squares.

    curve(t) = trend(t) + depth gain(t) w(f t + phase),  w of mean 0 and height 1, smoothed by a Gaussian

Curves are smoother than what a sound designer draws, because parameterizations have a bandwidth; so each shape is also
compared as smoothed by standard deviations of up to a tenth of a cycle. The factors of its partials are then
exp(-2 (pi k s)^2). A smooth enough shape is a sine, so others have to fit clearly better than the sine.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Literal

import numpy as np
from jaxtyping import Float
from numpy import ndarray

Shape = Literal["sine", "triangle", "saw up", "saw down", "square"]
"""Shapes of an LFO.

At phase 0 sine and triangle are in their middle and rise, a square begins its upper half, a rising saw is at its lowest
and a falling saw at its highest value.
"""
ROUGH_ERROR = 0.1
"""A shape with a larger error is only the nearest of the five."""
_SMOOTHINGS = (0.0, 0.02, 0.04, 0.07, 0.1)
"""Standard deviations in cycles."""
_N_PHASES = 64
_NEAR = np.linspace(-0.08, 0.08, 33)
"""Phases around that of the sine that are tried for each shape."""
_NEARER = np.linspace(-0.005, 0.005, 21)
_LENGTH = 2048
"""Samples of a cycle."""
_PARTIALS = np.arange(1, 257)
_BETTER_THAN_SINE = 0.85
"""Largest squared error of another shape as a share of that of the sine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapeFit:
    """The shape that fits an oscillation best."""

    shape: Shape
    depth: float
    """Highest minus lowest value of the shape, where the oscillation is strongest."""
    phase: float
    """Position in the cycle at time 0, 0..1."""
    error: float
    """Root of the mean squared deviation from the curve, as a share of the depth."""
    periodic: Float[ndarray, " frame"]
    """The fitted shape."""


def fit_shape(
    values: Float[ndarray, " frame"],
    time_s: Float[ndarray, " frame"],
    *,
    rate_hz: float,
    gain: Float[ndarray, " frame"],
    trend_basis: Float[ndarray, "frame function"],
) -> ShapeFit:
    """The best of the five shapes at a rate.

    Args:
        values: The curve.
        time_s: Times of its frames.
        rate_hz: Rate of the oscillation.
        gain: Its strength over time, 0..1.
        trend_basis: Orthonormal functions of the slow part of the curve, which is fitted along.
    """
    free = values - trend_basis @ (trend_basis.T @ values)
    residual = _Residual(values=free, position=rate_hz * time_s, gain=gain, basis=trend_basis)
    sine = residual.best_phase("sine", 0.0, np.arange(_N_PHASES) / _N_PHASES)
    matches = [
        # The fundamental of a rising saw is a falling sine.
        residual.best_phase(shape, smoothing, sine.phase + (0.5 if shape == "saw up" else 0.0) + _NEAR)
        for shape in _SERIES
        for smoothing in ((0.0,) if shape == "sine" else _SMOOTHINGS)
    ]
    sine, *others = matches
    best = min(others, key=lambda match: match.error)
    if best.error > _BETTER_THAN_SINE * sine.error:
        best = sine
    best = residual.best_phase(best.shape, best.smoothing, best.phase + _NEARER)
    periodic = best.depth * residual.wave(best.shape, best.smoothing, np.array([best.phase]))[0]
    return ShapeFit(
        shape=best.shape,
        depth=best.depth,
        phase=best.phase % 1.0,
        error=math.sqrt(best.error / len(values)) / max(best.depth, 1e-9),
        periodic=periodic,
    )


def cycle(shape: Shape, smoothing: float = 0.0) -> Float[ndarray, " position"]:
    """One cycle of a shape of mean 0 and height 1, smoothed by a standard deviation in cycles; read-only."""
    return _cycle(shape, smoothing)


# ---------------------------------------------------------------------------------------------------------------------

_ODD = _PARTIALS % 2 == 1
_SERIES: Mapping[Shape, Float[ndarray, " partial"]] = MappingProxyType(
    {
        "sine": (_PARTIALS == 1).astype(np.float64),
        "triangle": np.where(_ODD, (-1.0) ** (_PARTIALS // 2) / _PARTIALS**2, 0.0),
        "saw up": -1.0 / _PARTIALS,
        "saw down": 1.0 / _PARTIALS,
        "square": np.where(_ODD, 1.0 / _PARTIALS, 0.0),
    }
)
"""Weights of sin(2 pi k x), up to a factor."""


@lru_cache(maxsize=64)
def _cycle(shape: Shape, smoothing: float) -> Float[ndarray, " position"]:
    position = np.arange(_LENGTH) / _LENGTH
    match shape, smoothing:
        case "saw up", 0.0:
            wave = position - 0.5
        case "saw down", 0.0:
            wave = 0.5 - position
        case "square", 0.0:
            wave = np.where(position < 0.5, 0.5, -0.5)
        case _:
            weights = _SERIES[shape] * np.exp(-2 * (math.pi * _PARTIALS * smoothing) ** 2)
            wave = weights @ np.sin(2 * math.pi * _PARTIALS[:, None] * position)
            wave = wave / np.ptp(wave)
    wave.flags.writeable = False
    return wave


@dataclass(frozen=True, slots=True, kw_only=True)
class _Residual:
    """A curve without its trend, and what shapes are fitted to it with."""

    values: Float[ndarray, " frame"]
    position: Float[ndarray, " frame"]
    """Cycles since time 0."""
    gain: Float[ndarray, " frame"]
    basis: Float[ndarray, "frame function"]

    def wave(self, shape: Shape, smoothing: float, phases: Float[ndarray, " phase"]) -> Float[ndarray, "phase frame"]:
        """A shape at each phase."""
        index = np.floor((self.position + phases[:, None]) % 1.0 * _LENGTH).astype(np.int64) % _LENGTH
        return np.asarray(_cycle(shape, smoothing)[index] * self.gain)

    def best_phase(self, shape: Shape, smoothing: float, phases: Float[ndarray, " phase"]) -> "_Match":
        """The phase with the smallest squared error, and the depth there."""
        waves = self.wave(shape, smoothing, phases)
        free = waves - waves @ self.basis @ self.basis.T
        energy = (free**2).sum(-1) + 1e-12
        depths = np.maximum(free @ self.values, 0.0) / energy
        errors = self.values @ self.values - depths**2 * energy
        best = int(errors.argmin())
        return _Match(
            error=max(0.0, float(errors[best])),
            shape=shape,
            smoothing=smoothing,
            phase=float(phases[best]),
            depth=float(depths[best]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Match:
    error: float
    """Sum of squares."""
    shape: Shape
    smoothing: float
    phase: float
    depth: float
