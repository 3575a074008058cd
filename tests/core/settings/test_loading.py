"""Configs from files, assignments and stored settings, and errors for invalid ones."""

from pathlib import Path
from typing import Any, get_args

import pytest

from core.errors import ConfigError
from core.settings.data import DataConfig
from core.settings.dotted import flatten, nest
from core.settings.loading import (
    apply_settings,
    flat_config,
    from_settings,
    load_config,
    parse_assignment,
    preset_named,
    to_settings,
)
from core.settings.parameterizations import LowPassConfig, SplineConfig
from core.settings.presets import PRESETS, SMALL
from core.settings.schema import kind_of
from tests.support.configs import configured, tiny

KINDS = ("frame", "low_pass", "spline", "random_spline", "constant")


def test_new_kind_starts_from_the_preset_and_the_same_kind_stays_as_it_is() -> None:
    base = configured("parameterization.cutoff_hz=4")
    assert base.parameterization == LowPassConfig(cutoff_hz=4.0)
    assert apply_settings(SMALL, {"parameterization": {"kind": "low_pass"}}, base) == base
    spline = apply_settings(SMALL, {"parameterization": {"kind": "spline"}}, base)
    assert spline.parameterization == SMALL.variant(SplineConfig)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("trainer.max_steps=100", ("trainer.max_steps", 100)),
        (" optimizer.lr = 1e-3 ", ("optimizer.lr", 1e-3)),
        ("encoder.dilations=[1, 2]", ("encoder.dilations", [1, 2])),
        ("data.wavetable=my table.wav", ("data.wavetable", "my table.wav")),
        ("data.wavetable='8'", ("data.wavetable", "8")),
        ("parameterization.chord_curriculum=false", ("parameterization.chord_curriculum", False)),
        ("data.folder=a=b", ("data.folder", "a=b")),
        ("data.folder=", ("data.folder", "")),
    ],
)
def test_assignment_has_a_value_of_toml_or_text(text: str, expected: tuple[str, Any]) -> None:
    assert parse_assignment(text) == expected


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("parameterization.cutof_hz=4", "unknown setting parameterization.cutof_hz; did you mean .*cutoff_hz"),
        ("nonsense=4", "unknown setting nonsense; known here: "),
        ("parameterization.n_segments=4", "unknown setting parameterization.n_segments; known here: cutoff_hz"),
        ("parameterization.cutoff_hz=-1", "parameterization.cutoff_hz: .*greater than 0; got -1"),
        ("trainer.max_steps=many", "trainer.max_steps: must be a number, without quotes; got 'many'"),
        ("trainer.max_steps=true", "trainer.max_steps: a number or text is needed; got True"),
        ("synth.kind=moog", "unknown synth.kind 'moog'; choose one of mod_synth, engel, shan, fm, subtractive"),
        ("trainer=3", "trainer is a group of settings"),
        ("seed", "a setting is PATH=VALUE"),
        ("=3", "a setting is PATH=VALUE"),
    ],
)
def test_wrong_settings_are_refused_with_the_rule(assignment: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        configured(assignment)


@pytest.mark.parametrize("preset", PRESETS)
def test_file_starts_from_its_preset(preset: str, tmp_path: Path) -> None:
    (tmp_path / "trial.toml").write_text(f'preset = "{preset}"\nseed = 3\n[parameterization]\nkind = "frame"\n')
    assert load_config(tmp_path / "trial.toml") == configured("seed=3", "parameterization.kind=frame", preset=preset)


def test_file_without_a_preset_starts_from_small(tmp_path: Path) -> None:
    (tmp_path / "trial.toml").write_text("seed = 3\n")
    assert load_config(str(tmp_path / "trial.toml")) == configured("seed=3")


def test_unreadable_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read"):
        load_config(tmp_path / "missing.toml")
    with pytest.raises(ConfigError, match="cannot read"):
        load_config(tmp_path)
    (tmp_path / "bad.toml").write_text("seed = ")
    with pytest.raises(ConfigError, match="not valid TOML"):
        load_config(tmp_path / "bad.toml")
    (tmp_path / "bad.toml").write_bytes(b"seed = '\xff'")
    with pytest.raises(ConfigError, match="not valid TOML"):
        load_config(tmp_path / "bad.toml")
    (tmp_path / "bad.toml").write_text('preset = "huge"')
    with pytest.raises(ConfigError, match="unknown preset 'huge'"):
        load_config(tmp_path / "bad.toml")


def test_unknown_presets_are_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="unknown preset 3; choose one of paper, small"):
        preset_named(3)


class TestStoredConfigs:
    @pytest.mark.parametrize("preset", PRESETS)
    @pytest.mark.parametrize("kind", KINDS)
    def test_configs_survive_nested_and_dotted_settings(self, preset: str, kind: str) -> None:
        config = configured(f"parameterization.kind={kind}", "synth.kind=engel", preset=preset)
        assert from_settings(to_settings(config)) == config
        assert from_settings(flat_config(config)) == config

    @pytest.mark.parametrize("kind", [kind_of(cls) for cls in get_args(DataConfig)])
    def test_configs_of_every_data_source_survive(self, kind: str) -> None:
        config = configured(f"data.kind={kind}", "synth.oscillator.kind=learnable", "synth.filter.kind=learned")
        assert from_settings(to_settings(config)) == config

    def test_resolved_config_survives_with_its_digest(self) -> None:
        config = tiny()
        assert from_settings(to_settings(config)) == config
        assert from_settings(flat_config(config)).digest == config.digest

    def test_every_setting_must_be_there(self) -> None:
        stored = flat_config(tiny())
        for path in stored:
            rest = nest((other, value) for other, value in stored.items() if other != path)
            with pytest.raises(ConfigError, match=path.replace(".", r"\.")):
                from_settings(rest)

    def test_missing_settings_are_all_named_with_what_to_do(self) -> None:
        settings = to_settings(configured())
        del settings["encoder"]["stride"], settings["encoder"]["precision"]
        with pytest.raises(
            ConfigError,
            match=r"missing are encoder\.stride, encoder\.precision; it was written by another version of modstudy",
        ):
            from_settings(settings)

    def test_missing_part_is_named(self) -> None:
        settings = to_settings(configured())
        del settings["loss"], settings["seed"]
        with pytest.raises(ConfigError, match="missing are seed, loss"):
            from_settings(settings)

    @pytest.mark.parametrize(
        ("path", "value", "message"),
        [
            ("encoder.widht", 8, r"unknown setting encoder\.widht; did you mean encoder\.width\?"),
            ("signal.hop_length", 125, r"unknown setting signal"),
            ("encoder.width", 0, r"encoder\.width: .*greater than or equal to 1; got 0"),
            ("encoder.width", None, r"encoder\.width: .*; got None"),
            ("parameterization.kind", "cubic", r"unknown parameterization\.kind 'cubic'"),
            ("parameterization.kind", "frame", r"unknown setting parameterization\.cutoff_hz"),
        ],
    )
    def test_wrong_settings_are_named(self, path: str, value: Any, message: str) -> None:
        with pytest.raises(ConfigError, match=message):
            from_settings(flat_config(configured()) | {path: value})

    def test_group_with_a_plain_value_is_refused(self) -> None:
        with pytest.raises(ConfigError, match="encoder is a group of settings, not a value; got 3"):
            from_settings(to_settings(configured()) | {"encoder": 3})

    def test_dotted_settings_are_the_nested_ones(self) -> None:
        config = configured("parameterization.kind=spline")
        assert flat_config(config) == flatten(to_settings(config))
        assert flat_config(config)["parameterization.n_segments"] == 8
