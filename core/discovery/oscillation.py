"""The periodic part of a curve, beside a slow trend and with a strength that may change.

    curve(t) = trend(t) + gain(t) sum_k (a_k cos 2 pi k f t + b_k sin 2 pi k f t),  k = 1..K

The trend is a line and cosines below half the rate, so it cannot be the oscillation; the gain is 1, or rises from or
falls to 0 (an LFO that fades in or out). All but the rate f and the gain is linear least squares. Candidates for f are
the peaks of the spectrum, and of the spectrum of the first difference, in which a trend counts little; the number of
harmonics, the rate and the gain are chosen by the Bayesian information criterion (Schwarz 1978), in which the number of
observations is that of a curve of 20 Hz bandwidth: neighbouring frames of smooth curves are not independent.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from scipy.optimize import minimize_scalar
from scipy.signal import find_peaks

from core.discovery.fades import Fade, fades_near, possible_fades
from core.metrics.rates import MIN_CYCLES, dominant_rate_hz

MAX_RATE_HZ = 20.0
"""Fastest rate of an LFO; faster ones are heard as roughness rather than movement."""
_MIN_FRAMES = 16
"""Fewest frames in which an oscillation is sought."""
_FRAMES_PER_CYCLE = 4.0
"""Fewest frames per cycle."""
_HARMONICS = (1, 2, 4, 6)
"""Numbers of harmonics that are tried."""
_MIN_FUNDAMENTAL = 0.5
"""Smallest amplitude of the fundamental as a share of the strongest harmonic: a rate has no subharmonics."""
_MAX_COSINES = 24
"""Most cosines in a trend."""
_CANDIDATES = 3
"""Peaks of each spectrum that are tried."""
_FADE_GAIN = 0.05
"""Smallest increase of the explained share by a fade."""
_FADE_FRAMES = 1024
"""Frames of longer curves in the search for a fade, spread over the curve."""
_RIDGE = 1e-9
_AUDIBLE_GAIN = 0.25
"""Strength from which on cycles of a fading oscillation count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Oscillation:
    """The strongest periodic part of a curve."""

    rate_hz: float
    n_harmonics: int
    n_cycles: float
    """Cycles in the curve while the gain is above a quarter."""
    share: float
    """Share of the curve's variance without the trend that the periodic part explains."""
    fade: Fade | None
    """None if its strength does not change."""
    basis: Float[ndarray, "frame function"] = field(repr=False)
    """Orthonormal functions of the trend."""
    fundamental: float
    """Amplitude of the fundamental over that of the strongest harmonic."""
    information: float = field(repr=False)
    """Bayesian information criterion; smaller is better."""

    def gain(self, time_s: Float[ndarray, " frame"]) -> Float[ndarray, " frame"]:
        """Its strength in 0..1."""
        return np.ones_like(time_s) if self.fade is None else self.fade.at(time_s)


def strongest_oscillation(values: Float[ndarray, " frame"], time_s: Float[ndarray, " frame"]) -> Oscillation | None:
    """The periodic part that explains a curve best; None if no rate has 1.5 cycles and 4 frames per cycle.

    Whether it is an LFO is for the caller to judge by its share, its cycles and its depth.
    """
    if len(values) < _MIN_FRAMES or np.ptp(values) == 0.0:
        return None
    fits = [_best_at(values, time_s, rate_hz) for rate_hz in _candidate_rates(values, time_s)]
    if not fits:
        return None
    best = min(fits, key=lambda fit: fit.information)
    if best.fade is None:
        return best
    fade = _best_fade(values, time_s, best, fades_near(best.fade, time_s))
    refined = _fit(
        values, time_s, _refined(values, time_s, best.rate_hz, best.n_harmonics, fade), best.n_harmonics, fade
    )
    return min(best, refined, key=lambda fit: fit.information)


# ---------------------------------------------------------------------------------------------------------------------


def trend_basis(time_s: Float[ndarray, " frame"], n_cycles: float) -> Float[ndarray, "frame function"]:
    """Orthonormal functions of a trend that is slower than an oscillation of so many cycles."""
    n_cosines = int(min(max(0.0, n_cycles / 2 - 1.0), _MAX_COSINES, len(time_s) / 8))
    share = (time_s - time_s[0]) / (time_s[-1] - time_s[0])
    functions = [np.ones_like(share), share]
    functions += [np.cos(math.pi * (1 + index) * share) for index in range(n_cosines)]
    basis, _ = np.linalg.qr(np.stack(functions, -1))
    return np.asarray(basis)


def _step_s(time_s: Float[ndarray, " frame"]) -> float:
    return float(time_s[1] - time_s[0])


def _candidate_rates(values: Float[ndarray, " frame"], time_s: Float[ndarray, " frame"]) -> list[float]:
    """Peaks of the spectra, and the dominant rate if the curve has one."""
    n_frames, step_s = len(values), _step_s(time_s)
    duration_s = n_frames * step_s
    line = trend_basis(time_s, 0.0)
    residual = values - line @ (line.T @ values)
    n_fft = 8 * n_frames
    power = np.abs(np.fft.rfft(residual * np.hanning(n_frames), n=n_fft)) ** 2
    rates = np.arange(len(power)) / (n_fft * step_s)
    fits = (rates >= MIN_CYCLES / duration_s) & (rates <= min(MAX_RATE_HZ, 1 / (_FRAMES_PER_CYCLE * step_s)))
    if not fits.any():
        return []
    found: list[float] = []
    for spectrum in (power, power * rates**2):
        peaks, _ = find_peaks(np.where(fits, spectrum, 0.0))
        found += [float(rates[peak]) for peak in peaks[np.argsort(-spectrum[peaks])][:_CANDIDATES]]
    dominant = float(dominant_rate_hz(torch.from_numpy(np.asarray(values, dtype=np.float64)), 1 / step_s))
    if rates[fits][0] <= dominant <= rates[fits][-1]:
        found.append(dominant)
    distinct: list[float] = []
    for rate_hz in found:
        if all(abs(rate_hz - other) * duration_s > 0.25 for other in distinct):
            distinct.append(rate_hz)
    return distinct


def _best_at(values: Float[ndarray, " frame"], time_s: Float[ndarray, " frame"], rate_hz: float) -> Oscillation:
    """The best number of harmonics near a rate, and the fade that explains the curve best if it clearly does."""
    rate_hz = _refined(values, time_s, rate_hz, 1, None)
    fits = []
    for n_harmonics in _HARMONICS:
        if n_harmonics > 1 and n_harmonics * rate_hz > min(2 * MAX_RATE_HZ, 0.5 / _step_s(time_s)):
            break
        fit = _fit(values, time_s, _refined(values, time_s, rate_hz, n_harmonics, None), n_harmonics, None)
        if n_harmonics == 1 or fit.fundamental >= _MIN_FUNDAMENTAL:
            fits.append(fit)
    steady = min(fits, key=lambda fit: fit.information)
    faded = _fit(
        values, time_s, steady.rate_hz, steady.n_harmonics, _best_fade(values, time_s, steady, possible_fades(time_s))
    )
    if faded.share < steady.share + _FADE_GAIN:
        return steady
    return min(steady, faded, key=lambda fit: fit.information)


def _harmonics(
    time_s: Float[ndarray, " frame"], rate_hz: float, n_harmonics: int, fade: Fade | None
) -> Float[ndarray, "frame function"]:
    angle = 2 * math.pi * rate_hz * time_s[:, None] * np.arange(1, n_harmonics + 1)
    waves = np.concatenate([np.cos(angle), np.sin(angle)], -1)
    return waves if fade is None else waves * fade.at(time_s)[:, None]


def _explained(
    residual: Float[ndarray, " frame"], basis: Float[ndarray, "frame function"], waves: Float[ndarray, "frame wave"]
) -> tuple[float, Float[ndarray, " wave"]]:
    """Sum of squares that waves explain of a residual from a trend, and their weights."""
    free = waves - basis @ (basis.T @ waves)
    # A ridge far below the precision of curves: waves that fade in late may all but vanish.
    gram = free.T @ free + _RIDGE * len(residual) * np.eye(waves.shape[1])
    along = free.T @ residual
    weights = np.linalg.solve(gram, along)
    return float(along @ weights), weights


def _refined(
    values: Float[ndarray, " frame"],
    time_s: Float[ndarray, " frame"],
    rate_hz: float,
    n_harmonics: int,
    fade: Fade | None,
) -> float:
    """The rate within half a cycle per clip that explains most."""
    duration_s = float(time_s[-1] - time_s[0])
    basis = trend_basis(time_s, rate_hz * duration_s)
    residual = values - basis @ (basis.T @ values)

    def unexplained(rate: float) -> float:
        return -_explained(residual, basis, _harmonics(time_s, rate, n_harmonics, fade))[0]

    reach = 0.5 / duration_s / (1 if n_harmonics == 1 else 2)
    low, high = max(rate_hz - reach, MIN_CYCLES / duration_s), min(rate_hz + reach, MAX_RATE_HZ)
    if low >= high:
        return rate_hz
    return float(minimize_scalar(unexplained, bounds=(low, high), method="bounded", options={"xatol": 1e-3 * reach}).x)


def _fit(
    values: Float[ndarray, " frame"],
    time_s: Float[ndarray, " frame"],
    rate_hz: float,
    n_harmonics: int,
    fade: Fade | None,
) -> Oscillation:
    duration_s = float(time_s[-1] - time_s[0])
    basis = trend_basis(time_s, rate_hz * duration_s)
    gain = np.ones_like(time_s)
    if fade is not None:
        gain = fade.at(time_s)
        # A level that decays takes its tremolo along.
        basis, _ = np.linalg.qr(np.c_[basis, gain])
    residual = values - basis @ (basis.T @ values)
    waves = _harmonics(time_s, rate_hz, n_harmonics, fade)
    explained, weights = _explained(residual, basis, waves)
    amplitudes = np.hypot(weights[:n_harmonics], weights[n_harmonics:])
    total = float(residual @ residual)
    left = max(total - explained, 1e-12 * len(values))
    n_observations = 2 * MAX_RATE_HZ * duration_s
    n_weights = basis.shape[1] + 2 * n_harmonics + 1 + (0 if fade is None else 2)
    information = n_observations * math.log(left / len(values)) + n_weights * math.log(n_observations)
    return Oscillation(
        rate_hz=rate_hz,
        n_harmonics=n_harmonics,
        n_cycles=rate_hz * duration_s * float(np.mean(gain > _AUDIBLE_GAIN)),
        share=0.0 if total <= 0 else min(1.0, max(0.0, 1 - left / total)),
        fade=fade,
        basis=basis,
        fundamental=float(amplitudes[0] / max(amplitudes.max(), 1e-12)),
        information=information,
    )


def _best_fade(
    values: Float[ndarray, " frame"], time_s: Float[ndarray, " frame"], steady: Oscillation, fades: Sequence[Fade]
) -> Fade:
    """The fade with which a trend, the fade and waves of a rate explain most."""
    stride = math.ceil(len(time_s) / _FADE_FRAMES)
    values, time_s = values[::stride], time_s[::stride]
    gains = np.stack([fade.at(time_s) for fade in fades])
    basis = trend_basis(time_s, steady.rate_hz * float(time_s[-1] - time_s[0]))
    residual = values - basis @ (basis.T @ values)
    waves = np.c_[np.ones_like(time_s), _harmonics(time_s, steady.rate_hz, steady.n_harmonics, None)]
    n_waves = waves.shape[1]
    # Normal equations of all fades at once: products of waves are weighted by squares of gains.
    products = (waves[:, :, None] * waves[:, None, :]).reshape(len(waves), -1)
    gram = (gains**2 @ products).reshape(-1, n_waves, n_waves)
    along_basis = (gains @ (waves[:, :, None] * basis[:, None, :]).reshape(len(waves), -1)).reshape(
        -1, n_waves, basis.shape[1]
    )
    gram -= along_basis @ along_basis.transpose(0, 2, 1)
    gram += _RIDGE * len(waves) * np.eye(n_waves)
    along = gains @ (waves * residual[:, None])
    explained = (along * np.linalg.solve(gram, along[..., None])[..., 0]).sum(-1)
    return fades[int(explained.argmax())]
