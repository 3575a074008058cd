"""Amplitude of a harmonic oscillator, and the shares of its harmonics below Nyquist.

Reference: Engel et al. (2020), "DDSP: Differentiable Digital Signal Processing", arXiv 2001.04643.
"""

import math
from typing import Any, no_type_check

import numpy as np
import torch
from jaxtyping import Bool, Float, Integer
from torch import Tensor

from core.ops.compiling import as_numpy, double_backward, kernel, use_kernel

_LOG_10 = math.log(10)
_AMPLITUDE_FLOOR = 1e-7
"""Smallest value of exp_sigmoid."""
_MIN_SUM = 1e-12
"""Smallest sum that a distribution is divided by."""


def exp_sigmoid(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """2 sigmoid(x)^ln 10 + 1e-7, an amplitude that is never zero."""
    amplitude: Tensor = _ExpSigmoid.apply(x)
    return amplitude


def exp_sigmoid_reference(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """`exp_sigmoid` by its definition, whose power is slow."""
    return 2 * torch.sigmoid(x) ** _LOG_10 + _AMPLITUDE_FLOOR


def n_below_nyquist(f0_hz: Float[Tensor, " batch"], n_harmonics: int, sample_rate: int) -> Integer[Tensor, " batch"]:
    """Number of each clip's harmonics below Nyquist."""
    number = torch.arange(1, n_harmonics + 1, dtype=torch.float64, device=f0_hz.device)
    return n_harmonics - (number * f0_hz.double()[:, None] >= sample_rate / 2).sum(-1)


def normalize_harmonics(
    distribution: Float[Tensor, "batch frame harmonic"], f0_hz: Float[Tensor, " batch"], sample_rate: int
) -> Float[Tensor, "batch frame harmonic"]:
    """The distribution with harmonics at or above Nyquist set to 0 and the others scaled to sum to 1."""
    count = n_below_nyquist(f0_hz, distribution.shape[-1], sample_rate)
    if not use_kernel(distribution):
        return normalize_harmonics_reference(distribution, count)
    shares: Tensor = _NormalizeHarmonics.apply(distribution, count)
    return shares


def normalize_harmonics_reference(
    distribution: Float[Tensor, "batch frame harmonic"], count: Integer[Tensor, " batch"]
) -> Float[Tensor, "batch frame harmonic"]:
    """`normalize_harmonics` in torch operations, given the number of harmonics below Nyquist."""
    masked = distribution.masked_fill(is_above_nyquist(count, distribution), 0)
    return masked / masked.sum(-1, keepdim=True).clamp_min(_MIN_SUM)


def is_above_nyquist(
    count: Integer[Tensor, " batch"], like: Float[Tensor, "batch frame harmonic"]
) -> Bool[Tensor, "batch 1 harmonic"]:
    """Whether each harmonic comes after the first `count` of its clip."""
    return (torch.arange(like.shape[-1], device=like.device) >= count[:, None])[:, None]


class _ExpSigmoid(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        share = torch.sigmoid(x)
        # share^ln 10 = share^2 exp((ln 10 - 2) ln share): only 0.3 of the logarithm's rounding error remains.
        power = share.log().mul_(_LOG_10 - 2).exp_().mul_(share).mul_(share).mul_(2)
        ctx.save_for_backward(x, share, power)
        return power + _AMPLITUDE_FLOOR

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Tensor | None:
        x, share, power = ctx.saved_tensors
        if torch.is_grad_enabled():
            return double_backward(exp_sigmoid_reference, (x,), (True,), grad_output)[0]
        grad_x: Tensor = (1 - share).mul_(power).mul_(_LOG_10).mul_(grad_output)
        return grad_x


class _NormalizeHarmonics(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, distribution: Tensor, count: Tensor) -> Tensor:
        values = as_numpy(distribution)
        shares, divisor = np.empty_like(values), np.empty(values.shape[:2], values.dtype)
        _normalize(values, as_numpy(count), _MIN_SUM, shares, divisor)
        output = torch.from_numpy(shares)
        ctx.save_for_backward(distribution, count, output, torch.from_numpy(divisor))
        return output

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, None]:
        distribution, count, shares, divisor = ctx.saved_tensors
        if torch.is_grad_enabled():

            def reference(distribution: Tensor) -> Tensor:
                return normalize_harmonics_reference(distribution, count)

            return double_backward(reference, (distribution,), (True,), grad_output)[0], None
        grad_distribution = np.empty(tuple(shares.shape), divisor.numpy().dtype)
        _normalize_backward(
            as_numpy(grad_output), as_numpy(count), _MIN_SUM, as_numpy(shares), divisor.numpy(), grad_distribution
        )
        return torch.from_numpy(grad_distribution), None


@kernel
@no_type_check
def _normalize(distribution, count, min_sum, shares, divisor):
    """Fill the shares and the sums they were divided by."""
    zero, smallest = distribution.dtype.type(0), distribution.dtype.type(min_sum)
    for clip in range(distribution.shape[0]):
        size = count[clip]
        for frame in range(distribution.shape[1]):
            values, shares_ = distribution[clip, frame, :size], shares[clip, frame]
            total = zero
            for h in range(size):
                total += values[h]
            total = smallest if total < smallest else total
            for h in range(size):
                shares_[h] = values[h] / total
            shares_[size:] = zero
            divisor[clip, frame] = total


@kernel
@no_type_check
def _normalize_backward(grad_shares, count, min_sum, shares, divisor, grad_distribution):
    """Fill grad_distribution; where the divisor is min_sum, it was clamped and has no gradient."""
    zero, smallest = grad_shares.dtype.type(0), grad_shares.dtype.type(min_sum)
    for clip in range(grad_shares.shape[0]):
        size = count[clip]
        for frame in range(grad_shares.shape[1]):
            grad_shares_, shares_ = grad_shares[clip, frame, :size], shares[clip, frame, :size]
            grad_ = grad_distribution[clip, frame]
            dot = zero
            for h in range(size):
                dot += grad_shares_[h] * shares_[h]
            if divisor[clip, frame] == smallest:
                dot = zero
            scale = 1 / divisor[clip, frame]
            for h in range(size):
                grad_[h] = (grad_shares_[h] - dot) * scale
            grad_[size:] = zero
