"""Waveforms of a synth, and magnitude responses of its filter, harmonics and noise bands, at fixed values of a curve.

A frozen biquad has the frequency response H(z) = (b0 + b1/z + b2/z^2) / (1 + a1/z + a2/z^2) with z = e^(i 2 pi f / fs).
Learned modules also depend on the time within the clip; they are evaluated at its middle.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from core.ops.harmonic_shares import normalize_harmonics
from core.ops.phase_modulation import modulate_phase
from core.settings.filters import FilterResponse
from core.synths.base import Synth
from core.synths.engel import Engel
from core.synths.filters import LearnedFilter, RbjFilter
from core.synths.fm import Fm
from core.synths.mod_synth import ModSynth
from core.synths.shan import Shan
from core.synths.subtractive import Subtractive

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
_N_WAVEFORMS, _WAVEFORM_LENGTH = 16, 1024
"""Values of the curve at which waveforms are computed, and their samples where no table has a length."""
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
    """Responses of all modules of a synth that have one, without gradients; none of a granular synth, without curves.

    Args:
        synth: The synth, with its trained weights.
        sample_rate: Sample rate of its sound in Hz.
        values: Values in 0..1 of the controlling curve.
    """
    if _is_granular(synth):
        return ()
    with torch.no_grad():
        match synth:
            case ModSynth() | Shan() | Fm():
                controls = synth.controls(_constant_curves(values, 3)).filter
                return (_filter_response(synth.filter, controls[:, _MIDDLE], sample_rate, values),)
            case Subtractive():
                controls = synth.controls(_constant_curves(values, 3)).cutoff_hz
                return (_filter_response(synth.filter, controls[:, _MIDDLE], sample_rate, values),)
            case Engel():
                return _engel_responses(synth, sample_rate, values)
            case _:
                return ()


def wavetable(synth: Synth[Any]) -> Float[Tensor, "position sample"] | None:
    """One cycle of the oscillator at increasing values of the curve `add`; None if no cycle repeats.

    The wavetable of a Mod. Synth, learned or frozen; what the other synths play in place of one; the tables of Shan et
    al.'s synth if it is granular and no curve mixes them.
    """
    values = torch.linspace(0, 1, _N_WAVEFORMS).tolist()
    with torch.no_grad():
        match synth:
            case ModSynth():
                return synth.oscillator.table.detach()
            case Shan() if _is_granular(synth):
                return synth.tables.table.detach()
            case Shan():
                weights = synth.controls(_constant_curves(values, 3)).weights[:, _MIDDLE]
                return weights @ synth.tables.table
            case Fm() if float(synth.ratio).is_integer():
                index = synth.max_index * torch.tensor(values)[:, None].expand(-1, 2)
                phase = torch.arange(_WAVEFORM_LENGTH, dtype=torch.float64) / _WAVEFORM_LENGTH
                return modulate_phase(index, phase.expand(len(values), -1), synth.ratio, _WAVEFORM_LENGTH)
            case Subtractive():
                return torch.lerp(synth.tables[0], synth.tables[1], torch.tensor(values)[:, None])
            case _:
                return None


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


def _is_granular(synth: Synth[Any]) -> bool:
    """Whether controls of the synth are inputs, instead of following from curves."""
    match synth:
        case ModSynth():
            return synth.is_granular
        case Shan() | Fm() | Engel():
            return synth.sub_adapter is None
        case _:
            return False


def _filter_response(
    filter_: RbjFilter | LearnedFilter,
    controls: Float[Tensor, " value"] | Float[Tensor, "value 5"],
    sample_rate: int,
    values: tuple[float, ...],
) -> Response:
    """Response of the resonant filter, at a resonance in the middle of its range, or of the learned filter."""
    highest = 0.499 * sample_rate
    frequencies = torch.logspace(math.log10(MIN_HZ), math.log10(highest), _N_FREQUENCIES, dtype=torch.float64)
    if isinstance(filter_, RbjFilter):
        resonance = filter_.q.from_unit(torch.full_like(controls, 0.5))
        b, a = filter_.coefficients(controls, resonance)
    else:
        b, a = filter_.transfer(controls)
    return Response(
        module=_RBJ_MODULE[filter_.response] if isinstance(filter_, RbjFilter) else "learned filter",
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


def _constant_curves(values: Sequence[float], n_modulations: int) -> Float[Tensor, "value modulation 3"]:
    """Constant curves, the same for all modulations, of three frames: start, middle and end of a clip."""
    return torch.tensor(values)[:, None, None].expand(-1, n_modulations, 3)


def _decibels(magnitude: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    return (20 * magnitude.clamp_min(1e-12).log10()).clamp_min(FLOOR_DB)
