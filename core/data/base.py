"""What a data source is: a scan of the files as they are now, and the clips in three splits."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.clips import Dataset
from core.errors import ConfigError, DataError
from core.storage.records import DataIssue


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceScan:
    """What a data source holds, for a trial and for a reader."""

    sha256: str
    """Over all content that the clips are made from."""
    issues: tuple[DataIssue, ...] = ()
    summary: dict[str, Any] = field(default_factory=dict)
    """Facts for a reader: number of clips, where each pitch came from."""


class DataSource(ABC):
    """Makes the clips of one config."""

    planned_sha256: str | None
    """The hash that the resolved config was planned with, None where it is not resolved."""
    description: str
    """What to call the content in an error, such as "the sounds in FOLDER"."""

    @abstractmethod
    def scan(self) -> SourceScan:
        """Look at the content as it is now.

        Raises:
            ConfigError, DataError: it cannot be used.
        """

    @abstractmethod
    def load(self) -> Dataset:
        """The three splits, in memory on the CPU; no patch and no source file is in two of them.

        Raises:
            ConfigError, DataError: as `scan`, or the content has changed since the config was resolved.
        """

    def check_unchanged(self, scan: SourceScan) -> None:
        """
        Raises:
            DataError: the content is not what the resolved config was planned with.
        """
        if self.planned_sha256 not in (None, scan.sha256):
            raise DataError(
                f"{self.description} changed since the trial was planned; "
                "bring the old content back, or plan a new study on what is there now"
            )


def existing_folder(setting: str) -> Path:
    """The path of `data.folder`.

    Raises:
        ConfigError: it is not set.
        DataError: there is no such folder.
    """
    if not setting:
        raise ConfigError("data.folder says where the sounds are, and is not set; set it: --set data.folder=DIR")
    folder = Path(setting).expanduser()
    if not folder.is_dir():
        raise DataError(f"data.folder must be a folder; there is none at {folder}; check the path")
    return folder
