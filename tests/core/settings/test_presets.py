"""Presets: `paper` is the set-up of the reference, and both are valid with every variant."""

from typing import get_args

import pytest

from core.settings.filters import LearnedFilterConfig
from core.settings.parameterizations import ParameterizationConfig, SplineConfig
from core.settings.presets import PRESETS, SMALL
from core.settings.rules import check
from core.settings.schema import kind_of
from core.settings.synths import EngelConfig
from tests.support.configs import configured


def test_paper_is_the_reference_set_up() -> None:
    config = configured("parameterization.kind=spline", "synth.oscillator.kind=learnable", preset="paper")
    assert (config.audio.n_samples, config.audio.n_frames, config.audio.frame_rate) == (144_000, 1501, 500)
    assert isinstance(config.parameterization, SplineConfig)
    assert config.parameterization.n_segments == 24
    check(config)
    check(configured("synth.kind=engel", preset="paper"))


@pytest.mark.parametrize("preset", ["small", "paper"])
@pytest.mark.parametrize("parameterization", [kind_of(cls) for cls in get_args(ParameterizationConfig)])
def test_every_variant_of_a_preset_is_valid(preset: str, parameterization: str) -> None:
    check(configured(f"parameterization.kind={parameterization}", "synth.filter.kind=learned", preset=preset))
    check(configured(f"parameterization.kind={parameterization}", "synth.kind=engel", preset=preset))


def test_variant_without_settings_in_a_preset_has_its_type_s_defaults() -> None:
    assert SMALL.variant(LearnedFilterConfig) == LearnedFilterConfig()
    assert SMALL.variant(EngelConfig) == EngelConfig(n_harmonics=40, n_noise_bands=33, noise_taps=64)


def test_there_are_two_presets() -> None:
    assert list(PRESETS) == ["paper", "small"]
