"""Where things lie that can be made again: the user's cache folder. Whatever is in it may be deleted at any time."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """`modstudy` below XDG_CACHE_HOME, else below `~/.cache`; it need not exist."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "modstudy"
