"""Low-frequency oscillators: rate, phase, two levels and a shape, as a sound designer sets them.

    curve(t) = low + (high - low) (1 + w(2 pi rate t + phase)) / 2,  low, high = 1/2 + 1/2 (1 - 1e-3) tanh(logits)

w is a convex combination of sine, triangle, square and both saws (`core.ops.lfo`), weighted by a softmax. It lies in
-1..1 and the levels in 0..1, so the curve does as well. Rate and phase are those of the sinusoid that fits best a
frame-wise curve, which the encoder predicts beside the levels and the weights. At the start of training this curve
itself controls the synth, so that it is learned as in `frame`; the curriculum fades it into the oscillator. By then the
rate is roughly right, and the sound's loss, which has many minima over the rate, refines it.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from core.ops.control_points import unit_values
from core.ops.lfo import SHAPES, fitted_phase, fitted_rate, frame_times, rate_bank, waveform
from core.parameterizations.base import Parameterization

INITIAL_LEVEL = 0.5
"""Subtracted from the logit of the low level and added to that of the high one: a depth to start with."""


class Lfo(Parameterization):
    """An oscillator per curve, whose rate and phase are read from a predicted frame-wise curve."""

    n_outputs = 1 + 2 + len(SHAPES)
    # Rate, phase, two levels, and the weights of the shapes, which sum to 1.
    n_numbers = 4.0 + len(SHAPES) - 1
    rates: Tensor
    """Rates of the bank in Hz."""
    bank: Tensor
    """Orthonormal functions of each rate."""
    time: Tensor
    """Frame times in seconds."""

    def __init__(
        self, n_frames: int, frame_rate: float, *, min_rate_hz: float, max_rate_hz: float, sharpness: float
    ) -> None:
        super().__init__()
        self.n_tokens = n_frames
        self.sharpness = sharpness
        rates, bank = rate_bank(n_frames, frame_rate, min_rate_hz, max_rate_hz)
        self.register_buffer("rates", rates.float(), persistent=False)
        self.register_buffer("bank", bank.float(), persistent=False)
        self.register_buffer("time", frame_times(n_frames, frame_rate).float(), persistent=False)

    def forward(
        self,
        logits: Float[Tensor, "batch modulation token 8"],
        curriculum: float = 0.0,
        generator: torch.Generator | None = None,  # noqa: ARG002  (no noise here)
    ) -> Float[Tensor, "batch modulation frame"]:
        """Curves in 0..1.

        Args:
            logits: Per frame, the logit of the frame-wise curve, and those of low level, high level and weights of the
                shapes, of which the means over the frames count.
            curriculum: Share of the frame-wise curve itself, from 1 to 0.
            generator: Not used.
        """
        frames = torch.sigmoid(logits[..., 0])
        sine, cosine = fitted_phase(frames, self.rate_hz(logits), self.time)
        settings = logits[..., 1:].mean(-2)
        low, high = unit_values(settings[..., :1] - INITIAL_LEVEL), unit_values(settings[..., 1:2] + INITIAL_LEVEL)
        wave = waveform(sine, cosine, torch.softmax(settings[..., 2:], -1), self.sharpness)
        return torch.lerp(torch.lerp(low, high, (1 + wave) / 2), frames, curriculum)

    def rate_hz(self, logits: Float[Tensor, "batch modulation token 8"]) -> Float[Tensor, "batch modulation"]:
        """Rates of the oscillators in Hz."""
        return fitted_rate(torch.sigmoid(logits[..., 0]), self.rates, self.bank)
