"""Cache of checked sound files: one JSON file per folder and clip length in the user's cache folder.

A file of the folder counts as unchanged while its size and its times of modification and status change are the same.
The first line of a cache file is the sha256 of the rest; a file that does not match is as good as none.
"""

import hashlib
import logging
from collections.abc import Mapping
from pathlib import Path

from pydantic import TypeAdapter

from core.cache_folder import cache_folder, sealed, unsealed
from core.data.sound_check import SoundCheck
from core.regular_files import read_regular
from core.storage.atomic_write import write_atomically

State = tuple[int, int, int]
"""Size in bytes, time of modification and time of status change in ns of a file."""
_LOG = logging.getLogger(__name__)
_VERSION = 5
"""Incremented when the check of an unchanged file gives another result."""
_MAX_BYTES = 2**28
"""Largest cache file."""
_ADAPTER: TypeAdapter[dict[str, tuple[State, SoundCheck]]] = TypeAdapter(dict[str, tuple[State, SoundCheck]])


def file_state(path: Path) -> State | None:
    """The state of a file, links followed; None if there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


class InspectionCache:
    """Checks of the files of a folder, by name."""

    def __init__(self, folder: Path, duration_s: float) -> None:
        """Read the cache of a folder; it is empty if there is none or it is damaged.

        Args:
            folder: The folder.
            duration_s: Length of the clips, on which the checks depend.
        """
        key = hashlib.sha256(repr((_VERSION, str(folder.resolve()), duration_s)).encode(errors="surrogateescape"))
        self._path = cache_folder() / "scans" / f"{key.hexdigest()[:32]}.json"
        self._checks = self._read()

    def get(self, name: str, state: State | None, *, track: bool) -> SoundCheck | None:
        """The check of a file in this state, with a tracked pitch if that is needed; None if there is none."""
        known_state, check = self._checks.get(name, (None, None))
        if check is None or state is None or known_state != state:
            return None
        return None if track and not check.is_tracked and check.problem is None else check

    def replace(self, checks: Mapping[str, tuple[State | None, SoundCheck]]) -> None:
        """Replace all checks and write them, if they differ from those read.

        Files that could not be read are left out: the reason may be gone the next time, while their state is the same.
        """
        known = {name: (state, check) for name, (state, check) in checks.items() if state is not None and check.sha256}
        if known == self._checks:
            return
        self._checks = known
        try:
            write_atomically(self._path, sealed(_ADAPTER.dump_json(known)))
        except OSError as error:
            _LOG.warning("the scan cannot be cached in %s: %s", self._path.parent, error)

    def _read(self) -> dict[str, tuple[State, SoundCheck]]:
        try:
            return _ADAPTER.validate_json(unsealed(read_regular(self._path, _MAX_BYTES)))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            _LOG.warning("the cached scan in %s cannot be used, and its sounds are inspected again", self._path)
            _LOG.debug("%s", error)
            return {}
