"""Magnitude responses of a synth's filter, harmonics and noise bands at fixed values of the curve that controls them.

A frozen biquad has the frequency response H(z) = (b0 + b1/z + b2/z^2) / (1 + a1/z + a2/z^2) with z = e^(i 2 pi f / fs).
Learned modules also depend on the time within the clip; they are evaluated at its middle.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from core.ops.harmonics import normalize_harmonics
from core.settings.filters import FilterResponse
from core.synths.base import Synth
from core.synths.engel import Engel
from core.synths.filters import RbjFilter
from core.synths.mod_synth import ModSynth

_RBJ_MODULE: Mapping[
    FilterResponse, Literal["low-pass filter", "high-pass filter", "band-pass filter", "notch filter"]
] = MappingProxyType(
    {
        "low_pass": "low-pass filter",
        "high_pass": "high-pass filter",
        "band_pass": "band-pass filter",
        "notch": "notch filter",
    }
)
FLOOR_DB = -120.0
"""Smallest magnitude in dB; that of 0 is undefined."""
MIN_HZ = 30.0
"""Lowest frequency of a filter's response."""
_N_FREQUENCIES = 96
_MIDDLE = 1
"""Index of the middle of the three frames at which learned modules are evaluated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """Magnitudes at some values of the curve that controls them."""

    module: Literal[
        "low-pass filter",
        "high-pass filter",
        "band-pass filter",
        "notch filter",
        "learned filter",
        "harmonics",
        "noise bands",
    ]
    modulation: str
    """Name of the curve that controls the module."""
    values: tuple[float, ...]
    """Values of the curve, in 0..1."""
    unit: Literal["Hz", "harmonic"]
    """Unit of `positions`."""
    positions: Float[Tensor, " position"]
    """Frequencies in Hz, or numbers of harmonics from 1."""
    magnitude_db: Float[Tensor, "value position"]


def responses(synth: Synth[Any], sample_rate: int, values: tuple[float, ...]) -> tuple[Response, ...]:
    """Responses of all modules of a synth that have one, without gradients.

    Args:
        synth: The synth, with its trained weights.
        sample_rate: Sample rate of its sound in Hz.
        values: Values in 0..1 of the controlling curve.
    """
    with torch.no_grad():
        match synth:
            case ModSynth():
                return (_filter_response(synth, sample_rate, values),)
            case Engel():
                return _engel_responses(synth, sample_rate, values)
            case _:
                return ()


def wavetable(synth: Synth[Any]) -> Float[Tensor, "position sample"] | None:
    """The wavetable of a synth, learned or frozen; None if it has none."""
    return synth.oscillator.table.detach() if isinstance(synth, ModSynth) else None


def biquad_magnitude_db(
    b: Float[Tensor, "*shape 3"], a: Float[Tensor, "*shape 2"], frequencies_hz: Float[Tensor, " frequency"], rate: int
) -> Float[Tensor, "*shape frequency"]:
    """Magnitude in dB of biquads with coefficients b and (a1, a2), where a0 = 1."""
    delay = torch.exp(-2j * math.pi * frequencies_hz.double() / rate)
    powers = torch.stack([torch.ones_like(delay), delay, delay**2])
    numerator = b.to(powers) @ powers
    denominator = 1 + a.to(powers) @ powers[1:]
    return _decibels((numerator / denominator).abs())


# ---------------------------------------------------------------------------------------------------------------------


def _filter_response(synth: ModSynth, sample_rate: int, values: tuple[float, ...]) -> Response:
    """Response of the resonant filter, at a resonance in the middle of its range, or of the learned filter."""
    highest = 0.499 * sample_rate
    frequencies = torch.logspace(math.log10(MIN_HZ), math.log10(highest), _N_FREQUENCIES, dtype=torch.float64)
    controls = synth.controls(_constant_curves(values, 3)).filter[:, _MIDDLE]
    if isinstance(synth.filter, RbjFilter):
        resonance = synth.filter.q.from_unit(torch.full_like(controls, 0.5))
        b, a = synth.filter.coefficients(controls, resonance)
    else:
        b, a = synth.filter.transfer(controls)
    return Response(
        module=_RBJ_MODULE[synth.filter.response] if isinstance(synth.filter, RbjFilter) else "learned filter",
        modulation="sub",
        values=values,
        unit="Hz",
        positions=frequencies,
        magnitude_db=biquad_magnitude_db(b, a, frequencies, sample_rate),
    )


def _engel_responses(synth: Engel, sample_rate: int, values: tuple[float, ...]) -> tuple[Response, ...]:
    """Amplitudes of the harmonics of a low note, and magnitudes of the noise bands."""
    controls = synth.controls(_constant_curves(values, 3))
    distribution = controls.harmonic_distribution
    n_harmonics, n_bands = distribution.shape[-1], controls.noise_magnitudes.shape[-1]
    # The note is so low that no harmonic is silenced for lying above half the sample rate.
    f0_hz = torch.full((len(values),), 0.4 * sample_rate / n_harmonics)
    amplitudes = controls.harmonic_amplitude * normalize_harmonics(distribution, f0_hz, sample_rate)
    return (
        Response(
            module="harmonics",
            modulation="add",
            values=values,
            unit="harmonic",
            positions=torch.arange(1.0, n_harmonics + 1),
            magnitude_db=_decibels(amplitudes[:, _MIDDLE]),
        ),
        Response(
            module="noise bands",
            modulation="sub",
            values=values,
            unit="Hz",
            positions=torch.linspace(0, sample_rate / 2, n_bands),
            magnitude_db=_decibels(controls.noise_magnitudes[:, _MIDDLE]),
        ),
    )


def _constant_curves(values: tuple[float, ...], n_modulations: int) -> Float[Tensor, "value modulation 3"]:
    """Constant curves, the same for all modulations, of three frames: start, middle and end of a clip."""
    return torch.tensor(values)[:, None, None].expand(-1, n_modulations, 3)


def _decibels(magnitude: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    return (20 * magnitude.clamp_min(1e-12).log10()).clamp_min(FLOOR_DB)
