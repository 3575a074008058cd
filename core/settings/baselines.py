"""Settings of the baselines, whose curves do not depend on the sound, one class per kind.

To add a baseline, add its config class to `ParameterizationConfig` in `core/settings/parameterizations.py`, its module
to `core/parameterizations` and its case to `core/parameterizations/build.py`.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Interval
from typing_extensions import Doc

from core.settings.annotations import UnitRange
from core.settings.parameterization_variant import ParameterizationVariant


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomSplineConfig(ParameterizationVariant):
    """Baseline: a random spline per clip, independent of the sound."""

    is_baseline: ClassVar[bool] = True

    kind: Literal["random_spline"] = "random_spline"
    n_segments: Annotated[int, Interval(ge=1, le=100_000), Doc("Bezier segments")] = 24
    degree: Annotated[int, Interval(ge=1, le=3), Doc("degree of each segment")] = 3
    training: Annotated[
        Literal["encoder", "random"],
        Doc(
            "curves with which a learned synth is trained; 'encoder': those of a spline, of at most n_segments, that "
            "is trained with it, and replaced by random ones in the results; 'random': random ones"
        ),
    ] = "encoder"

    def kernels(self) -> Hashable:
        return self.kind, self.training

    @classmethod
    def warm_ups(cls) -> tuple["RandomSplineConfig", ...]:
        return cls(training="encoder"), cls(training="random")


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomFrameConfig(ParameterizationVariant):
    """Baseline: a random value for every frame, independent of the sound and of all other frames."""

    is_baseline: ClassVar[bool] = True

    kind: Literal["random_frame"] = "random_frame"


@dataclass(frozen=True, slots=True, kw_only=True)
class OracleConfig(ParameterizationVariant):
    """Reference: the true curves of each clip, for data that have those of all the synth's modulations."""

    is_baseline: ClassVar[bool] = True
    needs_true_curves: ClassVar[bool] = True

    kind: Literal["oracle"] = "oracle"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConstantConfig(ParameterizationVariant):
    """Baseline: every curve has the same constant value."""

    is_baseline: ClassVar[bool] = True

    kind: Literal["constant"] = "constant"
    value: Annotated[float, UnitRange, Doc("value of every frame")] = 0.5
