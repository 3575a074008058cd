"""The user's cache folder, for files that can be recreated and may be deleted at any time."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """The folder `modstudy` in XDG_CACHE_HOME, by default in `~/.cache`; it may not exist yet."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "modstudy"
