"""Settings of the losses, one class per kind.

To add a loss, add its config class to `LossConfig`, its module to `core/losses` and its case to `core/losses/build.py`.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Literal, TypeVar

from annotated_types import Interval, MaxLen, MinLen, Unit
from typing_extensions import Doc

from core.ops.sizes import check_stft_size
from core.settings.audio import AudioConfig
from core.settings.memory import COMPLEX, FLOAT, Stage
from core.settings.variants import Variant

AnyLoss = TypeVar("AnyLoss", bound="LossVariant")
"""Any config class of a loss."""
_STANDARD = ((1024, 120, 600), (2048, 240, 1200), (512, 50, 240))
"""(n_fft, hop_length, win_length) of each resolution at 48 kHz, as in auraloss."""
_STANDARD_SAMPLE_RATE = 48_000
CHUNK_SAMPLES = 2**19
"""Samples of windowed frames per chunk of the loss, as in `core.ops.stft_sums`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """FFT size, hop and window of an STFT."""

    n_fft: Annotated[int, Interval(ge=4, le=262_144), Unit("samples"), Doc("FFT size")]
    hop_length: Annotated[int, Interval(ge=1, le=262_144), Unit("samples"), Doc("samples between frames")]
    win_length: Annotated[int, Interval(ge=2, le=262_144), Unit("samples"), Doc("length of the Hann window")]

    def scaled(self, factor: float) -> "Resolution":
        """The resolution with all sizes multiplied by a factor."""
        return Resolution(
            n_fft=round(self.n_fft * factor),
            hop_length=round(self.hop_length * factor),
            win_length=round(self.win_length * factor),
        )


def standard_resolutions(sample_rate: int) -> tuple[Resolution, ...]:
    """auraloss's three STFT resolutions, meant for 44.1 or 48 kHz, scaled to a sample rate by a power of two.

    The power is rounded up, so windows are at least as long in seconds as at 48 kHz: the spectrum of a window shorter
    than one or two periods of the note depends on its place within the period, that is, on the random phase. At 16 kHz
    the FFT sizes are 512, 1024 and 256. The distance between renders of the same curves at different phases (white
    box, 110 to 440 Hz) is then 0.30, and that of constant curves 1.9; at half these sizes they are 0.54 and 2.0.
    """
    scale = _standard_scale(sample_rate)
    return tuple(Resolution(n_fft=n_fft, hop_length=hop, win_length=win).scaled(scale) for n_fft, hop, win in _STANDARD)


def _standard_scale(sample_rate: int) -> float:
    """The power of two by which the standard resolutions are scaled to a sample rate."""
    return 2.0 ** math.ceil(math.log2(sample_rate / _STANDARD_SAMPLE_RATE))


class LossVariant(Variant):
    """Base class of the configs of all losses."""

    __slots__ = ()

    def resolved(self: AnyLoss, audio: AudioConfig) -> AnyLoss:
        """The config with defaults that depend on the clips filled in."""
        del audio
        return self

    def memory_stages(self, audio: AudioConfig, batch: int) -> Iterator[Stage]:
        """Memory of the parts of the loss for a batch of clips; by default a few signals as long as the clips."""
        samples = float(batch) * audio.n_samples * FLOAT
        yield Stage(kept=4 * samples, forward=4 * samples, backward=4 * samples)


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiResolutionStftConfig(LossVariant):
    """Multi-resolution STFT distance: spectral convergence plus L1 of log magnitudes."""

    kind: Literal["mss"] = "mss"
    resolutions: Annotated[
        tuple[Resolution, ...] | None,
        MinLen(1),
        MaxLen(16),
        Doc("the STFTs; by default the standard three, scaled to the sample rate"),
    ] = None

    def check(self, audio: AudioConfig) -> None:
        for resolution in self.resolutions or ():
            check_stft_size(resolution.n_fft, resolution.win_length, audio.n_samples)

    def resolved(self, audio: AudioConfig) -> "MultiResolutionStftConfig":
        return replace(self, resolutions=self.resolutions or standard_resolutions(audio.sample_rate))

    def at_rate(self, sample_rate: int, from_rate: int) -> "MultiResolutionStftConfig":
        if self.resolutions is None:
            return self
        factor = _standard_scale(sample_rate) / _standard_scale(from_rate)
        return replace(self, resolutions=tuple(each.scaled(factor) for each in self.resolutions))

    def memory_stages(self, audio: AudioConfig, batch: int) -> Iterator[Stage]:
        # One resolution after the other, a chunk of clips at a time.
        for resolution in self.resolutions or standard_resolutions(audio.sample_rate):
            n_frames = float(audio.n_samples // resolution.hop_length + 1)
            bins = n_frames * (resolution.n_fft // 2 + 1)
            chunk = min(batch, max(1, int(CHUNK_SAMPLES // (n_frames * resolution.n_fft))))
            frames = chunk * n_frames * resolution.n_fft * FLOAT
            # Two factors and the spectrum per bin.
            yield Stage(
                kept=batch * bins * (2 * FLOAT + COMPLEX),
                forward=frames + 2 * chunk * bins * COMPLEX,
                backward=2 * frames,
            )


LossConfig = MultiResolutionStftConfig
