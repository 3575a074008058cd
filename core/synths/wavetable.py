"""Wavetable oscillator: bilinear read over (position, phase) of a table band-limited for its pitch.

    phase(n) = phase_0 + f0 n / sample_rate,  in closed form and float64, since a float32 running sum drifts
    audio(n) = table[position(n), phase(n)],  linear in both, periodic in phase

Band-limiting: the table's spectrum along the cycle is multiplied by a gain that is 1 up to 0.9 of Nyquist and falls as
a raised cosine to 0 at Nyquist. The reference (Mitcheltree, Tan, Reiss 2025, arXiv 2510.06204) convolves with a 129-tap
windowed sinc at the same 0.9, whose transition spans some 44 harmonics of a 1024-sample table: more than a note above
180 Hz has at 16 kHz. Wavetable synthesis as a differentiable layer: Shan et al. (2022), arXiv 2111.10003.
"""

from typing import Any, no_type_check

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from core.kernels import array, gradients_by_reference, has_kernel, kernel
from core.signal import check_cover, to_samples

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
    tables: Float[Tensor, "batch row cycle"],
    position: Float[Tensor, "batch frame"],
    f0_hz: Float[Tensor, " batch"],
    phase: Float[Tensor, " batch"],
    n_samples: int,
    sample_rate: int,
    hop_length: int,
) -> Float[Tensor, "batch {n_samples}"]:
    """Bilinear read at a constant pitch.

    Args:
        tables: One table per clip.
        position: Place between the first row (0) and the last (1) for each frame, interpolated to samples.
        phase: Place in the cycle at the first sample, in cycles; the cycle wraps.

    Raises:
        ValueError: the frames end before the last sample.
    """
    check_cover(position.shape[1], hop_length, n_samples)
    if not has_kernel(tables, position):
        return read_table_reference(tables, position, f0_hz, phase, n_samples, sample_rate, hop_length)
    increment = f0_hz.double() / sample_rate
    audio: Tensor = _ReadTable.apply(tables, position, increment, phase.double(), n_samples, hop_length)
    return audio


def read_table_reference(
    tables: Float[Tensor, "batch row cycle"],
    position: Float[Tensor, "batch frame"],
    f0_hz: Float[Tensor, " batch"],
    phase: Float[Tensor, " batch"],
    n_samples: int,
    sample_rate: int,
    hop_length: int,
) -> Float[Tensor, "batch {n_samples}"]:
    """The same by torch operations."""
    cycles = oscillator_phase(f0_hz, phase, n_samples, sample_rate)
    return _read_at(tables, to_samples(position, hop_length, n_samples), cycles)


def _read_at(
    tables: Float[Tensor, "batch row cycle"],
    position: Float[Tensor, "batch sample"],
    cycles: Float[Tensor, "batch sample"],
) -> Float[Tensor, "batch sample"]:
    batch, n_rows, length = tables.shape
    row = position.clamp(0, 1) * (n_rows - 1)
    low = row.detach().floor().clamp(max=max(n_rows - 2, 0)).long()
    high = (low + 1).clamp(max=n_rows - 1)
    column = cycles * length
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
        return read_table(tables, position, f0_hz, phase, n_samples, self.sample_rate, self.hop_length)


class LearnableWavetable(WavetableOscillator):
    """A table that starts as faint noise, N(0, 0.01^2), and is trained."""

    def __init__(self, n_positions: int, table_length: int, sample_rate: int, hop_length: int) -> None:
        super().__init__(torch.empty(n_positions, table_length), sample_rate, hop_length, learnable=True)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.normal_(self.table, std=0.01)


class _ReadTable(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        tables: Tensor,
        position: Tensor,
        increment: Tensor,
        phase: Tensor,
        n_samples: int,
        hop_length: int,
    ) -> Tensor:
        ctx.save_for_backward(tables, position, increment, phase)
        ctx.n_samples, ctx.hop_length = n_samples, hop_length
        audio = np.empty((tables.shape[0], n_samples), array(tables).dtype)
        _read(array(tables), array(position), array(increment), array(phase), hop_length, audio)
        return torch.from_numpy(audio)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        tables, position, increment, phase = ctx.saved_tensors
        if torch.is_grad_enabled():

            def reference(tables: Tensor, position: Tensor) -> Tensor:
                return read_table_reference(tables, position, increment, phase, ctx.n_samples, 1, ctx.hop_length)

            found = gradients_by_reference(reference, (tables, position), ctx.needs_input_grad[:2], gradient)
            return *found, None, None, None, None
        learns = ctx.needs_input_grad[0]
        d_tables = np.zeros(tables.shape if learns else (0, 0, 0), array(tables).dtype)
        d_position = np.zeros_like(array(position))
        _read_backwards(
            array(gradient),
            array(tables),
            array(position),
            array(increment),
            array(phase),
            ctx.hop_length,
            d_tables,
            d_position,
        )
        return torch.from_numpy(d_tables) if learns else None, torch.from_numpy(d_position), None, None, None, None


@kernel
@no_type_check
def _read(tables, position, increment, phase, hop_length, audio):
    n_rows, length = tables.shape[1:]
    n_samples = audio.shape[1]
    top = max(n_rows - 1, 0)
    for clip in range(audio.shape[0]):
        table = tables[clip].reshape(-1)
        for frame in range((n_samples + hop_length - 1) // hop_length):
            start = frame * hop_length
            first = position[clip, frame] * top
            by = (position[clip, frame + 1] * top - first) / hop_length
            for n in range(start, min(start + hop_length, n_samples)):
                cycles = phase[clip] + increment[clip] * n
                column = (cycles - np.floor(cycles)) * length
                left = min(int(column), length - 1)
                right = left + 1 if left + 1 < length else 0
                across = audio.dtype.type(column - left)
                row = min(max(first + (n - start) * by, 0.0), top)
                # What is not a number is heard, but no place in memory.
                low = min(int(row), top - 1) if row > 0 else 0
                at = low * length
                above = at + length if top > 0 else at
                value = table[at + left] + across * (table[at + right] - table[at + left])
                value_above = table[above + left] + across * (table[above + right] - table[above + left])
                audio[clip, n] = value + audio.dtype.type(row - low) * (value_above - value)


@kernel
@no_type_check
def _read_backwards(g, tables, position, increment, phase, hop_length, d_tables, d_position):
    """Add to d_position, and to d_tables unless it is empty."""
    n_rows, length = tables.shape[1:]
    n_samples = g.shape[1]
    top = max(n_rows - 1, 0)
    learns = d_tables.size > 0
    for clip in range(g.shape[0]):
        table = tables[clip].reshape(-1)
        d_table = d_tables[clip].reshape(-1) if learns else table
        for frame in range((n_samples + hop_length - 1) // hop_length):
            start = frame * hop_length
            first = position[clip, frame] * top
            by = (position[clip, frame + 1] * top - first) / hop_length
            whole = late = 0.0
            for n in range(start, min(start + hop_length, n_samples)):
                cycles = phase[clip] + increment[clip] * n
                column = (cycles - np.floor(cycles)) * length
                left = min(int(column), length - 1)
                right = left + 1 if left + 1 < length else 0
                across = g.dtype.type(column - left)
                unclamped = first + (n - start) * by
                row = min(max(unclamped, 0.0), top)
                low = min(int(row), top - 1) if row > 0 else 0
                at = low * length
                above = at + length if top > 0 else at
                if row == unclamped:
                    value = table[at + left] + across * (table[at + right] - table[at + left])
                    value_above = table[above + left] + across * (table[above + right] - table[above + left])
                    pull = g[clip, n] * (value_above - value)
                    whole += pull
                    late += pull * (n - start)
                if learns:
                    up = g.dtype.type(row - low)
                    here, there = g[clip, n] * (1 - up), g[clip, n] * up
                    d_table[at + left] += here * (1 - across)
                    d_table[at + right] += here * across
                    d_table[above + left] += there * (1 - across)
                    d_table[above + right] += there * across
            late /= hop_length
            d_position[clip, frame] += (whole - late) * top
            d_position[clip, frame + 1] += late * top
