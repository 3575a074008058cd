"""Whether a sound has several pitches, found one after the other, and how noisy a sound is.

    salience(f) = sum_h (f + 52 Hz) / (h f + 320 Hz) Y(h f)

Y is the spectrum after whitening: where its root mean square over two thirds of an octave is r, it is divided by
r^(2/3), so that strong partials do not hide weak notes. The pitch of the largest salience is taken, its harmonics are
removed from Y, and the next one is found in the rest. Reference: Klapuri (2006), Multiple fundamental frequency
estimation by summing harmonic amplitudes, ISMIR.

A single note may have several such pitches, as partials of a bassoon or pipes of an organ are stronger than its
fundamental. So pitches that are harmonics of the pitch that a tracker finds are those of one note, if the lowest is its
first or second, or if it has other harmonics too. The pitch of a chord, such as the one two octaves below C, E and G,
has none. A fifth alone counts as the note an octave below its root, which a synth can play.

Of 350 notes that no constant was chosen on (200 of a SoundFont, 60 with a vibrato of a semitone, 90 of Vital with
LFOs), one was taken for several pitches, a tubular bell. Of chords of three such notes (major, minor and second
inversion), 114 of 120 of the SoundFont were told, 36 of 36 of Vital, and 50 of 54 with vibrato; in 5 of those that were
not, the tracker found a pitch. The notes that are named are exactly those of the chord in two of three.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

LOWEST_HZ, HIGHEST_HZ = 55.0, 1050.0
"""Range of the pitches, A1 to C6; the partials of bells and bars lie above."""
_A_HZ, _B_HZ = 52.0, 320.0
_WHITENING = 2 / 3
_WINDOW_S = 0.5
"""Length of a window, with which semitones are told apart from about 80 Hz on."""
_SHORTEST_S = 0.2
"""Sounds that are shorter are taken for a single note."""
_N_WINDOWS = 6
"""Most windows whose spectra are averaged, spread over the sound."""
_MIN_LEVEL = 10 ** (-30 / 20)
"""Windows below this share of the loudest are left out."""
_TOP_HZ = 5000.0
_PER_OCTAVE = 96
"""Bins of an octave in the spectrum over the logarithm of frequency."""
_N_HARMONICS = 16
_N_PITCHES = 3
"""Most pitches that are looked for."""
_STRENGTH = 0.3
"""Salience of further pitches as a share of the first one's, at least."""
_FUNDAMENTAL = 0.12
"""Share of a further pitch's salience that its fundamental has, at least."""
_WIDEST = 16.5
"""Semitones within which some two notes of a chord lie; lone partials of plucked bars and strings are further up."""
_REMOVED = 0.9
"""Share of a harmonic that is removed."""
_REACH = 0.35
"""Semitones around a harmonic that belong to it."""
_SAME = 0.9
"""Semitones within which a pitch is a harmonic of another, as a vibrato spreads them."""
_NEAR = 1.75
"""Semitones within which pitches belong to one note with vibrato, or of detuned oscillators."""
_OTHER_SHARE = 0.2
"""Share of the harmonics of a note that are none of its partials' harmonics, at least."""


def heard_pitches(audio: Float[ndarray, " sample"], sample_rate: int, tracked_hz: float | None) -> tuple[float, ...]:
    """The different pitches of a sound in Hz, lowest first; one or none if it is a single note or too short to tell.

    Args:
        audio: The sound.
        sample_rate: In Hz.
        tracked_hz: Its pitch by a tracker for single notes; None if that finds none.
    """
    if len(audio) < _SHORTEST_S * sample_rate:
        return ()
    spectrum = _Spectrum.of(audio, sample_rate)
    found = _found(spectrum)
    if tracked_hz is not None and _is_note(spectrum, tracked_hz, found):
        return (tracked_hz,)
    pitches: list[float] = []
    for f0_hz in found:
        if not any(
            _is_near(f0_hz, other) or _is_harmonic(f0_hz / other) or _is_harmonic(other / f0_hz) for other in pitches
        ):
            pitches.append(f0_hz)
    pitches.sort()
    is_chord = any(12 * math.log2(high / low) < _WIDEST for low, high in pairwise(pitches))
    return tuple(pitches) if is_chord else tuple(found[:1])


def noisiness(audio: Float[ndarray, " sample"], sample_rate: int) -> float:
    """Spectral flatness within thirds of an octave, their mean weighted by magnitude: 0.56 for white noise.

    The flatness of a band is the geometric mean of its power over the arithmetic one, for each window of 93 ms. It is 0
    for sounds that are too short to tell.
    """
    if len(audio) < _SHORTEST_S * sample_rate:
        return 0.0
    n_fft = 1 << round(math.log2(0.093 * sample_rate))
    frames = _windows(audio, n_fft)
    power = np.square(np.abs(np.fft.rfft(frames * np.hanning(n_fft), axis=1))) + 1e-20
    hz = np.arange(power.shape[1]) * sample_rate / n_fft
    edges = np.searchsorted(hz, 200 * 2 ** (np.arange(0, 3 * math.log2(sample_rate / 2 / 200)) / 3))
    starts, counts = edges[:-1], np.diff(edges)
    sums = np.add.reduceat(power[:, : edges[-1]], starts, axis=1)
    logs = np.add.reduceat(np.log(power[:, : edges[-1]]), starts, axis=1)
    flatness = np.exp(logs / counts) / (sums / counts)
    weights = np.sqrt(sums)
    return float((flatness * weights).sum() / weights.sum())


# ---------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Spectrum:
    """A whitened spectrum up to `_TOP_HZ`."""

    magnitude: Float[ndarray, " bin"]
    bin_hz: float
    lobe_hz: float
    """Half the width of the main lobe of the window."""

    @classmethod
    def of(cls, audio: Float[ndarray, " sample"], sample_rate: int) -> "_Spectrum":
        n = min(len(audio), round(_WINDOW_S * sample_rate))
        n_fft = 1 << math.ceil(math.log2(2 * n))
        spectra = np.abs(np.fft.rfft(_windows(audio, n) * np.hanning(n), n_fft, axis=1))
        bin_hz = sample_rate / n_fft
        magnitude = spectra.mean(axis=0)[: math.ceil(_TOP_HZ / bin_hz)]
        return cls(magnitude * _whitening(magnitude, bin_hz), bin_hz, 2 * sample_rate / n)

    @property
    def hz(self) -> Float[ndarray, " bin"]:
        return np.arange(len(self.magnitude)) * self.bin_hz

    def at_harmonics(self, f0_hz: float) -> Bool[ndarray, " bin"]:
        """Whether each bin belongs to a harmonic of a pitch."""
        number = np.maximum(np.round(self.hz / f0_hz), 1)
        reach = np.maximum(1.25 * self.lobe_hz, self.hz * (2 ** (_REACH / 12) - 1))
        return np.asarray(np.abs(self.hz - number * f0_hz) < np.minimum(reach, f0_hz / 3))

    def without(self, f0_hz: float) -> "_Spectrum":
        """The spectrum after most of the harmonics of a pitch are removed."""
        rest = np.where(self.at_harmonics(f0_hz), (1 - _REMOVED) * self.magnitude, self.magnitude)
        return _Spectrum(rest, self.bin_hz, self.lobe_hz)

    def over_log_frequency(self, hz: Float[ndarray, " place"]) -> Float[ndarray, " place"]:
        """The largest magnitude near each of equally spaced places on the axis of log frequency."""
        step = 2 ** (0.5 / _PER_OCTAVE)
        edges = np.append(hz / step, hz[-1] * step) / self.bin_hz
        starts = np.minimum(np.ceil(edges).astype(int), len(self.magnitude) - 1)
        largest = np.maximum.reduceat(self.magnitude, starts)[:-1]
        # Where bins are wider than places.
        between = np.interp(hz, self.hz, self.magnitude)
        return np.asarray(np.where(np.diff(starts) > 0, np.maximum(largest, between), between))


def _windows(audio: Float[ndarray, " sample"], n: int) -> Float[ndarray, "window {n}"]:
    """Some of the loud windows of a sound, spread over it."""
    frames = np.lib.stride_tricks.sliding_window_view(audio, n)[:: max(1, n // 2)]
    level = np.sqrt(np.mean(np.square(frames), axis=1))
    loud = np.flatnonzero(level >= _MIN_LEVEL * level.max())
    return np.asarray(frames[loud[:: math.ceil(len(loud) / _N_WINDOWS)]], dtype=np.float64)


def _whitening(magnitude: Float[ndarray, " bin"], bin_hz: float) -> Float[ndarray, " bin"]:
    """Factor of each bin."""
    centres = 40 * 2 ** (np.arange(math.ceil(3 * math.log2(_TOP_HZ / 40))) / 3)
    edges = np.minimum(np.round(np.outer((2 ** (-1 / 3), 2 ** (1 / 3)), centres) / bin_hz).astype(int), len(magnitude))
    power = np.append(0, np.cumsum(np.square(magnitude)))
    rms = np.sqrt((power[edges[1]] - power[edges[0]]) / np.maximum(edges[1] - edges[0], 1))
    factors = np.maximum(rms, 1e-4 * rms.max()) ** -_WHITENING
    hz = np.maximum(np.arange(len(magnitude)) * bin_hz, 1)
    return np.asarray(np.interp(np.log(hz), np.log(centres), factors))


def _found(spectrum: _Spectrum) -> list[float]:
    """Pitches with a large salience, the most salient first; harmonics of a note may be among them."""
    n_places = math.floor(_PER_OCTAVE * math.log2(_TOP_HZ / LOWEST_HZ))
    hz = LOWEST_HZ * 2 ** (np.arange(n_places) / _PER_OCTAVE)
    candidates = hz[hz <= HIGHEST_HZ]
    found: list[float] = []
    first = 0.0
    for _ in range(_N_PITCHES):
        values = spectrum.over_log_frequency(hz)
        salience = np.zeros(len(candidates))
        for number in range(1, _N_HARMONICS + 1):
            shift = round(_PER_OCTAVE * math.log2(number))
            shifted = values[shift : shift + len(candidates)]
            weights = (candidates + _A_HZ) / (number * candidates + _B_HZ)
            salience[: len(shifted)] += weights[: len(shifted)] * shifted
        best = int(np.argmax(salience))
        first = first or float(salience[best])
        if salience[best] < _STRENGTH * first:
            break
        weight = (candidates[best] + _A_HZ) / (candidates[best] + _B_HZ)
        if not found or weight * values[best] > _FUNDAMENTAL * salience[best]:
            found.append(float(candidates[best]))
        spectrum = spectrum.without(float(candidates[best]))
    return found


def _is_note(spectrum: _Spectrum, tracked_hz: float, found: list[float]) -> bool:
    """Whether all pitches that were found are those of one note."""
    lower = [f0_hz for f0_hz in found if f0_hz < tracked_hz and _is_harmonic(tracked_hz / f0_hz)]
    base_hz = min([tracked_hz, *lower])
    if not all(_is_near(f0_hz, base_hz) or _is_harmonic(f0_hz / base_hz) for f0_hz in found):
        return False
    if len(found) < 2 or any(round(f0_hz / base_hz) <= 2 for f0_hz in found):
        return True
    of_note = spectrum.at_harmonics(base_hz)
    of_found = np.any([spectrum.at_harmonics(f0_hz) for f0_hz in found], axis=0)
    magnitude = spectrum.magnitude
    return bool(magnitude[of_note & ~of_found].sum() > _OTHER_SHARE * magnitude[of_note].sum())


def _is_near(f0_hz: float, other_hz: float) -> bool:
    """Whether two pitches are those of one note with vibrato or of detuned oscillators."""
    return abs(12 * math.log2(f0_hz / other_hz)) < _NEAR


def _is_harmonic(ratio: float) -> bool:
    """Whether a ratio of frequencies is that of a harmonic to its fundamental."""
    return ratio > 0.5 and abs(12 * math.log2(ratio / max(1, round(ratio)))) < _SAME
