"""The pitches of a sound of several notes by iterative estimation and cancellation, and how noisy a sound is.

    salience(f) = sum_h (f + a) / (h f + b) Y(h f),   a = 52 Hz, b = 320 Hz

Y is the spectrum after whitening: each third of an octave is scaled by (its root mean square)^(-2/3), so that strong
partials do not hide weak notes. The pitch with the largest salience is taken, most of its harmonics are removed from Y,
and the next one is found in the rest. Reference: Klapuri (2006), Multiple fundamental frequency estimation by summing
harmonic amplitudes, ISMIR.
"""

import math

import numpy as np
from jaxtyping import Float
from numpy import ndarray

_A_HZ, _B_HZ = 52.0, 320.0
_WINDOW_S = 0.5
"""Length of a window: semitones are told apart from about 80 Hz on."""
_SHORTEST_S = 0.2
"""Shorter sounds are taken for a single note."""
_N_WINDOWS = 6
_LOWEST_HZ, _HIGHEST_HZ = 55.0, 1760.0
_TOP_HZ = 5000.0
_N_HARMONICS = 16
_PER_SEMITONE = 8
_MOST = 4
_REMOVED = 0.9


def spectrum(audio: Float[ndarray, " sample"], sample_rate: int):
    n = min(len(audio), round(_WINDOW_S * sample_rate))
    n_fft = 1 << math.ceil(math.log2(2 * n))
    hop = max(1, n // 2)
    frames = np.lib.stride_tricks.sliding_window_view(audio, n)[::hop]
    level = np.sqrt(np.mean(np.square(frames), axis=1))
    loud = np.flatnonzero(level >= 10 ** (-30 / 20) * level.max())
    frames = frames[loud[:: math.ceil(len(loud) / _N_WINDOWS)]]
    mag = np.abs(np.fft.rfft(frames * np.hanning(n), n_fft, axis=1)).mean(0)
    bin_hz = sample_rate / n_fft
    return mag[: int(_TOP_HZ / bin_hz)], bin_hz, n


def whiten(mag, bin_hz, power=1 / 3):
    hz = np.arange(len(mag)) * bin_hz
    centres = 40 * 2 ** (np.arange(0, math.log2(_TOP_HZ / 40) * 3) / 3)
    rms = []
    for c in centres:
        band = (hz >= c * 2 ** (-1 / 3)) & (hz < c * 2 ** (1 / 3))
        rms.append(np.sqrt(np.mean(np.square(mag[band]))) if band.any() else 0)
    rms = np.maximum(np.array(rms), 1e-4 * max(rms))
    scale = np.interp(np.log(np.maximum(hz, 1)), np.log(centres), rms ** (power - 1))
    return mag * scale


def saliences(y, bin_hz):
    n = round(12 * math.log2(_HIGHEST_HZ / _LOWEST_HZ) * _PER_SEMITONE)
    f0 = _LOWEST_HZ * 2 ** (np.arange(n + 1) / 12 / _PER_SEMITONE)
    h = np.arange(1, _N_HARMONICS + 1)
    hz = f0[:, None] * h
    half = np.maximum(bin_hz, hz * (2 ** (0.5 / 12 / _PER_SEMITONE) - 1))
    lo = np.round((hz - half) / bin_hz).astype(int)
    hi = np.round((hz + half) / bin_hz).astype(int)
    values = np.zeros(hz.shape)
    width = (hi - lo).max()
    for w in range(width + 1):
        idx = np.minimum(lo + w, hi)
        ok = idx < len(y)
        values = np.maximum(values, np.where(ok, y[np.minimum(idx, len(y) - 1)], 0))
    weights = (f0[:, None] + _A_HZ) / (hz + _B_HZ)
    return f0, (weights * values).sum(1)


def iterate(audio, sample_rate, n_most=_MOST):
    mag, bin_hz, n = spectrum(audio, sample_rate)
    y = whiten(mag, bin_hz)
    found = []
    lobe = 2 * sample_rate / n
    hz = np.arange(len(y)) * bin_hz
    for _ in range(n_most):
        f0s, s = saliences(y, bin_hz)
        best = int(np.argmax(s))
        f0 = f0s[best]
        found.append((f0, s[best]))
        d = np.abs(hz / f0 - np.maximum(1, np.round(hz / f0))) * f0
        near = d < np.maximum(1.25 * lobe, hz * (2 ** (0.25 / 12) - 1))
        y = np.where(near, (1 - _REMOVED) * y, y)
    return found
