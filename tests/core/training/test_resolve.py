"""Resolving configs: defaults, absolute paths, hashes of content, and one scan per data source."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from core.data.sources.audio_folder import AudioFolder, FolderScan
from core.errors import ConfigError, DataError
from core.settings.data import AudioFolderConfig, SyntheticDataConfig
from core.settings.losses import standard_resolutions
from core.settings.oscillators import FrozenWavetableConfig
from core.settings.synths import ModSynthConfig
from core.settings.trial import TrialConfig
from core.training.resolve import Resolver, resolve, resolve_without_data
from core.wavetables import wavetable_sha256
from tests.support.configs import TINY, configured, tiny_on_folder
from tests.support.sounds import write_named_notes


def oscillator_of(config: TrialConfig) -> FrozenWavetableConfig:
    assert isinstance(config.synth, ModSynthConfig)
    assert isinstance(config.synth.oscillator, FrozenWavetableConfig)
    return config.synth.oscillator


def synthetic_data_of(config: TrialConfig) -> SyntheticDataConfig:
    assert isinstance(config.data, SyntheticDataConfig)
    return config.data


def write_wavetable(path: Path) -> None:
    cycles = np.sin(np.outer(np.arange(1, 4), 2 * np.pi * np.arange(2048) / 2048)).flatten()
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, cycles, 44_100, subtype="FLOAT")


def test_everything_is_filled_in() -> None:
    config = resolve(configured()).config
    assert config.device == ("cuda" if torch.cuda.is_available() else "cpu")
    assert synthetic_data_of(config).wavetable_sha256 == wavetable_sha256("sine_to_saw")
    assert oscillator_of(config) == FrozenWavetableConfig(
        wavetable="sine_to_saw", wavetable_sha256=wavetable_sha256("sine_to_saw")
    )
    paper = resolve(configured(preset="paper")).config
    assert paper.loss.resolutions == standard_resolutions(48_000)


def test_resolving_again_changes_nothing() -> None:
    resolved = resolve(configured())
    assert resolve(resolved.config) == resolved


def test_a_resolver_gives_each_config_what_it_would_get_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.training.resolve.MAX_REMEMBERED", 2)
    plus = configured("data.filter.coefficient_shrink=0.0")
    # Equal to the config above in Python, but with another digest: 0.0 is not written as -0.0.
    minus = configured("data.filter.coefficient_shrink=-0.0")
    others = [configured(f"encoder.width={width}", f"data.seed={width}") for width in range(1, 5)]
    configs = [plus, minus, *others, plus, minus, replace(plus, seed=3)]
    assert plus == minus
    resolver = Resolver()
    found = [resolver.resolve(config).config for config in configs]
    assert [config.digest for config in found] == [resolve(config).config.digest for config in configs]
    assert len({config.digest for config in found}) == 7


def test_broken_rules_are_refused_before_any_data_are_looked_at() -> None:
    with pytest.raises(ConfigError, match="at least 11 taps"):
        resolve(configured("parameterization.cutoff_hz=13", "data.kind=audio_folder", "synth.kind=engel"))


def test_folder_must_be_named_and_exist(tmp_path: Path) -> None:
    folder = ("data.kind=audio_folder", "synth.oscillator.kind=learnable")
    with pytest.raises(ConfigError, match=r"data\.folder must name the folder.*data\.folder=DIR"):
        resolve(configured(*folder))
    with pytest.raises(DataError, match="there is none at"):
        resolve(configured(*folder, f"data.folder={tmp_path / 'nowhere'}"))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_gpu_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigError, match="device=cuda needs a CUDA GPU"):
        resolve(configured("device=cuda"))


class TestPaths:
    def test_relative_paths_become_absolute(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        write_wavetable(tmp_path / "table.wav")
        write_wavetable(tmp_path / "other" / "table.wav")
        config = resolve(configured("data.wavetable=table.wav", "synth.oscillator.wavetable=other/table.wav")).config
        assert synthetic_data_of(config).wavetable == str(tmp_path / "table.wav")
        assert oscillator_of(config).wavetable == str(tmp_path / "other" / "table.wav")
        monkeypatch.chdir("/")
        assert resolve(config).config == config

    def test_table_of_the_data_is_absolute_in_the_synth_as_well(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        write_wavetable(tmp_path / "table.wav")
        config = resolve(configured("data.wavetable=table.wav")).config
        assert oscillator_of(config).wavetable == str(tmp_path / "table.wav")
        assert config.is_white_box

    def test_home_folder_is_expanded(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        write_wavetable(tmp_path / "table.wav")
        config = resolve(configured("data.wavetable=~/table.wav")).config
        assert synthetic_data_of(config).wavetable == str(tmp_path / "table.wav")

    def test_built_in_table_comes_before_a_file_of_its_name(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "drawbars").mkdir()
        config = resolve(configured("data.wavetable=drawbars")).config
        assert synthetic_data_of(config).wavetable == "drawbars"

    def test_data_folder_becomes_absolute(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        write_named_notes(tmp_path / "notes")
        config = tiny_on_folder("audio_folder", Path("notes"), "synth.kind=engel")
        assert isinstance(config.data, AudioFolderConfig)
        assert config.data.folder == str(tmp_path / "notes")
        assert config.data.manifest_sha256 is not None

    def test_changed_table_has_another_hash(self, tmp_path: Path) -> None:
        path = tmp_path / "table.wav"
        write_wavetable(path)
        first = resolve(configured(f"data.wavetable={path}")).config
        soundfile.write(path, soundfile.read(path)[0][::-1], 44_100, subtype="FLOAT")
        second = resolve(first).config
        assert synthetic_data_of(first).wavetable_sha256 != synthetic_data_of(second).wavetable_sha256
        assert first.digest != second.digest


class TestScans:
    def test_one_resolver_scans_a_source_once(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        write_named_notes(tmp_path / "notes")
        scans = []
        scan = AudioFolder.scan

        def counted(source: AudioFolder) -> FolderScan:
            scans.append(source)
            return scan(source)

        monkeypatch.setattr(AudioFolder, "scan", counted)
        settings = (setting for setting in TINY if not setting.startswith("data."))
        data = ("data.kind=audio_folder", f"data.folder={tmp_path / 'notes'}", "data.min_files=3", "synth.kind=engel")
        shared = (*settings, *data)
        resolver = Resolver()
        for seed in range(3):
            resolver.resolve(configured(*shared, f"seed={seed}"))
        assert len(scans) == 1
        resolver.resolve(configured(*shared, "data.seed=1"))
        resolver.resolve(configured(*shared, "audio.duration_s=0.5"))
        assert len(scans) == 3

    def test_issues_and_summary_are_those_of_the_scan(self, tmp_path: Path) -> None:
        write_named_notes(tmp_path / "notes")
        (tmp_path / "notes" / "broken C4.wav").write_bytes(b"not sound")
        config = configured(
            "data.kind=audio_folder", f"data.folder={tmp_path / 'notes'}", "data.min_files=3", "synth.kind=engel"
        )
        resolved = resolve(config)
        assert [(issue.source, issue.skipped) for issue in resolved.issues] == [("broken C4.wav", True)]
        assert resolved.summary["n_usable"] == 4


class TestWithoutData:
    def test_sounds_need_not_exist(self) -> None:
        config = resolve_without_data(
            configured("data.kind=audio_folder", "data.folder=nowhere", "synth.kind=engel", preset="paper")
        )
        assert config.device == "cpu"
        assert config.loss.resolutions == standard_resolutions(48_000)

    def test_synth_plays_the_table_of_the_data(self) -> None:
        assert oscillator_of(resolve_without_data(configured("data.wavetable=drawbars"))).wavetable == "drawbars"

    def test_rules_are_checked(self) -> None:
        with pytest.raises(ConfigError, match="at least 11 taps"):
            resolve_without_data(configured("parameterization.cutoff_hz=13"))
