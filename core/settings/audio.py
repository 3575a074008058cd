"""Settings of the clips: sample rate, length and frame rate of the modulation curves."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Interval, Unit
from typing_extensions import Doc

from core.errors import ConfigError

MIN_FRAMES = 8
"""Smallest number of modulation frames in a clip."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioConfig:
    """Sample rate and length of the clips, and the hop between frames of their modulation curves."""

    sample_rate: Annotated[int, Interval(ge=8000, le=192_000), Unit("Hz"), Doc("audio sample rate")] = 16_000
    duration_s: Annotated[float, Interval(gt=0, le=600), Unit("s"), Doc("length of a clip")] = 1.0
    hop_length: Annotated[
        int, Interval(ge=1, le=100_000), Unit("samples"), Doc("samples from one modulation frame to the next")
    ] = 125

    @property
    def n_samples(self) -> int:
        """Samples in a clip."""
        return round(self.sample_rate * self.duration_s)

    @property
    def n_frames(self) -> int:
        """Modulation frames in a clip, at samples 0, hop_length, ..., n_samples."""
        return self.n_samples // self.hop_length + 1

    @property
    def frame_rate(self) -> float:
        """Modulation frames per second."""
        return self.sample_rate / self.hop_length

    def check(self) -> None:
        """Check that a clip is a whole number of hops and has enough frames.

        Raises:
            ConfigError: the hops do not divide the clip, or there are too few frames.
        """
        if self.n_samples % self.hop_length:
            raise ConfigError(
                "a clip must be a whole number of hops: "
                f"{self.n_samples} samples (sample_rate x duration_s) over audio.hop_length={self.hop_length}; "
                "choose a hop_length that divides it"
            )
        if self.n_frames < MIN_FRAMES:
            raise ConfigError(
                f"a clip needs at least {MIN_FRAMES} modulation frames; got {self.n_frames}; shorten hop_length"
            )
