"""Several wavetables read at the same phase and added with weights at frame rate.

    audio(n) = sum_k weight_k(n) table_k[phase(n)],  linear in the phase and periodic, weights linear between frames

Reference: Shan et al. (2022), "Differentiable Wavetable Synthesis", arXiv 2111.10003. The kernel stores the values of
all tables at one phase side by side, so that its innermost loop runs over the tables.
"""

from typing import Any, no_type_check

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from core.ops.compiling import as_numpy, double_backward, kernel, use_kernel
from core.ops.frames import check_cover, to_samples


def mix_tables(
    tables: Float[Tensor, "batch table cycle"],
    weights: Float[Tensor, "batch frame table"],
    phase: Float[Tensor, "batch sample"],
    hop_length: int,
) -> Float[Tensor, "batch sample"]:
    """The weighted sum of the tables; differentiable in all tensors.

    Args:
        tables: The tables of each clip, one cycle each.
        weights: Weight of each table at each frame, interpolated linearly to samples.
        phase: Phase of each sample in cycles, as float64; it need not be wrapped.

    Raises:
        ValueError: the frames end before the last sample.
    """
    check_cover(weights.shape[1], hop_length, phase.shape[1])
    if not use_kernel(tables, weights) or phase.dtype != torch.float64:
        return mix_tables_reference(tables, weights, phase, hop_length)
    audio: Tensor = _MixTables.apply(tables, weights, phase, hop_length)
    return audio


def mix_tables_reference(
    tables: Float[Tensor, "batch table cycle"],
    weights: Float[Tensor, "batch frame table"],
    phase: Float[Tensor, "batch sample"],
    hop_length: int,
) -> Float[Tensor, "batch sample"]:
    """`mix_tables` in torch operations."""
    n_tables, length = tables.shape[1:]
    column = (phase - phase.detach().floor()) * length
    whole = column.detach().floor()
    left = (whole.long() % length)[:, None].expand(-1, n_tables, -1)
    fraction = (column - whole).to(tables.dtype)[:, None]
    values = torch.lerp(tables.gather(2, left), tables.gather(2, (left + 1) % length), fraction)
    return (values * to_samples(weights.transpose(1, 2), hop_length, phase.shape[1])).sum(1)


class _MixTables(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, tables: Tensor, weights: Tensor, phase: Tensor, hop_length: int) -> Tensor:
        ctx.save_for_backward(tables, weights, phase)
        ctx.hop_length = hop_length
        columns = as_numpy(tables.transpose(1, 2))
        audio = np.empty(tuple(phase.shape), columns.dtype)
        _mix(columns, as_numpy(weights), as_numpy(phase), hop_length, audio)
        return torch.from_numpy(audio)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        tables, weights, phase = ctx.saved_tensors
        if torch.is_grad_enabled():
            grads = double_backward(
                lambda tables, weights, phase: mix_tables_reference(tables, weights, phase, ctx.hop_length),
                (tables, weights, phase),
                ctx.needs_input_grad[:3],
                grad_output,
            )
            return *grads, None
        needs_tables, _, needs_phase = ctx.needs_input_grad[:3]
        columns = as_numpy(tables.transpose(1, 2))
        grad_columns = np.zeros(columns.shape if needs_tables else (0, 0, 0), columns.dtype)
        grad_weights = np.zeros(tuple(weights.shape), columns.dtype)
        grad_phase = np.zeros(tuple(phase.shape) if needs_phase else (0, 0))
        _mix_backward(
            as_numpy(grad_output),
            columns,
            as_numpy(weights),
            as_numpy(phase),
            ctx.hop_length,
            grad_columns,
            grad_weights,
            grad_phase,
        )
        return (
            torch.from_numpy(grad_columns).transpose(1, 2) if needs_tables else None,
            torch.from_numpy(grad_weights),
            torch.from_numpy(grad_phase) if needs_phase else None,
            None,
        )


@kernel
@no_type_check
def _mix(columns, weights, phase, hop_length, audio):
    """Fill audio; columns are (clip, sample of the cycle, table)."""
    length, n_tables = columns.shape[1:]
    n_samples = audio.shape[1]
    zero = audio.dtype.type(0)
    for clip in range(audio.shape[0]):
        for frame in range((n_samples + hop_length - 1) // hop_length):
            start = frame * hop_length
            first, last = weights[clip, frame], weights[clip, frame + 1]
            for n in range(start, min(start + hop_length, n_samples)):
                column = (phase[clip, n] - np.floor(phase[clip, n])) * length
                # A NaN phase reads sample 0, and makes the sample NaN below.
                left = min(int(column), length - 1) if column >= 0 else 0
                fraction = audio.dtype.type(column - left)
                at_left = columns[clip, left]
                at_right = columns[clip, left + 1 if left + 1 < length else 0]
                at_start, at_end = zero, zero
                for k in range(n_tables):
                    value = at_left[k] + fraction * (at_right[k] - at_left[k])
                    at_start += first[k] * value
                    at_end += last[k] * value
                audio[clip, n] = at_start + audio.dtype.type((n - start) / hop_length) * (at_end - at_start)


@kernel
@no_type_check
def _mix_backward(grad_audio, columns, weights, phase, hop_length, grad_columns, grad_weights, grad_phase):
    """Add to grad_weights, and to grad_columns and grad_phase unless these are empty."""
    length, n_tables = columns.shape[1:]
    n_samples = grad_audio.shape[1]
    zero, one = grad_audio.dtype.type(0), grad_audio.dtype.type(1)
    needs_tables, needs_phase = grad_columns.size > 0, grad_phase.size > 0
    weight = np.empty(n_tables, grad_audio.dtype)
    for clip in range(grad_audio.shape[0]):
        for frame in range((n_samples + hop_length - 1) // hop_length):
            start = frame * hop_length
            first, last = weights[clip, frame], weights[clip, frame + 1]
            grad_first, grad_last = grad_weights[clip, frame], grad_weights[clip, frame + 1]
            for n in range(start, min(start + hop_length, n_samples)):
                column = (phase[clip, n] - np.floor(phase[clip, n])) * length
                left = min(int(column), length - 1) if column >= 0 else 0
                right = left + 1 if left + 1 < length else 0
                fraction = grad_audio.dtype.type(column - left)
                ramp = grad_audio.dtype.type((n - start) / hop_length)
                grad = grad_audio[clip, n]
                at_left, at_right = columns[clip, left], columns[clip, right]
                grad_start, grad_end, slope = grad * (one - ramp), grad * ramp, zero
                for k in range(n_tables):
                    rise = at_right[k] - at_left[k]
                    value = at_left[k] + fraction * rise
                    weight[k] = first[k] + ramp * (last[k] - first[k])
                    grad_first[k] += grad_start * value
                    grad_last[k] += grad_end * value
                    slope += weight[k] * rise
                if needs_phase:
                    grad_phase[clip, n] = np.float64(grad * slope) * length
                if needs_tables:
                    grad_left, grad_right = grad_columns[clip, left], grad_columns[clip, right]
                    for k in range(n_tables):
                        grad_left[k] += grad * weight[k] * (one - fraction)
                    for k in range(n_tables):
                        grad_right[k] += grad * weight[k] * fraction
