"""Construction of parameterizations: shapes of every kind, and the sizes from the settings."""

from typing import get_args

import pytest
import torch

from core.parameterizations.base import Baseline
from core.parameterizations.build import build_parameterization
from core.parameterizations.low_pass import LowPass
from core.parameterizations.spline import Spline
from core.seeding import generator
from core.settings.audio import AudioConfig
from core.settings.parameterizations import LowPassConfig, ParameterizationConfig, SplineConfig

AUDIO = AudioConfig()
CONFIGS = [cls() for cls in get_args(ParameterizationConfig)]


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: str(config.kind))
def test_every_kind_gives_all_frames_of_a_clip(config: ParameterizationConfig) -> None:
    parameterization = build_parameterization(config, AUDIO)
    assert isinstance(parameterization, Baseline) == config.is_baseline
    if isinstance(parameterization, Baseline):
        true_curves = torch.rand(2, 3, AUDIO.n_frames, generator=generator(0, "true curves"))
        curves = parameterization(2, 3, generator(0, "curves"), true_curves)
    else:
        logits = torch.randn(2, 3, parameterization.n_tokens, parameterization.n_outputs, generator=generator(0, "l"))
        curves = parameterization(logits)
    assert curves.shape == (2, 3, AUDIO.n_frames)
    assert 0 <= float(curves.min()) <= float(curves.max()) <= 1


def test_settings_arrive_at_the_modules() -> None:
    spline = build_parameterization(
        SplineConfig(
            n_segments=4,
            degree=2,
            evaluation="forward_warp",
            temperature=0.5,
            min_spacing=0.1,
            chord_curriculum=False,
        ),
        AUDIO,
    )
    assert isinstance(spline, Spline)
    assert (spline.n_tokens, spline.degree, spline.evaluation) == (9, 2, "forward_warp")
    assert (spline.temperature, spline.min_spacing, spline.chord_curriculum) == (0.5, 0.1, False)
    low_pass = build_parameterization(LowPassConfig(cutoff_hz=4.0), AUDIO)
    assert isinstance(low_pass, LowPass)
    assert len(low_pass.taps) == 2 * (128 // 8) + 1
