"""Construction of parameterizations from their configs."""

from typing import assert_never

from core.parameterizations.b_spline import BSpline
from core.parameterizations.base import Baseline, Parameterization
from core.parameterizations.c1_bezier import C1Bezier
from core.parameterizations.constant import Constant
from core.parameterizations.frame import Frame
from core.parameterizations.gated_spline import GatedSpline
from core.parameterizations.lfo import Lfo
from core.parameterizations.low_pass import LowPass
from core.parameterizations.oracle import Oracle
from core.parameterizations.projected_spline import ProjectedSpline
from core.parameterizations.random_frame import RandomFrame
from core.parameterizations.random_spline import RandomSpline
from core.parameterizations.spline import Spline
from core.parameterizations.still import Still
from core.settings.audio import AudioConfig
from core.settings.baselines import ConstantConfig, OracleConfig, RandomFrameConfig, RandomSplineConfig
from core.settings.parameterizations import (
    BSplineConfig,
    C1BezierConfig,
    FrameConfig,
    GatedSplineConfig,
    LfoConfig,
    LowPassConfig,
    ParameterizationConfig,
    ProjectedSplineConfig,
    SplineConfig,
    StillConfig,
)


def build_parameterization(config: ParameterizationConfig, audio: AudioConfig) -> Parameterization | Baseline:
    """The parameterization or baseline that a config describes."""
    match config:
        case FrameConfig():
            return Frame(audio.n_frames)
        case LowPassConfig():
            return LowPass(audio.n_frames, config.cutoff_hz, audio.frame_rate)
        case SplineConfig():
            return Spline(
                audio.n_frames,
                config.n_segments,
                config.degree,
                evaluation=config.evaluation,
                temperature=config.temperature,
                min_spacing=config.min_spacing,
                chord_curriculum=config.chord_curriculum,
            )
        case BSplineConfig():
            return BSpline(
                audio.n_frames,
                config.n_segments,
                knots=config.knots,
                temperature=config.temperature,
                min_spacing=config.min_spacing,
            )
        case C1BezierConfig():
            return C1Bezier(
                audio.n_frames,
                config.n_segments,
                knots=config.knots,
                temperature=config.temperature,
                min_spacing=config.min_spacing,
            )
        case GatedSplineConfig():
            return GatedSpline(
                audio.n_frames,
                config.n_segments,
                config.degree,
                gate_penalty=config.gate_penalty,
                temperature=config.temperature,
                min_spacing=config.min_spacing,
            )
        case LfoConfig():
            return Lfo(
                audio.n_frames,
                audio.frame_rate,
                min_rate_hz=config.min_rate_hz,
                max_rate_hz=config.max_rate_hz,
                sharpness=config.sharpness,
            )
        case ProjectedSplineConfig():
            return ProjectedSpline(audio.n_frames, config.n_segments, config.degree, config.gain)
        case StillConfig():
            return Still(audio.n_frames)
        case RandomSplineConfig():
            return RandomSpline(audio.n_frames, config.n_segments, config.degree)
        case RandomFrameConfig():
            return RandomFrame(audio.n_frames)
        case OracleConfig():
            return Oracle()
        case ConstantConfig():
            return Constant(audio.n_frames, config.value)
        case _:
            assert_never(config)
