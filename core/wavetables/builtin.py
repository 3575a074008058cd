"""Ten built-in wavetables of different character, continuous along the position and periodic along the cycle.

Each is defined by a spectrum per position, `row(x) = sum_k Re(c_k e^(i k x))` over the harmonics k = 1 .. 255 of a
cycle: rows are periodic, band-limited and free of DC. Spectra of shapes with corners are multiplied by Lanczos' sigma
factors (Lanczos 1956), which removes most of the Gibbs overshoot. Values are rounded to multiples of 2^-20: the hash of
a table must not depend on the last bits, in which machines differ.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

import numpy as np
import torch
from jaxtyping import Complex, Float
from numpy import ndarray
from torch import Tensor

N_POSITIONS = 64
"""Cycles in a built-in table."""
CYCLE_LENGTH = 1024
"""Samples per cycle of a built-in table."""
N_HARMONICS = 255
"""Highest harmonic in a built-in table."""
_GRID = 2.0**20
"""Values are multiples of 1 / _GRID."""
_OVERSAMPLING = 64
"""Oversampling of the waveforms from which spectra are computed."""
Spectrum = Complex[ndarray, "position harmonic"]
"""Complex amplitude of each harmonic 1, 2, ...; sin(k x) has amplitude -i."""


@dataclass(frozen=True, slots=True)
class BuiltinWavetable:
    """Definition of a built-in wavetable: its description and its spectrum at each position."""

    description: str
    """The sound of the table, in words."""
    spectrum: Callable[[], Spectrum]
    """Function that returns the spectrum at each position."""

    def make(self) -> Float[Tensor, "position sample"]:
        """The table as float32, with zero mean in each row and a largest magnitude of 1."""
        bins = np.zeros((N_POSITIONS, CYCLE_LENGTH // 2 + 1), np.complex128)
        bins[:, 1 : N_HARMONICS + 1] = self.spectrum() * (CYCLE_LENGTH / 2)
        rows = np.fft.irfft(bins, n=CYCLE_LENGTH)
        return torch.from_numpy((np.round(rows / np.abs(rows).max() * _GRID) / _GRID).astype(np.float32))


@cache
def builtin_wavetable(name: str) -> Float[Tensor, "position sample"]:
    """The built-in table with this name, cached per process; it must not be modified."""
    return BUILTIN_WAVETABLES[name].make()


_K = np.arange(1, N_HARMONICS + 1, dtype=np.float64)
"""Number of each harmonic."""
_POSITION = np.linspace(0.0, 1.0, N_POSITIONS)[:, None]
"""Position in 0..1 of each row."""
_PHASE = 2 * np.pi * np.arange(CYCLE_LENGTH * _OVERSAMPLING) / (CYCLE_LENGTH * _OVERSAMPLING)
"""Phases in radians of an oversampled cycle."""
_SIGMA = np.sinc(_K / (N_HARMONICS + 1))
"""Lanczos' sigma factors."""
_SPREAD = np.exp(-1j * np.pi * _K * (_K - 1) / 32)
"""Phase factors (Schroeder 1970) that spread the energy of a bright spectrum over the cycle."""


def _sine_to_saw_spectrum() -> Spectrum:
    overtones = np.where(_K == 1, 1.0, _POSITION)
    return np.asarray(1j * (-1) ** _K * overtones * _SIGMA / _K)


def _pulse_width_spectrum() -> Spectrum:
    duty = 0.5 - 0.45 * _POSITION
    return np.asarray(2 * np.sin(np.pi * _K * duty) / (np.pi * _K) * _SIGMA + 0j)


def _saw_to_square_spectrum() -> Spectrum:
    even = _K % 2 == 0
    return np.asarray(1j * (-1) ** _K * np.where(even, 1 - _POSITION, 1.0) * _SIGMA / _K)


def _fm_bell_spectrum() -> Spectrum:
    return _spectrum_of(lambda position: np.sin(_PHASE + 5.0 * position * np.sin(3 * _PHASE)))


def _wave_fold_spectrum() -> Spectrum:
    def fold(position: float) -> Float[ndarray, " sample"]:
        gain = 0.6 + 7.0 * position
        return np.asarray(np.sin(gain * (np.sin(_PHASE) + 0.25)))

    # Equal energy in all rows: those of small gain would be quiet.
    rows = _spectrum_of(fold)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def _hard_sync_spectrum() -> Spectrum:
    def waveform(position: float) -> Float[ndarray, " sample"]:
        # The reset is in the middle of the row; the window fades the waveform out before it.
        master = (_PHASE + np.pi) % (2 * np.pi)
        slave = master / (2 * np.pi) * (1 + 3 * position)
        return np.asarray((2 * (slave % 1.0) - 1) * np.cos(master / 4) ** 2)

    # The edges move by up to 1.2 % of the cycle per row: sharper ones would be elsewhere in the next row.
    return _spectrum_of(waveform) * np.sinc(_K / 33) * (_K <= 32)


def _formant_sweep_spectrum() -> Spectrum:
    centre = 1.5 * 2.0 ** (4 * _POSITION)
    octaves = np.log2(_K / centre)
    return np.asarray(_SPREAD * (0.3 / _K**1.5 + np.exp(-0.5 * (octaves / 0.25) ** 2) / np.sqrt(centre)))


def _additive_comb_spectrum() -> Spectrum:
    # Harmonic 32 comes and goes once in four rows; a higher one would be there in one row and gone in the next.
    teeth = 0.5 + 0.5 * np.cos(np.pi * _K * _POSITION)
    return np.asarray(_SPREAD * np.where(_K == 1, 1.0, teeth) * _K**-0.7 * (_K <= 32))


def _drawbars_spectrum() -> Spectrum:
    octave = np.log2(_K)
    pipes = (octave == np.round(octave)) & (_K <= 32)
    return np.asarray(-1j * pipes * np.exp(-0.5 * ((octave - 5 * _POSITION) / 0.7) ** 2))


def _random_morph_spectrum() -> Spectrum:
    # Fractional parts of multiples of square roots are patternless numbers that do not depend on a random generator.
    anchors = np.arange(1, 7)[:, None]
    loudness = (anchors * np.sqrt(2) * 97 + _K * np.sqrt(3) * anchors**2) % 1.0
    angle = 2 * np.pi * ((anchors * np.sqrt(5) * 89 + _K * np.sqrt(7) * anchors) % 1.0)
    spectra = loudness**4 * np.exp(1j * angle) / np.sqrt(_K) * (_K <= 64)
    spectra /= np.linalg.norm(spectra, axis=1, keepdims=True)
    position = _POSITION[:, 0] * (len(anchors) - 1)
    left = np.minimum(position.astype(int), len(anchors) - 2)
    share = (position - left)[:, None] * (np.pi / 2)
    return np.asarray(np.cos(share) * spectra[left] + np.sin(share) * spectra[left + 1])


def _spectrum_of(row: Callable[[float], Float[ndarray, " sample"]]) -> Spectrum:
    """Spectrum at each position of a waveform, given as a function that returns a cycle sampled at `_PHASE`."""
    rows = np.stack([row(position) for position in _POSITION[:, 0].tolist()])
    return np.asarray(np.fft.rfft(rows)[:, 1 : N_HARMONICS + 1] * (2 / _PHASE.size))


BUILTIN_WAVETABLES: Mapping[str, BuiltinWavetable] = MappingProxyType(
    {
        "sine_to_saw": BuiltinWavetable("a sine that gains all overtones of a saw", _sine_to_saw_spectrum),
        "pulse_width": BuiltinWavetable("a pulse from a square down to 5 % of the cycle", _pulse_width_spectrum),
        "saw_to_square": BuiltinWavetable("a saw that loses its even harmonics", _saw_to_square_spectrum),
        "fm_bell": BuiltinWavetable("a sine phase-modulated at three times its pitch, index 0 to 5", _fm_bell_spectrum),
        "wave_fold": BuiltinWavetable("an off-centre sine driven ever deeper into a sine folder", _wave_fold_spectrum),
        "hard_sync": BuiltinWavetable("a saw of one to four times the pitch, reset every cycle", _hard_sync_spectrum),
        "formant_sweep": BuiltinWavetable(
            "one narrow formant from harmonic 1.5 up four octaves", _formant_sweep_spectrum
        ),
        "additive_comb": BuiltinWavetable(
            "a comb over the harmonics, closing up until every other one is left", _additive_comb_spectrum
        ),
        "drawbars": BuiltinWavetable("octave pipes, the loud one climbing five octaves", _drawbars_spectrum),
        "random_morph": BuiltinWavetable("six unrelated spectra, each fading into the next", _random_morph_spectrum),
    }
)
"""All built-in wavetables by name."""
