"""Modulation curves with LFOs of known rates, and random curves without one, as parameterizations would give them."""

from typing import Literal, assert_never

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from scipy.interpolate import CubicSpline, make_lsq_spline

from core.data.lfo_shapes import draw_lfo
from core.data.periodic_lfo import PeriodicLfo, draw_periodic_lfo
from core.ops.low_pass import convolve, lowpass_kernel

FRAME_RATE = 128.0
Curve = Float[ndarray, " frame"]
Change = Literal["none", "noise", "low-passed", "spline", "decaying", "late"]
"""What is done to a periodic curve."""
RandomKind = Literal["drawn", "low-passed", "spline", "random walk"]
"""Kinds of curves without an LFO."""


def time_of(duration_s: float) -> Curve:
    """Times of the frames of a curve."""
    return np.arange(round(duration_s * FRAME_RATE) + 1) / FRAME_RATE


def low_passed(values: Curve, cutoff_hz: float) -> Curve:
    """The curve as the parameterization `low_pass` gives it."""
    frames = torch.from_numpy(values)[None, None]
    return np.asarray(convolve(frames, lowpass_kernel(cutoff_hz, FRAME_RATE))[0, 0].numpy())


def draw_known_curve(change: Change, rng: np.random.Generator) -> tuple[Curve, PeriodicLfo]:
    """A curve of 1 to 6 s with an LFO of 2 cycles or more and 0.3 to 12 Hz."""
    duration_s = rng.uniform(1.0, 6.0)
    time_s = time_of(duration_s)
    target = ("tremolo", "filter", "vibrato", "position")[int(rng.integers(4))]
    lfo = draw_periodic_lfo(target, (max(0.3, 2.0 / duration_s), 12.0), rng)  # type: ignore[arg-type]
    values = lfo.at(time_s)
    match change:
        case "none":
            return values, lfo
        case "noise":
            noise = rng.normal(0.0, 0.15, len(values))
            return low_passed(np.clip(values + noise, 0.0, 1.0), 12.0), lfo
        case "low-passed":
            return low_passed(values, 12.0 if lfo.rate_hz > 6.0 else 8.0), lfo
        case "spline":
            return _splined(values, int(max(12.0, 4.0 * lfo.rate_hz) * duration_s)), lfo
        case "decaying":
            return values * np.exp(-time_s / rng.uniform(0.5, 3.0)), lfo
        case "late":
            return np.where(time_s < rng.uniform(0.0, duration_s / 3), values.mean(), values), lfo
        case _:
            assert_never(change)


def draw_random_curve(kind: RandomKind, rng: np.random.Generator) -> Curve:
    """A curve of 1 to 6 s that has no LFO."""
    duration_s = rng.uniform(1.0, 6.0)
    n_frames = len(time_of(duration_s))
    match kind:
        case "drawn":
            return draw_lfo(rng).frames(n_frames)
        case "low-passed":
            return low_passed(draw_lfo(rng).frames(n_frames), 8.0)
        case "spline":
            n_points = max(4, int(rng.uniform(3.0, 12.0) * duration_s))
            spline = CubicSpline(np.linspace(0.0, 1.0, n_points + 1), rng.random(n_points + 1))
            return np.asarray(np.clip(spline(np.linspace(0.0, 1.0, n_frames)), 0.0, 1.0))
        case "random walk":
            walk = low_passed(np.cumsum(rng.normal(size=n_frames)), 8.0)
            return np.asarray((walk - walk.min()) / np.ptp(walk))
        case _:
            assert_never(kind)


def _splined(values: Curve, n_segments: int) -> Curve:
    """The least-squares cubic B-spline of a curve."""
    x = np.linspace(0.0, 1.0, len(values))
    knots = np.concatenate([np.zeros(3), np.linspace(0.0, 1.0, max(4, n_segments) + 1), np.ones(3)])
    return np.asarray(np.clip(make_lsq_spline(x, values, knots, 3)(x), 0.0, 1.0))
