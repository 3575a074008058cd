"""Wavetable oscillator: bilinear read over (position, phase) of a table band-limited for its pitch.

    phase(n) = phase_0 + f0 n / sample_rate,  in closed form and float64, since a float32 running sum drifts
    audio(n) = table[position(n), phase(n)],  interpolated linearly in both, periodic in phase

Band-limiting: the table's spectrum along the cycle is multiplied by a gain that is 1 up to 0.9 of Nyquist and falls as
a raised cosine to 0 at Nyquist. The reference (Mitcheltree, Tan, Reiss 2025, arXiv 2510.06204) convolves with a 129-tap
windowed sinc at the same 0.9, whose transition band spans some 44 harmonics of a 1024-sample table: more than a note
above 180 Hz has at 16 kHz. The inverse transform yields more samples per cycle than the table has, which is exact
interpolation, so that the images of the linear read lie 50 dB below the sound. Wavetable synthesis as a differentiable
layer: Shan et al. (2022), arXiv 2111.10003.
"""

from typing import Any, no_type_check

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from core.ops.compiling import as_numpy, double_backward, kernel, use_kernel
from core.ops.frames import check_cover, to_samples
from core.ops.phase import constant_pitch_phase
from core.ops.sizes import table_read_length

_PASSBAND = 0.9
"""Share of Nyquist up to which harmonics pass unchanged."""
_LOUDEST_IMAGES = 10 ** (-50 / 20)
"""Largest RMS of a known table's images relative to its loudest row."""


def band_limit(
    table: Float[Tensor, "position sample"], f0_hz: Float[Tensor, " batch"], sample_rate: int, n_samples: int
) -> Float[Tensor, "batch position {n_samples}"]:
    """One table per clip without the harmonics that its pitch places above Nyquist, at n_samples per cycle.

    Raises:
        ValueError: n_samples is less than the table has.
    """
    length = table.shape[-1]
    if n_samples < length:
        raise ValueError(f"a table is read at no fewer samples per cycle than its own {length}; got {n_samples}")
    spectrum = torch.fft.rfft(table)
    harmonic = torch.arange(spectrum.shape[-1], device=table.device, dtype=table.dtype)
    relative = harmonic * f0_hz[:, None].to(table.dtype) / (sample_rate / 2)
    gain = 0.5 + 0.5 * torch.cos(torch.pi * ((relative - _PASSBAND) / (1 - _PASSBAND)).clamp(0, 1))
    gain = gain * (n_samples / length)
    if length % 2 == 0 and n_samples > length:
        # The last bin is its own mirror image only at the table's own length.
        gain = torch.cat([gain[..., :-1], gain[..., -1:] / 2], -1)
    limited: Tensor = torch.fft.irfft(spectrum * gain[:, None], n=n_samples)
    return limited


def quiet_read_length(table: Float[Tensor, "position sample"], sample_rate: int) -> int:
    """Samples per cycle from which the images of a given table, read linearly, stay 50 dB below its loudest row."""
    length = table.shape[-1]
    longest = table_read_length(length, sample_rate)
    power = torch.fft.rfft(table.double()).abs().square()[:, 1:]
    harmonic = torch.arange(1, power.shape[-1] + 1, dtype=torch.float64, device=table.device)
    loudest = float(power.sum(-1).amax())
    images = float((2 * harmonic**4 * power).sum(-1).amax()) / length**4
    n_samples = length
    while n_samples < longest and images > _LOUDEST_IMAGES**2 * loudest:
        n_samples, images = 2 * n_samples, images / 16
    return n_samples


def read_table(
    tables: Float[Tensor, "batch row cycle"],
    position: Float[Tensor, "batch frame"],
    f0_hz: Float[Tensor, " batch"],
    phase: Float[Tensor, " batch"],
    n_samples: int,
    sample_rate: int,
    hop_length: int,
) -> Float[Tensor, "batch {n_samples}"]:
    """Audio read bilinearly at a constant pitch; differentiable in tables and position.

    Args:
        tables: One table per clip.
        position: Row per frame, from 0 for the first to 1 for the last, interpolated to samples.
        f0_hz: Pitch of each clip.
        phase: Phase at the first sample, in cycles.

    Raises:
        ValueError: the frames end before the last sample.
    """
    return read_table_at(tables, position, constant_pitch_phase(f0_hz, phase, n_samples, sample_rate), hop_length)


def read_table_at(
    tables: Float[Tensor, "batch row cycle"],
    position: Float[Tensor, "batch frame"],
    phase: Float[Tensor, "batch sample"],
    hop_length: int,
) -> Float[Tensor, "batch sample"]:
    """`read_table` at given phases, for a pitch that moves; differentiable in them too.

    Args:
        tables: One table per clip.
        position: Row per frame, from 0 for the first to 1 for the last, interpolated to samples.
        phase: Phase of each sample in cycles, as float64; it need not be wrapped.

    Raises:
        ValueError: the frames end before the last sample.
    """
    check_cover(position.shape[1], hop_length, phase.shape[1])
    if not use_kernel(tables, position) or phase.dtype != torch.float64:
        return read_table_at_reference(tables, position, phase, hop_length)
    audio: Tensor = _ReadTable.apply(tables, position, phase, hop_length)
    return audio


def read_table_at_reference(
    tables: Float[Tensor, "batch row cycle"],
    position: Float[Tensor, "batch frame"],
    phase: Float[Tensor, "batch sample"],
    hop_length: int,
) -> Float[Tensor, "batch sample"]:
    """`read_table_at` in torch operations."""
    return _read_at(tables, to_samples(position, hop_length, phase.shape[1]), phase - phase.detach().floor())


def read_table_reference(
    tables: Float[Tensor, "batch row cycle"],
    position: Float[Tensor, "batch frame"],
    f0_hz: Float[Tensor, " batch"],
    phase: Float[Tensor, " batch"],
    n_samples: int,
    sample_rate: int,
    hop_length: int,
) -> Float[Tensor, "batch {n_samples}"]:
    """`read_table` in torch operations."""
    cycles = constant_pitch_phase(f0_hz, phase, n_samples, sample_rate)
    return read_table_at_reference(tables, position, cycles, hop_length)


def _read_at(
    tables: Float[Tensor, "batch row cycle"],
    position: Float[Tensor, "batch sample"],
    cycles: Float[Tensor, "batch sample"],
) -> Float[Tensor, "batch sample"]:
    """Values of the tables at each sample's position and phase."""
    batch, n_rows, length = tables.shape
    row = position.clamp(0, 1) * (n_rows - 1)
    low = row.detach().floor().clamp(max=max(n_rows - 2, 0)).long()
    high = (low + 1).clamp(max=n_rows - 1)
    column = cycles * length
    whole = column.detach().floor()
    left = whole.long() % length
    right = (left + 1) % length
    flat = tables.reshape(batch, -1)
    column_fraction = (column - whole).to(tables.dtype)

    def value(rows: Tensor) -> Tensor:
        start = rows * length
        return torch.lerp(flat.gather(1, start + left), flat.gather(1, start + right), column_fraction)

    return torch.lerp(value(low), value(high), row - low)


class _ReadTable(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, tables: Tensor, position: Tensor, phase: Tensor, hop_length: int) -> Tensor:
        ctx.save_for_backward(tables, position, phase)
        ctx.hop_length = hop_length
        audio = np.empty(tuple(phase.shape), as_numpy(tables).dtype)
        _read(as_numpy(tables), as_numpy(position), as_numpy(phase), hop_length, audio)
        return torch.from_numpy(audio)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        tables, position, phase = ctx.saved_tensors
        if torch.is_grad_enabled():
            grads = double_backward(
                lambda tables, position, phase: read_table_at_reference(tables, position, phase, ctx.hop_length),
                (tables, position, phase),
                ctx.needs_input_grad[:3],
                grad_output,
            )
            return *grads, None
        needs_tables, _, needs_phase, _ = ctx.needs_input_grad
        grad_tables = np.zeros(tables.shape if needs_tables else (0, 0, 0), as_numpy(tables).dtype)
        grad_position = np.zeros_like(as_numpy(position))
        grad_phase = np.empty(tuple(phase.shape) if needs_phase else (0, 0))
        _read_backward(
            as_numpy(grad_output),
            as_numpy(tables),
            as_numpy(position),
            as_numpy(phase),
            ctx.hop_length,
            grad_tables,
            grad_position,
            grad_phase,
        )
        return (
            torch.from_numpy(grad_tables) if needs_tables else None,
            torch.from_numpy(grad_position),
            torch.from_numpy(grad_phase) if needs_phase else None,
            None,
        )


@kernel
@no_type_check
def _read(tables, position, phase, hop_length, audio):
    """Fill audio."""
    n_rows, length = tables.shape[1:]
    n_samples = audio.shape[1]
    top = max(n_rows - 1, 0)
    for clip in range(audio.shape[0]):
        table = tables[clip].reshape(-1)
        for frame in range((n_samples + hop_length - 1) // hop_length):
            start = frame * hop_length
            start_row = position[clip, frame] * top
            slope = (position[clip, frame + 1] * top - start_row) / hop_length
            for n in range(start, min(start + hop_length, n_samples)):
                cycles = phase[clip, n]
                column = (cycles - np.floor(cycles)) * length
                # A NaN phase reads sample 0, and makes the sample NaN below.
                left = min(int(column), length - 1) if column >= 0 else 0
                right = left + 1 if left + 1 < length else 0
                column_fraction = audio.dtype.type(column - left)
                row = min(max(start_row + (n - start) * slope, 0.0), top)
                # A NaN position reads row 0, and makes the sample NaN below.
                low = min(int(row), top - 1) if row > 0 else 0
                low_index = low * length
                high_index = low_index + length if top > 0 else low_index
                low_value = table[low_index + left] + column_fraction * (
                    table[low_index + right] - table[low_index + left]
                )
                high_value = table[high_index + left] + column_fraction * (
                    table[high_index + right] - table[high_index + left]
                )
                audio[clip, n] = low_value + audio.dtype.type(row - low) * (high_value - low_value)


@kernel
@no_type_check
def _read_backward(grad_audio, tables, position, phase, hop_length, grad_tables, grad_position, grad_phase):
    """Add to grad_position, and unless they are empty, add to grad_tables and fill grad_phase."""
    n_rows, length = tables.shape[1:]
    n_samples = grad_audio.shape[1]
    top = max(n_rows - 1, 0)
    needs_tables, needs_phase = grad_tables.size > 0, grad_phase.size > 0
    for clip in range(grad_audio.shape[0]):
        table = tables[clip].reshape(-1)
        grad_table = grad_tables[clip].reshape(-1) if needs_tables else table
        for frame in range((n_samples + hop_length - 1) // hop_length):
            start = frame * hop_length
            start_row = position[clip, frame] * top
            slope = (position[clip, frame + 1] * top - start_row) / hop_length
            # Gradient of the row over the hop: its sum, and the sum weighted by the fraction of the hop.
            total = ramp_weighted = 0.0
            for n in range(start, min(start + hop_length, n_samples)):
                cycles = phase[clip, n]
                column = (cycles - np.floor(cycles)) * length
                left = min(int(column), length - 1) if column >= 0 else 0
                right = left + 1 if left + 1 < length else 0
                column_fraction = grad_audio.dtype.type(column - left)
                unclamped = start_row + (n - start) * slope
                row = min(max(unclamped, 0.0), top)
                low = min(int(row), top - 1) if row > 0 else 0
                low_index = low * length
                high_index = low_index + length if top > 0 else low_index
                if row == unclamped:
                    low_value = table[low_index + left] + column_fraction * (
                        table[low_index + right] - table[low_index + left]
                    )
                    high_value = table[high_index + left] + column_fraction * (
                        table[high_index + right] - table[high_index + left]
                    )
                    grad_row = grad_audio[clip, n] * (high_value - low_value)
                    total += grad_row
                    ramp_weighted += grad_row * (n - start)
                row_fraction = grad_audio.dtype.type(row - low)
                if needs_phase:
                    low_rise = table[low_index + right] - table[low_index + left]
                    high_rise = table[high_index + right] - table[high_index + left]
                    rise = low_rise + row_fraction * (high_rise - low_rise)
                    grad_phase[clip, n] = np.float64(grad_audio[clip, n] * rise) * length
                if needs_tables:
                    grad_low, grad_high = grad_audio[clip, n] * (1 - row_fraction), grad_audio[clip, n] * row_fraction
                    grad_table[low_index + left] += grad_low * (1 - column_fraction)
                    grad_table[low_index + right] += grad_low * column_fraction
                    grad_table[high_index + left] += grad_high * (1 - column_fraction)
                    grad_table[high_index + right] += grad_high * column_fraction
            ramp_weighted /= hop_length
            grad_position[clip, frame] += (total - ramp_weighted) * top
            grad_position[clip, frame + 1] += ramp_weighted * top
