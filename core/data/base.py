"""Base class of the data sources, which scan their content and load it as clips in three splits."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.clips import Dataset
from core.data.folder_copies import copy_of
from core.errors import ConfigError, DataError
from core.settings.user_paths import user_path
from core.settings.value_rules import shown_text
from core.storage.records import DataFile, DataIssue


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceScan:
    """Result of scanning a data source: hash of the content, issues and a summary."""

    sha256: str
    """Hash of all content from which the clips are made."""
    n_clips: tuple[int, int, int]
    """Numbers of training, validation and test clips."""
    issues: tuple[DataIssue, ...] = ()
    summary: dict[str, Any] = field(default_factory=dict)
    """Facts for reports, such as the number of clips and the origin of their pitches."""
    data_files: tuple[DataFile, ...] = ()
    """All sound files, in order; empty if there are none."""
    notes: tuple[str, ...] = ()
    """What the user should know of the content as a whole, in sentences."""


class DataSource(ABC):
    """The source of the clips of one data config."""

    planned_sha256: str | None
    """Hash of the content in a resolved config; None if the config is not resolved."""
    description: str
    """Name of the content in error messages, such as "the sounds in FOLDER"."""

    @abstractmethod
    def scan(self) -> SourceScan:
        """Hash and inspect the current content.

        Raises:
            ConfigError, DataError: the content cannot be used.
        """

    @abstractmethod
    def load(self) -> Dataset:
        """The clips in three splits, on the CPU; no patch and no source file is in two of them.

        Raises:
            ConfigError, DataError: as for `scan`, or the content has changed since the config was resolved.
        """

    def check_unchanged(self, scan: SourceScan) -> None:
        """Check that the scanned content is that of the resolved config.

        Raises:
            DataError: the content has changed since the config was resolved.
        """
        if self.planned_sha256 not in (None, scan.sha256):
            raise DataError(
                f"{self.description} changed since the trial was planned; "
                "restore the old content, or plan a new study with the present one"
            )


def existing_folder(setting: str, sha256: str | None) -> Path:
    """The path of the folder that the setting `data.folder` names, or of its copy in the cache.

    Args:
        setting: The setting.
        sha256: Hash of the content of the folder; None if it is unknown.

    Raises:
        ConfigError: the setting is empty.
        DataError: there is neither the folder nor a copy.
    """
    if not setting:
        raise ConfigError("data.folder must name the folder of the sounds; it is empty; set it: --set data.folder=DIR")
    folder = user_path(setting, "data.folder")
    if folder.is_dir():
        return folder
    if sha256 is not None and (copy := copy_of(sha256)).is_dir():
        return copy
    raise MissingFolderError(f"data.folder must be a folder; there is none at {shown_text(folder)}; check the path")


class MissingFolderError(DataError):
    """The folder of a data source is not there."""
