"""Low-frequency oscillators: the rate and phase that fit a curve, and a waveform between five shapes.

Fit. For a rate f, least squares of a curve by 1, cos(2 pi f t) and sin(2 pi f t) explains a sum of squares p(f), its
periodogram with a floating mean (Lomb 1976; Zechmeister and Kuerster 2009, arXiv 0901.2573), also below one period per
clip. It is computed for a bank of rates 1 / (4 T) apart, T being the length of a clip. A parabola through the largest
value and its neighbours gives the rate, least squares at that rate the phase. Both are differentiable in the curve, and
see all rates at once: the gradient of a sound's loss by the rate of an oscillator does not, as it only finds the
nearest of many minima.

Waveform. With s = sin(phi), c = cos(phi) and a sharpness r below 1 that rounds corners and jumps:

    sine s, triangle asin(r s) / asin(r), square atan(2 r s / (1 - r^2)) / atan(2 r / (1 - r^2)),
    falling saw atan2(r s, 1 - r c) / asin(r), rising saw atan2(r s, 1 + r c) / asin(r)

The last three are the Fourier series of the sharp shapes with the n-th partial times r^n, in closed form.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from core.ops.sizes import n_lfo_rates

SHAPES = ("sine", "triangle", "square", "falling saw", "rising saw")
"""The shapes in the order of their weights."""
_FLAT = 1e-12
"""Sum of squares below which a curve has no rate, so that gradients stay finite."""


def rate_bank(
    n_frames: int, frame_rate: float, min_rate_hz: float, max_rate_hz: float
) -> tuple[Float[Tensor, " rate"], Float[Tensor, "rate 2 {n_frames}"]]:
    """Rates in Hz, and for each two orthonormal functions with mean 0 that span its sine and cosine; in float64."""
    n_rates = n_lfo_rates((n_frames - 1) / frame_rate, min_rate_hz, max_rate_hz)
    rates = torch.linspace(min_rate_hz, max_rate_hz, n_rates, dtype=torch.float64)
    angle = 2 * math.pi * rates[:, None] * frame_times(n_frames, frame_rate)
    waves = torch.stack([torch.cos(angle), torch.sin(angle)], -1)
    orthonormal, _ = torch.linalg.qr(waves - waves.mean(1, keepdim=True))
    return rates, orthonormal.transpose(1, 2).contiguous()


def frame_times(n_frames: int, frame_rate: float) -> Float[Tensor, " {n_frames}"]:
    """Frame times in seconds from the middle of a clip, where sine and cosine are least alike; in float64."""
    return (torch.arange(n_frames, dtype=torch.float64) - (n_frames - 1) / 2) / frame_rate


def fitted_rate(
    curve: Float[Tensor, "*shape frame"], rates: Float[Tensor, " rate"], bank: Float[Tensor, "rate 2 frame"]
) -> Float[Tensor, "*shape"]:
    """The rate in Hz that explains most of a curve, within half a step of the rates of the bank."""
    explained = torch.einsum("...f,rkf->...rk", curve, bank).square().sum(-1)
    peak = explained.detach().argmax(-1, keepdim=True).clamp(1, len(rates) - 2)
    before, at, after = (explained.gather(-1, peak + offset).squeeze(-1) for offset in (-1, 0, 1))
    bend = (2 * at - before - after).clamp_min(_FLAT)
    offset = ((after - before) / (2 * bend)).clamp(-1, 1)
    step = rates[1] - rates[0]
    return rates[0] + (peak.squeeze(-1) + offset) * step


def fitted_phase(
    curve: Float[Tensor, "*shape frame"], rate_hz: Float[Tensor, "*shape"], time: Float[Tensor, " frame"]
) -> tuple[Float[Tensor, "*shape frame"], Float[Tensor, "*shape frame"]]:
    """Sine and cosine, at every frame, of the phase of the sinusoid of a rate that fits a curve best."""
    angle = 2 * math.pi * rate_hz[..., None] * time
    cosine, sine = torch.cos(angle), torch.sin(angle)
    even, odd = cosine - cosine.mean(-1, keepdim=True), sine - sine.mean(-1, keepdim=True)
    along_even, along_odd = (curve * even).sum(-1), (curve * odd).sum(-1)
    even_odd, even_even, odd_odd = (even * odd).sum(-1), even.square().sum(-1), odd.square().sum(-1)
    # The normal equations without their determinant, which has no influence on the phase.
    a = along_even * odd_odd - along_odd * even_odd
    b = along_odd * even_even - along_even * even_odd
    radius = (a.square() + b.square() + _FLAT).sqrt()
    a, b = (a / radius)[..., None], (b / radius)[..., None]
    return a * cosine + b * sine, b * cosine - a * sine


def waveform(
    sine: Float[Tensor, "*shape frame"],
    cosine: Float[Tensor, "*shape frame"],
    weights: Float[Tensor, "*shape 5"],
    sharpness: float,
) -> Float[Tensor, "*shape frame"]:
    """A convex combination of the shapes, in -1..1, at a phase that is given by its sine and cosine.

    Args:
        sine: Sine of the phase.
        cosine: Cosine of the phase.
        weights: Weights of the `SHAPES`, which are positive and sum to 1.
        sharpness: r of the equations, between 0 and 1.
    """
    r = sharpness
    shapes = (
        sine,
        torch.asin(r * sine) / math.asin(r),
        torch.atan(2 * r / (1 - r * r) * sine) / math.atan(2 * r / (1 - r * r)),
        torch.atan2(r * sine, 1 - r * cosine) / math.asin(r),
        torch.atan2(r * sine, 1 + r * cosine) / math.asin(r),
    )
    mixed = torch.zeros_like(sine)
    for weight, shape in zip(weights.unbind(-1), shapes, strict=True):
        mixed = mixed + weight[..., None] * shape
    return mixed
