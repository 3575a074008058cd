"""Settings of the losses, one class per kind.

To add one: its class and its place in `LossConfig` here, its module beside the others in `core/losses`, and its case in
`core/losses/build.py`.
"""

import math
from dataclasses import dataclass, replace
from typing import Annotated, Literal, Self

from annotated_types import Ge, Unit
from typing_extensions import Doc

from core.ops.sizes import check_stft_size
from core.settings.audio import AudioConfig
from core.settings.variants import Variant

_STANDARD = ((1024, 120, 600), (2048, 240, 1200), (512, 50, 240))
_STANDARD_SAMPLE_RATE = 48_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """One STFT resolution."""

    n_fft: Annotated[int, Ge(4), Unit("samples"), Doc("FFT size")]
    hop_length: Annotated[int, Ge(1), Unit("samples"), Doc("hop")]
    win_length: Annotated[int, Ge(2), Unit("samples"), Doc("Hann window")]


def standard_resolutions(sample_rate: int) -> tuple[Resolution, ...]:
    """auraloss's three resolutions, meant for 44.1 or 48 kHz, scaled by a power of two to the sample rate.

    It is the smallest one that keeps the resolution in frequency: windows shorter than a period or two of the note
    measure where in it they fell, that is the random phase. At 16 kHz: FFT sizes 512, 1024 and 256. Between renders of
    the same curves at other phases (white box, 110 to 440 Hz) the distance is then 0.30, at half the sizes 0.54, while
    constant curves are at 1.9 and 2.0.
    """
    scale = 2.0 ** math.ceil(math.log2(sample_rate / _STANDARD_SAMPLE_RATE))
    return tuple(
        Resolution(n_fft=round(n_fft * scale), hop_length=round(hop * scale), win_length=round(win * scale))
        for n_fft, hop, win in _STANDARD
    )


class LossVariant(Variant):
    """Base of the losses' config classes."""

    __slots__ = ()

    def resolved(self, audio: AudioConfig) -> Self:
        """The config with everything filled in that follows from the clips."""
        del audio
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiResolutionStftConfig(LossVariant):
    """Multi-resolution STFT distance: spectral convergence plus L1 of log magnitudes."""

    kind: Literal["mss"] = "mss"
    resolutions: Annotated[
        tuple[Resolution, ...] | None, Doc("the STFTs; unset: the standard three, scaled to the sample rate")
    ] = None

    def check(self, audio: AudioConfig) -> None:
        for resolution in self.resolutions or ():
            check_stft_size(resolution.n_fft, resolution.win_length, audio.n_samples)

    def resolved(self, audio: AudioConfig) -> "MultiResolutionStftConfig":
        return replace(self, resolutions=self.resolutions or standard_resolutions(audio.sample_rate))


LossConfig = MultiResolutionStftConfig
