"""Configs to datasets."""

from typing import assert_never

from core.config import AudioFolderConfig, RendersConfig, SyntheticDataConfig, TrialConfig
from core.data.audio_folder import load_folder, scan_planned_folder
from core.data.clips import Dataset
from core.data.renders import load_renders, scan_planned_renders
from core.data.synthetic import synthetic_dataset
from core.data.wavetables import wavetable_sha256


def build_dataset(config: TrialConfig) -> Dataset:
    """The three splits of a trial's data, in memory on the CPU."""
    match config.data:
        case SyntheticDataConfig():
            return synthetic_dataset(config.data, config.signal)
        case AudioFolderConfig():
            return load_folder(config.data, config.signal)
        case RendersConfig():
            return load_renders(config.data, config.signal)
        case _:
            assert_never(config.data)


def source_sha256(config: TrialConfig) -> str:
    """Hash of the files that a trial's data are made from, as they are now.

    Raises:
        ConfigError, DataError: they are not there, or not what the resolved config was made from.
    """
    match config.data:
        case SyntheticDataConfig():
            return wavetable_sha256(config.data.wavetable)
        case AudioFolderConfig():
            return scan_planned_folder(config.data, config.signal).sha256
        case RendersConfig():
            return scan_planned_renders(config.data, config.signal).sha256
        case _:
            assert_never(config.data)
