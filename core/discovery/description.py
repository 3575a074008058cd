"""A modulation curve in a sound designer's terms: an LFO, an envelope, steps, or still; with numbers.

A curve is still if its range is below 0.05. It is an LFO if its strongest periodic part (`core.discovery.oscillation`)
explains enough of what a slow trend leaves, more the fewer cycles there are: bends of any curve look like two cycles,
but hardly like six. Otherwise it is in steps or an envelope if one of these fits, else free. The first and last 50 ms
do not count, for there a sound says little about a curve. The trend below an LFO is described as an envelope as well.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from core.discovery.envelopes import Envelope, fit_envelope
from core.discovery.fades import Fade
from core.discovery.note_values import NoteValue, check_tempo, note_value
from core.discovery.oscillation import Oscillation, strongest_oscillation
from core.discovery.shape_fits import Shape, fit_shape
from core.discovery.steps import Steps, fit_steps
from core.errors import DataError
from core.metrics.interpretability import FLAT_RANGE
from core.settings.audio import MIN_FRAMES

CurveKind = Literal["still", "LFO", "envelope", "steps", "free"]
"""What a curve does; `free` is a motion that is none of the others."""
EDGE_S = 0.05
"""Time at both ends of a curve that does not count."""
MIN_SHARES = ((1.75, 0.9), (2.25, 0.85), (2.5, 0.8), (3.0, 0.75), (4.0, 0.65), (6.0, 0.55), (10.0, 0.4))
"""Cycles, and the share of the variance beside the trend that an LFO of so many cycles explains at least.

So chosen that about 4 % of random curves reach them, most of which have two cycles or three, and 2 % of periodic ones
with noise do not; tests/core/discovery/test_found_rates.py counts both.
"""
MIN_SHARES_FADING = ((1.75, 0.97), (2.25, 0.93), (2.5, 0.9), (3.0, 0.85), (4.0, 0.75), (6.0, 0.55), (10.0, 0.45))
"""The same for an LFO that fades, which has two settings more."""
_MAX_EDGE = 0.1
"""The same as a share of the curve."""
_MIN_TREND = (0.1, 0.25)
"""Smallest range of the trend below an LFO that is worth a word, and the same as a share of the LFO's depth."""
_ROUNDING = 1e-3
"""How far values may lie outside of 0..1: filters of curves are rounded."""
_MAX_ENVELOPE_ERROR = 0.1
"""Largest error of an envelope."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lfo:
    """The periodic part of a curve."""

    rate_hz: float
    note: NoteValue | None
    """The rate at the tempo; None if it is more than 3 % off all note values."""
    depth: float
    """Highest minus lowest value of the fitted shape, 0..1, where the LFO is strongest."""
    phase: float
    """Position in the cycle at the start of the sound, 0..1; `core.discovery.shape_fits.Shape` says where cycles begin.
    """
    offset: float
    """Mean value about which the LFO swings."""
    shape: Shape
    shape_error: float
    """Root of the mean squared deviation of the shape and the trend from the curve, as a share of the depth."""
    share: float
    """Share of the variance beside the trend that the LFO explains."""
    n_cycles: float
    fade: Fade | None
    """How the LFO fades in or out; None if it is steady."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveDescription:
    """What a curve does; parts that it does not have are None."""

    kind: CurveKind
    low: float
    high: float
    mean: float
    lfo: Lfo | None = None
    envelope: Envelope | None = None
    """The envelope, or the trend on top of which an LFO is."""
    steps: Steps | None = None
    strongest_rate_hz: float | None = None
    """Rate of the strongest oscillation, also if it is too weak or too short for an LFO; None if there is none."""

    @property
    def range(self) -> float:
        """Largest minus smallest value."""
        return self.high - self.low

    def as_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)


def describe_curve(values: Float[ndarray, " frame"], frame_rate: float, tempo_bpm: float = 120.0) -> CurveDescription:
    """Describe a curve.

    Args:
        values: The curve in 0..1, at least 8 frames.
        frame_rate: Its frames per second.
        tempo_bpm: Tempo at which rates are named.

    Raises:
        DataError: there are too few frames, or values that are not in 0..1.
        ConfigError: the tempo is out of range.
    """
    check_tempo(tempo_bpm)
    _check(values, frame_rate)
    edge = min(round(EDGE_S * frame_rate), int(_MAX_EDGE * len(values)))
    inner = np.clip(values.astype(np.float64), 0.0, 1.0)[edge : len(values) - edge]
    time_s = np.arange(edge, len(values) - edge) / frame_rate
    edge_s = edge / frame_rate
    low, high = float(inner.min()), float(inner.max())
    mean = min(high, max(low, float(inner.mean())))
    still = CurveDescription(kind="still", low=low, high=high, mean=mean)
    if high - low < FLAT_RANGE:
        return still
    found = strongest_oscillation(inner, time_s)
    moving = replace(still, strongest_rate_hz=None if found is None else found.rate_hz)
    if found is not None and _is_clear(found):
        lfo, trend = _lfo(inner, time_s, found, tempo_bpm)
        if lfo.depth >= FLAT_RANGE:
            return replace(moving, kind="LFO", lfo=lfo, envelope=_trend(trend, time_s, edge_s, lfo))
    steps = fit_steps(inner, time_s)
    if steps is not None:
        return replace(moving, kind="steps", steps=steps)
    envelope = fit_envelope(inner, time_s, edge_s)
    if envelope is not None and envelope.error <= _MAX_ENVELOPE_ERROR:
        return replace(moving, kind="envelope", envelope=envelope)
    return replace(moving, kind="free")


# ---------------------------------------------------------------------------------------------------------------------


def _check(values: Float[ndarray, " frame"], frame_rate: float) -> None:
    if not frame_rate > 0:
        raise DataError(f"a curve has a positive number of frames per second; got {frame_rate:g}")
    if len(values) < MIN_FRAMES:
        raise DataError(f"a curve to describe has at least {MIN_FRAMES} frames; got {len(values)}; shorten hop_length")
    # NaN fulfils no comparison.
    outside = np.flatnonzero(~((values >= -_ROUNDING) & (values <= 1.0 + _ROUNDING)))
    if outside.size:
        raise DataError(
            f"the values of a curve lie in 0..1; got {values[outside[0]]:g} at frame {outside[0]} and "
            f"{outside.size - 1} others outside; describe the curve before it is mapped to units"
        )


def _is_clear(found: Oscillation) -> bool:
    cycles, shares = zip(*(MIN_SHARES if found.fade is None else MIN_SHARES_FADING), strict=True)
    return found.n_cycles >= cycles[0] and found.share >= float(np.interp(found.n_cycles, cycles, shares))


def _lfo(
    values: Float[ndarray, " frame"], time_s: Float[ndarray, " frame"], found: Oscillation, tempo_bpm: float
) -> tuple[Lfo, Float[ndarray, " frame"]]:
    """The LFO, and what is left of the curve without it."""
    gain = found.gain(time_s)
    basis = found.basis
    fit = fit_shape(values, time_s, rate_hz=found.rate_hz, gain=gain, trend_basis=basis)
    trend = basis @ (basis.T @ (values - fit.periodic))
    return Lfo(
        rate_hz=found.rate_hz,
        note=note_value(found.rate_hz, tempo_bpm),
        depth=min(1.0, fit.depth),
        phase=fit.phase,
        offset=min(1.0, max(0.0, float(trend.mean()))),
        shape=fit.shape,
        shape_error=fit.error,
        share=found.share,
        n_cycles=found.n_cycles,
        fade=found.fade,
    ), trend


def _trend(
    trend: Float[ndarray, " frame"], time_s: Float[ndarray, " frame"], edge_s: float, lfo: Lfo
) -> Envelope | None:
    """The envelope of the trend below an LFO, None if it hardly moves or is no envelope."""
    if float(np.ptp(trend)) < max(_MIN_TREND[0], _MIN_TREND[1] * lfo.depth):
        return None
    envelope = fit_envelope(trend, time_s, edge_s)
    return envelope if envelope is not None and envelope.error <= _MAX_ENVELOPE_ERROR else None
