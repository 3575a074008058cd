"""Subtractive synth: a mix of saw and square (add), a resonant low-pass (sub) and an amplitude envelope (env).

    audio = env * low_pass((1 - add) saw + add square)

A white box: the curves are its controls, and nothing in it is trained. Saw and square are tables of their Fourier
series, (2 / pi) sum_k sin(k x) / k and twice its odd terms, without the harmonics that the pitch places above Nyquist
(`core.ops.table_read.band_limit`).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from core.ops.table_mix import mix_tables
from core.ops.table_read import band_limit
from core.synths.base import Synth
from core.synths.filters import RbjFilter
from core.synths.note import Note

TABLE_LENGTH = 4096
"""Samples per cycle of saw and square."""
_N_HARMONICS = 1024
"""Harmonics of saw and square: all below Nyquist from 23.4 Hz at 48 kHz."""


@dataclass(frozen=True, slots=True)
class SubtractiveControls:
    """Controls of oscillator, filter and envelope at frame rate."""

    mix: Float[Tensor, "batch frame"]
    """Share of the square, 0..1; the rest is saw."""
    cutoff_hz: Float[Tensor, "batch frame"]
    amplitude: Float[Tensor, "batch frame"]


class Subtractive(Synth[SubtractiveControls]):
    """Saw and square, a resonant low-pass and an envelope in series."""

    tables: Tensor
    """Saw and square."""

    def __init__(self, filter_: RbjFilter, sample_rate: int, n_samples: int, hop_length: int) -> None:
        super().__init__()
        self.sample_rate = sample_rate
        self.n_samples = n_samples
        self.hop_length = hop_length
        self.filter = filter_
        self.register_buffer("tables", saw_and_square(), persistent=False)

    @property
    def control_ranges(self) -> Mapping[str, tuple[float, float]]:
        cutoff = self.filter.cutoff
        return {"mix": (0.0, 1.0), "cutoff_hz": (cutoff.low, cutoff.high), "amplitude": (0.0, 1.0)}

    def controls(
        self,
        modulation: Float[Tensor, "batch modulation frame"],
        curriculum: float = 0.0,  # noqa: ARG002  (no curriculum here)
        generator: torch.Generator | None = None,  # noqa: ARG002
    ) -> SubtractiveControls:
        add, sub, env = modulation.unbind(1)
        return SubtractiveControls(add, self.filter.cutoff.from_unit(sub), env)

    def render(self, controls: SubtractiveControls, note: Note) -> Float[Tensor, "batch sample"]:
        tables = band_limit(self.tables, note.highest_hz, self.sample_rate, TABLE_LENGTH)
        phase = note.phase_of_samples(self.n_samples, self.sample_rate, self.hop_length)
        weights = torch.stack([1 - controls.mix, controls.mix], -1)
        audio = mix_tables(tables, weights, phase, self.hop_length)
        resonance = self.filter.q.from_unit(note.q)
        filtered: Tensor = self.filter(audio, controls.cutoff_hz, resonance, controls.amplitude)
        return filtered


def saw_and_square() -> Float[Tensor, "2 sample"]:
    """A cycle of a saw that falls from 1 to -1, and of a square that is 1 in its first half and -1 in its second."""
    k = torch.arange(1, _N_HARMONICS + 1, dtype=torch.float64)
    amplitudes = torch.stack([2 / (math.pi * k), 4 / (math.pi * k) * (k % 2)])
    spectrum = torch.zeros(2, TABLE_LENGTH // 2 + 1, dtype=torch.complex128)
    spectrum[:, 1 : _N_HARMONICS + 1] = -0.5j * TABLE_LENGTH * amplitudes
    cycles: Tensor = torch.fft.irfft(spectrum, n=TABLE_LENGTH)
    return cycles.float()
