"""Config classes of all families: kinds, warm-up configs, kernels and modulations."""

from collections.abc import Hashable
from dataclasses import fields, replace
from typing import Any, get_args

import pytest

from core.errors import ConfigError
from core.modulations import Modulation, modulation_names
from core.settings.audio import AudioConfig
from core.settings.data import DataConfig, RendersConfig, SyntheticDataConfig
from core.settings.filters import FilterConfig, LearnedFilterConfig, RbjFilterConfig
from core.settings.losses import LossConfig
from core.settings.optimizers import OptimizerConfig
from core.settings.oscillators import FrozenWavetableConfig, LearnableWavetableConfig, OscillatorConfig
from core.settings.parameterizations import ParameterizationConfig, SplineConfig
from core.settings.schema import kind_of
from core.settings.synth_base import SynthVariant
from core.settings.synths import EngelConfig, FmConfig, ModSynthConfig, ShanConfig, SynthConfig

FAMILIES: dict[str, Any] = {
    "data": DataConfig,
    "parameterization": ParameterizationConfig,
    "synth": SynthConfig,
    "oscillator": OscillatorConfig,
    "filter": FilterConfig,
    "loss": LossConfig,
    "optimizer": OptimizerConfig,
}


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())
def test_kinds_of_a_family_differ(family: Any) -> None:
    classes = get_args(family) or (family,)
    kinds = [kind_of(cls) for cls in classes]
    assert len(set(kinds)) == len(kinds)
    assert all(cls().kind == kind for cls, kind in zip(classes, kinds, strict=True))


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())
def test_warm_ups_of_a_kind_are_valid_configs_with_kernels_of_their_own(family: Any) -> None:
    for cls in get_args(family) or (family,):
        warm_ups = cls.warm_ups()
        assert {type(config) for config in warm_ups} == {cls}
        kernels: list[Hashable] = [config.kernels() for config in warm_ups]
        assert len(set(kernels)) == len(kernels) >= 1
        for config in warm_ups:
            config.check(AudioConfig())


def test_kernels_follow_the_choices_that_need_other_ones() -> None:
    assert SplineConfig(n_segments=4).kernels() == SplineConfig(n_segments=8).kernels()
    assert SplineConfig(evaluation="forward_warp").kernels() != SplineConfig(evaluation="inverse").kernels()
    synths = {
        ModSynthConfig(oscillator=oscillator, filter=filter_).kernels()
        for oscillator in (FrozenWavetableConfig(), LearnableWavetableConfig())
        for filter_ in (
            RbjFilterConfig(),
            LearnedFilterConfig(),
            LearnedFilterConfig(interpolate="logits"),
            LearnedFilterConfig(structure="direct"),
        )
    }
    assert len(synths) == 8


@pytest.mark.parametrize("cls", get_args(SynthConfig))
def test_synths_name_their_modulations(cls: type[SynthVariant]) -> None:
    names = modulation_names(cls().modulations)
    assert len(set(names)) == len(names) >= 1
    assert all(name.isidentifier() and name == name.lower() for name in names)
    assert all(isinstance(modulation, Modulation) and modulation.description for modulation in cls().modulations)


@pytest.mark.parametrize("cls", get_args(SynthConfig))
def test_vibrato_is_a_further_curve(cls: type[SynthConfig]) -> None:
    if "vibrato_semitones" in {field.name for field in fields(cls)}:
        names = modulation_names(cls().modulations)
        vibrato: Any = {"vibrato_semitones": 0.5}
        assert modulation_names(cls(**vibrato).modulations) == (*names, "vibrato")


@pytest.mark.parametrize(
    ("config", "curves", "free"),
    [
        (ModSynthConfig(filter=LearnedFilterConfig(), control="granular"), ("add", "env"), (5,)),
        (EngelConfig(n_harmonics=20, control="granular"), ("env",), (21, 33)),
        (ShanConfig(n_tables=7, control="granular", vibrato_semitones=1.0), ("env", "vibrato"), (7, 5)),
        (FmConfig(control="granular"), ("add", "env"), (5,)),
    ],
)
def test_granular_control_frees_what_an_adapter_would_control(
    config: SynthConfig, curves: tuple[str, ...], free: tuple[int, ...]
) -> None:
    config.check(AudioConfig())
    assert modulation_names(config.modulations) == curves
    assert config.free_controls == free
    assert config.adapters == ()
    curves_instead: Any = {"control": "curves"}
    assert replace(config, **curves_instead).adapters == free


def test_a_synth_without_learned_modules_has_nothing_to_free() -> None:
    with pytest.raises(ConfigError, match="this mod_synth synth has no module with several controls"):
        ModSynthConfig(control="granular").check(AudioConfig())


def test_synthetic_data_know_the_synth_that_makes_them() -> None:
    data = SyntheticDataConfig(wavetable="drawbars", filter=RbjFilterConfig(max_cutoff_hz=4000.0))
    assert data.true_synth == ModSynthConfig(
        oscillator=FrozenWavetableConfig(wavetable="drawbars"), filter=RbjFilterConfig(max_cutoff_hz=4000.0)
    )
    assert data.true_modulations == ModSynthConfig().modulations
    assert data.true_wavetable == "drawbars"
    assert modulation_names(SyntheticDataConfig(vibrato_semitones=0.5).true_modulations)[-1] == "vibrato"
    assert SyntheticDataConfig(n_train=5, n_validation=2, n_test=3).expected_clips == (5, 2, 3)


def test_renders_have_true_curves_but_no_synth_of_ours() -> None:
    data = RendersConfig()
    assert modulation_names(data.true_modulations) == ("add", "sub", "env")
    assert data.true_synth is None
    assert data.true_wavetable is None
