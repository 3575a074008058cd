"""Time-varying biquads controlled by a curve: a resonant low-pass, and a filter learned within the stability triangle.

Low-pass coefficients: Bristow-Johnson, "Audio EQ Cookbook". The learned filter's stability triangle: Nercessian et al.
(2021), arXiv 2103.04336, as used by Mitcheltree, Tan, Reiss (2025), arXiv 2510.06204.
"""

import math
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from core.ops.biquad import biquad, time_varying_biquad
from core.ops.frames import to_samples
from core.settings.filters import MAX_CUTOFF_SHARE
from core.units import LogRange


def rbj_lowpass(
    cutoff_hz: Float[Tensor, "*shape"], q: Float[Tensor, "*shape"], sample_rate: int
) -> tuple[Float[Tensor, "*shape 3"], Float[Tensor, "*shape 2"]]:
    """Coefficients (b, a) of the cookbook's resonant low-pass, normalised to a0 = 1."""
    w = 2 * math.pi * cutoff_hz / sample_rate
    cos, alpha = torch.cos(w), torch.sin(w) / (2 * q)
    a0 = 1 + alpha
    b1 = (1 - cos) / a0
    return torch.stack([b1 / 2, b1, b1 / 2], -1), torch.stack([-2 * cos / a0, (1 - alpha) / a0], -1)


def stable_poles(logits: Float[Tensor, "*shape 2"], epsilon: float) -> Float[Tensor, "*shape 2"]:
    """Map logits to (a1, a2) in the triangle |a1| < 1 + a2, a2 < 1, where a time-invariant biquad is stable.

    With t = (1 - epsilon) tanh(logits): a1 = 2 t_0,  a2 = t_1 + |t_0| (1 - t_1)
    """
    t0, t1 = ((1 - epsilon) * torch.tanh(logits)).unbind(-1)
    return torch.stack([2 * t0, t1 + t0.abs() * (1 - t1)], -1)


class RbjFilter(nn.Module):
    """White-box resonant low-pass with time-varying cutoff and constant Q.

    `cutoff` and `q` are the logarithmic ranges to which curve and resonance are mapped.
    """

    def __init__(
        self,
        cutoff_hz: tuple[float, float],
        q: tuple[float, float],
        sample_rate: int,
        hop_length: int,
        coefficient_shrink: float = 0.0,
    ) -> None:
        super().__init__()
        self.cutoff = LogRange(cutoff_hz[0], min(cutoff_hz[1], MAX_CUTOFF_SHARE * sample_rate))
        self.q = LogRange(*q)
        self.sample_rate = sample_rate
        self.hop_length = hop_length
        self.shrink = 1.0 - coefficient_shrink

    def forward(
        self,
        audio: Float[Tensor, "batch sample"],
        cutoff_hz: Float[Tensor, "batch frame"],
        q: Float[Tensor, " batch"],
        gain: Float[Tensor, "batch frame"],
    ) -> Float[Tensor, "batch sample"]:
        """Filter the audio and multiply it by the gain."""
        b, a = rbj_lowpass(cutoff_hz, q[:, None].expand_as(cutoff_hz), self.sample_rate)
        return biquad(audio, b, a * self.shrink, gain, self.hop_length)


class LearnedFilter(nn.Module):
    """Grey-box biquad: five logits per frame become the coefficients of a stable filter."""

    n_controls = 5
    """Logits per frame: two for a1 and a2, three for b."""

    def __init__(
        self, hop_length: int, epsilon: float = 1e-3, interpolate: Literal["coefficients", "logits"] = "coefficients"
    ) -> None:
        super().__init__()
        self.hop_length = hop_length
        self.epsilon = epsilon
        self.interpolate = interpolate

    def forward(
        self,
        audio: Float[Tensor, "batch sample"],
        logits: Float[Tensor, "batch frame 5"],
        gain: Float[Tensor, "batch frame"],
    ) -> Float[Tensor, "batch sample"]:
        """Filter the audio and multiply it by the gain."""
        if self.interpolate == "coefficients":
            a = stable_poles(logits[..., :2], self.epsilon)
            return biquad(audio, logits[..., 2:], a, gain, self.hop_length)
        n_samples = audio.shape[1]
        sampled = to_samples(logits.transpose(1, 2), self.hop_length, n_samples).transpose(1, 2)
        filtered = time_varying_biquad(audio, sampled[..., 2:], stable_poles(sampled[..., :2], self.epsilon))
        return filtered * to_samples(gain, self.hop_length, n_samples)
