"""Time-varying filters of second order controlled by a curve: the resonant filters of a synth, and a learned one.

Resonant filters: Bristow-Johnson, "Audio EQ Cookbook". The learned filter's stability triangle: Nercessian et al.
(2021), arXiv 2103.04336, as used by Mitcheltree, Tan, Reiss (2025), arXiv 2510.06204.
"""

import math
from typing import Literal, assert_never

import torch
from jaxtyping import Float
from torch import Tensor, nn

from core.ops.biquad import biquad
from core.ops.frames import to_samples
from core.ops.ladder import denominator, ladder
from core.settings.filters import MAX_CUTOFF_SHARE, FilterResponse
from core.units import LogRange


def rbj_biquad(
    response: FilterResponse, cutoff_hz: Float[Tensor, "*shape"], q: Float[Tensor, "*shape"], sample_rate: int
) -> tuple[Float[Tensor, "*shape 3"], Float[Tensor, "*shape 2"]]:
    """Coefficients (b, a) of the cookbook's filters, normalised to a0 = 1; the band-pass has a peak gain of 1."""
    w = 2 * math.pi * cutoff_hz / sample_rate
    cos, alpha = torch.cos(w), torch.sin(w) / (2 * q)
    a0 = 1 + alpha
    a = torch.stack([-2 * cos / a0, (1 - alpha) / a0], -1)
    match response:
        case "low_pass":
            b1 = (1 - cos) / a0
            return torch.stack([b1 / 2, b1, b1 / 2], -1), a
        case "high_pass":
            b1 = (1 + cos) / a0
            return torch.stack([b1 / 2, -b1, b1 / 2], -1), a
        case "band_pass":
            b0 = alpha / a0
            return torch.stack([b0, torch.zeros_like(b0), -b0], -1), a
        case "notch":
            return torch.stack([1 / a0, a[..., 0], 1 / a0], -1), a
        case _:
            assert_never(response)


def stable_poles(logits: Float[Tensor, "*shape 2"], epsilon: float) -> Float[Tensor, "*shape 2"]:
    """Map logits to (a1, a2) in the triangle |a1| < 1 + a2, a2 < 1, where a time-invariant biquad is stable.

    With t = (1 - epsilon) tanh(logits): a1 = 2 t_0,  a2 = t_1 + |t_0| (1 - t_1)
    """
    t0, t1 = ((1 - epsilon) * torch.tanh(logits)).unbind(-1)
    return torch.stack([2 * t0, t1 + t0.abs() * (1 - t1)], -1)


class RbjFilter(nn.Module):
    """White-box resonant filter with time-varying cutoff and constant Q.

    `cutoff` and `q` are the logarithmic ranges to which curve and resonance are mapped.
    """

    def __init__(
        self,
        cutoff_hz: tuple[float, float],
        q: tuple[float, float],
        sample_rate: int,
        hop_length: int,
        coefficient_shrink: float = 0.0,
        response: FilterResponse = "low_pass",
    ) -> None:
        super().__init__()
        self.cutoff = LogRange(cutoff_hz[0], min(cutoff_hz[1], MAX_CUTOFF_SHARE * sample_rate))
        self.q = LogRange(*q)
        self.sample_rate = sample_rate
        self.hop_length = hop_length
        self.shrink = 1.0 - coefficient_shrink
        self.response = response

    def forward(
        self,
        audio: Float[Tensor, "batch sample"],
        cutoff_hz: Float[Tensor, "batch frame"],
        q: Float[Tensor, " batch"],
        gain: Float[Tensor, "batch frame"],
    ) -> Float[Tensor, "batch sample"]:
        """Filter the audio and multiply it by the gain."""
        return biquad(audio, *self.coefficients(cutoff_hz, q[:, None].expand_as(cutoff_hz)), gain, self.hop_length)

    def coefficients(
        self, cutoff_hz: Float[Tensor, "*shape"], q: Float[Tensor, "*shape"]
    ) -> tuple[Float[Tensor, "*shape 3"], Float[Tensor, "*shape 2"]]:
        """Coefficients (b, a) of the biquad, a0 = 1."""
        b, a = rbj_biquad(self.response, cutoff_hz, q, self.sample_rate)
        return b, a * self.shrink


class LearnedFilter(nn.Module):
    """Grey-box filter: five logits per frame become the coefficients of a stable filter of second order.

    Three are the numerator b, the others give (a1, a2) by `stable_poles`. The ladder has the reflection coefficients
    k = (1 - epsilon) (a1 / (1 + a2), a2): its bound needs some distance from -1 and 1.
    """

    n_controls = 5
    """Logits per frame: two for the poles, three for b."""

    def __init__(
        self,
        hop_length: int,
        epsilon: float = 1e-3,
        interpolate: Literal["coefficients", "logits"] = "coefficients",
        structure: Literal["ladder", "direct"] = "ladder",
    ) -> None:
        super().__init__()
        self.hop_length = hop_length
        self.epsilon = epsilon
        self.interpolate = interpolate
        self.structure = structure

    def forward(
        self,
        audio: Float[Tensor, "batch sample"],
        logits: Float[Tensor, "batch frame 5"],
        gain: Float[Tensor, "batch frame"],
    ) -> Float[Tensor, "batch sample"]:
        """Filter the audio and multiply it by the gain."""
        if self.interpolate == "coefficients":
            return self._filter(audio, logits, gain, self.hop_length)
        n_samples = audio.shape[1]
        frames = torch.cat([logits, gain[..., None]], -1).transpose(1, 2)
        sampled = to_samples(frames, self.hop_length, n_samples).transpose(1, 2)
        # A frame per sample, and one behind the last to interpolate towards, which has no weight.
        sampled = torch.cat([sampled, sampled[:, -1:]], 1)
        return self._filter(audio, sampled[..., :5], sampled[..., 5], 1)

    def transfer(
        self, logits: Float[Tensor, "*shape 5"]
    ) -> tuple[Float[Tensor, "*shape 3"], Float[Tensor, "*shape 2"]]:
        """Coefficients (b, a) of the biquad, a0 = 1, that the filter is while the logits are constant."""
        if self.structure == "ladder":
            return logits[..., 2:], denominator(self._reflections(logits))
        return logits[..., 2:], stable_poles(logits[..., :2], self.epsilon)

    def _filter(
        self,
        audio: Float[Tensor, "batch sample"],
        logits: Float[Tensor, "batch frame 5"],
        gain: Float[Tensor, "batch frame"],
        hop_length: int,
    ) -> Float[Tensor, "batch sample"]:
        if self.structure == "ladder":
            return ladder(audio, logits[..., 2:], self._reflections(logits), gain, hop_length)
        return biquad(audio, logits[..., 2:], stable_poles(logits[..., :2], self.epsilon), gain, hop_length)

    def _reflections(self, logits: Float[Tensor, "*shape 5"]) -> Float[Tensor, "*shape 2"]:
        a1, a2 = stable_poles(logits[..., :2], self.epsilon).unbind(-1)
        return (1 - self.epsilon) * torch.stack([a1 / (1 + a2), a2], -1)
