"""Construction of data sources from their configs."""

from typing import assert_never

from core.data.base import DataSource
from core.data.sources.audio_folder import AudioFolder
from core.data.sources.renders import Renders
from core.data.sources.synthetic import Synthetic
from core.settings.audio import AudioConfig
from core.settings.data import AudioFolderConfig, DataConfig, RendersConfig, SyntheticDataConfig


def build_source(config: DataConfig, audio: AudioConfig) -> DataSource:
    """The data source that a config describes."""
    match config:
        case SyntheticDataConfig():
            return Synthetic(config, audio)
        case AudioFolderConfig():
            return AudioFolder(config, audio)
        case RendersConfig():
            return Renders(config, audio)
        case _:
            assert_never(config)
