"""Settings of the parameterizations, one class per kind.

To add a parameterization, add its config class to `ParameterizationConfig`, its module to `core/parameterizations` and
its case to `core/parameterizations/build.py`.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Interval, Unit
from typing_extensions import Doc

from core.ops.sizes import check_low_pass_size, check_spline_size, low_pass_half_length
from core.settings.annotations import UnitRange
from core.settings.audio import AudioConfig
from core.settings.memory import DOUBLE
from core.settings.variants import Variant


class ParameterizationVariant(Variant):
    """Base class of the configs of all parameterizations and baselines."""

    __slots__ = ()

    is_baseline: ClassVar[bool] = False
    """Whether the curves do not depend on the sound; such arms are reported, but never part of a Pareto front."""
    n_outputs: ClassVar[int] = 1
    """Numbers per token that the encoder predicts."""

    def n_tokens(self, audio: AudioConfig) -> int:
        """Tokens per clip and modulation that the encoder predicts; 0 for a baseline."""
        return 0 if self.is_baseline else audio.n_frames

    def constant_bytes(self, audio: AudioConfig) -> float:
        """Bytes of constant tensors, and of what making them needs."""
        del audio
        return 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameConfig(ParameterizationVariant):
    """Frame-wise: one free value per modulation frame."""

    kind: Literal["frame"] = "frame"


@dataclass(frozen=True, slots=True, kw_only=True)
class LowPassConfig(ParameterizationVariant):
    """One free value per modulation frame, smoothed by a fixed zero-phase windowed-sinc low-pass."""

    kind: Literal["low_pass"] = "low_pass"
    cutoff_hz: Annotated[
        float, Interval(gt=0, le=20_000), Unit("Hz"), Doc("cutoff of the low-pass, where its gain is about -3 dB")
    ] = 8.0

    def check(self, audio: AudioConfig) -> None:
        check_low_pass_size(self.cutoff_hz, audio.frame_rate, audio.n_frames)

    def constant_bytes(self, audio: AudioConfig) -> float:
        # The taps, and the signals that are as long as they are.
        return 12.0 * low_pass_half_length(self.cutoff_hz, audio.frame_rate) * DOUBLE


@dataclass(frozen=True, slots=True, kw_only=True)
class SplineConfig(ParameterizationVariant):
    """Piecewise Bezier curve with predicted knots and values."""

    n_outputs: ClassVar[int] = 2

    kind: Literal["spline"] = "spline"
    n_segments: Annotated[int, Interval(ge=1, le=100_000), Doc("Bezier segments")] = 8
    degree: Annotated[int, Interval(ge=1, le=3), Doc("degree of each segment")] = 3
    evaluation: Annotated[
        Literal["inverse", "forward_warp"],
        Doc("'inverse': y(t) = By(Bx^-1(t)); 'forward_warp': y(t) = By(Bx(t))"),
    ] = "inverse"
    temperature: Annotated[float, Interval(ge=1e-3, le=1000), Doc("softmax temperature of the knot spacings")] = 0.25
    min_spacing: Annotated[
        float, Interval(gt=0, lt=1), Doc("smallest knot spacing, as a share of the equal spacing")
    ] = 0.05
    chord_curriculum: Annotated[bool, Doc("start training with straight segments and bend them gradually")] = True

    def check(self, audio: AudioConfig) -> None:
        check_spline_size(self.n_segments, self.degree, audio.n_frames)

    def n_tokens(self, audio: AudioConfig) -> int:
        del audio
        return self.n_segments * self.degree + 1

    def kernels(self) -> Hashable:
        return self.kind, self.evaluation

    @classmethod
    def warm_ups(cls) -> tuple["SplineConfig", ...]:
        return cls(evaluation="inverse"), cls(evaluation="forward_warp")


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomSplineConfig(ParameterizationVariant):
    """Baseline: a random spline per clip, independent of the sound."""

    is_baseline: ClassVar[bool] = True

    kind: Literal["random_spline"] = "random_spline"
    n_segments: Annotated[int, Interval(ge=1, le=100_000), Doc("Bezier segments")] = 24
    degree: Annotated[int, Interval(ge=1, le=3), Doc("degree of each segment")] = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ConstantConfig(ParameterizationVariant):
    """Baseline: every curve has the same constant value."""

    is_baseline: ClassVar[bool] = True

    kind: Literal["constant"] = "constant"
    value: Annotated[float, UnitRange, Doc("value of every frame")] = 0.5


ParameterizationConfig = FrameConfig | LowPassConfig | SplineConfig | RandomSplineConfig | ConstantConfig
