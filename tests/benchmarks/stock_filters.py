"""The filters of the stock synths: torchlpc's recursion with coefficients at audio rate.

With `reference` coefficients are computed at frame rate and interpolated, as the core's are.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torchlpc import sample_wise_lpc

from core.settings.audio import AudioConfig
from core.settings.filters import LearnedFilterConfig, RbjFilterConfig


def to_audio_rate(
    frames: Float[Tensor, "batch channel frame"], hop_length: int, n_samples: int
) -> Float[Tensor, "batch channel {n_samples}"]:
    """Linear interpolation; frame k lies on sample k * hop_length."""
    size = (frames.shape[-1] - 1) * hop_length + 1
    return F.interpolate(frames, size=size, mode="linear", align_corners=True)[..., :n_samples]


def filter_time_varying(
    audio: Float[Tensor, "batch sample"], b: Float[Tensor, "batch sample 3"], a: Float[Tensor, "batch sample 2"]
) -> Float[Tensor, "batch sample"]:
    """All-pole recursion, then an unfolded FIR."""
    v = sample_wise_lpc(audio, a)
    return (F.pad(v, (2, 0)).unfold(1, 3, 1) * b.flip(-1)).sum(-1)


class StockRbjFilter(nn.Module):
    """RBJ low-pass; the curve is the logarithm of the cutoff."""

    def __init__(self, config: RbjFilterConfig, audio_config: AudioConfig, *, reference: bool) -> None:
        super().__init__()
        assert config.response == "low_pass"
        self.config = config
        self.audio = audio_config
        self.reference = reference

    def forward(
        self, audio: Float[Tensor, "batch sample"], curve: Float[Tensor, "batch frame"], q: Float[Tensor, " batch"]
    ) -> Float[Tensor, "batch sample"]:
        hop_length, n_samples = self.audio.hop_length, self.audio.n_samples
        if self.reference:
            coefficients = self.coefficients(curve, q)
            b, a = (to_audio_rate(c.transpose(1, 2), hop_length, n_samples).transpose(1, 2) for c in coefficients)
        else:
            b, a = self.coefficients(to_audio_rate(curve[:, None], hop_length, n_samples)[:, 0], q)
        return filter_time_varying(audio, b, a)

    def coefficients(
        self, curve: Float[Tensor, "batch time"], q: Float[Tensor, " batch"]
    ) -> tuple[Float[Tensor, "batch time 3"], Float[Tensor, "batch time 2"]]:
        config, sample_rate = self.config, self.audio.sample_rate
        max_cutoff_hz = min(config.max_cutoff_hz, 0.45 * sample_rate)
        cutoff_hz = config.min_cutoff_hz * (max_cutoff_hz / config.min_cutoff_hz) ** curve
        resonance = config.min_q * (config.max_q / config.min_q) ** q[:, None]
        w = 2 * math.pi * cutoff_hz / sample_rate
        alpha = torch.sin(w) / (2 * resonance)
        cos = torch.cos(w)
        a0 = 1 + alpha
        b1 = (1 - cos) / a0
        b = torch.stack([b1 / 2, b1, b1 / 2], -1)
        return b, (1 - config.coefficient_shrink) * torch.stack([-2 * cos / a0, (1 - alpha) / a0], -1)


class StockLearnedFilter(nn.Module):
    """Five logits become a biquad inside the stability triangle, in direct form: no library has the ladder."""

    def __init__(self, config: LearnedFilterConfig, audio_config: AudioConfig, *, reference: bool) -> None:
        super().__init__()
        self.epsilon = config.epsilon
        self.audio = audio_config
        self.interpolates_coefficients = reference and config.interpolate == "coefficients"

    def forward(
        self, audio: Float[Tensor, "batch sample"], logits: Float[Tensor, "batch frame 5"]
    ) -> Float[Tensor, "batch sample"]:
        frames = self.coefficients(logits) if self.interpolates_coefficients else logits
        samples = to_audio_rate(frames.transpose(1, 2), self.audio.hop_length, self.audio.n_samples).transpose(1, 2)
        coefficients = samples if self.interpolates_coefficients else self.coefficients(samples)
        return filter_time_varying(audio, coefficients[..., 2:], coefficients[..., :2])

    def coefficients(self, logits: Float[Tensor, "batch time 5"]) -> Float[Tensor, "batch time 5"]:
        """a1, a2, b0, b1, b2."""
        a1 = 2 * torch.tanh(logits[..., 0]) * (1 - self.epsilon)
        a2 = ((2 - a1.abs()) * torch.tanh(logits[..., 1]) * (1 - self.epsilon) + a1.abs()) / 2
        return torch.cat([a1[..., None], a2[..., None], logits[..., 2:]], -1)
