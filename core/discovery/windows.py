"""Long sounds in overlapping windows, whose curves are cross-faded into one curve without a step.

    curve(t) = sum_w weight_w(t) curve_w(t),   sum_w weight_w(t) = 1

A window's weight rises and falls as a squared sine, from 0 at its first frame to 0 at its last, but for the outer ends
of the first and the last window; the weights at a frame are divided by their sum.
"""

from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from core.errors import ConfigError


@dataclass(frozen=True)
class Windows:
    """Windows of equal length over the frames of a sound."""

    n_frames: int
    """Frames of the sound."""
    length: int
    """Frames of a window; more than the sound has if it is shorter than one window."""
    overlap: int
    """Fewest frames that two neighbours share."""

    def __post_init__(self) -> None:
        if not (self.n_frames >= 1 and self.length >= 4 and 2 <= self.overlap <= self.length // 2):
            raise ConfigError(
                "windows have at least 4 frames and overlap by 2 to half of them; got "
                f"{self.n_frames} frames, length={self.length}, overlap={self.overlap}"
            )

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """First frame of each window; the windows lie evenly, and the last ends with the sound."""
        if self.n_frames <= self.length:
            return (0,)
        last = self.n_frames - self.length
        n_steps = -(-last // (self.length - self.overlap))
        return tuple(round(last * step / n_steps) for step in range(n_steps + 1))

    @cached_property
    def weights(self) -> Float[Tensor, "window length"]:
        """Share of each window in the joined curve at each of its frames."""
        rise = torch.linspace(0, 1, self.overlap, dtype=torch.float64).mul(torch.pi / 2).sin().square()
        weights = torch.ones(len(self.starts), self.length, dtype=torch.float64)
        weights[1:, : self.overlap] *= rise
        weights[:-1, -self.overlap :] *= rise.flip(0)
        # More than two windows may share a frame.
        total = torch.zeros(max(self.n_frames, self.length), dtype=torch.float64)
        for start, window in zip(self.starts, weights, strict=True):
            total[start : start + self.length] += window
        for start, window in zip(self.starts, weights, strict=True):
            window /= total[start : start + self.length]
        return weights.float()

    def join(self, curves: Float[Tensor, "window modulation length"]) -> Float[Tensor, "modulation frame"]:
        """The curves of the whole sound."""
        if len(self.starts) == 1:
            return curves[0, :, : self.n_frames]
        joined = curves.new_zeros(curves.shape[1], self.n_frames)
        weighted = curves * self.weights.to(curves)[:, None]
        for start, window in zip(self.starts, weighted, strict=True):
            joined[:, start : start + self.length] += window
        return joined

    def parts(self, curves: Float[Tensor, "*shape frame"]) -> Float[Tensor, "*shape window length"]:
        """The curves within each window; a sound shorter than a window goes on with its last values."""
        n_missing = max(0, self.length - self.n_frames)
        # Padding by replication wants one or two axes before the frames.
        held = torch.cat([curves, curves[..., -1:].expand(*curves.shape[:-1], n_missing)], -1)
        return torch.stack([held[..., start : start + self.length] for start in self.starts], -2)

    def cut(self, audio: Float[Tensor, " sample"], hop_length: int) -> Float[Tensor, "window window_sample"]:
        """The sound of each window, filled up with silence at its end."""
        n_samples = (self.length - 1) * hop_length
        needed = self.starts[-1] * hop_length + n_samples
        padded = torch.nn.functional.pad(audio, (0, max(0, needed - len(audio))))
        return torch.stack([padded[start * hop_length : start * hop_length + n_samples] for start in self.starts])
