"""Introspection of the config classes: types, variants and content paths."""

from core.settings.annotations import ContentPath
from core.settings.audio import AudioConfig
from core.settings.baselines import ConstantConfig
from core.settings.data import AudioFolderConfig, SyntheticDataConfig
from core.settings.encoder import EncoderConfig
from core.settings.oscillators import FrozenWavetableConfig
from core.settings.parameterizations import FrameConfig, SplineConfig
from core.settings.schema import content_path, hashed_settings, kind_of, number_type, setting_types, variants_of
from core.settings.synths import EngelConfig, ModSynthConfig
from core.settings.trial import TrialConfig


def test_parts_have_one_class_unions_several_and_values_none() -> None:
    types = setting_types(TrialConfig)
    assert variants_of(types["encoder"]) == (EncoderConfig,)
    assert variants_of(types["synth"])[:2] == (ModSynthConfig, EngelConfig)
    assert variants_of(types["seed"]) == variants_of(types["device"]) == ()
    assert {FrameConfig, ConstantConfig} < set(variants_of(types["parameterization"]))


def test_settings_stand_in_the_order_of_their_class() -> None:
    assert list(setting_types(AudioConfig)) == ["sample_rate", "duration_s", "hop_length"]


def test_numbers_are_told_from_other_settings() -> None:
    audio, encoder = setting_types(AudioConfig), setting_types(EncoderConfig)
    assert number_type(audio["hop_length"]) is int
    assert number_type(audio["duration_s"]) is float
    assert number_type(int | None) is int
    assert number_type(encoder["precision"]) is None
    assert number_type(encoder["dilations"]) is None
    assert number_type(setting_types(SplineConfig)["chord_curriculum"]) is None
    assert number_type(int | str) is None


def test_paths_are_not_hashed() -> None:
    assert set(setting_types(FrozenWavetableConfig)) - set(hashed_settings(FrozenWavetableConfig)) == {"wavetable"}
    assert hashed_settings(AudioConfig) == ("sample_rate", "duration_s", "hop_length")


def test_only_variants_have_a_kind() -> None:
    assert kind_of(EngelConfig) == "engel"
    assert kind_of(AudioConfig) is None


def test_contents_are_marked_with_the_field_of_their_hash() -> None:
    marks = {
        (cls, name): mark
        for cls in (SyntheticDataConfig, AudioFolderConfig, FrozenWavetableConfig)
        for name, annotation in setting_types(cls).items()
        if (mark := content_path(annotation))
    }
    assert marks == {
        (SyntheticDataConfig, "wavetable"): ContentPath("wavetable", "wavetable_sha256"),
        (SyntheticDataConfig, "test_modulations"): ContentPath("LFO shapes", "test_modulations_sha256"),
        (AudioFolderConfig, "folder"): ContentPath("data folder", "manifest_sha256"),
        (FrozenWavetableConfig, "wavetable"): ContentPath("wavetable", "wavetable_sha256"),
    }
    for (cls, _), mark in marks.items():
        assert mark.hash_field in setting_types(cls)
