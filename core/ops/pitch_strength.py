"""Strength of a pitch by SWIPE': how well the spectrum of a sound matches the harmonics of a frequency.

The square root of the magnitude spectrum, over a frequency axis in ERB, is correlated with a kernel that is a cosine
lobe at the frequency and at its prime multiples, negative half-way between them, and falls with the square root of
frequency. Only primes count, so that the kernel of f / 2 does not match the harmonics of f as well as that of f does,
nor does the kernel of 2 f match those of f, whose odd ones lie in its negative lobes. Windows have about 8 periods.
Reference: Camacho, Harris (2008), A sawtooth waveform inspired pitch estimator, J. Acoust. Soc. Am. 124 (3).
"""

import math

import numpy as np
from jaxtyping import Float
from numpy import ndarray

_PRIMES = (1, 2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97)
_PERIODS = 8
"""Periods per window, rounded to the nearest power of two in samples."""
_MIN_WINDOW, _MAX_WINDOW = 512, 8192
_MIN_HZ = 20.0
_STEP_ERB = 0.1
_MIN_LEVEL = 10 ** (-30 / 20)
"""Windows below this share of the loudest are left out."""
_MAX_WINDOWS = 16
"""Most windows that are looked at, spread over the sound."""


class PitchStrength:
    """The strength of pitches of one sound, whose spectra are shared between them."""

    def __init__(self, audio: Float[ndarray, " sample"], sample_rate: int) -> None:
        self._audio = audio
        self._sample_rate = sample_rate
        last = _hz_to_erb(sample_rate / 2)
        self._hz = _erb_to_hz(np.arange(_hz_to_erb(_MIN_HZ), last, _STEP_ERB))
        self._loudness: dict[int, Float[ndarray, " frequency"]] = {}

    def of(self, f0_hz: float) -> float:
        """The strength of a pitch, at most 1; 0 for silence."""
        exponent = round(math.log2(_PERIODS * self._sample_rate / f0_hz))
        loudness = self._mean_loudness(min(max(1 << exponent, _MIN_WINDOW), _MAX_WINDOW))
        return float(loudness @ self._kernel(f0_hz))

    def _kernel(self, f0_hz: float) -> Float[ndarray, " frequency"]:
        """The kernel of a pitch; the norm of its positive part is 1."""
        multiples = self._hz / f0_hz
        kernel = np.zeros_like(multiples)
        for prime in _PRIMES:
            if prime > multiples[-1] - 0.75:
                break
            distance = np.abs(multiples - prime)
            lobe, valley = distance < 0.25, (distance > 0.25) & (distance < 0.75)
            kernel[lobe] = np.cos(2 * np.pi * multiples[lobe])
            kernel[valley] += np.cos(2 * np.pi * multiples[valley]) / 2
        kernel /= np.sqrt(self._hz)
        return np.asarray(kernel / max(float(np.linalg.norm(kernel[kernel > 0])), 1e-30))

    def _mean_loudness(self, window: int) -> Float[ndarray, " frequency"]:
        """Mean over the loud windows of the square root of the spectrum, of norm 1 in each."""
        if window not in self._loudness:
            audio = np.pad(self._audio, (0, max(0, window - len(self._audio))))
            frames = np.lib.stride_tricks.sliding_window_view(audio, window)[:: window // 2]
            level = np.sqrt(np.mean(np.square(frames), axis=1))
            loud = np.flatnonzero(level >= _MIN_LEVEL * level.max())
            frames = frames[loud[:: math.ceil(len(loud) / _MAX_WINDOWS)]]
            magnitude = np.abs(np.fft.rfft(frames * np.hanning(window), axis=1))
            bins = np.arange(magnitude.shape[1]) * self._sample_rate / window
            loudness = np.sqrt(np.stack([np.interp(self._hz, bins, row) for row in magnitude]))
            norms = np.maximum(np.linalg.norm(loudness, axis=1, keepdims=True), 1e-30)
            self._loudness[window] = np.mean(loudness / norms, axis=0)
        return self._loudness[window]


def _hz_to_erb(hz: float) -> float:
    """Number of equivalent rectangular bandwidths below a frequency, as in the reference."""
    return 6.44 * (math.log2(229 + hz) - 7.84)


def _erb_to_hz(erb: Float[ndarray, " frequency"]) -> Float[ndarray, " frequency"]:
    """Inverse of `_hz_to_erb`."""
    return np.asarray(2 ** (erb / 6.44 + 7.84) - 229)
