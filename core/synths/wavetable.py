"""Wavetable oscillator: bilinear read over (position, phase) of a table band-limited for its pitch.

    phase(n) = phase_0 + f0 n / sample_rate,  in closed form and float64, since a float32 running sum drifts
    audio(n) = table[position(n), phase(n)],  linear in both, periodic in phase

Band-limiting: the table's spectrum along the cycle is multiplied by a gain that is 1 up to 0.9 of Nyquist and falls as
a raised cosine to 0 at Nyquist. The reference (Mitcheltree, Tan, Reiss 2025, arXiv 2510.06204) convolves with a 129-tap
windowed sinc at the same 0.9, whose transition spans some 44 harmonics of a 1024-sample table: more than a note above
180 Hz has at 16 kHz. Wavetable synthesis as a differentiable layer: Shan et al. (2022), arXiv 2111.10003.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from core.signal import to_samples

_PASSBAND = 0.9


def oscillator_phase(
    f0_hz: Float[Tensor, " batch"], phase: Float[Tensor, " batch"], n_samples: int, sample_rate: int
) -> Float[Tensor, "batch {n_samples}"]:
    """The phase of each sample in cycles, 0..1, in float64."""
    n = torch.arange(n_samples, dtype=torch.float64, device=f0_hz.device)
    return (phase.double()[:, None] + f0_hz.double()[:, None] * n / sample_rate) % 1.0


def band_limit(
    table: Float[Tensor, "position sample"], f0_hz: Float[Tensor, " batch"], sample_rate: int
) -> Float[Tensor, "batch position sample"]:
    """One table per clip, holding only the harmonics that its pitch leaves below Nyquist."""
    spectrum = torch.fft.rfft(table)
    harmonic = torch.arange(spectrum.shape[-1], device=table.device, dtype=table.dtype)
    relative = harmonic * f0_hz[:, None].to(table.dtype) / (sample_rate / 2)
    gain = 0.5 + 0.5 * torch.cos(torch.pi * ((relative - _PASSBAND) / (1 - _PASSBAND)).clamp(0, 1))
    limited: Tensor = torch.fft.irfft(spectrum * gain[:, None], n=table.shape[-1])
    return limited


def read_table(
    tables: Float[Tensor, "batch position cycle"],
    position: Float[Tensor, "batch sample"],
    phase: Float[Tensor, "batch sample"],
) -> Float[Tensor, "batch sample"]:
    """Bilinear read.

    Args:
        tables: One table per clip.
        position: Place between the first row (0) and the last (1) for each sample.
        phase: Place in the cycle in 0..1 for each sample; the cycle wraps.
    """
    batch, n_positions, length = tables.shape
    row = position.clamp(0, 1) * (n_positions - 1)
    low = row.detach().floor().clamp(max=max(n_positions - 2, 0)).long()
    high = (low + 1).clamp(max=n_positions - 1)
    column = phase * length
    left = column.floor().long() % length
    right = (left + 1) % length
    flat = tables.reshape(batch, -1)
    column_fraction = (column - column.floor()).to(tables.dtype)

    def value(rows: Tensor) -> Tensor:
        start = rows * length
        return torch.lerp(flat.gather(1, start + left), flat.gather(1, start + right), column_fraction)

    return torch.lerp(value(low), value(high), row - low)


class WavetableOscillator(nn.Module):
    """Plays a frozen or learnable table."""

    table: Tensor

    def __init__(
        self, table: Float[Tensor, "position sample"], sample_rate: int, hop_length: int, *, learnable: bool = False
    ) -> None:
        super().__init__()
        self.sample_rate = sample_rate
        self.hop_length = hop_length
        if learnable:
            self.table = nn.Parameter(table)
        else:
            self.register_buffer("table", table, persistent=False)

    def forward(
        self,
        position: Float[Tensor, "batch frame"],
        f0_hz: Float[Tensor, " batch"],
        phase: Float[Tensor, " batch"],
        n_samples: int,
    ) -> Float[Tensor, "batch {n_samples}"]:
        tables = band_limit(self.table, f0_hz, self.sample_rate)
        return read_table(
            tables,
            to_samples(position, self.hop_length, n_samples),
            oscillator_phase(f0_hz, phase, n_samples, self.sample_rate),
        )


class LearnableWavetable(WavetableOscillator):
    """A table that starts as faint noise, N(0, 0.01^2), and is trained."""

    def __init__(self, n_positions: int, table_length: int, sample_rate: int, hop_length: int) -> None:
        super().__init__(torch.empty(n_positions, table_length), sample_rate, hop_length, learnable=True)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.normal_(self.table, std=0.01)
