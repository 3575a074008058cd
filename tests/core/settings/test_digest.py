"""Digests: they depend on every setting that affects results, and not on paths."""

from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import ConfigError
from core.settings.audio import AudioConfig
from core.settings.digest import settings_sha256
from core.settings.oscillators import FrozenWavetableConfig
from core.settings.synths import ModSynthConfig
from core.training.resolve import resolve
from core.wavetables import BUILTIN_WAVETABLES
from tests.support.configs import configured, tiny, tiny_on_folder
from tests.support.sounds import write_named_notes


def test_only_a_resolved_config_has_a_digest() -> None:
    with pytest.raises(ConfigError, match="only a resolved config"):
        assert configured().digest


def test_digest_is_sixteen_hex_digits_that_stay_the_same() -> None:
    assert tiny().digest == tiny().digest
    assert len(tiny().digest) == 16
    assert set(tiny().digest) <= set("0123456789abcdef")


def test_digest_follows_whatever_decides_the_numbers() -> None:
    base = resolve(configured()).config
    assert resolve(base).config.digest == base.digest
    assert resolve(configured(f"device={base.device}", "data.wavetable=sine_to_saw")).config.digest == base.digest
    others = {replace(base, seed=1).digest}
    others |= {resolve(configured(f"data.wavetable={name}")).config.digest for name in BUILTIN_WAVETABLES}
    assert len(others) == 1 + len(BUILTIN_WAVETABLES)


def test_table_of_the_data_has_one_digest_by_either_name() -> None:
    resolved = resolve(configured("data.wavetable=pulse_width")).config
    assert isinstance(resolved.synth, ModSynthConfig)
    assert isinstance(resolved.synth.oscillator, FrozenWavetableConfig)
    assert resolved.synth.oscillator.wavetable == "pulse_width"
    named = resolve(configured("data.wavetable=pulse_width", "synth.oscillator.wavetable=pulse_width")).config
    assert named.digest == resolved.digest


def test_place_of_a_folder_is_no_part_of_the_digest(tmp_path: Path) -> None:
    write_named_notes(tmp_path / "here")
    here = tiny_on_folder("audio_folder", tmp_path / "here", "synth.kind=engel")
    (tmp_path / "here").rename(tmp_path / "there")
    there = tiny_on_folder("audio_folder", tmp_path / "there", "synth.kind=engel")
    assert here.data != there.data
    assert here.digest == there.digest
    write_named_notes(tmp_path / "there", midi=(60,))
    assert tiny_on_folder("audio_folder", tmp_path / "there", "synth.kind=engel").digest != here.digest


def test_hash_leaves_out_paths_at_any_depth() -> None:
    one, other = (ModSynthConfig(oscillator=FrozenWavetableConfig(wavetable=name)) for name in ("a.wav", "b.wav"))
    hashed = ModSynthConfig(oscillator=FrozenWavetableConfig(wavetable="a.wav", wavetable_sha256="0"))
    assert settings_sha256(one) == settings_sha256(other)
    assert settings_sha256(one) != settings_sha256(hashed)


def test_hash_is_over_parts_and_plain_values_together() -> None:
    audio = AudioConfig()
    assert settings_sha256((audio, "x", 1)) == settings_sha256((AudioConfig(), "x", 1))
    different = {settings_sha256(value) for value in ((audio, "x", 1), (audio, "x", 2), ("x", audio, 1), (audio,))}
    assert len(different) == 4
