"""Time-varying biquads: coefficients at frame rate, interpolated to samples, samplewise recursion.

    v[n] = x[n] - a1[n] v[n-1] - a2[n] v[n-2]
    y[n] = b0[n] v[n] + b1[n] v[n-1] + b2[n] v[n-2]

Low-pass coefficients: Bristow-Johnson, "Audio EQ Cookbook". The learned filter's stability triangle: Nercessian et al.
(2021), arXiv 2103.04336, as used by Mitcheltree, Tan, Reiss (2025), arXiv 2510.06204. The recursion and its gradient
are torchlpc's: Yu and Fazekas (2024), arXiv 2404.07970.
"""

import math
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torchlpc import sample_wise_lpc

from core.signal import to_samples
from core.units import LogRange

HIGHEST_CUTOFF_SHARE = 0.45
"""Of the sample rate; at Nyquist (0.5) the poles of the low-pass reach the unit circle."""


def time_varying_biquad(
    audio: Float[Tensor, "batch sample"],
    b: Float[Tensor, "batch sample 3"],
    a: Float[Tensor, "batch sample 2"],
) -> Float[Tensor, "batch sample"]:
    """Filter with coefficients of their own for every sample (a0 = 1), from silence.

    Coefficients inside the stability triangle at every sample do not by themselves bound a fast-varying filter.
    """
    v: Tensor = sample_wise_lpc(audio, a.contiguous())
    delayed = F.pad(v, (2, 0))
    filtered: Tensor = torch.linalg.vecdot(b, torch.stack([v, delayed[:, 1:-1], delayed[:, :-2]], -1))
    return filtered


def rbj_lowpass(
    cutoff_hz: Float[Tensor, "*shape"], q: Float[Tensor, "*shape"], sample_rate: int
) -> tuple[Float[Tensor, "*shape 3"], Float[Tensor, "*shape 2"]]:
    """Coefficients (b, a) of the resonant low-pass of the cookbook, a0 normalised to 1."""
    w = 2 * math.pi * cutoff_hz / sample_rate
    cos, alpha = torch.cos(w), torch.sin(w) / (2 * q)
    a0 = 1 + alpha
    b1 = (1 - cos) / a0
    return torch.stack([b1 / 2, b1, b1 / 2], -1), torch.stack([-2 * cos / a0, (1 - alpha) / a0], -1)


def stable_poles(logits: Float[Tensor, "*shape 2"], epsilon: float) -> Float[Tensor, "*shape 2"]:
    """Any two numbers to (a1, a2) inside the triangle |a1| < 1 + a2, a2 < 1, where a fixed biquad is stable."""
    a1 = 2 * torch.tanh(logits[..., 0]) * (1 - epsilon)
    a2 = ((2 - a1.abs()) * torch.tanh(logits[..., 1]) * (1 - epsilon) + a1.abs()) / 2
    return torch.stack([a1, a2], -1)


class RbjFilter(nn.Module):
    """White box: the curve is the logarithm of the cutoff; Q is a constant of the note."""

    def __init__(
        self,
        cutoff_hz: tuple[float, float],
        q: tuple[float, float],
        sample_rate: int,
        hop_length: int,
        coefficient_shrink: float = 0.0,
    ) -> None:
        super().__init__()
        self.cutoff = LogRange(cutoff_hz[0], min(cutoff_hz[1], HIGHEST_CUTOFF_SHARE * sample_rate))
        self.q = LogRange(*q)
        self.sample_rate = sample_rate
        self.hop_length = hop_length
        self.shrink = 1.0 - coefficient_shrink

    def forward(
        self,
        audio: Float[Tensor, "batch sample"],
        cutoff_hz: Float[Tensor, "batch frame"],
        q: Float[Tensor, " batch"],
    ) -> Float[Tensor, "batch sample"]:
        b, a = rbj_lowpass(cutoff_hz, q[:, None].expand_as(cutoff_hz), self.sample_rate)
        coefficients = torch.cat([b, a * self.shrink], -1).transpose(1, 2)
        b, a = torch.split(to_samples(coefficients, self.hop_length, audio.shape[1]).transpose(1, 2), [3, 2], dim=-1)
        return time_varying_biquad(audio, b, a)


class LearnedFilter(nn.Module):
    """Grey box: five logits per frame become a stable biquad."""

    n_controls = 5

    def __init__(
        self, hop_length: int, epsilon: float = 1e-3, interpolate: Literal["coefficients", "logits"] = "coefficients"
    ) -> None:
        super().__init__()
        self.hop_length = hop_length
        self.epsilon = epsilon
        self.interpolate = interpolate

    def forward(
        self, audio: Float[Tensor, "batch sample"], logits: Float[Tensor, "batch frame 5"]
    ) -> Float[Tensor, "batch sample"]:
        controls = logits if self.interpolate == "logits" else self._coefficients(logits)
        controls = to_samples(controls.transpose(1, 2), self.hop_length, audio.shape[1]).transpose(1, 2)
        coefficients = self._coefficients(controls) if self.interpolate == "logits" else controls
        return time_varying_biquad(audio, coefficients[..., 2:], coefficients[..., :2])

    def _coefficients(self, logits: Float[Tensor, "batch time 5"]) -> Float[Tensor, "batch time 5"]:
        return torch.cat([stable_poles(logits[..., :2], self.epsilon), logits[..., 2:]], -1)
