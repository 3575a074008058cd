"""Configs to datasets."""

from typing import assert_never

from core.config import AudioFolderConfig, RendersConfig, SyntheticDataConfig, TrialConfig
from core.data.audio_folder import load_folder
from core.data.clips import Dataset
from core.data.renders import load_renders
from core.data.synthetic import synthetic_dataset


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
