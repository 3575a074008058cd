"""Config: presets, settings, digests, and one clear error for each mistake."""

from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import ConfigError
from core.settings.dotted import nest
from core.settings.loading import apply_settings, flat_config, from_settings, load_config, parse_assignment, preset_named, to_settings
from core.settings.losses import MultiResolutionStftConfig, Resolution
from core.settings.parameterizations import LowPassConfig, SplineConfig
from core.settings.presets import PRESETS
from core.settings.synths import ModSynthConfig
from core.settings.trial import TrialConfig
from core.training.resolve import resolve
from core.settings.rules import check
from core.wavetables import BUILTIN_WAVETABLES

SMALL = preset_named("small")


def configured(*assignments: str, preset: str = "small") -> TrialConfig:
    return apply_settings(preset_named(preset), nest(map(parse_assignment, assignments)))


def test_paper_preset_is_the_reference_set_up() -> None:
    config = configured("parameterization.kind=spline", "synth.oscillator.kind=learnable", preset="paper")
    assert (config.audio.n_samples, config.audio.n_frames, config.audio.frame_rate) == (144_000, 1501, 500)
    assert isinstance(config.parameterization, SplineConfig)
    assert config.parameterization.n_segments == 24
    check(config)
    check(configured("synth.kind=engel", preset="paper"))


@pytest.mark.parametrize("preset", PRESETS)
def test_configs_survive_settings_and_files(preset: str, tmp_path: Path) -> None:
    for kind in ("frame", "low_pass", "spline", "random_spline", "constant"):
        config = configured(f"parameterization.kind={kind}", "synth.kind=engel", preset=preset)
        assert from_settings(to_settings(config)) == config
        assert from_settings(flat_config(config)) == config
    (tmp_path / "trial.toml").write_text(f'preset = "{preset}"\nseed = 3\n[parameterization]\nkind = "frame"\n')
    assert load_config(tmp_path / "trial.toml") == configured("seed=3", "parameterization.kind=frame", preset=preset)


def test_a_new_kind_starts_from_the_preset_and_the_same_kind_keeps_its_settings() -> None:
    base = configured("parameterization.cutoff_hz=4")
    assert base.parameterization == LowPassConfig(cutoff_hz=4.0)
    assert apply_settings(SMALL, {"parameterization": {"kind": "low_pass"}}, base) == base
    spline = apply_settings(SMALL, {"parameterization": {"kind": "spline"}}, base)
    assert spline.parameterization == SMALL.variant(SplineConfig)


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("parameterization.cutof_hz=4", "unknown setting parameterization.cutof_hz; did you mean .*cutoff_hz"),
        ("nonsense=4", "unknown setting nonsense; known here: "),
        ("parameterization.n_segments=4", "unknown setting parameterization.n_segments; known here: cutoff_hz"),
        ("parameterization.cutoff_hz=-1", "parameterization.cutoff_hz: .*greater than 0; got -1"),
        ("trainer.max_steps=many", "trainer.max_steps: .*valid integer.*; got 'many'"),
        ("trainer.max_steps=true", "trainer.max_steps: a number or text is needed; got True"),
        ("synth.kind=moog", "unknown synth.kind 'moog'; choose one of mod_synth, engel"),
        ("trainer=3", "trainer is a group of settings"),
        ("seed", "a setting is PATH=VALUE"),
    ],
)
def test_bad_settings_name_the_rule(assignment: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        configured(assignment)


@pytest.mark.parametrize(
    ("assignments", "message"),
    [
        (("audio.hop_length=130",), "whole number of hops"),
        (("parameterization.cutoff_hz=13",), "at least 11 taps"),
        (("encoder.kernel_time=4",), "kernels must be odd"),
        (("encoder.n_mels=8",), "each block halves the mel bands"),
        (("data.kind=audio_folder", "synth.oscillator.kind=learnable"), "needs a folder: set data.folder=DIR"),
        (("data.kind=audio_folder", "data.folder=x"), "data.kind='audio_folder' has none"),
        (("data.max_f0_hz=7000",), "a quarter of the sample rate"),
        (("synth.kind=engel", "synth.noise_taps=63"), "noise_taps must be even"),
        (("synth.filter.min_cutoff_hz=9000",), "must lie below the highest cutoff"),
        (("encoder.n_fft=32000",), "half of encoder.n_fft must be shorter than a clip.*got 32000 and 16000"),
    ],
)
def test_broken_rules_between_settings_are_named(assignments: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check(configured(*assignments))


def test_conflicting_paths_and_bad_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="set only one"):
        nest([("trainer", 3), ("trainer.max_steps", 4)])
    with pytest.raises(ConfigError, match="cannot read"):
        load_config(tmp_path / "missing.toml")
    (tmp_path / "bad.toml").write_text("seed = ")
    with pytest.raises(ConfigError, match="not valid TOML"):
        load_config(tmp_path / "bad.toml")
    (tmp_path / "bad.toml").write_text('preset = "huge"')
    with pytest.raises(ConfigError, match="unknown preset 'huge'"):
        load_config(tmp_path / "bad.toml")


class TestDigest:
    def test_needs_a_resolved_config(self) -> None:
        with pytest.raises(ConfigError, match="only a resolved config"):
            configured().digest

    def test_names_the_numbers_and_nothing_else(self) -> None:
        base = resolve(configured()).config
        assert resolve(base).config.digest == base.digest
        assert resolve(configured("device=cpu", "data.wavetable=sine_to_saw")).config.digest == base.digest
        other = {replace(base, seed=1).digest}
        other |= {resolve(configured(f"data.wavetable={name}")).config.digest for name in BUILTIN_WAVETABLES}
        assert len(other) == 1 + len(BUILTIN_WAVETABLES)

    def test_white_box_follows_the_data_s_table(self) -> None:
        resolved = resolve(configured("data.wavetable=pulse_width")).config
        assert isinstance(resolved.synth, ModSynthConfig)
        assert resolved.synth.oscillator.wavetable == "pulse_width"
        named = resolve(configured("data.wavetable=pulse_width", "synth.oscillator.wavetable=pulse_width")).config
        assert named.digest == resolved.digest


@pytest.mark.parametrize(
    ("n_fft", "win_length"),
    [(512, 600), (65_536, 512)],
    ids=["a window longer than the FFT", "an FFT longer than twice the clip"],
)
def test_a_resolution_that_no_clip_can_be_measured_at_is_refused_before_any_work(n_fft: int, win_length: int) -> None:
    resolution = Resolution(n_fft=n_fft, hop_length=100, win_length=win_length)
    loss = MultiResolutionStftConfig(resolutions=(resolution,))
    with pytest.raises(ConfigError, match=r"a spectral distance needs clips longer than half its n_fft"):
        check(replace(PRESETS["small"].config, loss=loss))
