"""Settings of the clips: sample rate, length, and the frame rate of the modulation curves."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt, Interval, Unit
from typing_extensions import Doc

from core.errors import ConfigError

MIN_FRAMES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioConfig:
    """Length and sample rate of the clips, and the frames of their modulation curves."""

    sample_rate: Annotated[int, Interval(ge=8000, le=192_000), Unit("Hz"), Doc("audio sample rate")] = 16_000
    duration_s: Annotated[float, Gt(0), Unit("s"), Doc("length of a clip")] = 1.0
    hop_length: Annotated[int, Ge(1), Unit("samples"), Doc("samples from one modulation frame to the next")] = 125

    @property
    def n_samples(self) -> int:
        return round(self.sample_rate * self.duration_s)

    @property
    def n_frames(self) -> int:
        """Frames of a clip, the first on its first sample, the last one hop past the last full hop."""
        return self.n_samples // self.hop_length + 1

    @property
    def frame_rate(self) -> float:
        return self.sample_rate / self.hop_length

    def check(self) -> None:
        """
        Raises:
            ConfigError: the clips are no whole number of hops, or have too few frames.
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
