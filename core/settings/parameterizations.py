"""Settings of the parameterizations, one class per kind.

To add a parameterization, add its config class to `ParameterizationConfig`, its module to `core/parameterizations` and
its case to `core/parameterizations/build.py`.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Interval, Unit
from typing_extensions import Doc

from core.ops.sizes import (
    check_free_numbers,
    check_lfo_rates,
    check_low_pass_size,
    check_spline_size,
    low_pass_half_length,
    n_lfo_rates,
)
from core.settings.audio import AudioConfig
from core.settings.baselines import ConstantConfig, OracleConfig, RandomFrameConfig, RandomSplineConfig
from core.settings.memory import DOUBLE
from core.settings.parameterization_variant import ParameterizationVariant

NSegments = Annotated[int, Interval(ge=1, le=100_000), Doc("polynomial segments")]
Temperature = Annotated[float, Interval(ge=1e-3, le=1000), Doc("softmax temperature of the knot spacings")]
MinSpacing = Annotated[float, Interval(gt=0, lt=1), Doc("smallest knot spacing, as a share of the equal spacing")]
Knots = Annotated[
    Literal["uniform", "learned"], Doc("'uniform': equally spaced; 'learned': their spacings are predicted too")
]


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

    kind: Literal["spline"] = "spline"
    n_segments: NSegments = 8
    degree: Annotated[int, Interval(ge=1, le=3), Doc("degree of each segment")] = 3
    evaluation: Annotated[
        Literal["inverse", "forward_warp"],
        Doc("'inverse': y(t) = By(Bx^-1(t)); 'forward_warp': y(t) = By(Bx(t))"),
    ] = "inverse"
    temperature: Temperature = 0.25
    min_spacing: MinSpacing = 0.05
    chord_curriculum: Annotated[bool, Doc("start training with straight segments and bend them gradually")] = True

    def check(self, audio: AudioConfig) -> None:
        check_spline_size(self.n_segments, self.degree, audio.n_frames)

    @property
    def n_outputs(self) -> int:
        return 2

    def n_tokens(self, audio: AudioConfig) -> int:
        del audio
        return self.n_segments * self.degree + 1

    def kernels(self) -> Hashable:
        return self.kind, self.evaluation

    @classmethod
    def warm_ups(cls) -> tuple["SplineConfig", ...]:
        return cls(evaluation="inverse"), cls(evaluation="forward_warp")


@dataclass(frozen=True, slots=True, kw_only=True)
class BSplineConfig(ParameterizationVariant):
    """Cubic B-spline, twice continuously differentiable, with uniform or predicted knots."""

    kind: Literal["b_spline"] = "b_spline"
    n_segments: NSegments = 12
    knots: Knots = "uniform"
    temperature: Temperature = 1.0
    min_spacing: MinSpacing = 0.2

    def check(self, audio: AudioConfig) -> None:
        free = self.n_segments + 3
        if self.knots == "learned":
            free += self.n_segments - 1
        check_free_numbers(free, audio.n_frames, f"parameterization.n_segments={self.n_segments}")

    @property
    def n_outputs(self) -> int:
        return 1 if self.knots == "uniform" else 2

    def n_tokens(self, audio: AudioConfig) -> int:
        del audio
        return self.n_segments + 3

    def constant_bytes(self, audio: AudioConfig) -> float:
        # The basis functions; making them evaluates as many splines as there are.
        return 40.0 * (self.n_segments + 3) * audio.n_frames * DOUBLE if self.knots == "uniform" else 0.0

    def kernels(self) -> Hashable:
        return self.kind, self.knots

    @classmethod
    def warm_ups(cls) -> tuple["BSplineConfig", ...]:
        return cls(knots="uniform"), cls(knots="learned")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectedSplineConfig(ParameterizationVariant):
    """Frame-wise logits, projected on uniform B-splines by least squares, through a sigmoid."""

    kind: Literal["projected_spline"] = "projected_spline"
    n_segments: NSegments = 16
    degree: Annotated[int, Interval(ge=1, le=3), Doc("degree of the polynomials; 1: straight lines")] = 3
    gain: Annotated[float, Interval(gt=0, le=1000), Doc("factor of the projected logits; larger ones learn faster")] = (
        2.0
    )

    def check(self, audio: AudioConfig) -> None:
        check_free_numbers(
            self.n_segments + self.degree, audio.n_frames, f"parameterization.n_segments={self.n_segments}"
        )

    def constant_bytes(self, audio: AudioConfig) -> float:
        # Orthonormal basis functions; making them evaluates as many splines as there are.
        return 40.0 * (self.n_segments + self.degree) * audio.n_frames * DOUBLE


@dataclass(frozen=True, slots=True, kw_only=True)
class C1BezierConfig(ParameterizationVariant):
    """Piecewise cubic Bezier curve with a continuous first derivative: a value and a tangent per knot."""

    kind: Literal["c1_bezier"] = "c1_bezier"
    n_segments: NSegments = 8
    knots: Knots = "uniform"
    temperature: Temperature = 1.0
    min_spacing: MinSpacing = 0.2

    def check(self, audio: AudioConfig) -> None:
        free = 2 * self.n_segments + 2 + (self.n_segments - 1 if self.knots == "learned" else 0)
        check_free_numbers(free, audio.n_frames, f"parameterization.n_segments={self.n_segments}")

    @property
    def n_outputs(self) -> int:
        return 2 if self.knots == "uniform" else 3

    def n_tokens(self, audio: AudioConfig) -> int:
        del audio
        return self.n_segments + 1

    def kernels(self) -> Hashable:
        return self.kind, self.knots

    @classmethod
    def warm_ups(cls) -> tuple["C1BezierConfig", ...]:
        return cls(knots="uniform"), cls(knots="learned")


@dataclass(frozen=True, slots=True, kw_only=True)
class GatedSplineConfig(ParameterizationVariant):
    """Piecewise Bezier curve that learns how many segments a clip needs, at a penalty for each."""

    kind: Literal["gated_spline"] = "gated_spline"
    n_segments: Annotated[int, Interval(ge=1, le=10_000), Doc("largest number of segments")] = 24
    degree: Annotated[int, Interval(ge=1, le=3), Doc("degree of each segment")] = 1
    gate_penalty: Annotated[
        float, Interval(ge=0, le=1000), Doc("training loss per open segment, as the mean over clips and modulations")
    ] = 0.03
    temperature: Temperature = 1.0
    min_spacing: MinSpacing = 0.2

    def check(self, audio: AudioConfig) -> None:
        free = self.n_segments * (self.degree + 1)
        check_free_numbers(free, audio.n_frames, f"parameterization.n_segments={self.n_segments}")

    @property
    def n_outputs(self) -> int:
        return self.degree + 2

    def n_tokens(self, audio: AudioConfig) -> int:
        del audio
        return self.n_segments + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class LfoConfig(ParameterizationVariant):
    """Periodic curve of one oscillator: rate, phase, two levels and a shape."""

    kind: Literal["lfo"] = "lfo"
    min_rate_hz: Annotated[float, Interval(gt=0, le=20_000), Unit("Hz"), Doc("lowest rate")] = 0.5
    max_rate_hz: Annotated[float, Interval(gt=0, le=20_000), Unit("Hz"), Doc("highest rate")] = 20.0
    sharpness: Annotated[
        float,
        Interval(gt=0, le=0.999),
        Doc("how sharp corners and jumps are; the n-th partial is scaled by its n-th power"),
    ] = 0.9

    def check(self, audio: AudioConfig) -> None:
        check_lfo_rates(self.min_rate_hz, self.max_rate_hz, audio.frame_rate, audio.duration_s)

    @property
    def n_outputs(self) -> int:
        return 8

    def constant_bytes(self, audio: AudioConfig) -> float:
        # The bank, and what its orthonormalisation needs.
        n_rates = n_lfo_rates(audio.duration_s, self.min_rate_hz, self.max_rate_hz)
        return 8.0 * n_rates * 2 * audio.n_frames * DOUBLE


@dataclass(frozen=True, slots=True, kw_only=True)
class StillConfig(ParameterizationVariant):
    """One value per curve and clip, which does not move: what the best still setting of each sound explains."""

    kind: Literal["still"] = "still"

    def n_tokens(self, audio: AudioConfig) -> int:
        del audio
        return 1


ParameterizationConfig = (
    FrameConfig
    | LowPassConfig
    | SplineConfig
    | BSplineConfig
    | C1BezierConfig
    | GatedSplineConfig
    | ProjectedSplineConfig
    | LfoConfig
    | StillConfig
    | RandomSplineConfig
    | RandomFrameConfig
    | ConstantConfig
    | OracleConfig
)
