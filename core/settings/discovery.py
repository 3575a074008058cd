"""Settings of the fit of a single sound: synth, parameterization of its curves, and the steps of the fit."""

from dataclasses import dataclass, field, fields, replace
from typing import Annotated, Any

from annotated_types import Interval, Unit
from typing_extensions import Doc

from core.errors import ConfigError
from core.settings.annotations import SeedRange
from core.settings.audio import AudioConfig
from core.settings.filters import RbjFilterConfig
from core.settings.oscillators import LearnableWavetableConfig
from core.settings.parameterizations import LowPassConfig, ParameterizationConfig
from core.settings.synths import ModSynthConfig, SynthConfig

MIN_SOUND_S = 0.05
"""Shortest sound that is fitted, in seconds: ten frames of its curves."""
_FRAMES_PER_SEGMENT = 2
"""Fewest frames of a segment of a spline, per degree."""
MAX_FITTED_S = 60.0
"""Longest part of a sound that is fitted, in seconds, for the sake of time and memory."""


def default_synth() -> ModSynthConfig:
    """A wavetable that is learned and a resonant low-pass over all frequencies, which other synths have as well."""
    return ModSynthConfig(
        oscillator=LearnableWavetableConfig(n_positions=8, table_length=2048),
        filter=RbjFilterConfig(min_cutoff_hz=60.0, max_cutoff_hz=16_000.0),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscoverySettings:
    """Settings of the fit of a sound."""

    synth: SynthConfig = field(default_factory=default_synth)
    parameterization: ParameterizationConfig = field(default_factory=lambda: LowPassConfig(cutoff_hz=16.0))
    steps: Annotated[int, Interval(ge=0, le=100_000), Unit("steps"), Doc("gradient steps of the fit")] = 800
    seed: Annotated[int, SeedRange, Doc("seed of initial weights and oscillator phases")] = 0
    frame_rate: Annotated[
        float,
        Interval(ge=20, le=2000),
        Unit("Hz"),
        Doc("frames of the curves per second, nearly: each has whole samples"),
    ] = 200.0
    window_s: Annotated[
        float, Interval(ge=0.5, le=60), Unit("s"), Doc("length of the windows into which longer sounds are cut")
    ] = 6.0
    segment_rate: Annotated[
        float,
        Interval(ge=0.1, le=200),
        Unit("Hz"),
        Doc("segments per second of splines, in place of their number per clip"),
    ] = 16.0
    smoothness: Annotated[
        float,
        Interval(ge=0, le=100),
        Doc("weight in the loss of the total variation per second, summed over the curves: what need not move, rests"),
    ] = 0.003
    lr: Annotated[float, Interval(gt=0, le=100), Doc("first step of curves and resonance, in logits")] = 0.05
    sound_lr: Annotated[float, Interval(gt=0, le=100), Doc("first step of a learned wavetable")] = 0.01
    module_lr: Annotated[float, Interval(gt=0, le=100), Doc("first step of the synth's other weights")] = 0.01

    def __post_init__(self) -> None:
        if self.parameterization.is_baseline:
            raise ConfigError(
                "a fit needs curves that can follow a sound; got the baseline "
                f"{self.parameterization.kind!r}; choose another parameterization"
            )
        if self.synth.control == "granular":
            raise ConfigError("a granular synth has controls without curves; set synth.control='curves'")

    def hop_length(self, sample_rate: int) -> int:
        """Samples from one frame of the curves to the next at a sample rate."""
        return max(1, round(sample_rate / self.frame_rate))

    def audio(self, n_samples: int, sample_rate: int) -> AudioConfig:
        """Length of a sound, filled up to whole hops."""
        hop_length = self.hop_length(sample_rate)
        n_hops = -(-n_samples // hop_length)
        return AudioConfig(sample_rate=sample_rate, duration_s=n_hops * hop_length / sample_rate, hop_length=hop_length)

    def parameterization_of(self, audio: AudioConfig) -> ParameterizationConfig:
        """The parameterization of a window, with as many segments as `segment_rate` says, or as the frames allow."""
        config: Any = self.parameterization
        if all(each.name != "n_segments" for each in fields(config)):
            return self.parameterization
        n_segments = max(1, round(self.segment_rate * audio.duration_s))
        fewest_frames = _FRAMES_PER_SEGMENT * max(2, getattr(config, "degree", 3))
        of_window: ParameterizationConfig = replace(
            config, n_segments=min(n_segments, max(1, audio.n_frames // fewest_frames))
        )
        return of_window

    def window_frames(self, audio: AudioConfig) -> int:
        """Frames of a window of the curves of a sound: the whole sound if it is no longer than a window."""
        return min(audio.n_frames, round(self.window_s * audio.frame_rate) + 1)
