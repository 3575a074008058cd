"""Construction of parameterizations from their configs."""

from typing import assert_never

from core.parameterizations.base import Baseline, Parameterization
from core.parameterizations.constant import Constant
from core.parameterizations.frame import Frame
from core.parameterizations.low_pass import LowPass
from core.parameterizations.random_spline import RandomSpline
from core.parameterizations.spline import Spline
from core.settings.audio import AudioConfig
from core.settings.parameterizations import (
    ConstantConfig,
    FrameConfig,
    LowPassConfig,
    ParameterizationConfig,
    RandomSplineConfig,
    SplineConfig,
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
        case RandomSplineConfig():
            return RandomSpline(audio.n_frames, config.n_segments, config.degree)
        case ConstantConfig():
            return Constant(audio.n_frames, config.value)
        case _:
            assert_never(config)
